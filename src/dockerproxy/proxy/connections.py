"""The client connections of a socket: their limit, what they wait for, and which one is closed when it is full.

Nothing here runs per request. A connection records what it waits for, and since when; it has no timer. One sweep per
second checks all connections in small slices, so that others do not wait.
"""

import asyncio
import select
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from dockerproxy.observe.record import Peer
from dockerproxy.proxy.usage import Buffers
from dockerproxy.settings import Limits

SWEEP: Final = 1.0
"""Seconds between two sweeps."""

_SLICE: Final = 256
"""Connections that a sweep checks before others have their turn: half a millisecond."""

_UCRED: Final = struct.Struct("3i")

IDLE: Final = 900.0
"""Seconds between two requests of a client. Long, so that clients do not find their connection closed."""

PATIENCE: Final = 20.0
"""Seconds for the engine's answer to the proxy. Inspecting is quick unless the engine is stuck."""

LINGER: Final = 5.0
"""Seconds in which further input is read and dropped, so that the client can read its last answer."""


class Connection(Protocol):
    """The part of a client connection that the registry needs, documented in `Client`."""

    waits_in: "Waiting | None"
    waits_since: float
    buffers: Buffers

    def fileno(self) -> int: ...  # noqa: D102
    def abort(self) -> None: ...  # noqa: D102
    def time_out(self) -> None: ...  # noqa: D102
    def give_way(self) -> None: ...  # noqa: D102
    def finish(self) -> None: ...  # noqa: D102
    def cut(self) -> None: ...  # noqa: D102


@dataclass(slots=True, eq=False, repr=False)
class Waiting:
    """What a connection may wait for, for how long, and the client's answer afterwards."""

    patience: float
    status: int = 0
    reason: str = ""


class Connections:
    """The registry of the client connections of a socket.

    Attributes:
        admitted: The number of connections so far.
        checks: The number of health checks among them.
        emptied: Set while there are none.
        heads: For connections whose request head is incomplete, including new ones.
        bodies: For those whose JSON body is incomplete.
        idle: For those between two requests, and those that end when the client has read its last answer.
        answers: For those whose engine should begin a quick answer.
        lingering: For those that have their last answer and still send.
        unwatched: Those that are not read, or have ended their side: hanging up causes no event.
    """

    def __init__(self, limits: Limits) -> None:
        self.emptied = asyncio.Event()
        self.emptied.set()
        self.heads = Waiting(0, 408, "the request head was not complete in time; HEADER_TIMEOUT sets this limit")
        self.bodies = Waiting(0, 408, "the body was not complete in time; BODY_TIMEOUT sets this limit")
        self.answers = Waiting(0, 504, "the engine did not answer in time; ENGINE_TIMEOUT sets this limit")
        self.idle = Waiting(IDLE)
        self.lingering = Waiting(LINGER)
        self.unwatched: set[Connection] = set()
        self._all: set[Connection] = set()
        self._places: set[Connection] = set()
        self._oldest: list[tuple[float, int, Connection]] = []
        self.admitted = self.checks = 0
        self.bound_by(limits)

    def bound_by(self, limits: Limits) -> None:
        """Set new limits."""
        self.limit = limits.connections
        self.heads.patience = limits.header_timeout
        self.bodies.patience = limits.body_timeout
        self.answers.patience = limits.engine_timeout

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Connection]:
        """Yield all connections, also those being closed to make room."""
        return iter(self._all)

    def admit(self, connection: Connection) -> bool:
        """Add a new connection. If there are too many, the one that has waited longest for a request is closed."""
        while len(self._places) >= self.limit:
            if not self._make_room():
                return False
        self._all.add(connection)
        self._places.add(connection)
        self.admitted += 1
        self.emptied.clear()
        return True

    def vacate(self, connection: Connection) -> None:
        """Free the place of a connection that is being closed."""
        connection.waits_in = None
        self._places.discard(connection)

    def forget(self, connection: Connection) -> None:
        """Remove an ended connection."""
        self.vacate(connection)
        self._all.discard(connection)
        self.unwatched.discard(connection)
        if not self._all:
            self.emptied.set()

    def sweep(self, now: float) -> Iterator[None]:
        """End connections that waited too long, and those whose client hung up unnoticed; a few in each step."""
        everybody = list(self._all)
        self._oldest.clear()
        for start in range(0, len(everybody), _SLICE):
            some = [connection for connection in everybody[start : start + _SLICE] if connection in self._all]
            for connection in some:
                connection.buffers.look()
                waiting = connection.waits_in
                if waiting is not None and now - connection.waits_since >= waiting.patience:
                    connection.time_out()
            self._end_hung_up(self.unwatched.intersection(some))
            yield

    @staticmethod
    def _end_hung_up(unwatched: set[Connection]) -> None:
        poll = select.poll()
        by_descriptor = {connection.fileno(): connection for connection in unwatched}
        by_descriptor.pop(-1, None)
        for descriptor in by_descriptor:
            poll.register(descriptor, 0)
        for descriptor, _ in poll.poll(0) if by_descriptor else ():
            by_descriptor[descriptor].abort()

    def list_by_weight(self) -> list[Connection]:
        """Return all connections, those with the most buffered data first."""
        return sorted(self._all, key=lambda connection: connection.buffers.size, reverse=True)

    def finish_all(self) -> None:
        """End each connection once it has no exchange in progress. `emptied` is set when all are gone."""
        for connection in list(self._all):
            connection.finish()

    def abort_all(self) -> None:
        """Cut every connection, because the proxy stops."""
        for connection in list(self._all):
            connection.cut()

    def _make_room(self) -> bool:
        """Cut the connection that has waited longest for its client. One sorting serves many newcomers."""
        for _ in range(2):
            while self._oldest:
                since, _, connection = self._oldest.pop()
                if connection in self._places and self._is_evictable(connection) and connection.waits_since == since:
                    connection.abort()
                    return True
            those = filter(self._is_evictable, self._places)
            self._oldest = sorted(((each.waits_since, id(each), each) for each in those), reverse=True)
        return False

    def _is_evictable(self, connection: Connection) -> bool:
        waiting = connection.waits_in
        return waiting is not None and waiting is not self.answers


def find_peer(descriptor: int) -> Peer:
    """Return the peer of a unix socket at the time of connecting (unix(7), SO_PEERCRED)."""
    connected = socket.SocketType(socket.AF_UNIX, socket.SOCK_STREAM, 0, descriptor)  # A third of a socket.socket.
    try:
        pid, uid, gid = _UCRED.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    finally:
        connected.detach()
    return Peer(uid, gid, pid)


def stop_receiving(descriptor: int) -> None:
    """Make the peer of a unix socket fail to send. Data received so far can be read, and then the stream ends."""
    with socket.fromfd(descriptor, socket.AF_UNIX, socket.SOCK_STREAM) as connected:
        connected.shutdown(socket.SHUT_RD)


def has_hung_up(descriptor: int) -> bool:
    """Whether the peer of a unix socket is gone completely, not only done sending.

    Both read as the end of the stream; only poll(2) tells them apart.
    """
    poll = select.poll()
    poll.register(descriptor, 0)
    return bool(poll.poll(0))
