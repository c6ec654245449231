"""Numbers read as a person would write them."""

import pytest

from dockerproxy.cli.terminal import count


@pytest.mark.parametrize(("number", "expected"), [(0, "0 lines"), (1, "1 line"), (2, "2 lines")])
def test_a_number_of_things_has_their_plural(number: int, expected: str) -> None:
    assert count(number, "line") == expected
