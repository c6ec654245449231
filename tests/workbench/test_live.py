"""What is known of a proxy follows from the lines that it told."""

import json
from collections import deque

from hypothesis import given
from hypothesis import strategies as st
from rows import for_each
from workbench.told import (
    BACKUP,
    CI,
    DENIED,
    HELLO,
    LOGS,
    MOUNTS,
    PROGRAMS,
    START,
    TRAEFIK,
    connection,
    hello,
    line,
    opened,
    play,
    record,
)

from dockerproxy.workbench.live import MOST, MOST_RECORDS, Live


def after(*lines: str) -> Live:
    live = Live(lambda pid, proxy: PROGRAMS.get(pid, "") if proxy == HELLO["pid"] else "")
    for number, each in enumerate(lines):
        live.take(each, float(number))
    return live


def played() -> Live:
    live = Live(lambda pid, _: PROGRAMS.get(pid, ""))
    for told, when in play():
        live.take(told, when)
    return live


def test_requests_are_counted_for_socket_client_and_operation() -> None:
    live = after(hello(), record(CI, "GET /info", "SystemInfo"), record(CI, "GET /version", "SystemVersion", 1, ms=5.0))
    for activity in (live.by_socket["ci"], live.by_client["ci", CI.uid, CI.pid]):
        assert (activity.requests, activity.denied, activity.received, activity.sent) == (2, 0, 0, 1960)
        assert activity.durations.find_quantile(1.0) == 5.0
        assert activity.last is not None
        assert activity.last.record.operation == "SystemVersion"
    assert {key: each.requests for key, each in live.by_operation.items()} == {
        ("ci", "SystemInfo"): 1,
        ("ci", "SystemVersion"): 1,
    }
    assert live.unreadable == 0


def test_a_stream_counts_once_and_its_bytes_when_it_ends() -> None:
    target = "GET /v1.45/containers/db/logs?follow=1"
    begun = record(BACKUP, target, "ContainerLogs", event="start", sent=200)
    live = after(hello(), begun)
    assert live.by_socket["backup"].requests == 1
    live.take(record(BACKUP, target, "ContainerLogs", sent=90_000, ms=60_000.0), 2.0)
    assert live.by_socket["backup"].requests == 1
    assert live.by_socket["backup"].durations.find_quantile(0.5) is None
    assert len(live.records) == 1


def test_denials_for_the_same_reason_are_one_with_a_count() -> None:
    create = "POST /v1.45/containers/create"
    live = after(
        *(record(CI, create, "ContainerCreate", second, decision="denied", reason=MOUNTS) for second in range(3)),
        record(BACKUP, "GET /containers/db/export", "ContainerExport", 9, decision="reported", reason=DENIED),
        record(CI, "GET /containers/no/json", "ContainerInspect", 9, decision="denied", status=404, reason="no such"),
        record(TRAEFIK, "GET /containers/json", "ContainerList"),
    )
    assert [(key[1], each.count) for key, each in live.denials.items()] == [
        ("ContainerCreate", 3),
        ("ContainerExport", 1),
    ]
    assert live.by_socket["ci"].denied == 4
    assert live.by_socket["backup"].denied == 0  # It passed.


def test_what_was_told_as_open_last_is_open() -> None:
    live = after(hello(), opened(0, connection(BACKUP, 2, START, **LOGS), connection(CI, 9, START)), opened(1))
    assert not live.connections
    live.take(opened(2, connection(BACKUP, 2, START, **LOGS)), 2.0)
    [stream] = list(live.connections)
    assert (stream.operation, stream.shape, stream.sent) == ("ContainerLogs", "stream", 88_310)
    assert [(each.name, each.mode, each.connections) for each in live.sockets] == [
        ("traefik", "enforce", 0),
        ("ci", "enforce", 0),
        ("backup", "report", 1),
    ]
    live.lose()
    assert live.connections == ()


