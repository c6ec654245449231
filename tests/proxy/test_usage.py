"""What is used up is counted and given back, and of those who want too much the greedy are turned away first."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.api.catalog import Shape
from dockerproxy.proxy.usage import Usage
from dockerproxy.settings import DEFAULTS

ALONE = range(1)


@dataclass
class Somebody:
    spent: int = 0
    spent_until: int = 0


def usage(**limits: int) -> Usage:
    return Usage(DEFAULTS._replace(**limits))


@pytest.mark.parametrize("shape", Shape)
def test_as_many_are_open_as_there_may_be_and_one_that_leaves_makes_room(shape: Shape) -> None:
    counted = usage(requests=2, streams=2, tunnels=2)
    assert (counted.enter(shape), counted.enter(shape)) == ("", "")
    assert "sets this limit" in counted.enter(shape)
    counted.leave(shape)
    counted.leave(shape)
    assert counted.enter(shape) == ""


def test_each_kind_is_counted_by_itself_but_what_waits_is_a_request() -> None:
    counted = usage(requests=1, streams=1, tunnels=1)
    assert [counted.enter(shape) for shape in (Shape.REPLY, Shape.STREAM, Shape.TUNNEL)] == ["", "", ""]
    assert "MAX_REQUESTS" in counted.enter(Shape.WAIT)
    assert "MAX_STREAMS" in counted.enter(Shape.STREAM)
    assert "MAX_TUNNELS" in counted.enter(Shape.TUNNEL)


def test_other_limits_hold_at_once() -> None:
    counted = usage(requests=1)
    assert counted.enter(Shape.REPLY) == ""
    counted.bound_by(DEFAULTS._replace(requests=2))
    assert counted.enter(Shape.REPLY) == ""
    counted.bound_by(DEFAULTS._replace(requests=1))
    assert counted.enter(Shape.REPLY) != ""


def test_a_second_has_as_many_requests_as_it_may_and_the_next_one_again() -> None:
    counted, client = usage(rate=10), Somebody()
    assert [counted.affords(client, 7.0, 100, ALONE) for _ in range(12)] == [True] * 10 + [False] * 2
    assert [counted.affords(client, 8.9, 100, ALONE) for _ in range(12)] == [True] * 10 + [False] * 2


def test_a_head_counts_by_its_length() -> None:
    counted, client = usage(rate=10), Somebody()
    assert counted.affords(client, 1.0, 8 * 4096, ALONE)
    assert not counted.affords(client, 1.0, 4096, ALONE)
    assert counted.affords(client, 1.0, 100, ALONE)


def test_the_first_request_of_a_second_is_never_too_much() -> None:
    assert usage(rate=1).affords(Somebody(), 1.0, 1 << 20, ALONE)


def test_a_greedy_client_does_not_use_up_what_is_another_s() -> None:
    counted, greedy, modest = usage(rate=100), Somebody(), Somebody()
    while counted.affords(greedy, 1.0, 100, range(2)):
        pass
    assert [counted.affords(modest, 1.0, 100, range(2)) for _ in range(50)] == [True] * 50
    assert not counted.affords(modest, 1.0, 100, range(2))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20_000)), max_size=300), st.integers(1, 50))
def test_all_shares_together_come_to_twice_the_rate_at_most(asked: list[tuple[int, int]], rate: int) -> None:
    counted, crowd = usage(rate=rate), [Somebody() for _ in range(10)]
    allowed = [1 + head // 4096 for who, head in asked if counted.affords(crowd[who], 1.0, head, crowd)]
    assert sum(allowed[1:]) <= 2 * rate


@given(st.lists(st.integers(1, 30), min_size=1, max_size=10), st.integers(1, 60))
def test_who_asks_for_no_more_than_a_share_is_never_turned_away(asked: list[int], rate: int) -> None:
    crowd = [Somebody() for _ in asked]
    counted, share = usage(rate=rate), rate // len(crowd)
    for turn in range(30):
        for client, wanted in zip(crowd, asked, strict=True):
            if turn < wanted:
                allowed = counted.affords(client, 1.0, 100, crowd)
                assert allowed or turn >= share


def test_what_is_held_is_too_much_above_the_limit() -> None:
    counted = usage(buffered=10)
    counted.buffered = 10
    assert not counted.is_too_much
    counted.buffered = 11
    assert counted.is_too_much
