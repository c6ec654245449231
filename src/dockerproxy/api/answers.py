"""The engines' answers: which fields each word of `hide` removes. `answers.txt` explains the tables."""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Final, TypeAlias

from dockerproxy.api.rows import read_tables

Node: TypeAlias = "Mapping[str, Node] | str"
"""A place in an answer: the fields of an object, or the name of an edit; an empty name keeps the value."""

Row = tuple[str, str]

REST: Final = "*"
"""Stands for all fields of an object that are not listed."""

ALL: Final = "all"
PLAIN: Final = "plain"


def _read_tables() -> Mapping[str, tuple[Row, ...]]:
    """Read the tables. Each row is split at its bar."""
    found = {}
    for name, rows in read_tables("answers").items():
        pairs = (row.split(" | ") if " | " in row else row.split(" ") for row in rows)
        found[name] = tuple((first.rstrip(" "), second) for first, second in pairs)
    return found


_TABLES: Final = _read_tables()

WORDS: Final[Mapping[str, str]] = dict(_TABLES["words"])
"""The words of `hide`, and what each hides."""


def _invert(section: str) -> Mapping[str, str]:
    """Return the first column of a section by each name in the second."""
    return {name: first for first, names in _TABLES[section] for name in names.split(" ")}


ANSWERS: Final = _invert("answers")
"""The table of each operation's answer; `-` if only an error can reveal anything."""

UNREAD: Final = _invert("unread")
"""Words that describe answers which pass unchanged, by operation, and by operation and `?parameter`."""

SPELLED: Final = _invert("spelled")
"""By operation, the table of fields in its answer with paths of the host, or volumes of the proxy."""

COUNTING: Final = _invert("counting")
"""By operation, the table of fields in its answer that count all objects of the engine."""

OF_EVENTS: Final = _invert("events")
"""Tables of events without labels or image, by the type of their object."""


@cache
def split_words(words: str) -> frozenset[str]:
    """Split the joined words of a row."""
    return frozenset(WORDS) if words == ALL else frozenset(words.split("+")) - {PLAIN}


@lru_cache(maxsize=256)
def grow_answer(table: str, hides: frozenset[str]) -> Mapping[str, Node]:
    """Make the tree of an answer's remaining fields. Hidden and unknown fields are not in it."""
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
    """Yield the fields of a table, each with its words."""
    for words, paths in _TABLES[table]:
        if words == "include":
            yield from list_fields(paths)
        else:
            yield from ((words, path) for path in paths.split(" "))


def plant(fields: dict[str, Node], path: list[str], node: Node) -> None:
    """Add a node to a tree. The place must be free, and not below a value."""
    *steps, last = path
    for step in steps:
        below = fields.setdefault(step, {})
        if not isinstance(below, dict):
            raise TypeError(path)
        fields = below
    if last in fields:
        raise KeyError(*path)
    fields[last] = node
