"""Fields of a body, and the tree that a table of them becomes.

A table has a row for each field that the engine knows:

    path  type  since  rule  | what it can do

- In a path `Name[]` is a list, `Name.*` an object whose keys are data, and the rest are keys of Docker's own types. A
  path that begins with `?` is a parameter of the query, since some of what a body says may stand there too; one that
  begins with `@` is about the object that the request names, as the engine shows it; one that begins with `#` is a
  field of the head.
- type is that of the values: `string`, `boolean`, `integer`, `number`, `object`, and `empty` for an object without
  fields. `words` is a list of strings for which engines up to 28 take a bare string too.
- since is the version of the API, or of Podman, in which it appeared.
- rule says what a grant that is not unrestricted lets it be: `any` whatever it likes; `unset` only what it is by
  itself, which is false, 0, empty or null; `absent` nothing but null; `=a,b` one of those words or empty; `~a,b` the
  same, but it goes no further, so that the engine uses its default; `part` what the line of the list or object around
  it says; `aside` whatever it likes, since no engine looks at it: it is left out. Everything else is the name of a
  function in `policy/words`, with `!` behind it if it looks at what is not there, too, and behind a colon the words
  of a policy file that it obeys.
- The phrase after the bar is read by operators, after "which" or "it".
- `include NAME [PREFIX] [path=rule ...]` stands for the fields of a table above: with a prefix to their paths, and some
  with another rule.

In a file, `== NAME: content` stands above the table of an operation, with `; repeated` behind it if dockerode repeats
the fields in the other place, and `== NAME` above one that is only part of others.

Go matches keys without regard to case, and takes U+017F for s and U+212A for k. So a tree has its keys folded, each
with the spelling that goes to the engine.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from dockerproxy.api.rows import list_rows, split_row
from dockerproxy.text import fold

Class: TypeAlias = type
"""What `type` means outside of `Node`."""

_PART: Final = re.compile(r"\[\]|[^.\[\]]+")
FREE: Final = frozenset({"any", "part", "aside"})
"""Rules by which a field may be whatever it likes."""

MOST_ITEMS: Final = 256
"""Of a list or map whose items are judged one by one: mounts, networks, devices, names."""

MOST_PORTS: Final = 1024
"""Of a list or map of ports. Servers of FTP or telephony open ranges of some hundred."""

_OF_PORTS: Final = frozenset({"check_publish", "check_service_ports"})
_OF_TEXTS: Final = FREE | {
    *("check_commands", "check_environment", "check_environment_of_command", "check_labels", "check_program"),
    *("check_surroundings", "check_volume_labels"),
}
"""Rules of lists and maps of texts that are judged as a whole. Their number is bounded for all of the body."""

ALWAYS: Final = "!"
"""Behind the name of a check that also looks at what is not there."""


class Type(StrEnum):
    """What a value is."""

    STRING = "string"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    WORDS = "words"
    OBJECT = "object"
    EMPTY = "empty"
    LIST = "list"
    MAP = "map"


_READ_AS: Final[Mapping[Type, Class]] = {
    Type.STRING: str,
    Type.BOOLEAN: bool,
    Type.INTEGER: int,
    Type.WORDS: list,
    Type.EMPTY: dict,
    Type.LIST: list,
    Type.MAP: dict,
}
_SCALARS: Final[Mapping[Type, frozenset[Class]]] = {
    Type.STRING: frozenset({str}),
    Type.BOOLEAN: frozenset({bool}),
    Type.INTEGER: frozenset({int}),
    Type.NUMBER: frozenset({int, float}),
}


class Field(NamedTuple):
    """A line of a table.

    Attributes:
        path: Where it stands, from the top of the body, the query (`?`) or the named object (`@`).
        type: Of the values at the end of the path.
        since: Version of the API in which it appeared.
        rule: What a grant that is not unrestricted lets it be.
        summary: What it can do, in a phrase.
        words: Of a policy file, which the check of its rule obeys.
    """

    path: str
    type: Type
    since: str
    rule: str
    summary: str
    words: tuple[str, ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """A place in a body.

    Attributes:
        type: Of the value.
        read_as: What a value becomes when it is read, if values of no other class belong here.
        is_scalar: Whether nothing is inside of it that must be looked at.
        plain: Classes of the value if it is a scalar, or else of what is inside of it, if those are scalars.
        rule: What a grant that is not unrestricted lets it be.
        is_free: Whether it may be whatever it likes.
        summary: What it can do.
        keys: Of an object: what stands below each folded key, with its canonical spelling.
        spelled: Of an object: what stands below each key in its canonical spelling, if an engine looks at it.
        item: Of a list or map: what its values are.
        most: Of a list or map: how many items it may have, those of lists in it included; 0 for any number.
        always: Of an object: what stands below that a check looks at, or looks into, though it is not there.
    """

    type: Type
    read_as: Class | None = None
    is_scalar: bool = False
    plain: frozenset[Class] = frozenset()
    rule: str = "any"
    is_free: bool = True
    summary: str = ""
    keys: "dict[str, tuple[str, Node]]" = field(default_factory=dict)
    spelled: "dict[str, Node]" = field(default_factory=dict)
    item: "Node | None" = None
    most: int = 0
    always: "tuple[tuple[str, Node], ...]" = ()


def read_fields(table: str, others: Mapping[str, tuple[Field, ...]] = MappingProxyType({})) -> tuple[Field, ...]:
    """Read a table, which may include others by their names."""
    fields: list[Field] = []
    for row in list_rows(table):
        if row.startswith("include "):
            fields += _include(row, others)
        else:
            path, type_, since, rule, summary = split_row(row, 5)
            rule, words = _split_rule(rule)
            fields.append(Field(path, Type(type_), since, rule, summary, words))
    return tuple(fields)


def _include(row: str, others: Mapping[str, tuple[Field, ...]]) -> Iterator[Field]:
    _, name, *words = row.split(" ")
    prefix = "".join(word for word in words if "=" not in word)
    rules = dict(word.split("=") for word in words if "=" in word)
    for each in others[name]:
        rule, of_rule = _split_rule(rules.pop(each.path)) if each.path in rules else (each.rule, each.words)
        yield Field(prefix + each.path, each.type, each.since, rule, each.summary, of_rule)
    if rules:
        raise KeyError(*rules)


def _split_rule(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a rule, and the words that may stand behind a colon."""
    rule, _, words = text.partition(":")
    return rule, tuple(filter(None, words.split(",")))


