"""Answer requests for metrics on their own socket: one per connection, and nothing is forwarded.

Attacks: docs/attacks.md, proxy/scrape.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from dockerproxy.errors import Refusal
from dockerproxy.observe.exposition import OPENMETRICS
from dockerproxy.wire.answer import write_answer
from dockerproxy.wire.head import END_OF_HEAD, parse_request

PATH: Final = b"/metrics"
_MOST: Final = 16
_PATIENCE: Final = 10.0
"""Seconds."""
_LONGEST: Final = 8192


class Scrape(asyncio.Protocol):
    """A connection that requests metrics.

    Args:
        others: All such connections, including this one while it lasts.
        write: Returns the metrics.
        patience: Seconds for the whole connection.
    """

    def __init__(self, others: set["Scrape"], write: Callable[[], str], patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._others = others
        self._write = write
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request, with a time limit."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # asyncio promises a Transport
        self._timer = asyncio.get_running_loop().call_later(self._patience, transport.abort)  # type: ignore[attr-defined] # likewise
        self._others.add(self)
        if len(self._others) > _MOST:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Answer when the head is complete."""
        if self._transport.is_closing():
            return
        self._head += data
        end = self._head.find(END_OF_HEAD) + len(END_OF_HEAD)
        if end >= len(END_OF_HEAD):
            self._transport.write(self._answer(self._head[:end]))
            self._transport.close()
        elif len(self._head) > _LONGEST:
            self._transport.write(write_answer(431, "the request head is too long", close=True))
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Remove the connection."""
        del error
        self._timer.cancel()
        self._others.discard(self)

    def abort(self) -> None:
        """End the connection now."""
        self._transport.abort()

    def _answer(self, head: bytes) -> bytes:
        request = parse_request(head)
        if isinstance(request, Refusal):
            return write_answer(request.status, request.reason, close=True)
        if request.target.partition(b"?")[0] != PATH or request.method not in {b"GET", b"HEAD"}:
            return write_answer(404, "only GET /metrics is answered here", close=True)
        content = self._write().encode()
        fields = f"Content-Type: {OPENMETRICS}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\n" + fields.encode() + (content if request.method == b"GET" else b"")
