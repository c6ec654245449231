"""Filters narrow only what a client may see or remove, and are read as engines read them."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import PLAIN, allowing, request_of
from rows import for_each

from dockerproxy.advice.denials import Adviser
from dockerproxy.owner_labels import OWNER
from dockerproxy.policy.compile import OWN_GRANT, compile_policy
from dockerproxy.policy.decide import decide, is_allowed
from dockerproxy.policy.judge import judge
from dockerproxy.policy.list_filters import (
    LISTED,
    PRUNED,
    UNCLEAR,
    Filters,
    is_relative,
    read_count,
    read_filters,
    refuse_filters,
    without_count,
)
from dockerproxy.policy.model import Policy
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.phases import Verdict
from dockerproxy.tenancy.own import Own

NOW = 1_700_000_000.0
ADVICE = Adviser(lambda *_: "")
POLICY = compile_policy(Policy(grants=(OWN_GRANT,), denials=(), advice=ADVICE, tenancy=Own("ci")))
REMOVING = sorted(name for name, (kind, _) in PRUNED.items() if kind is not None)

LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from(["", "1", "*"]))
TEXTS = st.lists(st.sampled_from(["a", "b", "a=", "a=1", "b=*", "*", "c"]), max_size=2).map(tuple)

PARTS = ("a", "0F", "%", "_" * 64, "%1", "f" * 63, "f" * 65)
WHOLE = ("0" * 64, "web", "my_pod", "a-1")

UNCLEAR_FILTERS: list[Any] = [
    *("{", "[]", '"text"', "null", '{"label":["a"],"label":["b"]}', '{"label":["\\ud800"]}'),
    *(
        {"label": each}
        for each in ("a", [], {}, None, [1], [""], [["a"]], {"a": False}, {"a": 1}, {"a": True, "b": False})
    ),
    *(
        {name: ["a"]}
        for name in ("Label", "labels", "label=", "name", "id", "status", "before", "all", "dangling", "label!", "")
    ),
    *({"until": [each]} for each in ("", " 1h", "1d", "1.5h", "-1h", "1h ", "h", "0x10", "1e9", "tomorrow", "\u0661h")),
    *({"until": [each]} for each in ("2023-11-14", "2023-11-14T22:13:20", "2023-13-14T22:13:20Z")),
    {"until": ["1h", "2h"]},
    {"label": [str(number) for number in range(101)]},
]


def filters_of(filters: object, target: str = "/containers/prune") -> Filters | None:
    text = filters if isinstance(filters, str) else json.dumps(filters)
    return read_filters(request_of("POST", f"{target}{'&' if '?' in target else '?'}filters={quote(text)}"), NOW)


@for_each(
    ("filters", "read"),
    [
        ("", Filters()),
        ({}, Filters()),
        ({"label": ["a", "b=c"]}, Filters(labels=("a", "b=c"))),
        ({"label": {"a": True}}, Filters(labels=("a",))),
        ({"label": {"a": True, "b=": True}}, Filters(labels=("a", "b="))),
        ({"until": ["24h"]}, Filters(latest=NOW - 86_400)),
        ({"until": {"1h2m3s": True}}, Filters(latest=NOW - 3723)),
        ({"until": ["1700000000"]}, Filters(latest=1_700_000_000)),
        ({"until": ["1700000000.5"]}, Filters(latest=1_700_000_000.5)),
        ({"until": ["2023-11-14T22:13:20Z"]}, Filters(latest=1_700_000_000)),
        ({"until": ["2023-11-14T23:13:20.123456789+01:00"]}, Filters(latest=1_700_000_000.123456)),
    ],
)
def test_a_filter_is_read_as_the_engine_reads_it(filters: object, read: Filters) -> None:
    assert filters_of(filters) == read


@for_each(
    ("target", "filters", "named"),
    [
        ("/volumes/prune", {}, False),
        ("/v1.41/volumes/prune", {}, True),
        ("/v1.42/volumes/prune", {}, False),
        *(("/v1.45/volumes/prune", {"all": [text]}, True) for text in ("1", "t", "T", "true", "True", "TRUE")),
        *(("/v1.45/volumes/prune", {"all": {text: True}}, False) for text in ("0", "f", "F", "false", "False")),
        ("/volumes/prune", {"all": ["true"]}, True),
    ],
)
def test_volumes_with_names_go_if_the_client_means_them(target: str, filters: object, named: bool) -> None:  # noqa: FBT001
    assert filters_of(filters, target) == Filters(named=named)


@for_each("filters", UNCLEAR_FILTERS)
def test_a_filter_that_cannot_be_honoured_is_denied(filters: object) -> None:
    for name in REMOVING:
        target = PLAIN[name].target
        text = filters if isinstance(filters, str) else json.dumps(filters)
        request = request_of("POST", f"{target}?filters={quote(text)}")
        assert refuse_filters(request) == UNCLEAR
        answer = decide(POLICY, request)
        assert not is_allowed(answer)
        assert answer.message == f"{name} denied: one of its filters {UNCLEAR}; leave that filter out"  # type: ignore[union-attr] # it is a decision


@pytest.mark.parametrize("query", ["filters={}&filters={}", "Filters={}", "filters={}&FILTERS={}"])
def test_filters_that_only_one_engine_reads_are_denied(query: str) -> None:
    assert not is_allowed(decide(POLICY, request_of("POST", f"/networks/prune?{query}")))


@pytest.mark.parametrize("all_", [["true", "false"], ["yes"], ["tRue"], [""]])
def test_whether_volumes_with_names_go_is_certain(all_: list[str]) -> None:
    assert filters_of({"all": all_}, "/v1.45/volumes/prune") is None


def test_before_1_42_the_filter_all_is_not_known() -> None:
    assert filters_of({"all": ["true"]}, "/v1.41/volumes/prune") is None


@given(LABELS, TEXTS)
def test_labels_are_compared_as_texts_and_all_of_them_count(labels: dict[str, str], wanted: tuple[str, ...]) -> None:
    has = {*labels, *(f"{name}={value}" for name, value in labels.items())}
    found = ResolvedObject("1f", (), labels=labels)
    assert Filters(wanted).admits(found) == has.issuperset(wanted)


def test_a_dry_run_removes_nothing() -> None:
    for query in ("dryrun=true", "dryrun=1", "dryrun=on", "DryRun=false", "dryrun=false", "dryrun="):
        request = request_of("POST", f"/v1.45/volumes/prune?{query}")
        assert not is_allowed(decide(POLICY, request)), query


@for_each("name", sorted(LISTED.keys() - PRUNED))
def test_where_some_are_hidden_a_list_is_not_narrowed_by_what_may_be_hidden(name: str) -> None:
    policy, path = allowing(f"{name}: {{labelled: {{a: b}}}}"), PLAIN[name].target
    for filters in (
        '{"network":["9"]}',
        '{"before":["x"]}',
        '{"since":{"x":true}}',
        '{"After":["x"]}',
        "{",
        "[]",
        '{"a":1,"a":2}',
    ):
        request = request_of("GET", f"{path}?filters={filters}")
        assert is_relative(request)
        answer = decide(policy, request)
        assert not is_allowed(answer)
        assert "before" in answer.message  # type: ignore[union-attr] # it is a decision
        assert is_allowed(decide(allowing(name), request))
    for filters in ("", "{}", '{"label":["since"]}', '{"network":["shop"]}'):
        assert is_allowed(decide(policy, request_of("GET", f"{path}?filters={filters}")))


@pytest.mark.parametrize("path", ["/images/json", "/v5.0.0/libpod/images/json"])
def test_what_is_listed_does_not_depend_on_what_is_hidden(path: str) -> None:
    """Podman reads `!` as a part of a filter's name."""
    for name in ("since!", "before!", "After!", "containers", "Containers!", "reference!"):
        for filters in ({name: ["app"]}, {name: {"true": True}}):
            assert is_relative(request_of("GET", f"{path}?filters={quote(json.dumps(filters))}"))
    for name in ("reference", "dangling", "label!", "until"):
        assert not is_relative(request_of("GET", f"{path}?filters={quote(json.dumps({name: ['app']}))}"))


