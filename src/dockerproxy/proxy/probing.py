"""Try whether the engine can be reached, before any client does."""

import socket
from collections.abc import Sequence
from typing import Final

from dockerproxy.proxy.failures import choose_engine, explain_unreachable

_PATIENCE: Final = 1.0
"""Seconds to wait for an engine whose queue of connections is full."""


def find_trouble(paths: Sequence[str]) -> str:
    """Say why the engine cannot be reached now, or nothing if it can."""
    path = choose_engine(paths)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(path)
        except OSError as error:
            return explain_unreachable(paths, path, error)
    return ""
