"""What of a list is shown is what may be inspected, byte for byte, and of nothing else a trace is left."""

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import PLAIN, allowing
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.errors import Refusal
from dockerproxy.owner_labels import NONCE, OWNER
from dockerproxy.policy.claim import Known
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.decide import decide, is_allowed
from dockerproxy.policy.descriptions import prove_owner
from dockerproxy.policy.judge import judge
from dockerproxy.policy.list_filters import LISTED
from dockerproxy.policy.lists import Element, ImageLabels, Selection, Shows, has_joined, read_list
from dockerproxy.policy.objects import Lookup, ResolvedObject, get_object
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.steps import PlanKind
from dockerproxy.response_filters.json_filter import Cutter
from dockerproxy.wire.document import Json

INSPECTS = {"ContainerList": "ContainerInspect", "NetworkList": "NetworkInspect", "VolumeList": "VolumeInspect"}

TEXTS = st.sampled_from(["", "a", "web", "ci", "other", "x,]}", '"[{', "é", "\U0001f433"])
LABELS = st.dictionaries(st.sampled_from([OWNER, NONCE, "a", "project"]), TEXTS, max_size=4)
IDS = st.sampled_from(["1f" * 32, "2e" * 32])
ELEMENTS = st.fixed_dictionaries(
    {"Id": IDS, "Name": st.sampled_from(["web", "db", "a_b"]), "Labels": st.none() | LABELS},
    optional={
        "Names": st.lists(st.sampled_from(["/web", "/web/db", "/a_b"]), max_size=2),
        "ImageID": IDS.map("sha256:{}".format),
        "Size": st.sampled_from([9007199254740993, 1.50, 1e22]),
        "Other": st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner)),
    },
)
CONDITIONS = st.sampled_from(
    [
        "own: true",
        "labelled: {project: [web, ci]}",
        "labelled: {project: a}, own: true",
        "{word}: [web, 'a*']",
        "{word}: [db], own: true",
    ]
)


SERVICES = {
    "1": ResolvedObject("1", ("web",), subject="1", belongs_to="ci"),
    "2": ResolvedObject("2", ("db",), subject="2", belongs_to="other"),
}


def read(name: str, text: str) -> Cutter[Element]:
    answer = read_list(OPERATIONS[name], text.encode(), "v1.41", {})
    assert answer is not None
    return answer


def show(name: str, text: str, shows: Shows, labels: ImageLabels = MappingProxyType({}), count: int = 0) -> bytes:
    """Return what a client sees of a list."""
    selection = Selection(OPERATIONS[name], "v1.41", shows, {})
    listing = Cutter(name, selection.read).finish(text.encode())
    assert listing is not None
    return selection.show(listing, labels, count, SERVICES)


def shows_of(policy: CompiledPolicy, name: str) -> Any:
    found = decide(policy, PLAIN[name])
    assert is_allowed(found)
    return found.shows  # type: ignore[union-attr] # it is a decision


@given(
    st.sampled_from(sorted(INSPECTS)),
    st.lists(ELEMENTS, max_size=4),
    st.lists(CONDITIONS, min_size=1, max_size=2),
    st.none() | LABELS,
    st.sampled_from([None, 1]),
)
def test_a_list_shows_what_may_be_inspected(
    name: str,
    elements: list[dict[str, Json]],
    conditions: list[str],
    labels: dict[str, Json] | None,
    indent: int | None,
) -> None:
    word = LISTED[name][0]
    lines = [each.replace("{word}", word) for each in conditions]
    policy = allowing(*(f"{each}: {{{line}}}" for each in (name, INSPECTS[name]) for line in lines))
    whole = {"Volumes": elements, "Warnings": None} if name == "VolumeList" else elements
    text = json.dumps(whole, indent=indent)
    answer = read(name, text)
    images = {each.found.target: labels for each in answer.elements if isinstance(each.found, Lookup)}
    shown = json.loads(show(name, text, shows_of(policy, name), images))
    expected = []
    for element, each in zip(elements, answer.elements, strict=True):
        found = each.found if isinstance(each.found, ResolvedObject) else prove_owner(each.found, labels)
        if is_allowed(decide(policy, PLAIN[INSPECTS[name]], Known(found=found))):
            expected.append(element)
    assert (shown["Volumes"] if name == "VolumeList" else shown) == expected


