"""Describe a client by its user, and by the program that it runs according to the kernel.

Attacks: docs/attacks.md, cli/peers.
"""

import os
import pwd
from typing import Final

from dockerproxy.config.files import open_file
from dockerproxy.problems import UserError

UNKNOWN: Final = "a program"
"""A client whose program is unknown."""

_LONGEST: Final = 64
"""Characters of a name that are shown; the kernel keeps 15 bytes."""


def describe_peer(uid: int, pid: int) -> str:
    """Describe a client as far as possible: it may have ended, or run in another PID namespace."""
    try:
        user = f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        user = f"uid {uid}"
    return f"{find_program(pid)} of {user}, pid {pid}" if pid > 0 else f"a program of {user} in another PID namespace"


def find_program(pid: int) -> str:
    """Return the executable of a process, or else the name that it set for itself, or else "a program"."""
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        pass
    try:
        with open_file(f"/proc/{pid}/comm") as file:
            return f'"{file.read(_LONGEST).decode(errors="replace").strip()}"'
    except (UserError, OSError):  # The process has ended.
        return UNKNOWN
