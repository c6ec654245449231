"""Reads that a client repeats are counted, and nothing that is written or counted gets lost."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observe.test_log import ALLOWED, DENIED

from dockerproxy.observe.polls import EVERY, MOST, Line, Polls
from dockerproxy.observe.record import Record

OTHERS = [
    DENIED,
    ALLOWED._replace(operation="ContainerStart", method="POST"),
    ALLOWED._replace(operation="SystemEvents"),
    ALLOWED._replace(created="x"),
    ALLOWED._replace(body={}),
    ALLOWED._replace(target="/" + "x" * 2000),
    ALLOWED._replace(operation=""),
]
READS = [ALLOWED, ALLOWED._replace(socket="other"), ALLOWED._replace(status=404), ALLOWED._replace(target="/info")]


def took(polls: Polls, record: Record, now: float) -> list[Line]:
    return list(polls.take(record, now))


def test_a_repeated_read_is_one_line_at_once_and_one_a_minute() -> None:
    polls, lines = Polls(), []
    for second in range(0, 190, 5):
        record = ALLOWED._replace(id=str(second), sent=second)
        lines += [(second, *line) for line in took(polls, record, 1000.0 + second)]
    told = [(second, record.id, repeated and repeated.times) for second, record, repeated in lines]
    assert told == [(0, "0", None), (60, "55", 11), (120, "115", 12), (180, "175", 12)]
    assert [repeated and repeated.since - 1000 for _, _, repeated in lines] == [None, 5, 60, 120]
    assert [(record.id, repeated and repeated.times) for record, repeated in polls.finish()] == [("185", 2)]
    assert list(polls.finish()) == []


def test_a_read_that_comes_less_than_once_a_minute_is_a_line_each_time() -> None:
    polls = Polls()
    for minute in range(3):
        assert took(polls, ALLOWED, minute * EVERY) == [(ALLOWED, None)]


def test_a_clock_that_is_set_back_silences_nothing() -> None:
    polls = Polls()
    for now in (7200.0, 7201.0):
        took(polls, ALLOWED, now)
    assert [repeated and repeated.times for _, repeated in took(polls, ALLOWED, 0.0)] == [1]
    assert took(polls, ALLOWED, EVERY - 1) == []
    assert [repeated and repeated.times for _, repeated in took(polls, ALLOWED, EVERY)] == [2]


@pytest.mark.parametrize("record", OTHERS)
def test_what_is_no_read_or_says_more_is_a_line_each_time(record: Record) -> None:
    polls = Polls()
    for second in range(3):
        assert took(polls, record, second) == [(record, None)]


@given(st.lists(st.tuples(st.sampled_from(READS + OTHERS), st.floats(0, 50)), max_size=60))
def test_every_exchange_is_counted_once(exchanges: list[tuple[Record, float]]) -> None:
    polls, now, lines = Polls(), 0.0, []
    for record, later in exchanges:
        now += later
        lines += took(polls, record, now)
        assert record in READS or lines[-1] == (record, None)
    lines += polls.finish()
    counted: Counter[int] = Counter()
    for record, repeated in lines:
        counted[(READS + OTHERS).index(record)] += 1 if repeated is None else repeated.times
    assert counted == Counter((READS + OTHERS).index(record) for record, _ in exchanges)


def test_no_more_than_so_many_polls_are_remembered() -> None:
    polls = Polls()
    took(polls, ALLOWED, 0)
    assert took(polls, ALLOWED, 1) == []
    lines = [line for number in range(MOST) for line in took(polls, ALLOWED._replace(target=f"/{number}"), 2)]
    assert sum(repeated is None for _, repeated in lines) == MOST
    assert [repeated.times for _, repeated in lines if repeated is not None] == [1]
    assert len(polls._polls) == MOST
