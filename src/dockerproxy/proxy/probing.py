"""Connect to a socket even if its queue is full, and check whether the engine can be reached before clients do."""

import errno
import socket
import time
from collections.abc import Sequence
from typing import Final

from dockerproxy.proxy.failures import choose_engine, explain_unreachable

_PATIENCE: Final = 1.0
"""Seconds to wait for an engine whose queue of connections is full."""

_PAUSE: Final = 0.01
"""Seconds between two attempts. No event reports that a full queue has room again: poll(2) has none."""


def find_trouble(paths: Sequence[str]) -> str:
    """Return why the engine cannot be reached now; empty if it can."""
    path = choose_engine(paths)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            connect(probe, path, _PATIENCE)
        except OSError as error:
            return explain_unreachable(paths, path, error)
    return ""


def connect(connection: socket.socket, path: str, patience: float) -> None:
    """Connect to a unix socket. `TimeoutError`: its queue stayed full for `patience` seconds.

    No attempt blocks. If a signal interrupts a blocking one, Python expects it to complete in the background (PEP 475),
    but a unix socket gives up: the next write fails, since there is no connection.
    """
    deadline = time.monotonic() + patience
    connection.settimeout(0)
    while True:
        try:
            connection.connect(path)
            break
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError(errno.ETIMEDOUT, "its queue of connections is full") from None
            time.sleep(_PAUSE)  # No event reports room in the queue.
    connection.settimeout(None)