@for_each("path", ["/containers/json", "/v5.0.0/libpod/containers/json"])
@for_each("value", PARTS + WHOLE)
def test_no_list_tells_whether_an_id_fits_a_part_of_one(path: str, value: str) -> None:
    for name, text in (("pod", value), ("network", f"container:{value}")):
        for filters in ({name: [text]}, {name.title(): {text: True}}):
            request = request_of("GET", f"{path}?filters={quote(json.dumps(filters))}")
            assert is_relative(request) is (value in PARTS)


@pytest.mark.parametrize("key", ["service", "node", "Service"])
def test_a_list_of_tasks_is_not_narrowed_by_part_of_an_id(key: str) -> None:
    whole = "abcdefghijklmnopqrstuvwxy"
    for text, relative in ((whole, False), ("web_db", False), ("Web", False), (whole[:24], True), ("web", True)):
        for value in ([text], {text: True}, [whole, text]):
            request = request_of("GET", f"/tasks?filters={json.dumps({key: value})}")
            assert is_relative(request) is relative
    assert is_relative(request_of("GET", '/tasks?filters={"service":[""]}'))
    assert not is_relative(request_of("GET", '/events?filters={"service":["web"]}'))


def test_how_many_are_wanted_is_the_least_that_is_said() -> None:
    counts = {"": 0, "?limit=0": 0, "?limit=3": 3, "?limit=5&last=2": 2, "?LIMIT=4": 4, "?limit=-1": 0, "?limit=x": 0}
    for query, count in counts.items():
        request = request_of("GET", f"/containers/json{query}")
        assert read_count(request) == count
        assert bool(without_count(request)) is bool(count)


