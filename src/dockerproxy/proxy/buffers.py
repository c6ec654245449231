"""What is held for one client: parts of requests, and what one of its two ends does not take.

What the clients of a socket hold together is bounded; where it is too much, the one that holds most gives way.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from dockerproxy.wire.inbox import Inbox

if TYPE_CHECKING:
    from dockerproxy.proxy.served import Served

IN_KERNEL: Final = 212_992
"""Bytes that the kernel holds besides for an end that does not take what is written to it (net.core.wmem_default)."""


class Buffers:
    """The bytes of one client connection and its engine connection that wait here.

    Attributes:
        size: Bytes of all of it, when they were last counted.
    """

    __slots__ = ("_inbox", "_served", "_stalled", "size")

    def __init__(self, served: "Served", inbox: Inbox) -> None:
        self.size = 0
        self._inbox = inbox
        self._served = served
        self._stalled: set[asyncio.Transport] = set()

    def stall(self, transport: asyncio.Transport) -> None:
        """Note that what was written to an end is not being taken."""
        self._stalled.add(transport)
        self.count()

    def flow(self, transport: asyncio.Transport) -> None:
        """Note that it is being taken again, or that the end is gone."""
        self._stalled.discard(transport)
        self.count()

    def count(self) -> None:
        """Count what is held."""
        size = len(self._inbox.data) + sum(each.get_write_buffer_size() + IN_KERNEL for each in self._stalled)
        self._served.usage.buffered += size - self.size
        self.size = size
        if self._served.usage.is_too_much:
            self._served.connections.find_heaviest().give_way()

    def clear(self) -> None:
        """Hold nothing any more."""
        self._inbox.clear()
        self._stalled.clear()
        self.count()
