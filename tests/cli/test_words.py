"""Names and numbers read as a person would write them."""

import pytest

from dockerproxy.cli.words import count, list_names


@pytest.mark.parametrize(("names", "expected"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")])
def test_names_are_listed_as_in_a_sentence(names: list[str], expected: str) -> None:
    assert list_names(names) == expected
    assert list_names(names, "and") == expected.replace("or", "and")


@pytest.mark.parametrize(("number", "expected"), [(0, "0 lines"), (1, "1 line"), (2, "2 lines")])
def test_a_number_of_things_has_their_plural(number: int, expected: str) -> None:
    assert count(number, "line") == expected
