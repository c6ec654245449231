"""How many files this process may have open, and what follows for connections."""

import resource
from typing import Final

_RESERVE: Final = 64
"""Descriptors kept for everything that is not counted: the log, the event loop, whatever libraries open."""

_PER_CONNECTION: Final = 2


def fit_connections(wanted: int, besides: int) -> int:
    """Raise our limit of open files as far as needed; return how many connections fit.

    A limit is only ever raised to what is needed: some programs size tables by it.

    Args:
        wanted: Connections.
        besides: Descriptors for what is none: sockets of ours, questions to the engine.
    """
    kept = _RESERVE + besides
    needed = wanted * _PER_CONNECTION + kept
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (soft - kept) // _PER_CONNECTION))
