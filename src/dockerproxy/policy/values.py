"""The values of conditions in a policy file: their forms, and how values, grants and names are written."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dockerproxy.text import lower


@dataclass(frozen=True, slots=True)
class Pairs:
    """The mapping of a condition, like labels: names, each with a word or a list, in order."""

    items: tuple[tuple[str, str | tuple[str, ...]], ...]


Value = bool | str | tuple[str, ...] | tuple[tuple[str, ...], ...] | Pairs
"""The value of a condition in a policy file: a flag, a word, a list, a list of lists, or a mapping."""


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


MOST_LISTED: Final = 100
"""Items of a word that a line for one request lists. Honest clients mount or join fewer."""


def items_of(value: Value | None) -> tuple[str, ...]:
    """Return the items of a list of words; empty for other values."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else ()


def split_mode(item: str) -> tuple[str, str]:
    """Split an item of `binds` into the glob and `ro` or `rw`."""
    for mode in ("ro", "rw"):
        if item.endswith(f":{mode}"):
            return item.removesuffix(f":{mode}"), mode
    return item, "rw"


def merge(one: Value, other: Value) -> Value | None:
    """Return a value that admits what both admit; None if only leaving out the word does.

    Lists grow, also those within a mapping.
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


# As text

_PLAIN: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@+-]*(?::[A-Za-z0-9_./@+-]+)*")
"""Texts that YAML reads as a string anywhere, except `_WORDS`."""

_SPECIAL: Final = re.compile(r'[^ -~]|["\\]')
"""Characters to escape in quotes: all but printable ASCII, and quote and backslash."""

_BYTE: Final = 0xFF
_PLANE: Final = 0xFFFF

_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def list_names(names: Sequence[str], word: str = "or") -> str:
    """Write names as prose: `a, b or c`."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def write_grant(name: str, conditions: Mapping[str, Value]) -> str:
    """Write a grant of an operation, section with access, or preset as an item of `allow`, in valid YAML."""
    if not conditions:
        return _text(name)
    if tuple(conditions) == ("unrestricted",):
        return f"{_text(name)}: unrestricted"
    written = ", ".join(f"{word}: {write_value(value)}" for word, value in conditions.items())
    return f"{_text(name)}: {{{written}}}"


def write_value(value: Value) -> str:
    """Write the value of a condition."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Pairs):
        return f"{{{', '.join(f'{_text(name)}: {write_value(item)}' for name, item in value.items)}}}"
    return f"[{', '.join(map(write_value, value))}]"


def is_literal(value: Value) -> bool:
    """Whether a value contains no wildcards. A client's text must not become a pattern."""
    written = write_value(value)
    return "*" not in written and "?" not in written


def say_value(value: Value) -> str:
    """Write a value as part of a sentence."""
    if isinstance(value, Pairs):
        pairs = (
            f"{name}={item}" if isinstance(item, str) else f"{name} {list_names(item)}" for name, item in value.items
        )
        return list_names(list(pairs), "and")
    if value == ():
        return "none"
    if isinstance(value, tuple):
        return list_names([item if isinstance(item, str) else " ".join(item) for item in value])
    return value if isinstance(value, str) else write_value(value)


def _text(text: str) -> str:
    """Write a string, quoted if YAML could read it as another type."""
    if _PLAIN.fullmatch(text) and lower(text) not in _WORDS:
        return text
    return f'"{_SPECIAL.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    """Escape a character for YAML. Unlike in JSON, the length of the escape depends on the character."""
    number = ord(found[0])
    if found[0] in {'"', "\\"}:
        return f"\\{found[0]}"
    return f"\\x{number:02x}" if number <= _BYTE else f"\\u{number:04x}" if number <= _PLANE else f"\\U{number:08x}"
