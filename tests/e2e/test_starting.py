"""A start as set-up is tried again only if runc has broken it off, and each time counts."""

from collections.abc import Iterator

import pytest
from e2e.starting import BROKEN_OFF, TRIES, set_up, tried_again
from rows import for_each

WORKS = ""
NO_FAULT_OF_RUNC = "exec: no such file or directory"


@pytest.fixture(autouse=True)
def counted() -> Iterator[None]:
    """What these tests count is not told as if it had happened."""
    before = tried_again.copy()
    tried_again.clear()
    yield
    tried_again.clear()
    tried_again.update(before)


def play(*answers: str) -> tuple[str, int]:
    """Return the answer that a set-up had in the end, and how many of these it took."""
    left = list(answers)
    got = set_up(lambda: left.pop(0), str)
    return got, len(answers) - len(left)


@pytest.mark.parametrize("text", BROKEN_OFF)
def test_a_set_up_that_runc_breaks_off_is_tried_again_and_counted(text: str) -> None:
    broken = f"OCI runtime create failed: runc create failed: unable to start container process: {text}: unknown"
    assert play(broken, broken, WORKS) == (WORKS, 3)
    assert tried_again == {text: 2}


@for_each("said", [WORKS, NO_FAULT_OF_RUNC, "connection reset by peer", "EOF"])
def test_what_else_came_of_it_stays_and_counts_for_nothing(said: str) -> None:
    assert play(said, WORKS) == (said, 1)
    assert not tried_again


def test_a_set_up_that_never_works_is_given_up() -> None:
    assert play(*[BROKEN_OFF[0]] * 2 * TRIES) == (BROKEN_OFF[0], TRIES)
