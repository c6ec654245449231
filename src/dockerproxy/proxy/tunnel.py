"""A connection that stopped being HTTP: bytes are passed on as they come, both ways."""

import asyncio
from typing import TYPE_CHECKING

from dockerproxy.proxy.connections import has_hung_up

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client


class TunnelEnd(asyncio.Protocol):
    """One end of a tunnel: what arrives here is written to the other end.

    Neither end is read faster than the other drains, and each direction ends on its own: `docker run -i` closes
    stdin and then still waits for output.

    Attributes:
        is_near: Whether this is the client's end, and not the engine's.
        ended: Whether nothing more will come from here.
        passed: Bytes that came from here.
    """

    peer: "TunnelEnd"

    def __init__(self, transport: asyncio.Transport, client: "Client", *, is_near: bool, ended: bool) -> None:
        self.transport = transport
        self.client = client
        self.is_near = is_near
        self.ended = ended
        self.passed = 0

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self.passed += len(data)
        self.peer.transport.write(data)

    def pause_writing(self) -> None:
        """Stop reading from the other end: what we write here is not being taken."""
        self.client.buffers.stall(self.transport)
        if not self.is_near:
            self.client.leave_unwatched()
        if not self.peer.transport.is_closing():
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read from the other end again."""
        self.client.buffers.flow(self.transport)
        if not (self.is_near or self.peer.ended):
            self.client.socket.connections.unwatched.discard(self.client)
        if not self.peer.transport.is_closing():
            self.peer.transport.resume_reading()

    def eof_received(self) -> bool:
        """End this direction; stay open while the other one lives."""
        self.ended = True
        if self.is_near:
            if has_hung_up(self.client.fileno()):
                self.transport.abort()
                return False
            self.client.leave_unwatched()
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
        self.client.account.received += self.passed
        self.client.account.sent += self.peer.passed
        self.client.connection_lost(error)


def open_tunnel(client: "Client", engine: asyncio.Transport, early: bytes) -> None:
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
