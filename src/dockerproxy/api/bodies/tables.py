"""The table of each operation whose request says more than its path: one obvious place to look it up.

Attacks: docs/attacks.md, api/bodies/tables.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Final

from dockerproxy.api.bodies.fields import Field, Node, Type, grow_tree, list_beside, read_fields
from dockerproxy.api.rows import list_rows, read_table, split_row
from dockerproxy.text import fold

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


def _split_files() -> Iterator[tuple[str, str, str]]:
    """Yield each table: its name, what the body is if it is an operation's and not part of others only, its rows."""
    for file in _FILES:
        for table in read_table(f"bodies/{file}").split("\n== ")[1:]:
            title, _, rows = table.partition("\n")
            name, _, content = title.partition(": ")
            yield name, content, rows


_TABLES: Final = {name: (content, rows) for name, content, rows in _split_files()}


class _Fields(dict[str, tuple[Field, ...]]):
    """The fields of each table, by its name."""

    def __missing__(self, name: str) -> tuple[Field, ...]:
        self[name] = read_fields(_TABLES[name][1], self)
        return self[name]


_FIELDS: Final = _Fields()


def _make_body(name: str, content: str) -> Body:
    content, _, repeated = content.partition("; ")
    return Body(name, content, lambda: with_repeats(_FIELDS[name]) if repeated else _FIELDS[name])


BODIES: Final[Mapping[str, Body]] = {
    name: _make_body(name, content) for name, (content, _) in _TABLES.items() if content
}
"""By operation. What is granted of these without `unrestricted` is contained: within what their tables let pass."""

SEALED: Final[Mapping[str, str]] = {
    name: reason for row in list_rows(read_table("bodies/sealed")) for name, reason in [split_row(row, 2)]
}
"""Operations that no condition limits, with the reason: they are granted unrestricted or not at all."""

CONTAINED: Final = frozenset({*BODIES, *SEALED})
"""Operations of which a grant without `unrestricted` allows a part, or nothing."""
