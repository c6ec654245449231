"""What recorded requests did not need is taken out of a policy file, and nothing else changes."""

import pytest
from fuzz.engine import find
from hypothesis import assume, given
from hypothesis import strategies as st
from observe.records import NOON, record_of
from workbench.requests import ANY, NOTHING, Answer, Asked, grants, load, record, send, take_for_name, write

from dockerproxy.config.policy_file import read_policy
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.phases import Verdict
from dockerproxy.workbench.edits import read_lines
from dockerproxy.workbench.narrowing import is_narrower, narrow_file
from dockerproxy.workbench.usage import Usage

FILE = "policy.yaml"
OTHERS = (
    *("containers:read", "containers:write", "images:read", "images:write", "networks:write", "own", "preset:ping"),
    *("ContainerList", "ContainerCreate: unrestricted", "volumes:write", "VolumeCreate: {names: [ci_*]}", "exec:write"),
    *("ImageList: {images: [nginx]}", "ImageTag: {images: [app], tags: [ci/*]}", "NetworkConnect: {own: true}"),
    *('containers:read: {containers: ["w*", db]}', "containers:write: {own: true}", "ContainerExec: unrestricted"),
)


@st.composite
def policies(draw: st.DrawFn, asked: list[Asked]) -> list[str]:
    """Generate grants of what is asked for, and others."""
    lines = draw(st.lists(st.sampled_from(OTHERS), max_size=3, unique=True))
    for each in asked:
        judged = send(NOTHING, each)
        if isinstance(judged, Verdict):
            lines.append(draw(grants(record(judged), told=False)))
    return draw(st.permutations(list(dict.fromkeys(lines))))


def passes(policy: CompiledPolicy, asked: Asked, answer: Answer) -> Verdict | None:
    judged = send(policy, asked, answer)
    return judged if isinstance(judged, Verdict) and judged.decision.allowed else None


def recorded(passed: Verdict, asked: Asked, answer: Answer, *, told: bool) -> Record:
    """Return the record of an allowed request; a socket that learns tells more."""
    seen = record(passed)
    learned = send(NOTHING, asked, answer)
    assert isinstance(learned, Verdict)
    return record(learned)._replace(decision=Outcome.ALLOWED) if told else seen._replace(body=None)


@st.composite
def narrowed(draw: st.DrawFn) -> tuple[str, str, list[Asked], Answer]:
    """Generate a policy file, the narrower one, the requests that were allowed and recorded, and the engine."""
    asked = draw(st.lists(ANY, min_size=1, max_size=4))
    lines = draw(policies(asked))
    policy = load(*lines)
    assume(policy is not None)
    assert policy is not None
    answer = draw(st.sampled_from((find, take_for_name)))
    allowed = [(each, passed) for each in asked if (passed := passes(policy, each, answer)) is not None]
    assume(allowed)
    text = write(*lines)
    (socket,) = read_policy(text, FILE).sockets
    usage = Usage(socket, read_lines(text, FILE)[socket.name])
    for second, (each, passed) in enumerate(allowed):
        usage.note(recorded(passed, each, answer, told=draw(st.booleans())), NOON + second)
    return text, narrow_file(text, FILE, [usage]).text, [each for each, _ in allowed], answer


def policy_in(text: str) -> CompiledPolicy:
    return read_policy(text, FILE).sockets[0].policy


@given(narrowed())
def test_what_was_allowed_is_allowed_by_the_narrower_policy(made: tuple[str, str, list[Asked], Answer]) -> None:
    before, after, allowed, answer = made
    for each in allowed:
        again = send(policy_in(after), each, answer)
        assert not isinstance(again, Refusal)
        assert again.decision.allowed or again.decision.status == 404, (before, after, again)


@given(narrowed(), st.lists(ANY, min_size=1, max_size=3))
def test_nothing_is_allowed_that_was_not(made: tuple[str, str, list[Asked], Answer], others: list[Asked]) -> None:
    before, after, _, answer = made
    for each in others:
        if passes(policy_in(after), each, answer) is not None:
            assert passes(policy_in(before), each, answer) is not None, (before, after)


def usage_in(text: str, *records: Record) -> Usage:
    (socket,) = read_policy(text, FILE).sockets
    usage = Usage(socket, read_lines(text, FILE)[socket.name])
    for record_ in records:
        usage.note(record_, NOON)
    return usage


STOP = record_of("POST /containers/x/stop", "x", decision=Outcome.ALLOWED)


def test_a_change_that_does_not_stand_is_left_and_the_others_are_made() -> None:
    text = write("own", "ContainerStart", "ContainerStop").replace("    allow:", "    sweep: at-exit\n    allow:")
    found = narrow_file(text, FILE, [usage_in(text, STOP)])
    assert [change.line.word for change in found.made] == ["ContainerStart", "ContainerStop"]
    assert [(change.line.word, why[:14]) for change, why in found.left] == [("own", "nothing is own")]
    assert "sweep" in found.text


def test_the_narrower_policy_is_narrower_and_the_other_way_round_it_is_not() -> None:
    both, some = write("ContainerStop", "ContainerStart"), write("ContainerStop: {containers: [x]}")
    wide, narrow = (read_policy(text, FILE).sockets[0] for text in (both, some))
    assert is_narrower(narrow, wide)
    assert not is_narrower(wide, narrow)


def test_what_hides_counts_stays() -> None:
    text = write("ContainerInspect: {own: true}", "ContainerList: {own: true}", "SystemInfo")
    asked = (("GET", "/containers/x/json", "x"), ("GET", "/info", ""))
    records = [record_of(f"{method} {target}", name, decision=Outcome.ALLOWED) for method, target, name in asked]
    found = narrow_file(text, FILE, [usage_in(text, *records)])
    assert (found.text, found.made) == (text, ())
    assert [change.line.word for change, _ in found.left] == ["ContainerList"]


def test_what_lists_images_for_others_stays_where_something_is_own() -> None:
    """An image that was pulled before the log begins is nobody's, and seen since a grant lists it."""
    text = write("ImageInspect: {own: true}", "ImageCreate: {from: [docker.io/library/nginx]}", "ContainerStop")
    seen = record_of("GET /images/nginx/json", "docker.io/library/nginx:latest", decision=Outcome.ALLOWED)
    found = narrow_file(text, FILE, [usage_in(text, seen)])
    assert [change.line.word for change in found.made] == ["ContainerStop"]
    assert "ImageCreate" in found.text


def test_a_list_by_which_names_of_nobody_s_are_taken_is_not_narrower() -> None:
    text = write("ImageTag: {own: true, tags: ['**']}")
    seen = record_of("POST /images/nginx/tag?repo=ci/x&tag=1", "docker.io/library/nginx:latest")
    found = narrow_file(text, FILE, [usage_in(text, seen._replace(decision=Outcome.ALLOWED))])
    assert (found.text, [change.line.word for change, _ in found.left]) == (text, ["ImageTag"])


@pytest.mark.parametrize(
    "lists", ["ImageList: {images: [nginx, redis]}", "ImageTag: {images: [nginx]}", "ImageHistoryLibpod"]
)
def test_what_lists_the_image_that_was_seen_stays(lists: str) -> None:
    text = write("own", lists)
    seen = record_of("GET /images/nginx/json", "docker.io/library/nginx:latest", decision=Outcome.ALLOWED)
    assert narrow_file(text, FILE, [usage_in(text, seen)]).text == text
