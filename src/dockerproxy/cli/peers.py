"""Say who a client is: by its user, and by the program that the kernel says it runs.

Attacks: docs/attacks.md, cli/peers.
"""

import os
import pwd
from typing import Final

from dockerproxy.config.files import open_file
from dockerproxy.problems import UserError

UNKNOWN: Final = "a program"
"""One of which nothing is known."""

_LONGEST: Final = 64
"""Bytes of a name that is shown; the kernel keeps 15."""


def describe_peer(uid: int, pid: int) -> str:
    """Say who a client is, as far as it is known: it may have ended, or be in another PID namespace."""
    try:
        user = f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        user = f"uid {uid}"
    return f"{find_program(pid)} of {user}, pid {pid}" if pid > 0 else f"a program of {user} in another PID namespace"


def find_program(pid: int) -> str:
    """Return the file that a process runs, or the name that it has given itself; "a program" if neither is known."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        pass
    try:
        with open_file(f"/proc/{pid}/comm") as file:
            return f'"{file.read(_LONGEST).decode(errors="replace").strip()}"'
    except (UserError, OSError):  # It has ended, perhaps just now.
        return UNKNOWN
