"""The policy that is learned allows exactly what was seen, and says where it allows more."""

import itertools
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from observe.records import (
    BEARING,
    ID,
    LISTS,
    NOON,
    SOCKET,
    allows,
    is_doubtful,
    learn,
    lines_of,
    load,
    record_of,
    refused,
    request_in,
    settled,
)
from rows import for_each

from dockerproxy.api.catalog import BUILD_TUNNELS, OPERATIONS
from dockerproxy.config.document import MOST_BYTES
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.policy.judge import judge, judge_object
from dockerproxy.policy.objects import KINDS, Lookup, ResolvedObject, find_object
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.policy.values import Takes
from dockerproxy.policy.vocabulary import find_words, is_about_object
from dockerproxy.workbench.learning import Learner
from dockerproxy.workbench.needs import Need, find_named, find_need
from dockerproxy.workbench.seen import Listed

PLAIN = ("web", "db", "cache")
UNIVERSE = tuple(
    (method, f"/containers/{name}{verb}{query}", name)
    for method, verb, queries in (
        ("GET", "/logs", ("", "?follow=1")),
        ("GET", "/json", ("",)),
        ("POST", "/kill", ("?signal=HUP", "?signal=9")),
        ("GET", "/archive", ("?path=/data", "?path=/etc/passwd")),
        ("DELETE", "", ("?force=1", "?v=1", "")),
    )
    for query in queries
    for name in PLAIN
)
"""Requests whose conditions are all certain, of names that nothing made up."""


# What was seen


@given(LISTS)
@example([record_of("POST /build?all=1"), record_of("POST /session")])
def test_whatever_was_seen_can_be_read_back_and_is_allowed(seen: list[Record]) -> None:
    policy = load(text := learn(*seen))
    for record in itertools.filterfalse(is_doubtful, seen):
        request = request_in(record)
        found = find_named(request, record)
        is_told = record.operation in BUILD_TUNNELS and "BuildKit's builds need" in text
        assert is_told or settled(policy, record).allowed, record
        if record.object and isinstance(find_object(request), Lookup) and found is not None and not found.every:
            assert settled(policy, record, ResolvedObject("x", (record.object,), subject="x")).allowed, record


