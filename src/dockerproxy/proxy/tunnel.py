"""A connection that stopped being HTTP: bytes are passed on as they come, both ways."""

import asyncio
from typing import Protocol

from dockerproxy.proxy.accounting import Accounting
from dockerproxy.proxy.buffers import Buffers
from dockerproxy.proxy.connections import has_hung_up


class Near(Protocol):
    """The part of the client's end that a tunnel needs. `Client` describes the members."""

    transport: asyncio.Transport
    account: Accounting
    buffers: Buffers
    has_ended: bool

    def fileno(self) -> int: ...  # noqa: D102
    def watch(self, *, is_read: bool) -> None: ...  # noqa: D102
    def connection_lost(self, error: Exception | None) -> None: ...  # noqa: D102


class TunnelEnd(asyncio.Protocol):
    """One end of a tunnel: what arrives here is written to the other end.

    Neither end is read faster than the other drains, and each direction ends on its own: `docker run -i` closes
    stdin and then still waits for output.

    Attributes:
        is_near: Whether this is the client's end, and not the engine's.
        ended: Whether nothing more will come from here.
    """

    peer: "TunnelEnd"

    def __init__(self, transport: asyncio.Transport, client: Near, *, is_near: bool, ended: bool) -> None:
        self.transport = transport
        self.client = client
        self.is_near = is_near
        self.ended = ended

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self.is_near:
            self.client.account.received += len(data)
        else:
            self.client.account.sent += len(data)
        self.peer.transport.write(data)

    def pause_writing(self) -> None:
        """Stop reading from the other end: what we write here is not being taken."""
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
        """End this direction; stay open while the other one lives."""
        self.ended = True
        if self.is_near:
            if has_hung_up(self.client.fileno()):
                self.transport.abort()
                return False
            self.client.watch(is_read=False)
        self.peer.end_writing()
        # Without False here, a tunnel both of whose directions have ended keeps its two sockets forever.
        return not self.peer.ended

    def end_writing(self) -> None:
        """Pass on the end of the other direction."""
        if self.ended:
            self.transport.close()
        elif not self.transport.is_closing():
            self.transport.write_eof()

    def connection_lost(self, error: Exception | None) -> None:
        """End the other end too: at once if the client is gone, else when it has taken what is on its way."""
        if not self.is_near:
            self.client.buffers.close(self.transport)
            self.peer.transport.close()
            return
        if not self.peer.transport.is_closing():
            self.peer.transport.abort()
        self.client.connection_lost(error)


def open_tunnel(client: Near, engine: asyncio.Transport, early: bytes) -> None:
    """Stop being HTTP, for the rest of both connections' lives; what is early came before the engine had agreed."""
    near = TunnelEnd(client.transport, client, is_near=True, ended=client.has_ended)
    far = TunnelEnd(engine, client, is_near=False, ended=False)
    near.peer, far.peer = far, near
    client.transport.set_protocol(near)
    engine.set_protocol(far)
    if early:
        near.data_received(early)
    if client.has_ended:
        far.end_writing()
