"""The table of each operation whose request says more than its path: one obvious place to look it up.

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


_FIRST: Final = re.compile(r"[^.\[]+")
"""The name at the top of the body in which a field lies."""


class Content(StrEnum):
    """What the body of a request is."""

    NONE = "none"
    JSON = "json"
    MAYBE_JSON = "json, or nothing"


class Body:
    """The table of an operation's requests. It is read when a field is first needed: most tables never are.

    Attributes:
        operation: Its name.
        content: What its body is.
    """

    def __init__(self, operation: str, content: str, read: Callable[[], tuple[Field, ...]]) -> None:
        self.operation, self.content, self._read = operation, Content(content), read

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Every field of the body and every parameter of the query that the engine knows."""
        return self._read()

    @cached_property
    def parameters(self) -> Mapping[str, Field]:
        """Those of the query, by name."""
        return list_beside(self.fields, "?")

    @cached_property
    def of_object(self) -> Mapping[str, Field]:
        """Fields of the object that the request names, by their path in what the engine says of it."""
        return list_beside(self.fields, "@")

    @cached_property
    def of_head(self) -> Mapping[str, Field]:
        """Fields of the head, by their names."""
        return list_beside(self.fields, "#")

    @cached_property
    def root(self) -> Node:
        """The tree of the body's fields."""
        return grow_tree(self.fields)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of conditions on what a request says, in the order of the fields."""
        return tuple(dict.fromkeys(word for each in self.fields for word in each.words))

    @property
    def asks(self) -> bool:
        """Whether the engine must be asked for the object before the request can be decided."""
        return bool(self.of_object)

    @property
    def optional(self) -> bool:
        """Whether there may be none."""
        return self.content is not Content.JSON

    @property
    def is_read(self) -> bool:
        """Whether the body must be there before the request can be decided."""
        return self.content in {Content.JSON, Content.MAYBE_JSON}

    def without_object(self) -> "Body":
        """Return the table without fields of the object, for requests about which no engine is asked."""
        fields = tuple(each for each in self.fields if not each.path.startswith("@"))
        return Body(self.operation, self.content, lambda: fields)


def with_repeats(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the fields of an operation together with those that dockerode repeats in the other place.

    It puts all options of a request into its query and into its body: `POST /containers/create` has
    `?name=web&Image=busybox&Cmd=sh&Cmd=-c` and a body with `name`, `Image` and `Cmd`. No engine looks for a field of
    the body in the query, or the other way round: not Docker's routers from 1.13 to 29, and not Podman's compatible
    handlers from 3.0 to 6.0, which decode the query into a struct of the names that they know and skip all others.
    What is repeated is left out of what goes on.
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
    return Field(
        path=path, type=Type.STRING, since="1.0", rule="aside", summary=f"is what dockerode repeats of the {place}"
    )


_FILES: Final = (
    *("reads", "archives", "containers", "credentials", "images", "networks", "services", "starting", "volumes"),
)


_TABLES: Final = {
    name: (content, rows)
    for file in _FILES
    for title, rows in read_tables(f"bodies/{file}").items()
    for name, _, content in [title.partition(": ")]
}
"""By the name of each: what the body is if the table is an operation's and not only part of others, and its rows."""


class _Fields(dict[str, tuple[Field, ...]]):
    """The fields of each table, by its name."""

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
"""By operation. What is granted of these without `unrestricted` is contained: within what their tables let pass."""

SEALED: Final[Mapping[str, str]] = dict(read_rows("bodies/sealed", 2))
"""Operations that no condition limits, with the reason: they are granted unrestricted or not at all."""

CONTAINED: Final = frozenset({*BODIES, *SEALED})
"""Operations of which a grant without `unrestricted` allows a part, or nothing."""
