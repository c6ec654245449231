"""A test of a table fails if one of its rows does, and says which."""

import pytest
from rows import for_each


@pytest.fixture
def seen() -> list[int]:
    """What the rows of this test leave."""
    return []


def test_each_row_that_fails_is_reported_and_all_are_tried() -> None:
    tried = []

    @for_each(("number", "text"), [(1, "a"), (2, "b"), (3, "c")])
    def test(number: int, text: str) -> None:
        tried.append(text)
        assert number == 2

    with pytest.raises(ExceptionGroup, match="2 of 3 rows") as raised:
        test()
    assert tried == ["a", "b", "c"]
    assert [error.__notes__ for error in raised.value.exceptions] == [["in the row 1 | a"], ["in the row 3 | c"]]


def test_a_table_without_rows_is_an_error() -> None:
    with pytest.raises(AssertionError, match="no rows for number"):
        for_each("number", [])


@for_each("number", [1, 2])
def test_a_fixture_stays_an_argument_of_the_test(number: int, seen: list[int]) -> None:
    seen.append(number)
    assert seen == [1, 2][:number]
