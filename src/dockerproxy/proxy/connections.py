"""The client connections of one socket: how many there may be, which ones wait, and who makes room for others.

Nothing in here happens for each request. A connection notes for what it waits, and since when; it has no timer. One
sweep a second looks at all of them, a few at a time, so that nobody waits for it.
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
"""Connections that a sweep looks at before others have their turn: half a millisecond."""

_UCRED: Final = struct.Struct("3i")

IDLE: Final = 900.0
"""Seconds between two requests of a client. Long, so that no client meets a closed connection."""

PATIENCE: Final = 20.0
"""Seconds for an answer of the engine to us. Inspecting is quick unless it is stuck, and a request would be, too."""

LINGER: Final = 5.0
"""Seconds that what a client still sends is read and dropped, so that it gets to see its last answer."""


class Connection(Protocol):
    """What the registry needs of a client connection; `Client` says what each of these does."""

    waits_in: "Waiting | None"
    waits_since: float
    buffers: Buffers

    def fileno(self) -> int: ...  # noqa: D102
    def abort(self) -> None: ...  # noqa: D102
    def time_out(self) -> None: ...  # noqa: D102
    def give_way(self) -> None: ...  # noqa: D102
    def finish(self) -> None: ...  # noqa: D102


@dataclass(slots=True, eq=False, repr=False)
class Waiting:
    """What a connection may wait for, for how many seconds, and what its client is told if it does not come."""

    patience: float
    status: int = 0
    reason: str = ""


class Connections:
    """The registry of the client connections of one socket.

    Attributes:
        admitted: How many there have been.
        checks: How many of them were health checks.
        emptied: Set while there is none.
        heads: What those wait for whose request head is not complete, new connections among them.
        bodies: Those whose body in JSON is not complete.
        idle: Those between two requests, and those that end when the client has taken its last answer.
        answers: Those that wait for the engine to begin an answer that comes at once.
        lingering: Those that have their last answer and still send.
        unwatched: Those that are not read, or have ended their side: their hanging up shows in no event.
    """

    def __init__(self, limits: Limits) -> None:
        self.emptied = asyncio.Event()
        self.emptied.set()
        self.heads = Waiting(0, 408, "the request head was not complete in time; HEADER_TIMEOUT bounds it")
        self.bodies = Waiting(0, 408, "the body was not complete in time; BODY_TIMEOUT bounds it")
        self.answers = Waiting(0, 504, "the engine does not answer; ENGINE_TIMEOUT bounds how long it may take")
        self.idle = Waiting(IDLE)
        self.lingering = Waiting(LINGER)
        self.unwatched: set[Connection] = set()
        self._all: set[Connection] = set()
        self._places: set[Connection] = set()
        self._oldest: list[tuple[float, int, Connection]] = []
        self.admitted = self.checks = 0
        self.bound_by(limits)

    def bound_by(self, limits: Limits) -> None:
        """Have other limits from now on."""
        self.limit = limits.connections
        self.heads.patience = limits.header_timeout
        self.bodies.patience = limits.body_timeout
        self.answers.patience = limits.engine_timeout

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Connection]:
        """Yield all, also those that make room."""
        return iter(self._all)

    def admit(self, connection: Connection) -> bool:
        """Take a new connection in; when full, the one that has waited longest without a request makes room."""
        while len(self._places) >= self.limit:
            if not self._make_room():
                return False
        self._all.add(connection)
        self._places.add(connection)
        self.admitted += 1
        self.emptied.clear()
        return True

    def vacate(self, connection: Connection) -> None:
        """Give the place of a connection that is being cut to another one."""
        connection.waits_in = None
        self._places.discard(connection)

    def forget(self, connection: Connection) -> None:
        """Take a connection out that has ended."""
        self.vacate(connection)
        self._all.discard(connection)
        self.unwatched.discard(connection)
        if not self._all:
            self.emptied.set()

    def sweep(self, now: float) -> Iterator[None]:
        """End those that have waited too long, and those whose client has hung up unnoticed; a few in each step."""
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
        """Return all, those first for which most is held."""
        return sorted(self._all, key=lambda connection: connection.buffers.size, reverse=True)

    def finish_all(self) -> None:
        """End each connection as soon as no exchange is under way on it; `emptied` tells when all are gone."""
        for connection in list(self._all):
            connection.finish()

    def abort_all(self) -> None:
        """Cut every connection."""
        for connection in list(self._all):
            connection.abort()

    def _make_room(self) -> bool:
        """Cut the one that has waited longest for its client. One sorting is enough for many that come."""
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
    """Ask the kernel who was at the other end of a unix socket when it connected (unix(7), SO_PEERCRED)."""
    connected = socket.SocketType(socket.AF_UNIX, socket.SOCK_STREAM, 0, descriptor)  # A third of a socket.socket.
    try:
        pid, uid, gid = _UCRED.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    finally:
        connected.detach()
    return Peer(uid, gid, pid)


def stop_receiving(descriptor: int) -> None:
    """Have the other end of a unix socket fail to send; what came until now can be read, and ends the stream."""
    with socket.fromfd(descriptor, socket.AF_UNIX, socket.SOCK_STREAM) as connected:
        connected.shutdown(socket.SHUT_RD)


def has_hung_up(descriptor: int) -> bool:
    """Whether the other end of a unix socket is gone altogether, not only done with sending.

    A closed peer and a half-closed one both read as the end of the stream; only poll(2) tells them apart.
    """
    poll = select.poll()
    poll.register(descriptor, 0)
    return bool(poll.poll(0))
