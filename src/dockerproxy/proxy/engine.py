"""The engine's end of a client's connection: moves bytes, and knows no policies.

Attacks: docs/attacks.md, proxy/engine.
"""

import asyncio
import re
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol

from dockerproxy.policy.steps import UnknownObjectError
from dockerproxy.proxy.answers import AnswerReader
from dockerproxy.proxy.exchange import Exchange
from dockerproxy.proxy.failures import choose_engine, explain_unreachable
from dockerproxy.proxy.pending import Done
from dockerproxy.proxy.ports import ClientPort
from dockerproxy.proxy.resolver import Inquiry, open_connection
from dockerproxy.proxy.sockets import Shared, SocketState
from dockerproxy.proxy.usage import Buffers

_PING: Final = b"GET /_ping HTTP/1.1\r\nhost: dockerproxy\r\n\r\n"
_SAID: Final = re.compile(rb"\r\n(?:server|libpod-api-version):[ \t]*([^\r\n]*)", re.IGNORECASE | re.ASCII).findall
"""Headers that identify the engine: Docker `Server: Docker/29.1.3 (linux)`, Podman `Libpod/` and its API."""


_SHORT: Final = 512
"""Bytes that take too little time to count it: most answers have no more."""


class Near(ClientPort, Protocol):
    """The part of the client's end that the engine's end needs, documented in `Client`."""

    exchange: Exchange
    buffers: Buffers
    shared: Shared
    socket: SocketState
    is_slow: bool


class Engine(asyncio.Protocol):
    """A connection to the engine, for exactly one client connection.

    Attributes:
        is_slow: Whether the engine does not read what was written.
    """

    transport: asyncio.Transport

    def __init__(self, client: Near) -> None:
        self.is_slow = False
        self._client = client
        self._reader = AnswerReader()
        self._is_gone = self._has_ended = False
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self.transport = transport  # type: ignore[assignment] # asyncio promises a Transport to a stream protocol
        self.write, self.writelines = self.transport.write, self.transport.writelines
        self.end_writing = self.transport.write_eof

    def data_received(self, data: bytes) -> None:
        """Pass on the bytes, and find the end of the response, at its turn."""
        if self._left or self._client.shared.turns.is_over:
            self._wait(self._left + data)
        else:
            self._feed(data)

    def advance(self) -> None:
        """Take a turn with the bytes that wait for it."""
        data, self._left = self._left, b""
        if data and not self._is_gone:
            self._feed(data)
            if not (self._left or self._client.is_slow or self._is_gone or self.transport.is_closing()):
                self.transport.resume_reading()

    def _wait(self, data: bytes) -> None:
        """Keep bytes until the next turn. The engine is not read until then."""
        self._left = data
        if not self.transport.is_closing():
            self.transport.pause_reading()
        self._client.shared.turns.wait(self, self._client.socket)

    def _feed(self, data: bytes) -> None:
        client = self._client
        if self._is_gone:
            return
        if client.engine is not self:
            self.drop()
            client.exchange.answering.break_off("the engine broke the protocol: it sent data without a request")
            return
        began = client.shared.now() if len(data) > _SHORT else None
        left = self._reader.feed(client.exchange.answering, data)
        if began is not None:
            client.shared.turns.spend(client.shared.now() - began)
        if left:
            self._wait(left)

    def eof_received(self) -> bool:
        """Treat it as the end of the answer, or of the connection."""
        self._lose()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the exchange, in any state."""
        self._lose(error)

    def pause_writing(self) -> None:
        """Stop reading from the client: the engine does not read."""
        self.is_slow = True
        self._client.buffers.stall(self.transport)
        self._client.update_reading()

    def resume_writing(self) -> None:
        """Read from the client again."""
        self.is_slow = False
        self._client.buffers.flow(self.transport)
        self._client.update_reading()

    def drop(self, done: Done | None = None) -> None:
        """Cut the connection, unless the engine is not done. The client's end already knows."""
        self._is_gone = True
        self._client.buffers.close(self.transport)
        if done is not None and not (done.is_set() or self._has_ended):
            done.outlive(self.transport)
            return
        self.transport.abort()
        if done is not None:
            done.set()

    def _lose(self, error: Exception | None = None) -> None:
        while self._left and not self._is_gone:
            self.advance()
        self._has_ended = True
        if not self._is_gone:
            self._client.drop_engine()
            self._reader.end(self._client.exchange.answering, error)


async def connect(near: Near, engines: Sequence[str]) -> Engine | None:
    """Open an engine connection. Each client gets a new one, so a restarted engine is found.

    If that fails, end the exchange and return None.
    """
    path = choose_engine(engines)
    try:
        return await open_connection(partial(Engine, near), path)
    except OSError as error:
        near.exchange.answering.fail(503, explain_unreachable(engines, path, error))
    return None


async def find_docker(near: Near, engines: Sequence[str]) -> tuple[Engine, bool]:
    """Open an engine connection, and ask the engine over it whether it is Docker.

    Raises:
        OSError: The engine cannot be reached.
        UnknownObjectError: The engine's answer is unclear, or it closes the connection.
    """
    inquiry = await open_connection(Inquiry, choose_engine(engines))
    answer = await inquiry.ask(_PING)
    if not inquiry.is_open:
        raise UnknownObjectError("the engine closed the connection after it said which engine it is")
    engine, said = Engine(near), _SAID(answer.head)
    inquiry.transport.set_protocol(engine)
    engine.connection_made(inquiry.transport)
    return engine, answer.status == HTTPStatus.OK and len(said) == 1 and said[0].startswith(b"Docker/")
