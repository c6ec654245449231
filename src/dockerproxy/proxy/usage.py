"""What the clients of one socket use up, at one time and in a second, and what of it is too much.

Where a socket's clients ask for too much together, those that ask for more than their share are turned away first: a
client in a hurry is not the others' wait. How one would get around that, and what stops it: many connections, of which
each has a share (they are bounded, and so is what all shares come to); a new connection for each request (likewise);
few requests with long heads (a head counts by its length).
"""

from collections.abc import Mapping, Sized
from typing import Final, Protocol

from dockerproxy.api.catalog import Shape
from dockerproxy.settings import Limits

_HEAD: Final = 4096
"""Bytes of a head that count as one request more: reading them takes about as long."""

_OVER: Final = 2
"""How many times the rate all shares may come to."""

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
