"""Days become columns that fit on a page."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.workbench.activity import EARLIER
from dockerproxy.workbench.periods import MOST, Periods

MONDAY = date(2026, 11, 23)


def days(number: int) -> list[date]:
    return [MONDAY + timedelta(days=index) for index in range(number)]


def test_two_weeks_are_shown_by_day() -> None:
    periods = Periods(days(MOST))
    assert (periods.unit, periods.labels[0], periods.labels[-1]) == ("day", "23 Nov", "6 Dec")
    assert periods.spread({MONDAY: 2, MONDAY + timedelta(days=2): 3})[:4] == [2, 0, 3, 0]


def test_more_is_shown_by_week_and_what_is_older_together() -> None:
    periods = Periods(days(7 * MOST + 1))
    assert (periods.unit, len(periods.labels), periods.labels[0]) == ("week", MOST + 1, "earlier")
    assert periods.spread({MONDAY: 2, EARLIER: 1, MONDAY + timedelta(days=9): 3})[:3] == [3, 3, 0]


def test_a_year_is_said_where_there_are_two() -> None:
    assert Periods([date(2026, 12, 31), date(2027, 1, 1)]).labels == ["31 Dec 2026", "1 Jan 2027"]


@given(st.dictionaries(st.dates(), st.integers(1, 9), min_size=1))
def test_nothing_is_lost_of_the_sum(counts: dict[date, int]) -> None:
    periods = Periods(counts)
    assert sum(periods.spread(counts)) == sum(counts.values())
    assert len(periods.labels) == len(periods.spread(counts)) <= MOST + 1
