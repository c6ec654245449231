"""Parse values of variables and policy files, and the limits of a socket.

Attacks: docs/attacks.md, config/values.
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from dockerproxy.policy.words.spellings import read_size, write_size
from dockerproxy.settings import MAX_SOCKET_PATH, Limits

MAX_ID: Final = 2**32 - 2
"""The largest user or group ID; the next one means "none" (chown(2))."""

_MOST: Final = 1_000_000
"""Largest count in a limit."""

DEFAULT_PERMISSIONS: Final = 0o660
"""Default permissions of a socket."""

_OWNERS: Final = 0o600
_MOST_OF_MODE: Final = 0o777


class Fault(NamedTuple):
    """Why a value is invalid, as a clause, and optionally what to write instead."""

    what: str
    hint: str = ""


def read_path(path: str) -> str | Fault:
    """Read the path of a socket."""
    if not path.startswith("/"):
        return Fault(f"{path!r} is not an absolute path", "write the path of a unix socket, without unix://")
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        return Fault(f"the socket path is longer than {MAX_SOCKET_PATH} bytes", "choose a shorter path")
    return Fault(f"{path!r} is not a valid socket path") if "\0" in path or path.endswith("/") else path


def read_directory(path: str, what: str = "a directory") -> str | Fault:
    """Read an absolute path, of a directory by default."""
    if not path.startswith("/") or "\0" in path:
        return Fault(f"{path!r} is not an absolute path", f"write the path of {what}, which begins with /")
    return path


def read_metrics_file(path: str) -> str | Fault:
    """Read the path of a metrics file for node_exporter."""
    read = read_directory(path, "a file")
    if isinstance(read, Fault) or path.endswith(".prom"):
        return read
    return Fault(f"{path!r} does not end in .prom", "node_exporter reads no other files")


def read_mode(text: str) -> int | Fault:
    """Read a socket's permissions. The owner needs read and write."""
    is_octal = re.fullmatch(r"0?[0-7]{3}", text) is not None
    if is_octal and int(text, 8) & _OWNERS == _OWNERS:
        return int(text, 8)
    meant = int(text) if re.fullmatch(r"[0-9]{3}", text) else 0
    hint = 'write it in octal and in quotes, like "0660"'
    if meant & _OWNERS == _OWNERS and meant <= _MOST_OF_MODE:
        hint = f'quote it, "0{meant:o}": YAML turns 0{meant:o} without quotes into {text}'
    what = "does not let the owner of the socket read and write" if is_octal else "is not a file mode"
    return Fault(f"{text!r} {what}", hint)


def read_seconds(text: str) -> float | Fault:
    """Read a duration."""
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text) is None or not float(text):
        return Fault(f"{text!r} is not a positive number of seconds")
    return float(text)


def read_id(text: str) -> int | Fault:
    """Read a user or group ID."""
    return read_whole(text, 0, MAX_ID)


def read_whole(text: str, least: int, most: int) -> int | Fault:
    """Read an integer within bounds."""
    if re.fullmatch(r"[0-9]{1,10}", text) is None or not least <= int(text) <= most:
        return Fault(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


# Limits


class Measure(StrEnum):
    """The unit of a limit."""

    NUMBER = "number"
    BYTES = "bytes"
    SECONDS = "seconds"


class Limit(NamedTuple):
    """A limit: its name in `Limits` and in policy files, and the variable with its default for sockets of a file."""

    name: str
    variable: str
    measure: Measure
    says: str

    def read(self, text: str) -> float | Fault:
        """Read its value."""
        match self.measure:
            case Measure.NUMBER:
                return read_whole(text, 1, _MOST)
            case Measure.BYTES:
                return read_size(text) or Fault(f"{text!r} is not a valid size", "write it like 1048576 or 1MiB")
            case Measure.SECONDS:
                return read_seconds(text)

    def write(self, limits: Limits) -> str:
        """Write its value as in a policy file; seconds with their unit."""
        value = getattr(limits, self.name)
        match self.measure:
            case Measure.SECONDS:
                return f"{value:g}s"
            case Measure.BYTES:
                return write_size(value)
            case Measure.NUMBER:
                return str(value)


# fmt: off
LIMITS: Final = (
    Limit("connections",    "MAX_CONNECTIONS", Measure.NUMBER,  "connected clients"),
    Limit("requests",       "MAX_REQUESTS",    Measure.NUMBER,  "running requests, without streams and tunnels"),
    Limit("rate",           "MAX_RATE",        Measure.NUMBER,  "requests in a second; each 4 KiB of head is one more"),
    Limit("streams",        "MAX_STREAMS",     Measure.NUMBER,  "open streams: events, logs, progress"),
    Limit("tunnels",        "MAX_TUNNELS",     Measure.NUMBER,  "open tunnels: attach, exec, BuildKit"),
    Limit("head",           "MAX_HEAD",        Measure.BYTES,   "size of a request head"),
    Limit("body",           "MAX_BODY",        Measure.BYTES,   "size of a body that is checked"),
    Limit("buffered",       "MAX_BUFFERED",    Measure.BYTES,   "everything that is held for the socket's clients"),
    Limit("header_timeout", "HEADER_TIMEOUT",  Measure.SECONDS, "for a complete request head"),
    Limit("body_timeout",   "BODY_TIMEOUT",    Measure.SECONDS, "for a complete JSON body"),
    Limit("engine_timeout", "ENGINE_TIMEOUT",  Measure.SECONDS, "for the engine's answer, unless it streams or waits"),
)
# fmt: on
"""All limits. The error at a limit names its variable."""


def with_limits(limits: Limits, said: Mapping[str, float]) -> Limits:
    """Return limits with some values replaced by name. Counts and bytes become integers."""
    return limits._replace(**said)  # type: ignore[arg-type] # mypy cannot see which of them are whole
