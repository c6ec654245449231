"""Resources that the clients of a socket use, at a time and per second, and their limits.

If a socket's clients together exceed the rate, those above their share are turned away first: a busy client does not
delay others. Each connection has a share, so a client could open many connections, or one per request; both are
limited, and so is the sum of all shares. Long heads in few requests count by their length.

Data that is buffered for the clients is limited too. Over the limit, the connection with the most is closed: not in the
middle of its work, but before any other work is done.

Attacks: docs/attacks.md, proxy/usage.
"""

import asyncio
from collections.abc import Callable, Mapping, Sized
from typing import Final, Protocol

from dockerproxy.api.catalog import Shape
from dockerproxy.settings import Limits

_HEAD: Final = 4096
"""Bytes of a head that count as another request: reading them takes about as long."""

_OVER: Final = 2
"""Limit of all shares together, as a multiple of the rate."""

IN_KERNEL: Final = 212_992
"""Bytes that the kernel also buffers for an end that does not read (net.core.wmem_default)."""

_HIGH: Final = 64 * 1024
"""Bytes that may wait for an end before it counts as stalled. It stays stalled until none wait, as none are freed
earlier."""

TOO_FAST: Final = "too many requests per second; MAX_RATE sets this limit"
TOO_MUCH: Final = "too much is buffered for the clients of this socket; MAX_BUFFERED sets this limit"

_TOO_MANY: Final[Mapping[Shape, str]] = {
    Shape.REPLY: "too many requests are in progress; MAX_REQUESTS sets this limit",
    Shape.STREAM: "too many streams are open; MAX_STREAMS sets this limit",
    Shape.TUNNEL: "too many tunnels are open; MAX_TUNNELS sets this limit",
}

_COUNTED: Final = {Shape.WAIT: Shape.REPLY}
"""Shapes that are counted as another."""


class Spender(Protocol):
    """A client connection that makes requests.

    Attributes:
        spent: Requests in the second that ends at `spent_until`.
    """

    spent: int
    spent_until: int


class Usage:
    """How much of the limits of one socket is used.

    Attributes:
        buffered: Bytes that are buffered for its clients.
        held: Bytes of held request bodies.
    """

    def __init__(self, limits: Limits) -> None:
        self.buffered = self.held = 0
        self._open = dict.fromkeys(Shape, 0)
        self._spent = self._second_ends = 0
        self.bound_by(limits)

    def bound_by(self, limits: Limits) -> None:
        """Set new limits."""
        self._most = {
            Shape.REPLY: limits.requests,
            Shape.STREAM: limits.streams,
            Shape.TUNNEL: limits.tunnels,
        }
        self._rate = limits.rate
        self._buffered = limits.buffered

    @property
    def is_too_much(self) -> bool:
        """Whether more is buffered than allowed."""
        return self.buffered > self._buffered

    def affords(self, spender: Spender, now: float, head: int, among: Sized) -> bool:
        """Count a request with a head of so many bytes. Returns whether its client is within its share."""
        if now >= self._second_ends:
            self._second_ends, self._spent = int(now) + 1, 0
        if spender.spent_until != self._second_ends:
            spender.spent_until, spender.spent = self._second_ends, 0
        cost = 1 + head // _HEAD
        all_spent, spent, rate = self._spent + cost, spender.spent + cost, self._rate
        if all_spent > rate and self._spent and (spent * len(among) > rate or all_spent > _OVER * rate):
            return False
        self._spent, spender.spent = all_spent, spent
        return True

    def enter(self, shape: Shape) -> str:
        """Count a new exchange. Returns why it must not go on; empty if it may."""
        counted = _COUNTED.get(shape, shape)
        self._open[counted] += 1
        return _TOO_MANY[counted] if self._open[counted] > self._most[counted] else ""

    def count_open(self) -> Mapping[Shape, int]:
        """Return the exchanges in progress, by the shape that they count as."""
        return {shape: self._open[shape] for shape in self._most}

    def leave(self, shape: Shape) -> None:
        """Count a finished exchange."""
        self._open[_COUNTED.get(shape, shape)] -= 1


class Buffers:
    """Buffered bytes of a client connection and its engine connection.

    Attributes:
        size: Total bytes at the last count.
    """

    __slots__ = ("_ends", "_kept", "_shed_soon", "_stalled", "_usage", "size")

    def __init__(self, usage: Usage, shed_soon: Callable[[], None], kept: Callable[[], int]) -> None:
        self.size = 0
        self._usage = usage
        self._shed_soon = shed_soon
        self._kept = kept
        self._ends: set[asyncio.Transport] = set()
        self._stalled: dict[asyncio.Transport, int] = {}

    def keep(self, kept: Callable[[], int]) -> None:
        """Replace the function that counts kept bytes of requests."""
        self._kept = kept

    def open(self, end: asyncio.Transport) -> None:
        """Register an end."""
        end.set_write_buffer_limits(_HIGH, 0)
        self._ends.add(end)

    def close(self, end: asyncio.Transport) -> None:
        """Remove an end."""
        self._ends.discard(end)
        self.flow(end)

    def stall(self, end: asyncio.Transport) -> None:
        """Mark an end that does not read as stalled."""
        self._stalled.setdefault(end, 0)
        self.count()

    def flow(self, end: asyncio.Transport) -> None:
        """Mark an end as reading again."""
        if end in self._stalled:
            del self._stalled[end]
            self.count()

    def look(self) -> None:
        """Find the ends with buffered data. To be called between events, after all possible writes."""
        self._stalled = {end: self._stalled.get(end, 0) for end in self._ends if end.get_write_buffer_size()}
        self.count()

    def count(self) -> None:
        """Count the bytes: kept parts of requests, and what stalled ends do not read."""
        size, usage = self._kept(), self._usage
        for end, most in self._stalled.items():
            self._stalled[end] = most = max(most, end.get_write_buffer_size())  # noqa: PLW2901 (it counts from here on)
            size += most + IN_KERNEL
        usage.buffered += size - self.size
        self.size = size
        if usage.is_too_much:
            self._shed_soon()

    def clear(self) -> None:
        """Forget all buffers, of both ends and in between."""
        self._ends.clear()
        self._stalled.clear()
        self._usage.buffered -= self.size
        self.size = 0