@pytest.mark.parametrize("text", ["3", "+3", "003", "+0000000000000000000003"])
def test_a_number_in_any_spelling_of_go_does_not_count_what_is_hidden(text: str) -> None:
    request = request_of("GET", f"/containers/json?limit={text.replace('+', '%2B')}")
    assert read_count(request) == 3
    assert without_count(request) == {"limit": ("1000000000",)}


def test_the_engine_leaves_out_what_lacks_the_label_of_the_owner() -> None:
    def filters(allow: str, query: str = "", path: str = "/containers/json") -> str:
        found = judge(allowing(allow), f"GET {path}{query} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert isinstance(found, Verdict)
        request = request_of("GET", found.to_engine.split(b" ")[1].decode())
        return "".join(request.values("filters"))

    own, label = "ContainerList: {own: true}", f"{OWNER}=ci"
    assert json.loads(filters(own)) == {"label": [label]}
    assert json.loads(filters(own, '?filters={"name":["a"]}')) == {"name": ["a"], "label": [label]}
    assert json.loads(filters(own, '?filters={"name":{"a":true}}')) == {"name": {"a": True}, "label": {label: True}}
    assert json.loads(filters(own, '?filters={"label":["a"]}')) == {"label": ["a", label]}
    assert json.loads(filters(own, '?filters={"label":{"a":true}}')) == {"label": {"a": True, label: True}}
    for said in ('{"label":"a"}', '{"Label":["a"]}', '{"label":["a"],"name":{"b":true}}'):
        assert filters(own, f"?filters={said}") == said
    narrowed = filters("NetworkList: {own: true}", '?filters={"label":["a"]}', "/networks")
    assert json.loads(narrowed) == {"label": ["a", label]}
    assert filters("ContainerList: {containers: [web]}") == ""
