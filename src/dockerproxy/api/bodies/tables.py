"""The tables of request fields, for each operation whose request contains more than a path.

A table has a row for each field that the engine knows:

    path  type  since  rule  | what it can do

- path: `Name[]` is a list, `Name.*` an object with arbitrary keys; other names are keys of Docker's types. `?` in front
  is a query parameter, where engines also read some fields of a body; `@` a field of the named object, as the engine
  shows it; `#` a header field.
- type: `string`, `boolean`, `integer`, `number`, `object`, or `empty` for an object without fields. `words` is a list
  of strings; engines up to 28 also accept a single string.
- since: the version of the API, or of Podman, in which the field appeared.
- rule: the values that a grant allows without `unrestricted`. `any`: every value. `unset`: only the default, which is
  false, 0, empty or null. `absent`: only null. `=a,b`: one of these words, or empty. `~a,b`: the same, but it is not
  forwarded, so that the engine uses its default. `part`: the line of the surrounding list or object decides. `aside`:
  every value, but no engine reads it, so it is removed. All others name a function in `policy/words`. `!` after it: it
  also checks missing values. After a colon: the policy words that it enforces.
- The phrase after the bar is for operators. It follows "which" or "it".
- `include NAME [PREFIX] [path=rule ...]` inserts the fields of a table above, with a prefix to their paths, and some
  with another rule.

In a file, `== NAME: content` stands above an operation's table, followed by `; repeated` if dockerode repeats the
fields in the other place. `== NAME` stands above a table that others include.

Go matches keys case-insensitively, and takes U+017F for s and U+212A for k. So a tree has folded keys, each with the
spelling for the engine.

Attacks: docs/attacks.md, api/bodies/tables.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from dockerproxy.api.rows import list_rows, read_rows, read_tables, split_row
from dockerproxy.text import fold

Class: TypeAlias = type
"""The builtin `type`, which `Node` shadows."""

_PART: Final = re.compile(r"\[\]|[^.\[\]]+")
FREE: Final = frozenset({"any", "part", "aside"})
"""Rules that allow every value."""

MOST_ITEMS: Final = 256
"""Most items in a list or map whose items are judged one by one: mounts, networks, devices, names."""

MOST_PORTS: Final = 1024
"""Most items in a list or map of ports. FTP or telephony servers open ranges of some hundred."""

_OF_PORTS: Final = frozenset({"check_exposed", "check_publish", "check_service_ports"})
_OF_TEXTS: Final = FREE | {
    *("check_commands", "check_environment", "check_environment_of_command", "check_labels", "check_program"),
    *("check_surroundings", "check_volume_labels"),
}
"""Rules of lists and maps of strings that are judged as a whole. Their number is bounded for the whole body."""

ALWAYS: Final = "!"
"""After the name of a check that also checks missing values."""


class Type(StrEnum):
    """Type of a value."""

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
        path: From the top of the body, the query (`?`), the named object (`@`) or the head (`#`).
        type: Of the values at the end of the path.
        since: Version of the API in which it appeared.
        rule: The values that a grant allows without `unrestricted`.
        summary: What the field can do, in a phrase.
        words: Policy words that the rule's check enforces.
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
        read_as: Type to convert to if no values of other types are valid here.
        is_scalar: The value has no parts to check.
        plain: Valid classes of a scalar, or of an object's or list's scalar parts.
        rule: The values that a grant allows without `unrestricted`.
        is_free: Every value is allowed.
        summary: What the field can do.
        keys: Of an object: canonical spelling and node by folded key.
        spelled: Of an object: nodes by canonical key, for those that an engine reads.
        item: Of a list or map: the node of its values.
        most: Of a list or map: the number of items it may have, including those of nested lists; 0 is unlimited.
        always: Of an object: nodes to check even if they are missing.
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
    """Read the fields of a table, including those of other tables that it includes."""
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
    """Split a rule from the words after its colon."""
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
    """Add a field to the tree. Its row applies to a whole list or map, not to one of its values."""
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
    """Precompute for each node what speeds up reading, and which missing values are checked."""
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
    """Return the number of items that a list or map may have; 0 is unlimited."""
    rule = node.rule.removesuffix(ALWAYS)
    is_outer = node.item is not None or node.type is Type.WORDS
    if not is_outer or (node.plain and rule in _OF_TEXTS):
        return 0
    names_ports = rule in _OF_PORTS or (node.is_free and node.item is not None and node.item.type is Type.EMPTY)
    return MOST_PORTS if names_ports else MOST_ITEMS


def list_beside(fields: tuple[Field, ...], place: str) -> Mapping[str, Field]:
    """Return the fields of the query, the object or the head by name. Those of lists end in `[]`."""
    return {each.path[1:]: each for each in fields if each.path.startswith(place)}


_FIRST: Final = re.compile(r"[^.\[]+")
"""The top-level name of a field's path."""