def test_a_client_that_has_gone_is_forgotten_after_minutes() -> None:
    live = after(hello(), opened(0, connection(CI, 9, START)))
    live.take(opened(100), 100.0)
    assert list(live.by_client) == [("ci", CI.uid, CI.pid)]
    live.take(opened(400), 400.0)
    assert list(live.by_client) == []


def test_a_program_is_called_what_it_was_when_it_was_first_seen() -> None:
    names = iter(["", "docker", "other"])
    live = Live(lambda *_: next(names))
    for second in range(4):
        live.take(opened(second, connection(CI, 9, START)), float(second))
    assert live.programs == {("ci", CI.uid, CI.pid): "docker"}


def test_what_waits_for_an_answer_is_known_until_it_has_one() -> None:
    live = after(hello(), line("asked", id="4KD7Q-1"), line("asked", id="4KD7Q-2"), line("answered", id="4KD7Q-1"))
    assert list(live.held) == ["4KD7Q-2"]
    live.take(hello(), 9.0)  # All that waits is told anew.
    assert live.held == {}


def test_another_proxy_begins_anew_and_the_same_one_goes_on() -> None:
    live = after(hello(), record(CI, "GET /info", "SystemInfo"), hello())
    assert live.by_socket["ci"].requests == 1
    live.take(hello(started=START), 9.0)
    assert live.by_socket == {}


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_TOLD = [json.loads(told) for told in (*list(dict(play()))[:12], line("asked", id="x"))]


@st.composite
def _lines(draw: st.DrawFn) -> str:
    """Generate lines of the protocol of which some values are anything."""
    told = draw(st.sampled_from(_TOLD))
    changed = draw(st.lists(st.sampled_from(sorted(told)), max_size=3))
    if told["kind"] == "open" and "connections" not in changed:
        one = dict(told["connections"][0])
        told = {**told, "connections": [{**one, draw(st.sampled_from(sorted(one))): draw(_VALUES)}]}
    return json.dumps({**told, **{key: draw(_VALUES) for key in changed}})


LINES = st.lists(_lines(), max_size=5)


@given(LINES)
def test_no_line_breaks_it(lines: list[str]) -> None:
    live = after(*lines)
    live.take(opened(3), 9.0)
    assert live.sockets[0].name == "traefik"


@for_each(
    "told",
    [
        *("", "\n", "{", "[]", "1", "null", "{}", '{"kind":[]}', '{"kind":"other"}', "[" * 100_000),
        hello(pid="1"),
        hello(started=float("nan")),
        hello(pid=2**70),
        record(CI, "GET /info", "SystemInfo", ms=float("inf")),
        record(CI, "GET /info", "SystemInfo", sent=10**400),
        record(CI, "GET /info", "SystemInfo", time="now"),
        line("open", connections=[1]),
    ],
)
def test_what_is_none_of_the_protocol_is_counted(told: str) -> None:
    live = Live()
    live.take(told, 1.0)
    assert live.unreadable == 1
    assert (live.hello, live.by_socket, live.records, live.connections) == (None, {}, deque(), ())


def test_whatever_comes_the_memory_is_bounded() -> None:
    live = after(hello())
    for number in range(MOST + 200):
        client = {"socket": f"s{number}", "pid": number, "id": f"id-{number}", "event": "start"}
        bad = {"decision": "denied", "reason": f"r{number}"}
        live.take(record(CI, "GET /info", f"O{number}", **bad, **client), 1.0)  # type: ignore[arg-type] # any fields
        live.take(line("asked", id=f"id-{number}"), 1.0)
    kept = (live.by_socket, live.by_client, live.by_operation, live.programs, live.denials, live.held, live._begun)
    assert {len(each) for each in kept} == {MOST}
    assert f"s{MOST + 199}" in live.by_socket
    assert "s0" not in live.by_socket
    assert len(live.records) == MOST_RECORDS
    live.take(line("open", connections=[connection(CI, number, START) for number in range(MOST + 9)]), 2.0)
    assert len(live.connections) == MOST
