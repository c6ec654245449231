"""A connection that is no longer HTTP/1: bytes pass unchanged both ways, or an HTTP/2 client is denied."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from dockerproxy.proxy.accounting import Accounting
from dockerproxy.proxy.connections import Connection, has_hung_up
from dockerproxy.proxy.pending import Done
from dockerproxy.wire.http2 import deny_http2


class Near(Connection, Protocol):
    """The part of the client's end that this module needs, documented in `Client`."""

    transport: asyncio.Transport
    account: Accounting
    has_ended: bool

    def watch(self, *, is_read: bool) -> None: ...  # noqa: D102
    def connection_lost(self, error: Exception | None) -> None: ...  # noqa: D102


class TunnelEnd(asyncio.Protocol):
    """One end of a tunnel: bytes that arrive here are written to the other end.

    Neither end is read faster than the other drains, and each direction ends on its own: `docker run -i` closes
    stdin and then still waits for output.

    Attributes:
        is_near: Whether this is the client's end, not the engine's.
        ended: Whether this end sends no more.
    """

    peer: "TunnelEnd"

    def __init__(
        self, transport: asyncio.Transport, client: Near, done: Done | None, *, is_near: bool, ended: bool
    ) -> None:
        self.transport = transport
        self.client = client
        self.is_near = is_near
        self.ended = ended
        self._done = done

    def data_received(self, data: bytes) -> None:
        """Pass the bytes on."""
        if self.is_near:
            self.client.account.received += len(data)
        else:
            self.client.account.sent += len(data)
        self.peer.transport.write(data)

    def pause_writing(self) -> None:
        """Stop reading from the other end: this end does not read."""
        self.client.buffers.stall(self.transport)
        if not self.is_near:
            self.client.watch(is_read=False)
        if not self.peer.transport.is_closing():
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read from the other end again."""
        self.client.buffers.flow(self.transport)
        if not (self.is_near or self.peer.ended):
            self.client.watch(is_read=True)
        if not self.peer.transport.is_closing():
            self.peer.transport.resume_reading()

    def eof_received(self) -> bool:
        """End this direction. The tunnel stays open while the other one lives."""
        self.ended = True
        if self.is_near:
            if has_hung_up(self.client.fileno()):
                self.transport.abort()
                return False
            self.client.watch(is_read=False)
        self.peer.end_writing()
        # Without this False, a tunnel whose directions have both ended would keep its two sockets forever.
        return not self.peer.ended

    def end_writing(self) -> None:
        """Pass on the end of the other direction."""
        if self.ended:
            self.transport.close()
        elif not self.transport.is_closing():
            self.transport.write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        """End the other end too: when the client has read everything, or once the engine has begun what was asked."""
        done = self._done
        if not self.is_near:
            self.client.buffers.close(self.transport)
            self.peer.transport.close()
            if done is not None:
                done.set()
            return
        if not self.peer.transport.is_closing():
            if done is not None and not done.is_set():
                done.outlive(self.peer.transport)
            else:
                self.peer.transport.abort()
        self.client.connection_lost(error)


def open_tunnel(client: Near, engine: asyncio.Transport, early: bytes, done: Done | None = None) -> None:
    """Stop being HTTP for the rest of both connections. `early` came before the engine agreed."""
    near = TunnelEnd(client.transport, client, done, is_near=True, ended=client.has_ended)
    far = TunnelEnd(engine, client, done, is_near=False, ended=False)
    near.peer, far.peer = far, near
    client.transport.set_protocol(near)
    engine.set_protocol(far)
    if early:
        near.data_received(early)
    if client.has_ended:
        far.end_writing()


class DeniedEnd(asyncio.Protocol):
    """The client's end of a connection that speaks HTTP/2 without permission. It writes one denial in HTTP/2.

    Nothing is forwarded, and no engine connection is opened: Docker 29 passes gRPC without an upgrade to BuildKit, past
    its API and authorization plugins. If `/grpc` is allowed, the client gets the answer of an engine without HTTP/2.
    Then it asks for `/grpc`, which is judged. After a denial in gRPC it would not.
    """

    def __init__(self, client: Near, linger: Callable[[], None], says: str) -> None:
        self._client = client
        self._says = says
        self._linger = linger
        self._came = bytearray()
        self._is_over = False

    def data_received(self, data: bytes) -> None:
        """Deny the request once it has arrived, and end the connection."""
        if self._is_over:
            return
        self._came += data
        if denial := deny_http2(self._came, self._says):
            self._is_over = True
            self._client.transport.write(denial)
            self._linger()

    def eof_received(self) -> bool:
        """End the connection: the client sends no more requests."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Notify the client's end."""
        self._client.connection_lost(error)
