"""The table of each operation whose request says more than its path: one obvious place to look it up.

Attacks: docs/attacks.md, api/bodies/tables.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, eq=False, kw_only=True)
class Body:
    """What a request of an operation is made of.

    Attributes:
        operation: Its name.
        content: What its body is.
        fields: Every field of the body and every parameter of the query that the engine knows.
        parameters: Those of the query, by name.
        of_object: Fields of the object that the request names, by their path in what the engine says of it.
        of_head: Fields of the head, by their names.
    """

    operation: str
    content: Content
    fields: tuple[Field, ...]
    parameters: Mapping[str, Field]
    of_object: Mapping[str, Field]
    of_head: Mapping[str, Field]

    @cached_property
    def root(self) -> Node:
        """The tree of the body's fields, which grows when one is first read: most never are."""
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


def make_body(operation: str, content: str, fields: tuple[Field, ...]) -> Body:
    """Make the table of an operation out of its lines."""
    return Body(
        operation=operation,
        content=Content(content),
        fields=fields,
        parameters=list_beside(fields, "?"),
        of_object=list_beside(fields, "@"),
        of_head=list_beside(fields, "#"),
    )


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


def _read_tables() -> Iterator[tuple[str, str, tuple[Field, ...]]]:
    """Yield each table: its name, what the body is if it is an operation's and not part of others only, its fields."""
    found: dict[str, tuple[Field, ...]] = {}
    for file in _FILES:
        for table in read_table(f"bodies/{file}").split("\n== ")[1:]:
            title, _, rows = table.partition("\n")
            name, _, content = title.partition(": ")
            content, _, repeated = content.partition("; ")
            found[name] = read_fields(rows, found)
            yield name, content, with_repeats(found[name]) if repeated else found[name]


BODIES: Final[Mapping[str, Body]] = {
    name: make_body(name, content, fields) for name, content, fields in _read_tables() if content
}
"""By operation. What is granted of these without `unrestricted` is contained: within what their tables let pass."""

SEALED: Final[Mapping[str, str]] = {
    name: reason for row in list_rows(read_table("bodies/sealed")) for name, reason in [split_row(row, 2)]
}
"""Operations that no condition limits, with the reason: they are granted unrestricted or not at all."""

CONTAINED: Final = frozenset({*BODIES, *SEALED})
"""Operations of which a grant without `unrestricted` allows a part, or nothing."""
