"""Mistakes of an operator read as where, what and what to do."""

import pytest

from dockerproxy.problems import Problem, UserError


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("CONTAINERS", "invalid value 'yess'"), "CONTAINERS: invalid value 'yess'"),
        (
            Problem("CONTAINER", "unknown setting", "did you mean CONTAINERS?"),
            "CONTAINER: unknown setting\n    did you mean CONTAINERS?",
        ),
    ],
)
def test_a_problem_reads_as_where_what_and_what_to_do(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_all_problems_are_told_at_once() -> None:
    problems = (Problem("A", "is wrong"), Problem("B", "is wrong too", "mend it"))
    error = UserError(*problems)
    assert error.problems == problems
    assert str(error) == "A: is wrong\nB: is wrong too\n    mend it"
