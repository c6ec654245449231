"""What a record says of its request's needs is enough, or it is said that it is not."""

import pytest
from hypothesis import given
from observe.records import ID, record_of, records, refused, request_in, settled
from rows import for_each

from dockerproxy.advice.needs import can_be_listed
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.observe.record import MAX_TARGET, Outcome, Record
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.list_filters import LISTED
from dockerproxy.policy.model import Grant, Policy, Source
from dockerproxy.policy.objects import LABELLED, OWN, RUNNING, ResolvedObject
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.vocabulary import UNRESTRICTED, find_words, is_of_body
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.workbench.needs import (
    REACHING,
    UNTOLD,
    Absent,
    Gap,
    Impossible,
    Need,
    find_named,
    find_need,
)

APP = "docker.io/library/app:1"
NO_MORE = Gap("named one that was not recorded")
ONLY_ID = Gap("named one only by its id")


def need_of(record: Record) -> Need:
    need = find_need(record)
    assert isinstance(need, Need)
    return need


@for_each(
    ("line", "named", "values"),
    [
        ("GET /containers/json", "", {}),
        ("GET /containers/web/logs?follow=1", "web", {"containers": ("web",), "follow": True}),
        ("GET /containers/3f9a/logs", "web", {"containers": ("web",), "follow": False}),
        ("GET /containers/web/json", "", {"containers": ("web",)}),
        ("GET /containers/web/logs?follow=x", "web", {"follow": Gap("had a value that engines read differently")}),
        ("POST /containers/web/kill?signal=15", "web", {"signal": ("TERM",)}),
        ("POST /containers/web/kill?signal=", "web", {"signal": ("KILL",)}),
        ("POST /containers/web/kill?signal=1&signal=2", "web", {"signal": Gap("did not name one signal")}),
        ("GET /containers/web/archive?path=/data/", "web", {"path": ("/data",)}),
        ("GET /containers/web/archive?path=../x", "web", {"path": Gap("did not name one clean path")}),
        ("GET /containers/web/archive", "web", {"path": Gap("did not name one clean path")}),
        ("POST /images/create?fromImage=app&tag=1", "", {"images": (APP,)}),
        ("POST /images/create?fromSrc=-", "", {"images": Gap("did not name images in a way that engines read alike")}),
        # What the object is called
        ("GET /images/app:1/json", APP, {"images": (APP,)}),
        ("GET /images/app:1/json", "", {"images": (APP,)}),
        ("GET /distribution/app:1/json", "", {"images": (APP,)}),
        ("POST /images/app/push?tag=1", "", {"images": (APP,)}),
        ("POST /images/app/push", "", {"images": Gap("named something unknown")}),
        ("GET /images/get?names=app:1&names=b", "", {"images": (APP, "docker.io/library/b:latest")}),
        ("GET /libpod/images/export?references=app:1", "", {"images": (APP,)}),
        ("GET /images/get", "", {"images": Gap("did not name images in a way that engines read alike")}),
        (
            "GET /images/get?names=app:1&NAMES=b",
            "",
            {"images": Gap("did not name images in a way that engines read alike")},
        ),
        (f"GET /images/get?names=app:1&names=sha256:{ID}", "", {"images": ONLY_ID}),
        ("POST /containers/web/rename?name=db", "web", {"containers": ("web", "db")}),
        ("POST /exec/3f9a/start", "web", {"containers": ("web",)}),
        # Of which a record says too little
        ("POST /exec/3f9a/start", "", {"containers": NO_MORE}),
        (f"GET /exec/{ID}/json", "", {"containers": NO_MORE}),
        (f"GET /containers/{ID}/json", "", {"containers": ONLY_ID}),
        ("GET /containers/3f9a2b77c01d/json", "", {"containers": ONLY_ID}),
        ("GET /containers/3f9a2b77c01d/json", "3f9a2b77c01d", {"containers": ("3f9a2b77c01d",)}),
        ("GET /images/3f9a2b77c01d/json", "docker.io/library/3f9a2b77c01d:latest", {"images": ONLY_ID}),
        (f"GET /images/sha256:{ID}/json", f"sha256:{ID}", {"images": ONLY_ID}),
        ("GET /images/app/json", f"sha256:{ID}", {"images": Gap("named an image that has no name")}),
        (
            f"DELETE /images/sha256:{ID}",
            APP,
            {"images": Gap("acted on all names of an image, of which the log has one"), "force": False},
        ),
        # What acts on more than the object
        ("DELETE /images/app:1?force=1", APP, {"images": (APP,), "force": True}),
        ("DELETE /networks/web?force=1", "web", {"networks": REACHING}),
        ("POST /images/app/push?tag=1&destination=x", "", {"images": REACHING}),
        # What no policy can list
        ("GET /containers/web/json", "é", {"containers": Gap("had one that no policy can list")}),
        ("GET /containers/~/json", "~", {"containers": Gap("had one that no policy can list")}),
    ],
)
def test_a_request_needs_these_values(line: str, named: str, values: dict[str, object]) -> None:
    found = need_of(record_of(line, named)).values
    assert {name: found[name] for name in values} == values


