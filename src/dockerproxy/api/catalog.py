"""The catalog: every known operation, and the one that a path means.

Operations that are not in the tables are unknown, and refused under any policy. A path is matched by whole segments: a
literal one first, then templates; `{id}` is one segment, `{name+}` one or more.
segments: a literal one first, then templates; `{id}` is one segment, `{name+}` one or more.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from dockerproxy.api.rows import list_rows, read_table, split_row

ENCODED_SLASH: Final = "\x00"
"""Replaces `%2F` in a path while it is matched. No decoded path contains it."""


class Access(StrEnum):
    """What an operation can do. The HTTP method does not tell: a GET can write to a container's stdin."""

    READ = "read"
    WRITE = "write"


class Shape(StrEnum):
    """How an operation answers."""

    REPLY = "reply"
    WAIT = "wait"
    STREAM = "stream"
    TUNNEL = "tunnel"


class Operation(NamedTuple):
    """One method on one path template.

    Attributes:
        name: Docker's own operationId; Podman's end in `Libpod`.
        method: HTTP method.
        path: Template, without the version prefix.
        section: First segment of the path, or the first two below `libpod`.
        access: Whether it can change something.
        shape: How it answers.
        body: The kind of request body: `-`, `json`, `tar`, `raw` or `any`.
        says: What it reveals or changes, in a clause.
    """

    name: str
    method: str
    path: str
    section: str
    access: Access
    shape: Shape
    body: str
    says: str


def _find_section(path: str) -> str:
    return "/".join(path.split("/", 3)[1 : 3 if path.startswith("/libpod/") else 2])


def _read_row(row: str) -> Operation:
    method, path, name, access, shape, body, says = split_row(row, 7)
    return Operation(name, method, path, _find_section(path), Access(access), Shape(shape), body, says)


HEALTH: Final = _read_row(
    "GET /_dockerproxy/health ProxyHealth read reply - | whether the proxy is up and the engine responds to a ping"
)
"""The proxy's own: always allowed. Pings the engine even if `PING` is off, and shows none of its answer."""

UNKNOWN: Final = Operation("", "", "", "", Access.WRITE, Shape.REPLY, body="raw", says="not a known operation")
"""A path that is in no table. No policy can allow it."""

OPERATIONS: Final[Mapping[str, Operation]] = {
    operation.name: operation
    for table in ("docker", "libpod")
    for operation in map(_read_row, list_rows(read_table(table)))
}
"""Operations by name, in the order of the tables."""

_BUILD: Final = OPERATIONS["ImageBuild"]

BUILD_TUNNELS: Final[Mapping[str, Operation]] = {
    name: OPERATIONS[name]._replace(name=_BUILD.name, section=_BUILD.section, says=_BUILD.says)
    for name in ("Grpc", "Session")
}
"""BuildKit's tunnels, where each call in them is judged. They count as builds."""

SECTIONS: Final[tuple[str, ...]] = tuple(dict.fromkeys(operation.section for operation in OPERATIONS.values()))


@cache
def _compile(path: str) -> re.Pattern[str]:
    """Compile a template to a pattern for paths with encoded slashes as `ENCODED_SLASH`."""
    single, many = f"[^/{ENCODED_SLASH}]+", r".+"
    parts = re.split(r"(\{[a-z]+\+?\})", path)
    return re.compile(
        "".join(many if part[-2:] == "+}" else single if part[:1] == "{" else re.escape(part) for part in parts)
    )


_LITERAL: Final[dict[tuple[str, str], Operation]] = {}
_TEMPLATES: Final[dict[tuple[str, str], list[Operation]]] = {}
for _operation in (*OPERATIONS.values(), HEALTH):
    if "{" in _operation.path:
        _TEMPLATES.setdefault((_operation.method, _operation.section), []).append(_operation)
    else:
        _LITERAL[_operation.method, _operation.path] = _operation


def find_operation(method: str, path: str) -> Operation:
    """Return the operation that an engine would run for a decoded path; UNKNOWN if there is none, or more than one."""
    literal = _LITERAL.get((method, path))
    if literal is not None:
        return literal
    found = [each for each in _TEMPLATES.get((method, _find_section(path)), ()) if _compile(each.path).fullmatch(path)]
    for operation in found:
        # The narrowest match, which every other template covers. Without one, only the engine could tell.
        if all(_compile(other.path).fullmatch(operation.path) for other in found):
            return operation
    return UNKNOWN


def takes_slashes(operation: Operation) -> bool:
    """Whether the operation's name parameter may contain slashes, encoded or not."""
    return "+}" in operation.path