@pytest.mark.parametrize(
    "others", [(), (record_of("GET /containers/web/json", "web"), record_of("GET /exec/1/json", "web"))]
)
@pytest.mark.parametrize("line", [f"GET /containers/{ID}/json", f"GET /exec/{ID}/json"])
def test_an_id_that_the_engine_did_not_know_gets_the_answer_it_got(line: str, others: tuple[Record, ...]) -> None:
    policy = load(learn(*others, record_of(line, "" if "exec" in line else ID, status=404)))
    judged = judge(policy, f"{line} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert isinstance(judged, NeedsLookup)
    absent = judge_object(judged, None)
    stranger = judge_object(judged, ResolvedObject(ID[:-1] + "0", ("stranger",), subject=ID[:-1] + "0"))
    other = judge_object(judged, ResolvedObject("1", ("other",), subject="1"))
    assert isinstance(absent, Verdict)
    assert isinstance(stranger, Verdict)
    assert isinstance(other, Verdict)
    assert absent.decision.status == 404
    assert stranger.decision == other.decision
    assert not stranger.decision.allowed


# What was not seen


@given(LISTS)
def test_an_operation_that_was_not_seen_is_refused(seen: list[Record]) -> None:
    """Where three such were seen that only what is own needs, all of them are granted in one line."""
    text = learn(*seen)
    learned = {need.operation.name for need in map(find_need, seen) if isinstance(need, Need)}
    of_own = list_allowed("sockets: {web: {path: /web.sock, allow: [own]}}") if "      - own " in text else frozenset()
    assert list_allowed(text) == learned | of_own


def list_allowed(text: str) -> frozenset[str]:
    policy = load(text)
    return frozenset(name for name in OPERATIONS if policy.allows(name))


@given(st.sets(st.sampled_from(UNIVERSE), max_size=12))
def test_what_differs_in_a_condition_from_all_that_was_seen_is_refused(seen: set[tuple[str, str, str]]) -> None:
    records = [record_of(f"{method} {target}", named) for method, target, named in sorted(seen)]
    policy = load(learn(*records))
    needs = [need for record in records if isinstance(need := find_need(record), Need)]
    for method, target, named in UNIVERSE:
        wanted = find_need(record_of(f"{method} {target}", named))
        assert isinstance(wanted, Need)
        alike = [need for need in needs if need.operation is wanted.operation]
        expected = bool(alike) and all(
            any(need.values[word] == value for need in alike) for word, value in wanted.values.items()
        )
        assert allows(policy, f"{method} {target}", named) is expected, target


@given(LISTS)
def test_an_object_that_was_not_seen_is_refused_wherever_objects_are_named(seen: list[Record]) -> None:
    policy = load(learn(*seen))
    for record in seen:
        conditions = [condition for case in policy.cases[record.operation] for condition in case.conditions]
        stranger = "reg.example/a/stranger:1" if "image" in KINDS.get(record.operation, "") else "stranger"
        if any(is_about_object(OPERATIONS[record.operation], condition.word) for condition in conditions):
            assert not settled(policy, record, ResolvedObject("x", (stranger,), subject="x")).allowed


@given(LISTS)
@example([record_of(f"GET /containers/{each}/json", each, status=404) for each in (ID, ID[::-1])])
def test_the_text_says_nothing_of_the_order(seen: list[Record]) -> None:
    forward, backward = Learner(SOCKET), Learner(SOCKET)
    for learner, order in ((forward, seen), (backward, seen[::-1])):
        for record in order:
            learner.note(record, NOON)
    assert forward.text() == backward.text()


# How it is written


@for_each(
    ("records", "expected"),
    [
        ([record_of("GET /_ping"), record_of("GET /_ping")], ["- SystemPing"]),
        (
            [record_of("POST /containers/web/start", "web"), record_of("GET /containers/json")],
            ["- ContainerList", "- ContainerStart: {containers: [web]}"],
        ),
        (
            [record_of("GET /containers/web/logs", "web"), record_of("GET /containers/db/logs?follow=1", "db")],
            ["- ContainerLogs: {containers: [db, web]}"],
        ),
        (
            [record_of(f"GET /containers/ci-{end}/json", f"ci-{end}") for end in ("3f9a2b", "77c01d", "00aa11")],
            [
                '# containers: "ci-*" stands for names like ci-00aa11 and ci-3f9a2b',
                '- ContainerInspect: {containers: ["ci-*"]}',
            ],
        ),
        (
            [record_of(f"DELETE /volumes/{ID}", ID), record_of("DELETE /volumes/data", "data")],
            [
                "# volumes: 64 question marks stand for names that look like ids, like",
                f"#   {ID}",
                "- VolumeDelete:",
                f'volumes: ["{"?" * 64}", data]',
                "force: false",
            ],
        ),
        (
            [record_of("GET /containers/3f9a2b77c01d/json"), record_of("GET /containers/web/json", "web")],
            [
                "# containers: left out, since 1 of 2 requests named one only by its id; seen were web",
                "- ContainerInspect",
            ],
        ),
        (
            [record_of("GET /containers/web/logs?follow=x", "web")],
            [
                "# follow: left out, since every request had a value that engines read differently",
                "- ContainerLogs: {containers: [web]}",
            ],
        ),
        (
            [record_of("GET /containers/a*b/json", "a*b"), record_of("GET /_ping")],
            [
                "- SystemPing",
                "# Requests that no policy allows, with their number:",
                "# 1  GET /containers/a*b/json: a * or ? in containers would be a pattern",
            ],
        ),
        (
            [record_of(f"GET /containers/{ID}/json", ID, status=404), record_of("GET /containers/web/json", "web")],
            [
                "# containers: 1 of 2 requests named an ID that the engine did not know, which always gets 404",
                "- ContainerInspect: {containers: [web]}",
            ],
        ),
        (
            [
                record_of("DELETE /images/app:1?force=1", "docker.io/library/app:1"),
                record_of("DELETE /images/app:1", "docker.io/library/app:1"),
            ],
            ["# images: left out, since 1 of 2 requests acted on more than it named", "- ImageDelete"],
        ),
        (
            [record_of("POST /build"), record_of("DELETE /images/app:1", "docker.io/library/app:1")],
            [
                "# tags: no name was seen; list the names that clients may give to images, or remove it",
                "- ImageBuild: {tags: [localhost/unnamed]}",
                "- ImageDelete: {images: [docker.io/library/app:1], force: false}",
            ],
        ),
        (
            [
                *(record_of(f"POST /{tunnel}")._replace(operation="ImageBuild") for tunnel in ("grpc", "session")),
                record_of("POST /build?t=app")._replace(body={"tags": ("docker.io/library/app:latest",)}),
            ],
            ["- ImageBuild: {tags: [docker.io/library/app:latest]}"],
        ),
        (
            [record_of("POST /grpc", decision=Outcome.DENIED, status=403), record_of("POST /v1.45/session")],
            [
                "# tags: no name was seen; list the names that clients may give to images, or remove it",
                "# 1 of 2 was denied when it came",
                "- ImageBuild: {tags: [localhost/unnamed]}",
            ],
        ),
        (
            [record_of("DELETE /images/app:1?force=1", "docker.io/library/app:1")],
            ["- ImageDelete: {images: [docker.io/library/app:1], force: true}"],
        ),
        (
            [record_of("GET /_ping", decision=Outcome.DENIED, status=403), record_of("GET /_ping")],
            ["# 1 of 2 was denied when it came", "- SystemPing"],
        ),
    ],
)
def test_what_was_seen_is_written_like_this(records: list[Record], expected: list[str]) -> None:
    assert lines_of(*records) == expected


def test_what_no_policy_allows_is_counted() -> None:
    text = learn(record_of("GET /debug/vars"), refused("GET /../x", "why"), record_of("GET /debug/vars?a=1"))
    assert text.endswith("# 2  GET /debug/vars: unknown operation\n    # 1  GET /../x: why\n")


def test_each_grant_has_its_count_and_the_time_of_the_last_request() -> None:
    text = learn(record_of("GET /_ping"), record_of("GET /version"), record_of("GET /_ping"))
    assert "- SystemPing     # 2  2026-11-24 12:00:02\n" in text
    assert "- SystemVersion  # 1  2026-11-24 12:00:01\n" in text


def test_a_health_check_is_not_noted() -> None:
    learner = Learner(SOCKET)
    learner.note(record_of("GET /_dockerproxy/health"), NOON)
    assert not learner.changed


def test_it_has_changed_until_the_text_is_taken() -> None:
    learner = Learner(SOCKET)
    assert not learner.changed
    for record in (record_of("GET /_ping"), record_of("GET /_ping"), record_of("GET /x")):
        learner.note(record, NOON)
        assert learner.changed
        learner.text()
        assert not learner.changed


# What is kept is bounded


def words(count: int) -> list[str]:
    """Return names that nothing made up."""
    letters = itertools.product(string.ascii_lowercase, repeat=3)
    return ["".join(three) for three, _ in zip(letters, range(count), strict=False)]


def learn_names(names: list[str]) -> list[str]:
    return lines_of(*(record_of(f"GET /containers/{name}/json", name) for name in names))


def test_up_to_a_hundred_names_are_listed_and_not_more() -> None:
    assert len([line for line in learn_names(words(100)) if not line.startswith("#")]) == 102
    *comment, grant = learn_names(words(101))
    assert " ".join(line.strip("# ") for line in comment) == (
        "containers: left out, since there were too many to read; seen were aaa, aab, aac, aad, aae and 96 more"
    )
    assert grant == "- ContainerInspect"


def test_names_that_are_made_up_without_end_stay_a_pattern() -> None:
    names = [f"ci-{number * 7919 % 5000:06x}1" for number in range(5000)]
    assert learn_names(["web", *names])[-1] == '- ContainerInspect: {containers: ["ci-*", web]}'


def test_names_without_end_are_forgotten() -> None:
    learner = Learner(SOCKET)
    for name in words(5000):
        learner.note(record_of(f"GET /containers/{name}/json", name), NOON)
    (usage,) = learner._usages.values()
    seen = usage._words["containers"]
    assert isinstance(seen, Listed)
    assert len(seen._items) <= 301
    assert load(learner.text()).allows("ContainerInspect")


def test_families_without_end_are_forgotten() -> None:
    learner = Learner(SOCKET)
    for word, number in itertools.product(words(2000), range(3)):
        name = f"{word}-{number}"
        learner.note(record_of(f"GET /containers/{name}/json", name), NOON)
    (usage,) = learner._usages.values()
    seen = usage._words["containers"]
    assert isinstance(seen, Listed)
    assert len(seen._families) <= 200
    assert "left out, since there were too many to read" in learner.text()


def test_many_patterns_are_not_all_explained() -> None:
    names = [f"{word}-{number}" for word in words(20) for number in range(3)]
    comments = [line for line in learn_names(names) if line.startswith("#")]
    assert len(comments) == 6
    assert comments[-1] == "# containers: the other patterns were made the same way"


def test_what_no_policy_allows_is_told_apart_only_so_far() -> None:
    text = learn(*(record_of(f"GET /debug/{number}") for number in range(80)))
    assert text.count("unknown operation") == 50
    assert text.endswith("    # 30  others\n")


def test_requests_that_differ_without_end_are_not_remembered() -> None:
    learner = Learner(SOCKET)
    for number in range(3000):
        learner.note(record_of(f"GET /containers/json?x={number}"), NOON)
        learner.note(record_of(f"GET /containers/json?x={'y' * 600}{number}"), NOON)
    assert len(learner._known) <= 1024
    assert "- ContainerList  # 6000  " in learner.text()


def test_all_lists_together_are_never_too_long_for_a_policy_file() -> None:
    families = [f"{word * 12}-{number}" for word in words(20) for number in range(3)]
    names = [*families, *(word * 6 for word in words(70))]
    grant = learn(*(record_of(f"GET /containers/{name}/json", name) for name in names)).partition("allow:\n")[2]
    assert " ".join(grant.replace("#", "").split()).count(" stands for names like ") == 5
    assert grant.count("\n            - ") == 90
    lists = sum(
        word.is_learned and word.takes in {Takes.ITEMS, Takes.LISTS}
        for operation in BEARING
        for word in find_words(operation).values()
    )
    assert len(grant) * lists < MOST_BYTES


def test_a_name_that_the_engine_made_up_is_never_listed() -> None:
    text = learn(
        record_of("POST /containers/x/start", "clever_jemison"), record_of("POST /containers/x/start", "my_db")
    )
    why = "left out, since 1 of 2 requests had a name that the engine generated; seen were my_db"
    assert f"# containers: {why}" in text
    assert "- ContainerStart  # 2" in text