def grow_tree(fields: tuple[Field, ...]) -> Node:
    """Make the tree of a body."""
    root = Node(Type.OBJECT)
    for each in fields:
        if not each.path.startswith(("?", "@", "#")):
            _plant(root, each)
    _finish(root)
    return root


def _plant(node: Node, each: Field) -> None:
    """Put a field into the tree. What its line says is about the whole list or map, not about one of its values."""
    for part in _PART.findall(each.path):
        if part in {"[]", "*"}:
            node.type = Type.LIST if part == "[]" else Type.MAP
            node.item = node.item or Node(Type.OBJECT)
            node = node.item
        else:
            node = spoken = node.keys.setdefault(fold(part), (part, Node(Type.OBJECT)))[1]
    node.type = each.type if not node.keys else node.type
    spoken.rule, spoken.is_free, spoken.summary = each.rule, each.rule in FREE, each.summary


def _finish(node: Node) -> None:
    """Note everywhere what makes reading quick, and what is looked at though it is not there."""
    node.read_as = _READ_AS.get(node.type)
    node.is_scalar = node.type in _SCALARS
    inner = node.item.type if node.item is not None else Type.STRING if node.type is Type.WORDS else node.type
    node.plain = _SCALARS.get(inner, frozenset())
    node.most = _bound(node)
    node.spelled = {name: below for name, below in node.keys.values() if below.rule != "aside"}
    for each in (*node.spelled.values(), *filter(None, (node.item,))):
        _finish(each)
    node.always = tuple(pair for pair in node.keys.values() if pair[1].rule.endswith(ALWAYS) or pair[1].always)


def _bound(node: Node) -> int:
    """Return how many items a list or map may have; 0 for any number."""
    rule = node.rule.removesuffix(ALWAYS)
    is_outer = node.item is not None or node.type is Type.WORDS
    if not is_outer or (node.plain and rule in _OF_TEXTS):
        return 0
    names_ports = rule in _OF_PORTS or (node.is_free and node.item is not None and node.item.type is Type.EMPTY)
    return MOST_PORTS if names_ports else MOST_ITEMS


def list_beside(fields: tuple[Field, ...], place: str) -> Mapping[str, Field]:
    """Return the fields of the query or of the object, by their names; those that are lists end in `[]`."""
    return {each.path[1:]: each for each in fields if each.path.startswith(place)}
