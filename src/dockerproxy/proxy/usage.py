"""What the clients of one socket use up, at one time and in a second, and what of it is too much.

Where a socket's clients ask for too much together, those that ask for more than their share are turned away first: a
client in a hurry is not the others' wait. How one would get around that, and what stops it: many connections, of which
each has a share (they are bounded, and so is what all shares come to); a new connection for each request (likewise);
few requests with long heads (a head counts by its length).

What is held for the clients together is bounded, too. Where it is too much, the one for which most is held gives way:
not in the middle of what it is doing, but before anything else is done.

Attacks: docs/attacks.md, proxy/usage.
"""

import asyncio
from collections.abc import Callable, Mapping, Sized
from typing import Final, Protocol

from dockerproxy.api.catalog import Shape
from dockerproxy.settings import Limits

_HEAD: Final = 4096
"""Bytes of a head that count as one request more: reading them takes about as long."""

_OVER: Final = 2
"""How many times the rate all shares may come to."""

IN_KERNEL: Final = 212_992
"""Bytes that the kernel holds besides for an end that does not take what is written to it (net.core.wmem_default)."""

_HIGH: Final = 64 * 1024
"""Bytes that may wait for an end before it counts as stalled. It does until none wait: until then, none are freed."""

TOO_FAST: Final = "too many requests came in a second; MAX_RATE bounds them"
TOO_MUCH: Final = "too much is held for the clients of this socket; MAX_BUFFERED bounds it"

_TOO_MANY: Final[Mapping[Shape, str]] = {
    Shape.REPLY: "too many requests are under way here; MAX_REQUESTS bounds them",
    Shape.STREAM: "too many streams are open here; MAX_STREAMS bounds them",
    Shape.TUNNEL: "too many tunnels are open here; MAX_TUNNELS bounds them",
}

_COUNTED: Final = {Shape.WAIT: Shape.REPLY}
"""What is counted as something else."""


class Spender(Protocol):
    """Who makes requests.

    Attributes:
        spent: Requests in the second that ends at `spent_until`.
    """

    spent: int
    spent_until: int


class Usage:
    """How much of the limits of one socket is used.

    Attributes:
        buffered: Bytes that are held for its clients.
        held: Bytes of request bodies that are held.
    """

    def __init__(self, limits: Limits) -> None:
        self.buffered = self.held = 0
        self._open = dict.fromkeys(Shape, 0)
        self._spent = self._second_ends = 0
        self.bound_by(limits)

    def bound_by(self, limits: Limits) -> None:
        """Have other limits from now on."""
        self._most = {
            Shape.REPLY: limits.requests,
            Shape.STREAM: limits.streams,
            Shape.TUNNEL: limits.tunnels,
        }
        self._rate = limits.rate
        self._buffered = limits.buffered

    @property
    def is_too_much(self) -> bool:
        """Whether more is held than may be."""
        return self.buffered > self._buffered

    def affords(self, spender: Spender, now: float, head: int, among: Sized) -> bool:
        """Count a request with a head of so many bytes, unless it is one too many of one among all who make some."""
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
        """Count an exchange that begins; say why it must not go on, if it must not."""
        counted = _COUNTED.get(shape, shape)
        self._open[counted] += 1
        return _TOO_MANY[counted] if self._open[counted] > self._most[counted] else ""

    def count_open(self) -> Mapping[Shape, int]:
        """Return how many exchanges are under way, by what they are counted as."""
        return {shape: self._open[shape] for shape in self._most}

    def leave(self, shape: Shape) -> None:
        """Count an exchange that is over."""
        self._open[_COUNTED.get(shape, shape)] -= 1


class Buffers:
    """The bytes of one client connection and its engine connection that wait here.

    Attributes:
        size: Bytes of all of it, when they were last counted.
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
        """Have something else tell from now on what is kept of requests."""
        self._kept = kept

    def open(self, end: asyncio.Transport) -> None:
        """Take note of an end."""
        end.set_write_buffer_limits(_HIGH, 0)
        self._ends.add(end)

    def close(self, end: asyncio.Transport) -> None:
        """Note that an end is gone."""
        self._ends.discard(end)
        self.flow(end)

    def stall(self, end: asyncio.Transport) -> None:
        """Note that what was written to an end is not being taken."""
        self._stalled.setdefault(end, 0)
        self.count()

    def flow(self, end: asyncio.Transport) -> None:
        """Note that it is being taken again."""
        if end in self._stalled:
            del self._stalled[end]
            self.count()

    def look(self) -> None:
        """Find the ends at which anything waits; to be called between events, when all was written that could be."""
        self._stalled = {end: self._stalled.get(end, 0) for end in self._ends if end.get_write_buffer_size()}
        self.count()

    def count(self) -> None:
        """Count what is held: what is kept of requests, and what the stalled ends do not take."""
        size, usage = self._kept(), self._usage
        for end, most in self._stalled.items():
            self._stalled[end] = most = max(most, end.get_write_buffer_size())  # noqa: PLW2901 (it counts from here on)
            size += most + IN_KERNEL
        usage.buffered += size - self.size
        self.size = size
        if usage.is_too_much:
            self._shed_soon()

    def clear(self) -> None:
        """Hold nothing any more, at either end or in between."""
        self._ends.clear()
        self._stalled.clear()
        self._usage.buffered -= self.size
        self.size = 0
