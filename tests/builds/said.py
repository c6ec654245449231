"""Calls of a build, as clients make them."""

from typing import Final

from builds.messages import entry, text

from dockerproxy.builds.protobuf import Message, Value, read_message, write_message
from dockerproxy.builds.solving import METHODS, Call, DeniedError, read_call

CONTROL: Final = "/moby.buildkit.v1.Control/"
BRIDGE: Final = "/moby.buildkit.v1.frontend.LLBBridge/"
SOLVE: Final = CONTROL + "Solve"
STEP: Final = BRIDGE + "Solve"
FRONTEND: Final = "dockerfile.v0"
OWNER: Final = "one"


def attrs(values: dict[str, str], *, path: str = SOLVE) -> bytes:
    """Write a build with such attributes, by one of the two doors."""
    if path == SOLVE:
        fields = text(1, "r") + text(6, FRONTEND)
        return fields + b"".join(entry(7, name, value) for name, value in values.items())
    return text(2, FRONTEND) + b"".join(entry(3, name, value) for name, value in values.items())


def exporter(kind: str, values: dict[str, str]) -> bytes:
    """Write an exporter, or a cache."""
    return text(1, kind) + b"".join(entry(2, name, value) for name, value in values.items())


def export(kind: str, values: dict[str, str]) -> bytes:
    """Write a build with one exporter."""
    return text(1, "r") + text(13, exporter(kind, values))


def old_export(kind: str, values: dict[str, str]) -> bytes:
    """Write a build with one exporter, as older clients do."""
    return text(3, kind) + b"".join(entry(4, name, value) for name, value in values.items())


def cache_to(kind: str, values: dict[str, str]) -> bytes:
    """Write a build that writes a cache."""
    return text(8, text(4, exporter(kind, values)))


def cache_from(kind: str, values: dict[str, str], *, path: str = SOLVE) -> bytes:
    """Write a build that reads a cache, by one of the two doors."""
    cache = exporter(kind, values)
    return text(8, text(5, cache)) if path == SOLVE else text(12, cache)


def hear(content: bytes, path: str = SOLVE, owner: str = OWNER) -> Call:
    """Read a call."""
    return read_call(path, content, owner)


def denial(content: bytes, path: str = SOLVE) -> str:
    """Return why a call is denied, or nothing."""
    try:
        hear(content, path)
    except DeniedError as error:
        return str(error)
    return ""


def goes_on(content: bytes, path: str = SOLVE, owner: str = OWNER) -> Message:
    """Return the message that the engine gets."""
    return read_message(hear(content, path, owner).content, METHODS[path])


def attributes_of(message: Message) -> dict[str, Value]:
    """Return the attributes of a build."""
    found = message["attrs"]
    assert isinstance(found, dict)
    return found


def message(name: str, **fields: Value) -> bytes:
    """Write a message."""
    return write_message(fields, name)
