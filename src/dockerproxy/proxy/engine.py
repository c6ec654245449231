"""The engine's end of a client's connection: moves bytes, and knows nothing of policies."""

import asyncio
import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from dockerproxy.proxy.answers import AnswerReader
from dockerproxy.proxy.failures import choose_engine, explain_unreachable
from dockerproxy.wire.exchange import OutOfTurn

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client

_Protocol = TypeVar("_Protocol", bound=asyncio.Protocol)

_TRIES: Final = 100
_PAUSE: Final = 0.05
"""Seconds between two tries; connecting to a blocking socket would wait as long as it takes."""


class Engine(asyncio.Protocol):
    """One connection to the engine, which serves one client connection and no other.

    Attributes:
        is_slow: Whether the engine does not take what was written to it.
    """

    transport: asyncio.Transport

    def __init__(self, client: "Client") -> None:
        self.is_slow = False
        self._client = client
        self._reader = AnswerReader()
        self._is_gone = self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = transport  # type: ignore[assignment] # asyncio promises a Transport to a stream protocol
        self.write, self.writelines = self.transport.write, self.transport.writelines
        self.end_writing = self.transport.write_eof

    def data_received(self, data: bytes) -> None:
        """Pass on what came, and find out where the response ends."""
        client = self._client
        if self._is_gone:
            return
        if client.engine is not self:
            self.drop()
            client.exchange.break_off("the engine breaks the protocol: it speaks unasked")
            return
        try:
            broken = self._reader.feed(client.exchange, data)
        except OutOfTurn as error:
            broken = f"the engine breaks the protocol: {error}"
        if broken:
            client.exchange.break_off(broken)

    def eof_received(self) -> bool:
        """Take it for the end of the answer, or of the connection."""
        self._lose()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the exchange, whatever it was doing."""
        self._lose(error)

    def pause_writing(self) -> None:
        """Read no more from the client: the engine does not take what it sends."""
        self.is_slow = True
        self._client.buffers.stall(self.transport)
        self._client.update_reading()

    def resume_writing(self) -> None:
        """Read from the client again."""
        self.is_slow = False
        self._client.buffers.flow(self.transport)
        self._client.update_reading()

    def drop(self, copied: Callable[[], None] | None = None) -> None:
        """Cut the connection; the client's end already knows.

        While the engine copies files, only end writing, drop what it still says, and tell when it is done.
        """
        self._is_gone = True
        self._client.buffers.close(self.transport)
        if copied is not None and not self._has_ended:
            self.transport.set_protocol(_Rest(copied))
            self.transport.write_eof()
            self.transport.resume_reading()
            return
        self.transport.abort()
        if copied is not None:
            copied()

    def _lose(self, error: Exception | None = None) -> None:
        self._has_ended = True
        if not self._is_gone:
            self._client.drop_engine()
            self._reader.end(self._client.exchange, error)


class _Rest(asyncio.Protocol):
    """Drops what the engine says once its client has gone, and tells when the engine ends."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then

    def connection_lost(self, error: Exception | None) -> None:
        """Note that the engine is done."""
        del error
        self._then()


async def connect(client: "Client", first: bytes) -> None:
    """Open the engine connection and begin, anew for each client: an engine that was restarted is found again."""
    paths = client.shared.engines
    path = choose_engine(paths)
    try:
        transport, engine = await open_connection(lambda: Engine(client), path)
    except OSError as error:
        client.exchange.fail(503, explain_unreachable(paths, path, error))
        return
    if client.is_gone or not client.exchange.awaits_answer:  # It has gone, or the engine did at once.
        engine.drop()
        return
    client.take_engine(engine)
    transport.write(first)
    client.go_on()


async def open_connection(factory: Callable[[], _Protocol], path: str) -> tuple[asyncio.Transport, _Protocol]:
    """Connect to the engine. One that is so busy that its queue is full is tried again for a while."""
    loop = asyncio.get_running_loop()
    for _ in range(_TRIES):
        try:
            transport, protocol = await loop.create_unix_connection(factory, path)
        except BlockingIOError:
            await asyncio.sleep(_PAUSE)
        else:
            return transport, protocol
    raise BlockingIOError(errno.EAGAIN, "its queue of connections is full")
