"""What is counted of a log takes bounded memory, and nothing is lost of the sum."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.workbench.tallies import Top

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
