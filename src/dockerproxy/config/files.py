"""Open the operator's files without blocking, and read them up to a limit.

Attacks: docs/attacks.md, config/files.
"""

import os
import stat
from typing import BinaryIO, Final

from dockerproxy.problems import Problem, UserError

STDIN: Final = "-"
"""The name of standard input, which may be an endless pipe."""

_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

_INHERITED: Final = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
"""Paths of pipes from a shell. Their writer ends them, and no other process can create them."""

_UNREADABLE: Final[dict[type[OSError], tuple[str, str]]] = {
    FileNotFoundError: ("file not found", "check the path; in a container, mount the file"),
    PermissionError: (
        "permission denied",
        "let the proxy's user read it; if it was replaced in a home directory, move it to a subdirectory and restart",
    ),
    IsADirectoryError: (
        "is a directory",
        "create the file on the host before Docker mounts it; else Docker creates a directory",
    ),
}


def open_file(path: str) -> BinaryIO:
    """Open a regular file. A `UserError` says why it cannot be read."""
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        raise _explain(path, error) from None
    except ValueError:
        raise UserError(Problem(repr(path), "is not a valid path")) from None
    mode = os.fstat(descriptor).st_mode
    is_inherited = stat.S_ISFIFO(mode) and path.startswith(_INHERITED)
    if stat.S_ISREG(mode) or is_inherited:
        os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise _explain(path, IsADirectoryError())
    raise UserError(Problem(path, "is not a regular file", "copy its contents to a file"))


def open_input(path: str) -> BinaryIO:
    """Open a regular file, or standard input, which may be a pipe. A `UserError` says why it cannot be read."""
    return os.fdopen(0, "rb", closefd=False) if path == STDIN else open_file(path)


def read_bytes(file: BinaryIO, path: str, most: int) -> bytes:
    """Read a file of at most so many bytes, and close it. A `UserError` says why it cannot be read."""
    try:
        with file:
            content = file.read(most + 1)
    except OSError as error:
        raise _explain(path, error) from None
    if len(content) > most:
        raise UserError(Problem(path, f"the file is larger than {most >> 20} MiB", "check the path"))
    return content


def _explain(path: str, error: OSError) -> UserError:
    what, hint = _UNREADABLE.get(type(error), (f"cannot be read: {error.strerror}", ""))
    return UserError(Problem(path, what, hint))
