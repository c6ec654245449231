"""Rates and durations, compared with lists that forget nothing."""

from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.workbench.rates import SECONDS, Durations, Rate

_STEPS = st.lists(st.tuples(st.floats(0, 90), st.integers(0, 3)), max_size=40)


@given(_STEPS)
def test_what_is_counted_of_a_second_is_what_came_in_it(steps: list[tuple[float, int]]) -> None:
    rate, now, all_of_them = Rate(), 0.0, []
    for passed, number in steps:
        now += passed
        rate.add(now, number)
        all_of_them += [int(now)] * number
        seconds = range(int(now) - SECONDS, int(now))
        assert rate.list_seconds(now) == tuple(all_of_them.count(second) for second in seconds)


def test_the_rate_is_the_average_of_the_last_whole_seconds() -> None:
    rate = Rate()
    for second in range(10):
        rate.add(second + 0.5, second)
    assert rate.per_second(10.0) == (5 + 6 + 7 + 8 + 9) / 5
    assert rate.per_second(1000.0) == 0


@given(st.lists(st.floats(0, 1e6), max_size=300))
def test_half_of_the_last_durations_are_not_longer_than_the_median(durations: list[float]) -> None:
    lasted = Durations()
    for each in durations:
        lasted.add(each)
    median, kept = lasted.find_quantile(0.5), durations[-128:]
    if median is None:
        assert not kept
        return
    assert median in kept
    assert sum(each <= median for each in kept) * 2 >= len(kept)
    assert lasted.find_quantile(1.0) == max(kept)
