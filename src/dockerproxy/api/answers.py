"""The engines' answers: which word of `hide` leaves out which field. `answers.txt` explains the tables."""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Final, TypeAlias

from dockerproxy.api.rows import read_tables

Node: TypeAlias = "Mapping[str, Node] | str"
"""A place in an answer: the fields of an object, or what becomes of a value: empty for as it came, else an edit."""

Row = tuple[str, str]

REST: Final = "*"
"""Stands for the fields of an object that have no name of their own."""

ALL: Final = "all"
PLAIN: Final = "plain"


def _read_tables() -> Mapping[str, tuple[Row, ...]]:
    """Read the tables: for each its rows, what is in front of the bar and what is behind it."""
    found = {}
    for name, rows in read_tables("answers").items():
        pairs = (row.split(" | ") if " | " in row else row.split(" ") for row in rows)
        found[name] = tuple((first.rstrip(" "), second) for first, second in pairs)
    return found


_TABLES: Final = _read_tables()

WORDS: Final[Mapping[str, str]] = dict(_TABLES["words"])
"""What can be hidden, and what each word stands for."""


def _invert(section: str) -> Mapping[str, str]:
    """Return what is in front of the bar by each name behind it."""
    return {name: first for first, names in _TABLES[section] for name in names.split(" ")}


ANSWERS: Final = _invert("answers")
"""By operation the table of its answer; `-` if nothing but an error can show anything."""

UNREAD: Final = _invert("unread")
"""What answers show that pass as they come: words by operation, and by operation and `?parameter`."""

SPELLED: Final = _invert("spelled")
"""By operation the table of the places in its answer that have paths of the host, or volumes of ours."""

COUNTING: Final = _invert("counting")
"""By operation the table of the places in its answer that count all that there is."""

OF_EVENTS: Final = _invert("events")
"""The tables of events that have no labels, or no image, by what they are about."""


@cache
def split_words(words: str) -> frozenset[str]:
    """Return the words that are joined in front of a bar."""
    return frozenset(WORDS) if words == ALL else frozenset(words.split("+")) - {PLAIN}


@lru_cache(maxsize=256)
def grow_answer(table: str, hides: frozenset[str]) -> Mapping[str, Node]:
    """Make the tree of what is left of an answer: what is hidden is not in it, like what no table knows."""
    return _grow(table, hides)


def _grow(table: str, hides: frozenset[str]) -> dict[str, Node]:
    fields: dict[str, Node] = {}
    for words, field in list_fields(table):
        place, _, inner = field.partition(":")
        path, _, edit = place.partition("!")
        is_hidden = not hides.isdisjoint(split_words(words))
        if not is_hidden or edit:
            plant(fields, path.split("/"), _grow(inner, hides) if inner else edit if is_hidden else "")
    return fields


def list_fields(table: str) -> Iterator[Row]:
    """Yield the fields of a table, each with its words in front."""
    for words, paths in _TABLES[table]:
        if words == "include":
            yield from list_fields(paths)
        else:
            yield from ((words, path) for path in paths.split(" "))


def plant(fields: dict[str, Node], path: list[str], node: Node) -> None:
    """Put a place into a tree, where it must not be yet, nor below a value."""
    *steps, last = path
    for step in steps:
        below = fields.setdefault(step, {})
        if not isinstance(below, dict):
            raise TypeError(path)
        fields = below
    if last in fields:
        raise KeyError(*path)
    fields[last] = node
