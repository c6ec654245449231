"""Arguments of ps are compared word for word: they are no patterns."""

import pytest
from policy.inspecting import admits

from dockerproxy.policy.constraints.ps_args import CONSTRAINT


@pytest.mark.parametrize(
    ("granted", "arguments", "passes"),
    [
        (("aux", "-ef"), "-ef", True),
        (("*",), "aux", False),
        (("*",), "*", True),
        (("aux",), "au", False),
        (("**",), None, False),
    ],
)
def test_arguments_are_admitted_word_for_word(granted: tuple[str, ...], arguments: str | None, *, passes: bool) -> None:
    assert admits("ps_args", granted, arguments) is passes


def test_one_list_is_within_another_that_has_all_of_it() -> None:
    assert CONSTRAINT.within(("aux",), ("aux", "-ef"))
    assert not CONSTRAINT.within(("aux",), ("*", "**"))


def test_only_nothing_is_a_fault() -> None:
    assert [bool(CONSTRAINT.fault(item)) for item in ("", "aux", "-o pid")] == [True, False, False]
