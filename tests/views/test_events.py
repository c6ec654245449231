"""Which object an event is about."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.policy.objects import LABELLED, OWN, Kind, ResolvedObject
from dockerproxy.policy.stamps import NEW, NONCE, OWNER, find_owner
from dockerproxy.policy.values import Pairs
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.own import own_by
from dockerproxy.views.events import Event, read_event, rules_out
from dockerproxy.views.lists import admits


def event(
    kind: object = "container", identity: object = "1f", action: object = "start", attributes: object = None
) -> bytes:
    return json.dumps({"Type": kind, "Action": action, "Actor": {"ID": identity, "Attributes": attributes}}).encode()


@pytest.mark.parametrize(
    ("kind", "found"), [("container", Kind.CONTAINER), ("network", Kind.NETWORK), ("volume", Kind.VOLUME)]
)
def test_it_is_about_its_actor(kind: str, found: Kind) -> None:
    assert read_event(event(kind)) == Event(found, "1f", is_last=False)


@pytest.mark.parametrize(("kind", "found"), [("volume", Event(Kind.VOLUME, "data", is_last=False)), ("network", None)])
def test_of_a_volume_podman_says_the_name_alone(kind: str, found: Event | None) -> None:
    assert read_event(event(kind, "", attributes={"image": "", "name": "data", "podId": ""})) == found
    assert read_event(event(kind, "", attributes={"name": ""})) is None


@pytest.mark.parametrize("action", ["destroy", "remove"])
def test_the_end_of_an_object_is_known(action: str) -> None:
    assert read_event(event(action=action)) == Event(Kind.CONTAINER, "1f", is_last=True)


LABELS = {"com.example.team": "blue"}


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        (event(attributes=LABELS), LABELS),
        (event(attributes={}), {}),
        (event(attributes=[]), None),
        (event(action=["start"], attributes=LABELS), LABELS),
        (event("network", attributes=LABELS), None),
        *((event(action=action, attributes=LABELS), None) for action in ("die", "died", "exec_die", "exec_died")),
    ],
)
def test_only_an_event_of_a_container_has_labels_and_not_every_one(line: bytes, labels: object) -> None:
    found = read_event(line)
    assert isinstance(found, Event)
    assert found.labels == labels


def own() -> Condition:
    return Condition(own_by("me"), value=True)


def labelled(*items: tuple[str, str | tuple[str, ...]]) -> Condition:
    return Condition(CONSTRAINTS[LABELLED], Pairs(items))


NAMES = "image", "name", "podId", "team", "com.example.team", OWNER, NONCE
TEXTS = "", "me", "you", NEW, "n1", "blue"
SOME_LABELS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS))
GRANTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            OWN: st.builds(own),
            LABELLED: st.builds(
                labelled,
                st.tuples(st.sampled_from(NAMES), st.sampled_from(TEXTS)),
                st.tuples(st.sampled_from(NAMES), st.tuples(st.sampled_from(TEXTS), st.sampled_from(TEXTS))),
            ),
        },
    )
)
BESIDE = st.dictionaries(st.sampled_from(("exitCode", "signal", "execID", "image")), st.sampled_from(TEXTS))
OVER = st.dictionaries(st.sampled_from(("image", "name", "podId", "network", "error")), st.sampled_from(TEXTS))
ACTIONS = st.sampled_from(("create", "start", "die", "exec_died"))


@given(SOME_LABELS, SOME_LABELS, GRANTS, st.tuples(BESIDE, OVER), ACTIONS)
def test_labels_rule_out_nothing_that_a_lookup_would_admit(
    labels: dict[str, str],
    inherited: dict[str, str],
    shows: list[dict[str, Condition]],
    attributes: tuple[dict[str, str], dict[str, str]],
    action: str,
) -> None:
    beside, over = attributes
    told = {**beside, **labels, **over} if "die" not in action else {**beside, **over}
    found = read_event(event(action=action, attributes=told))
    assert isinstance(found, Event)
    resolved = ResolvedObject("1f", ("web",), belongs_to=find_owner(labels, inherited), labels=labels)
    is_shown = any(admits(conditions, resolved) for conditions in shows)
    assert is_shown is (not rules_out(shows, found) and is_shown)


MINE = {OWNER: "me", NONCE: "n1"}
BLUE, RED = labelled(("com.example.team", "blue")), labelled(("com.example.team", ("red", "green")))


@pytest.mark.parametrize(
    ("labels", "conditions", "is_out"),
    [
        ({}, {OWN: own()}, True),
        ({OWNER: "you", NONCE: "n1"}, {OWN: own()}, True),
        ({OWNER: "me"}, {OWN: own()}, True),
        ({OWNER: NEW, NONCE: "n1"}, {OWN: own()}, True),
        (MINE, {OWN: own()}, False),
        (LABELS, {LABELLED: BLUE}, False),
        (LABELS, {LABELLED: RED}, True),
        (MINE | LABELS, {OWN: own(), LABELLED: RED}, True),
        ({}, {LABELLED: labelled(("team", "blue"))}, False),
    ],
)
def test_what_labels_rule_out_need_not_be_asked(
    labels: dict[str, str], conditions: dict[str, Condition], *, is_out: bool
) -> None:
    found = Event(Kind.CONTAINER, "1f", is_last=False, labels=labels)
    assert rules_out([conditions], found) is rules_out([conditions] * 2, found) is is_out


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, b"{}", b'{"Type":"container"}', b'{"Actor":[]}'),
        *(
            event("image", None),
            event("image", ""),
            event("daemon"),
            event(None),
            event(["container"]),
            event(identity=""),
            event(identity=3),
        ),
    ],
)
def test_what_is_about_nothing_that_can_be_judged_is_hidden(line: bytes) -> None:
    assert read_event(line) is None


@given(st.binary(max_size=30))
def test_nothing_that_comes_breaks_it(line: bytes) -> None:
    assert read_event(line) is None or isinstance(read_event(line), Event)