class Content(StrEnum):
    """What a request's body is."""

    NONE = "none"
    JSON = "json"
    MAYBE_JSON = "json, or nothing"
    ARCHIVE = "archive"


class Body:
    """The table of an operation's requests, read at first use: most tables never are.

    Attributes:
        operation: Its name.
        content: The kind of its body.
    """

    def __init__(self, operation: str, content: str, read: Callable[[], tuple[Field, ...]]) -> None:
        self.operation, self.content, self._read = operation, Content(content), read

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """All known fields of the body, query, object and head."""
        return self._read()

    @cached_property
    def parameters(self) -> Mapping[str, Field]:
        """Query parameters by name."""
        return list_beside(self.fields, "?")

    @cached_property
    def of_object(self) -> Mapping[str, Field]:
        """Fields of the named object, by their path in the engine's inspection."""
        return list_beside(self.fields, "@")

    @cached_property
    def of_head(self) -> Mapping[str, Field]:
        """Header fields by name."""
        return list_beside(self.fields, "#")

    @cached_property
    def root(self) -> Node:
        """The tree of body fields."""
        return grow_tree(self.fields)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Words of conditions on requests, in the order of the fields."""
        return tuple(dict.fromkeys(word for each in self.fields for word in each.words))

    @property
    def asks(self) -> bool:
        """Whether a decision needs a lookup of the object."""
        return bool(self.of_object)

    @property
    def optional(self) -> bool:
        """Whether the body may be missing."""
        return self.content is not Content.JSON

    @property
    def is_read(self) -> bool:
        """Whether a decision needs the body."""
        return self.content in {Content.JSON, Content.MAYBE_JSON}

    @property
    def is_walked(self) -> bool:
        """Whether the body is an archive, of which the engine gets what was walked."""
        return self.content is Content.ARCHIVE

    def without_object(self) -> "Body":
        """Return the table without fields of the object, for requests that are judged without lookup."""
        fields = tuple(each for each in self.fields if not each.path.startswith("@"))
        return Body(self.operation, self.content, lambda: fields)


def with_repeats(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return an operation's fields with those that dockerode repeats in the other place.

    It puts all options of a request into the query and into the body: `POST /containers/create` has
    `?name=web&Image=busybox&Cmd=sh&Cmd=-c` and a body with `name`, `Image` and `Cmd`. No engine reads a body field from
    the query, or the other way round: not Docker's routers from 1.13 to 29, nor Podman's compatible handlers from 3.0
    to 6.0, which decode the query into a struct of known names. Repeated fields are not forwarded.
    """
    in_body, in_query = dict[str, str](), dict[str, str]()
    for each in fields:
        place = in_query if each.path.startswith("?") else in_body
        if not each.path.startswith(("@", "#")) and each.rule != "aside":
            name = _FIRST.findall(each.path.removeprefix("?"))[0]
            place.setdefault(fold(name), name)
    known = {fold(each.path) for each in fields}
    return (
        *fields,
        *(_repeat(f"?{name}", "body") for key, name in in_body.items() if key not in in_query),
        *(_repeat(name, "query") for key, name in in_query.items() if key not in in_body and key not in known),
    )


def _repeat(path: str, place: str) -> Field:
    return Field(path=path, type=Type.STRING, since="1.0", rule="aside", summary=f"is dockerode's copy of the {place}")


_FILES: Final = (
    *("reads", "archives", "containers", "credentials", "images", "networks", "services", "starting", "volumes"),
)


_TABLES: Final = {
    name: (content, rows)
    for file in _FILES
    for title, rows in read_tables(f"bodies/{file}").items()
    for name, _, content in [title.partition(": ")]
}
"""Content and rows of each table by name. The content is empty if the table is only included in others."""


class _Fields(dict[str, tuple[Field, ...]]):
    """The fields of each table by name."""

    def __missing__(self, name: str) -> tuple[Field, ...]:
        self[name] = read_fields("\n".join(_TABLES[name][1]), self)
        return self[name]


_FIELDS: Final = _Fields()


def _make_body(name: str, content: str) -> Body:
    content, _, repeated = content.partition("; ")
    return Body(name, content, lambda: with_repeats(_FIELDS[name]) if repeated else _FIELDS[name])


BODIES: Final[Mapping[str, Body]] = {
    name: _make_body(name, content) for name, (content, _) in _TABLES.items() if content
}
"""Bodies by operation. Grants of these without `unrestricted` are contained: limited to what the tables allow."""

SEALED: Final[Mapping[str, str]] = dict(read_rows("bodies/sealed", 2))
"""Operations that no condition limits, with the reason. Only `unrestricted` grants them."""

CONTAINED: Final = frozenset({*BODIES, *SEALED})
"""Operations of which a grant without `unrestricted` allows only a part, or nothing."""