def test_what_is_shown_is_left_as_it_came() -> None:
    first, last = (
        '{"Id":"1f","Name":"web","Big":9007199254740993,"F":1.50}',
        '{"Id":"3d","Name":"web"}',
    )
    text = f'[ {first}\n, {{"Id":"2e"}} , {last}]\n'
    shows = shows_of(allowing("NetworkList: {networks: [web]}"), "NetworkList")
    assert show("NetworkList", text, shows) == f"[{first},{last}]\n".encode()
    assert show("NetworkList", text, shows, count=1) == f"[{first}]\n".encode()


@pytest.mark.parametrize("text", ["null", " null\n", "[]", '{"Volumes":null,"Warnings":null}', '{"Volumes":[ ]}'])
def test_a_list_of_nothing_stays_one(text: str) -> None:
    name = "VolumeList" if "Volumes" in text else "NetworkList"
    shown = show(name, text, shows_of(allowing(f"{name}: {{own: true}}"), name))
    assert json.loads(shown) == json.loads(text)


@for_each(
    "text",
    [
        *("", "{}", "[", "[1]", '[{"Id":"1f"}', '[{"Id":"1f"} {"Id":"2e"}]', '[{"Name":"web"}]', '[{"Id":"a/b"}]'),
        *('"text"', '{"Id":"1f"}', "nul", "[" * 100_000),
    ],
)
def test_an_answer_that_is_no_list_is_none(text: str) -> None:
    assert read_list(OPERATIONS["NetworkList"], text.encode(), "", {}) is None
    assert read_list(OPERATIONS["VolumeList"], text.encode(), "", {}) is None


def test_several_grants_show_what_any_of_them_admits_and_one_without_conditions_all() -> None:
    lines = ["NetworkList: {networks: [web]}", "NetworkList: {labelled: {a: b}}"]
    assert len(shows_of(allowing(*lines), "NetworkList")) == 2
    elements = [{"Id": "1", "Name": "web"}, {"Id": "2", "Name": "x", "Labels": {"a": "b"}}, {"Id": "3", "Name": "y"}]
    shown = json.loads(show("NetworkList", json.dumps(elements), shows_of(allowing(*lines), "NetworkList")))
    assert [each["Id"] for each in shown] == ["1", "2"]
    assert shows_of(allowing(*lines, "preset:ping"), "NetworkList")
    assert not shows_of(allowing("NetworkList"), "NetworkList")


