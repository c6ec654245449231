"""What is counted of a log takes bounded memory, and nothing is lost of the sum."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.workbench.tallies import Durations, Top

MOST = 10


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 9))))
def test_what_comes_most_stays_and_the_rest_is_counted(noted: list[tuple[int, int]]) -> None:
    top: Top[int] = Top(MOST)
    real = Counter[int]()
    for key, times in noted:
        top.find(key).note(0.0, times)
        real[key] += times
    shown = dict(top.list_most(MOST))
    assert len(top._tallies) <= 2 * MOST
    assert sum(tally.count for tally in shown.values()) + top.count_rest(MOST) == real.total()
    assert all(tally.count <= real[key] for key, tally in shown.items())
    if len(real) <= 2 * MOST:
        assert {key: tally.count for key, tally in shown.items()}.items() <= real.items()


def test_what_is_asked_for_all_the_time_is_not_pushed_out_by_ever_new_names() -> None:
    top: Top[str] = Top(MOST)
    for number in range(10_000):
        top.find("web").note(float(number), 1)
        top.find(str(number)).note(float(number), 1)
    ((name, tally),) = top.list_most(1)
    assert (name, tally.count, tally.first, tally.last) == ("web", 10_000, 0.0, 9999.0)
    assert top.count_rest(1) == 10_000


@given(st.lists(st.floats(0.1, 1e7), min_size=1), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_an_eighth_too_long_at_most(durations: list[float], share: float) -> None:
    counted = Durations()
    for each in durations:
        counted.note(each, 1)
    needed = sorted(durations)[max(0, -int(-share * len(durations) // 1) - 1)]
    assert needed <= counted.quantile(share) * (1 + 1e-9)
    assert counted.quantile(share) <= max(needed * 1.13, min(durations))


@pytest.mark.parametrize("milliseconds", [0.0, 0.04, 1e12, 2.0**63, float("inf"), float("nan"), -1.0])
def test_any_duration_has_a_bucket(milliseconds: float) -> None:
    counted = Durations()
    size = counted._buckets.buffer_info()[1]
    counted.note(milliseconds, 3)
    assert sum(counted._buckets) == 3
    assert counted._buckets.buffer_info()[1] == size
    assert counted.quantile(0.5) >= 0


def test_of_nothing_there_is_no_quantile() -> None:
    assert Durations().quantile(0.5) == 0.0
