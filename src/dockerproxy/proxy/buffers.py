"""What is held for one client: parts of requests, and what one of its two ends does not take.

What the clients of a socket hold together is bounded; where it is too much, the one that holds most gives way: not in
the middle of what it is doing, but before anything else is done.

Attacks: docs/attacks.md, proxy/buffers.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from dockerproxy.proxy.usage import Usage

IN_KERNEL: Final = 212_992
"""Bytes that the kernel holds besides for an end that does not take what is written to it (net.core.wmem_default)."""

_HIGH: Final = 64 * 1024
"""Bytes that may wait for an end before it counts as stalled. It does until none wait: until then, none are freed."""


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
