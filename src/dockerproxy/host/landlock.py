"""Landlock (landlock(7)): restrict files, connections and signals of this process to a list of rules.

`RIGHTS` lists what each version of Landlock can restrict. A rule applies to the file or directory that is at its path
now, and to files that are later put into the directory. Landlock restricts the calling thread and those that it starts.
"""

import errno
import os
import stat
import struct
from collections.abc import Iterable
from enum import IntFlag
from typing import Final, NamedTuple

from dockerproxy.host.libc import call, pack

_CREATE, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of the three system calls, the same for every processor that Python is built for on Linux."""

_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_RULESET: Final = struct.Struct("=QQQ")
_RULE: Final = struct.Struct("=Qi")


Files = IntFlag(
    "Files",
    "EXECUTE WRITE_FILE READ_FILE READ_DIR REMOVE_DIR REMOVE_FILE MAKE_CHAR MAKE_DIR MAKE_REG MAKE_SOCK MAKE_FIFO "
    "MAKE_BLOCK MAKE_SYM REFER TRUNCATE IOCTL_DEV RESOLVE_UNIX",
)
"""Rights to files and directories, from the lowest bit on (linux/landlock.h, LANDLOCK_ACCESS_FS_...)."""

_NO_FILES: Final = Files(0)
_OF_A_FILE: Final = (
    Files.EXECUTE | Files.WRITE_FILE | Files.READ_FILE | Files.TRUNCATE | Files.IOCTL_DEV | Files.RESOLVE_UNIX
)
"""Rights that apply to files other than directories."""

_TCP: Final = 0b0011
_UDP: Final = 0b1100
_ABSTRACT_SOCKETS: Final = 0b01
_SIGNALS: Final = 0b10


# fmt: off
RIGHTS: Final[tuple[tuple[int, str, str, Files, int, int], ...]] = (
    # since  kernel  restricts                          files                  network scope
    ( 1,     "5.13", "opening files",                   Files((1 << 13) - 1),  0,      0),
    ( 2,     "5.19", "moving files",                    Files.REFER,           0,      0),
    ( 3,     "6.2",  "emptying files",                  Files.TRUNCATE,        0,      0),
    ( 4,     "6.7",  "TCP",                             _NO_FILES,             _TCP,   0),
    ( 5,     "6.10", "control of devices",              Files.IOCTL_DEV,       0,      0),
    ( 6,     "6.12", "signals and abstract sockets",    _NO_FILES,             0,      _ABSTRACT_SOCKETS | _SIGNALS),
    ( 9,     "7.1",  "other unix sockets",              Files.RESOLVE_UNIX,    0,      0),
    (10,     "7.2",  "UDP",                             _NO_FILES,             _UDP,   0),
)
# fmt: on
"""Restrictions by version of Landlock, with the kernel that has it."""


class Rule(NamedTuple):
    """Rights to a file, or to everything below a directory."""

    path: str
    allowed: Files


class Restrictions(NamedTuple):
    """Rights that are restricted, by kind."""

    files: Files
    network: int
    scope: int


def find_version() -> int:
    """Return the kernel's version of Landlock; 0 if it is missing or disabled."""
    try:
        return call("syscall", _CREATE, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def find_restrictions(version: int) -> Restrictions:
    """Return everything that a version of Landlock can restrict."""
    files, network, scope = _NO_FILES, 0, 0
    for since, _, _, more_files, more_network, more_scope in RIGHTS:
        if since <= version:
            files, network, scope = files | more_files, network | more_network, scope | more_scope
    return Restrictions(files, network, scope)


def list_missing(version: int) -> tuple[str, ...]:
    """List what this version of Landlock cannot restrict, with the first kernel that can."""
    return tuple(f"{what} (needs Linux {kernel})" for since, kernel, what, *_ in RIGHTS if since > version)


def restrict(restrictions: Restrictions, rules: Iterable[Rule]) -> None:
    """Permanently restrict this thread, and those that it starts, to what the rules allow. Call `forbid_new` before.

    Paths that do not exist or cannot be reached are left out. After an `OSError` nothing is restricted.
    """
    wanted = _RULESET.pack(restrictions.files, restrictions.network, restrictions.scope)
    ruleset = call("syscall", _CREATE, pack(wanted), len(wanted), 0)
    try:
        for rule in rules:
            _add(ruleset, rule, restrictions.files)
        call("syscall", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _add(ruleset: int, rule: Rule, handled: Files) -> None:
    try:
        place = os.open(rule.path, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EACCES}:
            return
        raise
    try:
        allowed = rule.allowed & handled
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            allowed &= _OF_A_FILE
        if allowed:
            call("syscall", _ADD_RULE, ruleset, _PATH_BENEATH, pack(_RULE.pack(allowed, place)), 0)
    finally:
        os.close(place)
