"""What a policy file writes behind a condition's word, and the forms that it can have."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Pairs:
    """A mapping that a condition demands, like labels: names with a word or a list each, in their order."""

    items: tuple[tuple[str, str | tuple[str, ...]], ...]


Value = bool | str | tuple[str, ...] | tuple[tuple[str, ...], ...] | Pairs
"""Of a condition, as a policy file writes it: a flag, one word, a list, a list of lists, or a mapping."""


class Takes(StrEnum):
    """The form of a condition's value."""

    FLAG = "true or false"
    YES = "true"
    ITEMS = "a list"
    CHOICE = "one word"
    AMOUNT = "an amount"
    TEXTS = "names, each with a text"
    LABELS = "labels, each with a text or a list of texts"
    LISTS = "a list of lists"
    PORTS = "ports and addresses"


def items_of(value: Value | None) -> tuple[str, ...]:
    """Return the items of a list of words; none of anything else."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else ()


def merge(one: Value, other: Value) -> Value | None:
    """Return the value that says what both say; None if there is none but to say nothing.

    Lists grow, and so do the lists within a mapping.
    """
    if one == other:
        return one
    if isinstance(one, tuple) and isinstance(other, tuple):
        return tuple(dict.fromkeys((*one, *other)))
    if isinstance(one, Pairs) and isinstance(other, Pairs):
        first, second = dict(one.items), dict(other.items)
        names = dict.fromkeys((*first, *second))
        return Pairs(tuple((name, _join(first.get(name, ()), second.get(name, ()))) for name in names))
    return None


def _join(one: str | tuple[str, ...], other: str | tuple[str, ...]) -> str | tuple[str, ...]:
    if isinstance(one, str) or isinstance(other, str):
        return other or one
    return tuple(dict.fromkeys((*one, *other)))