def test_a_list_is_cut_by_us_where_some_are_hidden() -> None:
    def judged(policy: CompiledPolicy, query: str) -> Verdict:
        found = judge(policy, f"GET /containers/json?{query} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert isinstance(found, Verdict), isinstance(found, Refusal)
        return found

    hiding, open_to_all = allowing("ContainerList: {own: true}"), allowing("ContainerList")
    assert b"/containers/json?limit=1000000000&size=1&filters=" in judged(hiding, "limit=2&size=1").to_engine
    assert b"?Limit=1000000000&limit=1000000000&filters=" in judged(hiding, "Limit=3&limit=2").to_engine
    for query in ("limit=0", "limit=-1", "limit=x", "all=1"):
        assert f"?{query}&filters=".encode() in judged(hiding, query).to_engine
    assert b"?limit=2 " in judged(open_to_all, "limit=2").to_engine
    assert (judged(hiding, "all=1").plan, judged(open_to_all, "all=1").plan) == (PlanKind.SHOW_LIST, None)


@pytest.mark.parametrize("mode", ["report", "learn"])
def test_where_nothing_is_refused_a_list_is_asked_for_as_it_comes(mode: str) -> None:
    text = f"sockets: {{ci: {{path: /ci.sock, mode: {mode}, allow: [ContainerList: {{own: true}}]}}}}"
    policy = read_policy(text, "policy.yaml").sockets[0].policy
    found = judge(policy, b"GET /containers/json?limit=2 HTTP/1.1\r\nhost: x\r\n\r\n")
    assert isinstance(found, Verdict)
    assert found.to_engine.startswith(b"GET /containers/json?limit=2 ")
    assert found.plan is None


def describe(element: Element) -> object:
    """Return all that is known of an element, also what does not tell it from others."""
    found = get_object(element.found)
    return found.id, found.names, found.labels, found.document, found.belongs_to


@given(st.lists(ELEMENTS, max_size=6), st.lists(ELEMENTS, max_size=3), st.data())
def test_a_list_is_read_the_same_whatever_was_read_before(
    old: list[dict[str, Json]], more: list[dict[str, Json]], data: st.DataObject
) -> None:
    new = data.draw(st.permutations([*old, *more]).map(lambda each: each[: len(old) + 1]) | st.just([*more, *old]))
    cut = data.draw(st.sampled_from(["", "]", "}]", " ]"]))
    operation, known = OPERATIONS["ContainerList"], dict[tuple[str, str], list[Element]]()
    for text in (json.dumps(new), json.dumps(new, indent=1), json.dumps(old).removesuffix("]") + cut):
        assert read_list(operation, json.dumps(old).encode(), "", known)
        again, anew = (read_list(operation, text.encode(), "", each) for each in (known, {}))
        assert (again is None) is (anew is None)
        if again is not None and anew is not None:
            assert again.elements == anew.elements
            assert list(map(describe, again.elements)) == list(map(describe, anew.elements))


TASKS = [{"ID": "a", "ServiceID": "1"}, {"ID": "b", "ServiceID": "2"}, {"ID": "c", "ServiceID": "3"}, {"ID": "d"}]


@pytest.mark.parametrize(("line", "shown"), [("own: true", "a"), ("services: [db]", "b"), ("services: ['**']", "ab")])
def test_a_task_is_shown_if_its_service_is(line: str, shown: str) -> None:
    """Of one that is gone, and of a container that joined a network by itself, nobody knows whose it is."""
    shows = shows_of(allowing(f"TaskList: {{{line}}}"), "TaskList")
    answer = show("TaskList", json.dumps(TASKS), shows)
    assert "".join(each["ID"] for each in json.loads(answer)) == shown


@for_each(
    ("settings", "mode", "joins"),
    [
        ({"Networks": {"net": {}}}, "bridge", True),
        ({"Networks": {"bridge": {}, "net": None}}, "bridge", True),
        ({"Networks": {"1f": {}}}, "1f", True),
        ({"Networks": {"bridge": {}}}, "net", False),
        ({"Networks": {}}, "net", True),
        ({"Networks": None}, "1f", True),
        (None, "net", True),
        (None, None, False),
        ({"Networks": {"net2": {}}}, "net2", False),
    ],
)
def test_a_container_joins_the_networks_that_it_is_on_or_else_its_mode(
    settings: object,
    mode: object,
    joins: bool,  # noqa: FBT001 (pytest passes it)
) -> None:
    found = ResolvedObject("c", (), document={"networksettings": settings, "hostconfig": {"NetworkMode": mode}})
    assert has_joined(found, ResolvedObject("1f", ("net",))) is joins


def test_a_list_that_is_polled_again_has_no_other_one_forgotten() -> None:
    known: dict[tuple[str, str], list[Element]] = {}
    versions = ["v1.41", "v1.42", "v1.43", "v1.44"]
    for version in (*versions, versions[0]):
        Selection(OPERATIONS["ContainerList"], version, (), known)
    assert sorted(known) == [("ContainerList", version) for version in versions]
