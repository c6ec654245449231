"""What the data path leaves goes through ports: it knows neither the log nor who learns."""

from typing import Final

from audit import find_closure

_BEHIND: Final = frozenset({"decisions", "exposition", "journal", "learner", "log", "metrics", "polls"})


def test_the_data_path_knows_nothing_that_is_behind_a_port() -> None:
    assert find_closure().isdisjoint(f"dockerproxy.observe.{name}" for name in _BEHIND)
