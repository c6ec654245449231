"""The limit of open files, and the number of connections that it allows."""

import os
import resource
from typing import Final, NamedTuple

_RESERVE: Final = 64
"""Descriptors for everything that is not counted: the log, the event loop, libraries."""

_PER_CONNECTION: Final = 2

_BACKLOG: Final = 4096
"""Connections that may wait to be accepted, as in Docker; net.core.somaxconn limits it. All of them are accepted before
any is rejected, so each needs a descriptor."""

_LEAST_BACKLOG: Final = 16
_PART: Final = 8
"""Share of scarce descriptors that waiting connections may take."""


_STANDARD: Final = (0, 1, 2)


def occupy_standard() -> None:
    """Open /dev/null for each standard descriptor that is closed at start.

    Otherwise the first file or socket to be opened would get its number, and the log would be written to a client.
    """
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # Takes the lowest free number.


def discard(number: int) -> None:
    """Redirect a broken descriptor to /dev/null, because Python flushes it once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)


class Room(NamedTuple):
    """The number of connections that fit on all sockets together, and the number that may wait on each."""

    connections: int
    backlog: int


def make_room(wanted: int, sockets: int, besides: int) -> Room:
    """Raise our limit of open files as far as needed; return how many connections fit.

    It is not raised further, because some programs size tables by it. Besides clients, our own sockets and lookups to
    the engine need descriptors.
    """
    kept = _RESERVE + besides
    needed = wanted * _PER_CONNECTION + kept + _BACKLOG * sockets
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return Room(wanted, _BACKLOG)
    backlog = min(_BACKLOG, max(_LEAST_BACKLOG, (soft - kept) // _PART // max(1, sockets)))
    return Room(max(1, min(wanted, (soft - kept - backlog * sockets) // _PER_CONNECTION)), backlog)