def test_only_a_parameter_of_which_the_grant_speaks_lets_it_reach_further() -> None:
    assert need_of(record_of("DELETE /images/app:1?force=1", APP)).reaches
    assert not need_of(record_of("DELETE /images/app:1", APP)).reaches
    assert {name for name, operation in OPERATIONS.items() if "force" in find_words(operation)} == {
        *("ImageDelete", "ImageDeleteLibpod", "VolumeDelete", "VolumeDeleteLibpod"),
        *("ContainerDelete", "ContainerDeleteLibpod"),
    }


GIVEN = "gave no name that a policy can list"


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (
            {"binds": ("/a",), "names": ()},
            {"binds": ("/a",), "names": Gap(GIVEN), "memory": ()},
        ),
        (
            {"names": ("web",), "images": ()},
            {"names": ("web",), "images": Gap("named no image that a policy can list")},
        ),
        ({"publish": Pairs((("ports", ("80",)), ("addresses", ())))}, {}),
    ],
)
def test_a_body_needs_what_its_record_says(body: dict[str, Value], values: dict[str, object]) -> None:
    need = need_of(record_of("POST /containers/create")._replace(body=body))
    assert (need.opening, need.is_untold) == ("", False)
    assert {name: need.values[name] for name in values} == values


@for_each(
    "body",
    [
        None,
        {"what": ("x",)},
        {"binds": ("not/clean",)},
        {"binds": ()},
        {"binds": "/a"},
        {"binds": (("/a",),)},
        {"publish": Pairs((("ports", ("x",)), ("addresses", ())))},
        {"publish": Pairs((("ports", ("80",)), ("addresses", ("x",))))},
        {"publish": Pairs((("ports", "80"),))},
        {"publish": Pairs((("port", ("80",)),))},
        {"unrestricted": True},
    ],
)
def test_what_a_record_cannot_have_said_of_a_body_is_not_known(body: dict[str, Value] | None) -> None:
    need = need_of(record_of("POST /containers/create")._replace(body=body))
    assert need.is_untold
    assert need.values["images"] == UNTOLD
    assert "binds" not in need.values


def test_some_requests_are_allowed_only_by_an_unrestricted_grant() -> None:
    record = record_of("POST /containers/create")._replace(body={"unrestricted": "why"})
    assert need_of(record).opening == "why"
    assert need_of(record_of("POST /swarm/init")).opening == "it can hand the host to another swarm"


def test_a_target_too_long_for_a_record_has_its_body() -> None:
    record = record_of("POST /volumes/create", body={"Name": "data"})
    assert need_of(record._replace(target="/" + "x" * 4096)).values["names"] == ("data",)


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize(
    ("line", "named", "why"),
    [
        (f"POST /containers/web/stop?{'x' * 5000}", "web", "a target too long for a record"),
        ("POST /containers/web/stop", "x" * 301, "one of more than 300 characters"),
        ("DELETE /networks/3f9a2b", "a\nb", "one with characters that no policy can have"),
    ],
)
def test_what_no_program_sends_opens_nothing(line: str, named: str, why: str, status: int) -> None:
    record = record_of(line, named, status=status)
    need = find_need(record._replace(target=record.target[:MAX_TARGET]))
    assert isinstance(need, Impossible)
    assert need.text.endswith(f"would be left out, since it had {why}")
    assert ": not learned from: " in need.text


def test_a_condition_on_the_object_may_be_what_the_body_needs() -> None:
    assert need_of(record_of("POST /networks/front/connect", "front", body={"Container": "web"})).demands == {
        "networks"
    }


