"""What is held for one client: parts of requests, and what one of its two ends does not take.

What the clients of a socket hold together is bounded; where it is too much, the one that holds most gives way: not in
the middle of what it is doing, but before anything else is done.
"""

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client

IN_KERNEL: Final = 212_992
"""Bytes that the kernel holds besides for an end that does not take what is written to it (net.core.wmem_default)."""


class Buffers:
    """The bytes of one client connection and its engine connection that wait here.

    Attributes:
        size: Bytes of all of it, when they were last counted.
    """

    __slots__ = ("_client", "_ends", "_stalled", "size")

    def __init__(self, client: "Client") -> None:
        self.size = 0
        self._client = client
        self._ends: set[asyncio.Transport] = set()
        self._stalled: set[asyncio.Transport] = set()

    def open(self, transport: asyncio.Transport) -> None:
        """Take note of an end."""
        self._ends.add(transport)

    def close(self, transport: asyncio.Transport) -> None:
        """Note that an end is gone."""
        self._ends.discard(transport)
        self.flow(transport)

    def look(self) -> None:
        """Find the ends at which anything waits; to be called between events, when all was written that could be."""
        self._stalled = {end for end in self._ends if end.get_write_buffer_size()}
        self.count()

    def stall(self, transport: asyncio.Transport) -> None:
        """Note that what was written to an end is not being taken."""
        self._stalled.add(transport)
        self.count()

    def flow(self, transport: asyncio.Transport) -> None:
        """Note that it is being taken again."""
        self._stalled.discard(transport)
        self.count()

    def count(self) -> None:
        """Count what is held."""
        body, served = self._client.body, self._client.served
        size = len(self._client.inbox.data) + (0 if body is None else body.kept)
        size += sum(each.get_write_buffer_size() + IN_KERNEL for each in self._stalled)
        served.usage.buffered += size - self.size
        self.size = size
        if served.usage.is_too_much:
            served.shed_soon()

    def clear(self) -> None:
        """Hold nothing any more."""
        self._client.body = None
        self._client.inbox.clear()
        self._ends.clear()
        self._stalled.clear()
        self.count()
