"""Parse and validate values of variables and policy files."""

import os
import re
from typing import Final, NamedTuple

from dockerproxy.config.limits import Limit, Measure
from dockerproxy.policy.amounts import read_size
from dockerproxy.settings import MAX_SOCKET_PATH

MAX_ID: Final = 2**32 - 2
"""The largest user or group ID; the next one means none (chown(2))."""

_MOST: Final = 1_000_000
"""Of what a limit counts."""

DEFAULT_PERMISSIONS: Final = 0o660
"""Of a socket."""


class Fault(NamedTuple):
    """Why a value is invalid, as a clause, and what to write instead, or nothing."""

    what: str
    hint: str = ""


def read_path(path: str) -> str | Fault:
    """Read the path of a socket."""
    if not path.startswith("/"):
        return Fault(f"{path!r} is not an absolute path", "write the path of a unix socket, without unix://")
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        return Fault(f"the socket path is longer than {MAX_SOCKET_PATH} bytes", "choose a shorter path")
    return Fault(f"{path!r} is not a valid socket path") if "\0" in path or path.endswith("/") else path


def read_directory(path: str) -> str | Fault:
    """Read the path of a directory."""
    if not path.startswith("/") or "\0" in path:
        return Fault(f"{path!r} is not an absolute path", "write the path of a directory, which begins with /")
    return path


def read_metrics_file(path: str) -> str | Fault:
    """Read the path of a file that node_exporter reads."""
    if not path.startswith("/") or "\0" in path:
        return Fault(f"{path!r} is not an absolute path", "write the path of a file, which begins with /")
    if not path.endswith(".prom"):
        return Fault(f"{path!r} does not end in .prom", "node_exporter reads no other files")
    return path


def read_mode(text: str) -> int | Fault:
    """Read permission bits."""
    if re.fullmatch(r"0?[0-7]{3}", text) is None:
        return Fault(f"{text!r} is not a file mode", "write it in octal, like 0660")
    return int(text, 8)


def read_limit(limit: Limit, text: str) -> float | Fault:
    """Read the value of a limit."""
    match limit.measure:
        case Measure.NUMBER:
            return read_whole(text, 1, _MOST)
        case Measure.BYTES:
            return read_size(text) or Fault(f"{text!r} is not a valid size", "write it like 1048576 or 1MiB")
        case Measure.SECONDS:
            return read_seconds(text)


def read_seconds(text: str) -> float | Fault:
    """Read a duration."""
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text) is None or not float(text):
        return Fault(f"{text!r} is not a positive number of seconds")
    return float(text)


def read_id(text: str) -> int | Fault:
    """Read the number of a user or a group."""
    return read_whole(text, 0, MAX_ID)


def read_whole(text: str, least: int, most: int) -> int | Fault:
    """Read a whole number within bounds."""
    if re.fullmatch(r"[0-9]{1,10}", text) is None or not least <= int(text) <= most:
        return Fault(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)