def test_what_names_an_object_that_is_not_there_needs_nothing_of_a_body() -> None:
    need = need_of(record_of(f"POST /containers/{ID}/exec", ID, status=404)._replace(body=None))
    assert (need.is_untold, set(need.values)) == (False, {"containers"})


@pytest.mark.parametrize(
    "line", [f"GET /containers/{ID}/json", f"GET /exec/{ID}/json", f"GET /images/sha256:{ID}/json"]
)
def test_a_full_id_that_the_engine_did_not_know_needs_no_object(line: str) -> None:
    name = line.split("/")[2]
    named = "" if "exec" in line else name
    (value,) = need_of(record_of(line, named, status=404)).values.values()
    assert value == Absent(name)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (record_of("GET /debug/vars?x=1"), "GET /debug/vars: unknown operation"),
        (refused("GET /../x", "ambiguous path: a dot segment"), "GET /../x: ambiguous path: a dot segment"),
        (refused("", "no complete request head"), "no complete request head"),
        (refused("GET /a\n- b", "a reason"), r"GET /a\n- b: a reason"),
        (refused("GET /\udcff\u202e", "a reason"), r"GET /\udcff\u202e: a reason"),
        (refused("GET /" + "x" * 200, "a reason"), f"GET /{'x' * 99}...: a reason"),
        # A record of another version, or one that was edited.
        (record_of("GET /containers/json")._replace(target="//"), "GET //: ambiguous path: an empty segment"),
    ],
)
def test_what_no_policy_allows_is_said_on_one_line(record: Record, text: str) -> None:
    assert find_need(record) == Impossible(text)


@pytest.mark.parametrize(
    "record",
    [
        record_of("GET /_dockerproxy/health"),
        record_of("GET /containers/web/json", decision=Outcome.DENIED, status=503),
        record_of("GET /containers/web/json", decision=Outcome.DENIED, status=0),
    ],
)
def test_a_health_check_needs_nothing_nor_does_what_was_never_decided(record: Record) -> None:
    assert find_need(record) is None


def test_what_a_policy_denied_has_its_need_too() -> None:
    for status in (403, 404):
        assert need_of(record_of("GET /containers/web/json", decision=Outcome.DENIED, status=status))


@pytest.mark.parametrize(
    ("line", "named", "found"),
    [
        ("GET /containers/json", "", None),
        ("GET /containers/3f9a/json", "web", ResolvedObject("3f9a", ("web",), subject="web")),
        (f"GET /containers/{ID}/json", "web", ResolvedObject(ID, ("web",), subject=ID)),
        (f"POST /exec/{ID}/start", "web", ResolvedObject(ID, ("web",), subject="web")),
        (f"GET /images/sha256:{ID}/json", APP, ResolvedObject(f"sha256:{ID}", (APP,), subject=f"sha256:{ID}")),
        ("GET /containers/web/json", "", ResolvedObject("web", ("web",))),
        ("GET /distribution/app:1/json", "", ResolvedObject(APP, (APP,))),
    ],
)
def test_an_object_is_what_its_record_tells_of_it(line: str, named: str, found: ResolvedObject | None) -> None:
    record = record_of(line, named)
    assert find_named(request_in(record), record) == found


@given(records())
def test_the_values_that_a_request_needs_are_enough(record: Record) -> None:
    need = find_need(record)
    if not isinstance(need, Need):
        return
    words = find_words(need.operation)
    values = {word: value for word, value in need.values.items() if not isinstance(value, Gap | Absent)}
    of_body = {word for word in words if is_of_body(need.operation, word)}
    told = words.keys() - of_body - {OWN, LABELLED, RUNNING} if need.operation.name not in LISTED else set()
    assert need.values.keys() >= told
    assert all(can_be_listed(words[word], value) for word, value in values.items())
    if need.opening:
        values = {word: value for word, value in values.items() if word not in of_body} | {"unrestricted": True}
    made = tuple(Condition(words[word], value) if word in words else UNRESTRICTED for word, value in values.items())
    grant = Grant(frozenset({need.operation.name}), Source(""), made)
    policy = compile_policy(Policy(grants=(grant,), denials=()))
    assert need.demands <= values.keys() or settled(policy, record).allowed
