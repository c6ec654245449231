"""Names and numbers in sentences."""

from collections.abc import Sequence


def list_names(names: Sequence[str], word: str = "or") -> str:
    """Write names as a person would: `a, b or c`."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def count(number: int, noun: str) -> str:
    """Write a number of things: `1 line`, `2 lines`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
