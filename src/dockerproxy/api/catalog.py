"""The catalog: every operation that exists, and which one a path means.

What is not in the tables is unknown, and unknown is refused whatever a policy says. A path is matched by whole
segments: a literal one first, then templates; `{id}` is one segment, `{name+}` one or more.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from dockerproxy.api.rows import list_rows, read_table, split_row

ENCODED_SLASH: Final = "\x00"
"""Stands for `%2F` in a path that is being matched; no decoded path contains it."""


class Access(StrEnum):
    """What an operation does. Not its HTTP method: a GET can reach a container's stdin."""

    READ = "read"
    WRITE = "write"


class Shape(StrEnum):
    """What an operation's answer is like."""

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
        access: Whether it changes something.
        shape: What the answer is like.
        body: What the request body is: `-`, `json`, `tar`, `raw` or `any`.
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
"""Our own: always allowed, asks the engine for its ping whatever `PING` says, and shows nothing of it."""

UNKNOWN: Final = Operation("", "", "", "", Access.WRITE, Shape.REPLY, body="raw", says="not a known operation")
"""What a path means that is in no table. No policy can allow it."""

OPERATIONS: Final[Mapping[str, Operation]] = {
    operation.name: operation
    for table in ("docker", "libpod")
    for operation in map(_read_row, list_rows(read_table(table)))
}
"""By name, in the order of the tables."""

_BUILD: Final = OPERATIONS["ImageBuild"]

BUILD_TUNNELS: Final[Mapping[str, Operation]] = {
    name: OPERATIONS[name]._replace(name=_BUILD.name, section=_BUILD.section, says=_BUILD.says)
    for name in ("Grpc", "Session")
}
"""What the tunnels of BuildKit are where each call in them is judged: builds, by another door."""

SECTIONS: Final[tuple[str, ...]] = tuple(dict.fromkeys(operation.section for operation in OPERATIONS.values()))


@cache
def _compile(path: str) -> re.Pattern[str]:
    """Turn a template into a pattern over a path whose encoded slashes are written as `ENCODED_SLASH`."""
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
    """Return the operation that an engine would run by a decoded path; UNKNOWN if there is none, or more than one."""
    literal = _LITERAL.get((method, path))
    if literal is not None:
        return literal
    found = [each for each in _TEMPLATES.get((method, _find_section(path)), ()) if _compile(each.path).fullmatch(path)]
    for operation in found:
        # The narrowest of several, one that every other one covers. Where none is, only the engine could say.
        if all(_compile(other.path).fullmatch(operation.path) for other in found):
            return operation
    return UNKNOWN


def takes_slashes(operation: Operation) -> bool:
    """Whether slashes may stand in the operation's name parameter, encoded or not."""
    return "+}" in operation.path
