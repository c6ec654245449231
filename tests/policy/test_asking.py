"""What a person is asked is enough for the request, no wider than it, and none of it was decided already."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from policy.judging import finish
from proxy.harness import get, request
from proxy.operators import asking
from rows import for_each

from dockerproxy.advice.questions import MOST_FAULTS, propose
from dockerproxy.observe.record import plain_body
from dockerproxy.policy.asking import (
    MOST_READ,
    Question,
    explain,
    find_question,
    find_stream,
    forget,
    may_ask,
    read_whole,
)
from dockerproxy.policy.claim import Known, find_fault
from dockerproxy.policy.compile import CompiledPolicy, extend
from dockerproxy.policy.judge import attach_body, judge, judge_again
from dockerproxy.policy.model import Source
from dockerproxy.policy.objects import KINDS, Kind, ResolvedObject, missing
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.wire.document import Json

NO_JSON = "its body is not JSON, or not declared as JSON"
CREATE = "/v1.45/containers/create"


TYPED = "Content-Type: application/json"


def deny(policy: CompiledPolicy, head: bytes, body: Json = None) -> Verdict:
    judged = judge(policy, head)
    assert isinstance(judged, Verdict)
    assert not judged.passes
    return judged if body is None else attach_body(judged, json.dumps(body).encode())


def create(body: Json) -> Verdict:
    length = f"Content-Length: {len(json.dumps(body))}"
    return deny(asking(), request("POST", CREATE, "Content-Type: application/json", length), body)


def find(verdict: Verdict) -> Question | NeedsLookup | str:
    assert may_ask(verdict)
    whole = read_whole(verdict)
    return whole if isinstance(whole, str) else find_question(whole, propose)


@pytest.mark.parametrize(
    ("policy", "head"),
    [
        (asking(deny=["ContainerList"]), get("/containers/json")),
        (asking(hide=["environment"]), get("/containers/w/top")),
        (asking(), get("/nonsense")),
        (asking("own", quota={"containers": 3}, deny=["ContainerUpdate"]), request("POST", "/pods/create")),
        (asking("own", quota={"containers": 3}, deny=["ContainerUpdate"]), request("POST", "/services/create")),
        (asking(mode="enforce"), get("/containers/json")),
    ],
)
def test_what_is_decided_is_not_asked(policy: CompiledPolicy, head: bytes) -> None:
    assert not may_ask(deny(policy, head))
    assert may_ask(deny(asking(), get("/containers/json")))


@pytest.mark.parametrize("change", [{"allowed": True}, {"is_final": True}, {"status": 404}])
def test_what_passes_or_is_not_for_want_of_a_grant_is_not_asked(change: Mapping[str, Any]) -> None:
    """It exceeds a quota, or there is no such object."""
    denied = deny(asking(), get("/containers/json"))
    assert not may_ask(replace(denied, decision=denied.decision._replace(**change)))


@pytest.mark.parametrize(
    ("more", "conditions"),
    [
        ({}, {}),
        ({"Binds": ["/srv:/srv:ro"]}, {"binds": ("/srv:ro",)}),
        ({"Privileged": True}, {"unrestricted": True}),
        ({"PidMode": "host"}, {"unrestricted": True}),
        ({"Nonsense": 1}, {"unrestricted": True}),
    ],
)
def test_the_grant_is_as_narrow_as_the_request_and_enough_for_it(more: Json, conditions: dict[str, object]) -> None:
    question = find(create({"Image": "busybox", "HostConfig": more}))
    assert isinstance(question, Question)
    is_contained = "unrestricted" not in str(conditions)
    assert {word: question.conditions[word] for word in conditions} == conditions
    assert bool(question.faults) != is_contained
    allowing = extend(asking(), question.grant(Source("asked")))
    judged = judge_again(allowing, question.verdict, question.verdict.known, "0" * 32)
    assert isinstance(judged, Verdict)
    assert judged.passes
    assert judged.decision.source == "asked"
    other = create({"Image": "alpine", "HostConfig": more})
    if is_contained:
        whole = read_whole(other)
        assert isinstance(whole, Verdict)
        judged = judge_again(allowing, whole, whole.known, "0" * 32)
        assert not isinstance(judged, Verdict) or not judged.passes


@pytest.mark.parametrize("path", ["/srv/*", "/srv/?"])
def test_there_is_no_line_for_what_would_be_a_pattern(path: str) -> None:
    question = find(create({"Image": "busybox", "HostConfig": {"Binds": [f"{path}:/srv:ro"]}}))
    assert isinstance(question, Question)
    assert question.conditions == {"unrestricted": True}
    assert question.faults == ("binds would list a star or a question mark, which is a pattern there",)
    assert not question.is_bounded


@pytest.mark.parametrize(
    "body",
    [
        {"Image": "a", "hostconfig": {}, "HostConfig": {"Privileged": True}},
        {"Image": "a", "Labels": [{"K": 1, "\u212a": 2}]},
        {"Image": "x" * MOST_READ},
        {"Image": "a", **{f"Nonsense{number}": 1 for number in range(MOST_FAULTS)}, "HostConfig": {"Privileged": True}},
    ],
)
def test_what_a_person_cannot_judge_is_not_asked(body: Json) -> None:
    assert isinstance(find(create(body)), str)


@pytest.mark.parametrize(
    "denied",
    [deny(asking(), request("POST", "/containers/w/stop")), create({"HostConfig": {"PidMode": "container:w"}})],
)
def test_the_engine_is_asked_what_a_name_means(denied: Verdict) -> None:
    found = find(denied)
    assert isinstance(found, NeedsLookup)
    assert (found.lookup.kind, found.lookup.name) == (Kind.CONTAINER, "w")


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (b"{", ["Content-Type: application/json"]),
        (b"{}", []),
        (b"{}", ["Content-Type: application/json; charset=latin1"]),
        (b"{}", ["Content-Type: application/json", "Content-Encoding: gzip"]),
    ],
)
def test_a_body_that_is_no_json_or_does_not_say_so_is_not_asked(content: bytes, fields: list[str]) -> None:
    denied = deny(asking(), request("POST", CREATE, *fields, f"Content-Length: {len(content)}"))
    assert read_whole(attach_body(denied, content)) == NO_JSON


def test_what_is_not_asked_says_why() -> None:
    build = deny(asking(), request("POST", "/build", "Content-Length: 5"))
    assert find_stream(build) == "its body is a stream"
    assert not find_stream(create({}))
    assert read_whole(create({"Image": "x" * MOST_READ})) == "its body is longer than 16 KiB"
    assert read_whole(create({"Labels": [{"K": 1, "\u212a": 2}]})) == "its body has a key in two spellings"
    denied = build.decision.denied
    assert denied is not None
    explained = explain(build.decision._replace(told=replace(denied, says="less")), "x")
    assert explained.message == "ImageBuild denied: less; x"
    assert explained.reason == f"{build.decision.message}; x"


def test_a_long_target_is_not_asked() -> None:
    assert find(deny(asking(), get(f"/containers/json?a={'x' * 3000}"))) == "its target is longer than 2048 characters"


def test_long_header_fields_are_not_asked_but_passwords_do_not_count() -> None:
    long = find(deny(asking(), get("/containers/json", f"X-Meta-A: {'x' * 5000}")))
    assert long == "its header fields are longer than 4 KiB"
    token = urlsafe_b64encode(json.dumps({"identitytoken": "x" * 9000}).encode()).decode()
    question = find(deny(asking(), get("/containers/json", f"X-Registry-Auth: {token}")))
    assert isinstance(question, Question)
    assert dict(question.shown["headers"])["x-registry-auth"] == {"identitytoken": "... (9000 characters)"}  # type: ignore[call-overload] # they are pairs


@pytest.mark.parametrize("path", ["Env[0]", "HostConfig.Binds[0]"])
def test_a_fault_neither_hides_nor_cuts_a_value(path: str) -> None:
    fault = find_fault(path, "x" * 100, "too long")
    assert "..." in str(fault)
    assert fault.name_place() == f"{path}: too long"
    assert find_fault("Image", "x", "bad").name_place() == 'Image is "x", bad'


def know(verdict: Verdict, found: ResolvedObject) -> Verdict:
    whole = read_whole(verdict)
    assert isinstance(whole, Verdict)
    return replace(whole, known=whole.known._replace(found=found if whole.operation.name in KINDS else None))


def settle(verdict: Verdict, found: ResolvedObject) -> Question:
    question = find_question(know(verdict, found), propose)
    assert isinstance(question, Question)
    return question


WEB = ResolvedObject("9" * 64, ("web",))


@pytest.mark.parametrize(
    ("head", "conditions", "others"),
    [
        (
            request("POST", "/images/create?fromImage=alpine&tag=3"),
            {"images": ("docker.io/library/alpine:3",)},
            [request("POST", "/images/create?fromImage=alpine"), request("POST", "/images/create?fromImage=x/y&tag=3")],
        ),
        (
            get("/containers/w/archive?path=/srv"),
            {"path": ("/srv",), "containers": ("web",)},
            [get("/containers/w/archive?path=/etc"), get("/containers/w/archive?path=/srv&path=/etc")],
        ),
        (
            request("DELETE", "/containers/w"),
            {"force": False, "remove_volumes": False, "containers": ("web",)},
            [request("DELETE", "/containers/w?force=1"), request("DELETE", "/containers/w?v=1")],
        ),
        (
            request("POST", "/containers/w/kill?signal=HUP"),
            {"signal": ("HUP",), "containers": ("web",)},
            [request("POST", "/containers/w/kill"), request("POST", "/containers/w/kill?signal=9")],
        ),
        (
            request("POST", "/containers/w/attach?stdin=0&stdout=1"),
            {"stdin": False, "containers": ("web",)},
            [request("POST", "/containers/w/attach?stdin=1&stdout=1")],
        ),
        (get("/images/json"), {}, []),
    ],
)
def test_the_line_for_the_file_allows_only_what_was_asked(
    head: bytes, conditions: dict[str, object], others: list[bytes]
) -> None:
    question = settle(deny(asking(), head), WEB)
    assert (question.conditions, question.is_bounded) == (conditions, True)
    policy = asking({question.verdict.operation.name: plain_body(question.conditions)} if conditions else "ImageList")
    for each, is_allowed in ((head, True), *((other, False) for other in others)):
        denied = know(deny(asking(), each), WEB)
        judged = judge_again(policy, denied, denied.known, "0" * 32)
        assert isinstance(judged, Verdict)
        assert judged.passes is is_allowed


@for_each(
    "denied",
    [
        create({}),
        create({"Image": "busybox"}),
        deny(asking(), request("POST", "/v1.45/containers/w/update", TYPED, "Content-Length: 13"), {"Memory": 9}),
        deny(asking(), request("POST", "/v1.45/containers/w/exec", TYPED, "Content-Length: 15"), {"Cmd": ["id"]}),
        deny(asking(), get("/containers/w/archive?path=/srv/%2A")),
        deny(asking(), get("/containers/w/archive?path=/srv/%3F")),
        deny(asking(), request("POST", "/containers/w/attach?stdout=1")),
        deny(asking(), get("/images/get?names=a")),
    ],
)
def test_no_line_allows_more_than_the_request(denied: Verdict) -> None:
    question = settle(denied, WEB)
    assert "unrestricted" not in question.conditions
    assert not question.is_bounded


def test_there_is_no_line_for_what_only_unrestricted_allows() -> None:
    body: Json = {"DriverOpts": {"device": "/etc", "o": "bind", "type": "none"}}
    fields = ("Content-Type: application/json", f"Content-Length: {len(json.dumps(body))}")
    question = find(deny(asking(), request("POST", "/v1.45/volumes/create", *fields), body))
    assert isinstance(question, Question)
    assert (question.conditions, question.is_bounded) == ({"unrestricted": True}, False)


def test_an_image_is_listed_by_the_name_that_is_meant() -> None:
    found = ResolvedObject(f"sha256:{'9' * 64}", ("docker.io/library/a:1", "docker.io/library/b:1"))
    denied = replace(deny(asking(), get("/images/b:1/history")), object="docker.io/library/b:1")
    assert settle(denied, found).conditions == {"images": ("docker.io/library/b:1",)}
    assert settle(denied, replace(found, names=())).conditions == {"images": (found.id,)}


def test_what_another_client_owns_is_not_asked() -> None:
    for owner, is_asked in (("else", False), ("docker", True), ("", True)):
        policy = asking({"ContainerStop": {"own": True}})
        found = ResolvedObject("9" * 64, ("web",), belongs_to=owner)
        denied = deny(policy, request("POST", "/containers/w/pause"))
        whole = read_whole(denied)
        assert isinstance(whole, Verdict)
        question = find_question(replace(whole, known=whole.known._replace(found=found)), propose)
        assert (question != "") is is_asked


def test_what_does_not_exist_is_not_asked() -> None:
    denied = deny(asking(), request("POST", "/containers/w/stop"))
    waiting = find(denied)
    assert isinstance(waiting, NeedsLookup)
    assert find_question(know(denied, missing(waiting.lookup)), propose) == ""


def test_after_the_answer_the_engine_is_asked_anew() -> None:
    """What was found under the name may be something else by then."""
    question = settle(deny(asking(), request("POST", "/containers/w/stop")), WEB)
    allowing = extend(asking(), question.grant(Source("asked")))
    again = judge_again(allowing, question.verdict, forget(question.verdict), "0" * 32)
    assert isinstance(again, NeedsLookup)
    assert again.lookup.name == "w"


def test_what_was_shown_of_a_body_goes_on_after_the_answer() -> None:
    policy = asking(paths={"/workspace": "/srv/project"})
    body = json.dumps({"Image": "busybox", "HostConfig": {"Binds": ["/workspace:/w"]}}).encode()
    head = request("POST", CREATE, "Content-Type: application/json", f"Content-Length: {len(body)}")
    whole = read_whole(attach_body(deny(policy, head), body))
    assert isinstance(whole, Verdict)
    question = find_question(whole, propose)
    assert isinstance(question, Question)
    allowing = extend(policy, question.grant(Source("asked")))
    again = judge_again(allowing, question.verdict, forget(question.verdict), "0" * 32)
    assert isinstance(again, Verdict)
    assert b'"Binds":["/srv/project:/w"]' in again.to_engine


@pytest.mark.parametrize(("asked", "memory"), [({}, 2**31), ({"Memory": 2**29}, 2**29), ({"Memory": 2**40}, 2**40)])
def test_an_answer_leaves_the_limits_of_the_profile(asked: Mapping[str, Json], memory: int) -> None:
    """As the line that would allow the same always does: `binds` completes the create of the preset."""
    policy = asking("preset:ai-agent", {"ContainerCreate": {"labels": {"team": "x"}, "drop_capabilities": ["ALL"]}})
    body = {"Image": "busybox", "HostConfig": {"NetworkMode": "none", "Binds": ["/srv/x:/x"], **asked}}
    fields = ("Content-Type: application/json", f"Content-Length: {len(json.dumps(body))}")
    denied = finish(judge(policy, request("POST", CREATE, *fields)), json.dumps(body).encode(), missing)
    assert isinstance(denied, Verdict)
    assert may_ask(denied)
    whole = read_whole(denied)
    assert isinstance(whole, Verdict)
    question = find_question(whole, propose)
    assert isinstance(question, Question)
    assert question.conditions.keys() == {"images", "binds"}
    allowing = extend(policy, question.grant(Source("asked")))
    verdict = judge_again(allowing, question.verdict, forget(question.verdict), "0" * 32)
    assert isinstance(verdict, Verdict)
    sent = json.loads(verdict.to_engine.partition(b"\r\n\r\n")[2])
    assert sent["HostConfig"]["Memory"] == memory
    assert (sent["HostConfig"]["PidsLimit"], sent["HostConfig"]["NanoCpus"]) == (512, 2 * 10**9)
    assert sent["HostConfig"]["CapDrop"] == ["ALL"]
    assert sent["Labels"]["team"] == "x"


OF_BODIES = {
    Kind.CONTAINER: {"NetworkMode": "none", "PidMode": "container:web"},
    Kind.NETWORK: {"NetworkMode": "web"},
    Kind.VOLUME: {"NetworkMode": "none", "Binds": ["web:/x"]},
}


@for_each("kind", OF_BODIES)
@for_each(("owner", "is_asked"), [("other", False), ("*", False), ("", True)])
def test_nobody_is_asked_about_what_another_has_by_a_body(kind: Kind, owner: str, *, is_asked: bool) -> None:
    policy, body = asking("own"), {"Image": "busybox", "HostConfig": OF_BODIES[kind]}
    fields = ("Content-Type: application/json", f"Content-Length: {len(json.dumps(body))}")
    denied = finish(judge(policy, request("POST", CREATE, *fields)), json.dumps(body).encode(), missing)
    assert isinstance(denied, Verdict)
    whole = read_whole(attach_body(denied, json.dumps(body).encode()))
    assert isinstance(whole, Verdict)
    identity, document = "a1" * 32, {"driver": "local", "hostconfig": {"PidMode": ""}}
    found = ResolvedObject(identity, ("web",), subject=identity, belongs_to=owner, document=document)
    known = Known(body=whole.known.body, answers={(kind, "web"): found})
    question = find_question(replace(whole, known=known), propose)
    while isinstance(question, NeedsLookup):
        lookup = question.lookup
        known = known._replace(answers={**known.answers, (lookup.kind, lookup.name): missing(lookup)})
        question = find_question(replace(whole, known=known), propose)
    assert (question != "") == (is_asked or (kind is Kind.VOLUME and owner == "*"))
