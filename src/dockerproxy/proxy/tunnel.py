"""A connection that is no longer HTTP/1: bytes pass unchanged both ways, or HTTP/2 is read or denied."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from dockerproxy.proxy.accounting import Accounting
from dockerproxy.proxy.connections import Connection, has_hung_up
from dockerproxy.proxy.pending import Done
from dockerproxy.proxy.scheduling import TURN
from dockerproxy.proxy.sockets import SocketState
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


class Frames(Protocol):
    """Reads the frames of a tunnel, and decides what goes on.

    Attributes:
        counted: How many of the client's frames count as requests.
        is_over: Whether both connections must be closed.
        held: Bytes that wait.
    """

    @property
    def counted(self) -> int: ...  # noqa: D102
    @property
    def is_over(self) -> bool: ...  # noqa: D102
    @property
    def held(self) -> int: ...  # noqa: D102
    def put(self, data: bytes, *, is_client: bool) -> None: ...  # noqa: D102
    def step(self, *, is_client: bool) -> bool: ...  # noqa: D102
    def give(self, *, to_client: bool) -> bytes: ...  # noqa: D102
    def calm_down(self) -> None: ...  # noqa: D102


class FramedTunnel:
    """A tunnel whose frames are read one by one, in turns with other clients."""

    def __init__(self, client: Near, socket: SocketState, engine: asyncio.Transport, frames: Frames) -> None:
        self._client = client
        self._socket = socket
        self._frames = frames
        self._counted = 0
        self._waits = False
        self.near, self.far = FramedEnd(self, client.transport), FramedEnd(self, engine)
        client.buffers.keep(lambda: frames.held)
        client.transport.set_protocol(self.near)
        engine.set_protocol(self.far)

    def begin(self, answered: bytes, early: bytes) -> None:
        """Process bytes from before the tunnel was open: after the engine's answer, and of the client."""
        self.give()
        self.take(self.far, answered)
        self.take(self.near, early)

    def take(self, end: "FramedEnd", data: bytes) -> None:
        """Process bytes from an end, now or in a later turn."""
        account, is_client = self._client.account, end is self.near
        account.received += len(data) * is_client
        account.sent += len(data) * (not is_client)
        self._frames.put(data, is_client=is_client)
        if not self._waits:
            if self._socket.shared.turns.is_over:
                self._wait()
                self.update_reading()
            else:
                self.advance()

    def _wait(self) -> None:
        self._waits = True
        self._socket.shared.turns.wait(self, self._socket)

    def advance(self) -> None:
        """Process frames for one turn, so that others do not wait."""
        self._waits = False
        if self.near.transport.is_closing():
            return
        shared = self._socket.shared
        began = now = shared.now()
        while self._take_step(now):
            now = shared.now()
            if now >= began + TURN:
                self._wait()
                break
        if now > began:
            shared.turns.spend(now - began)
        self.give()
        self.update_reading()

    def _take_step(self, now: float) -> bool:
        """Process a frame of each end. Returns whether there was one."""
        frames, socket = self._frames, self._socket
        came = frames.step(is_client=True) | frames.step(is_client=False)
        while self._counted < frames.counted and not frames.is_over:
            self._counted += 1
            if not socket.usage.affords(self._client.account, now, 0, socket.connections):
                frames.calm_down()
        return came

    def give(self) -> None:
        """Send the output to both ends, and end the tunnel if it is over."""
        for end, is_near in ((self.near, True), (self.far, False)):
            data = self._frames.give(to_client=is_near)
            if data and not end.transport.is_closing():
                end.transport.write(data)
        if not self.near.transport.is_closing():
            self._client.buffers.count()
            if self._frames.is_over:
                self.end()

    def end(self) -> None:
        """End both ends."""
        self.far.transport.abort()
        self.near.transport.close()

    def is_stalled(self, end: "FramedEnd") -> bool:
        """Whether nothing more is read from an end, because the other one does not read."""
        return (self.far if end is self.near else self.near).is_slow

    def update_reading(self) -> None:
        """Read an end unless its bytes wait, for their turn or for the other end."""
        for end in (self.near, self.far):
            reads = not (self._waits or self.is_stalled(end))
            if reads is not end.is_read and not end.transport.is_closing():
                end.is_read = reads
                (end.transport.resume_reading if reads else end.transport.pause_reading)()
                if end is self.near:
                    self._client.watch(is_read=reads)

    def stall(self, end: "FramedEnd", *, is_slow: bool) -> None:
        """Record whether output to an end waits."""
        end.is_slow = is_slow
        (self._client.buffers.stall if is_slow else self._client.buffers.flow)(end.transport)
        self.update_reading()

    def lose(self, end: "FramedEnd", error: Exception | None) -> None:
        """End the other end too."""
        if end is self.far:
            self._client.buffers.close(end.transport)
            self.near.transport.close()
        else:
            self.far.transport.abort()
            self._client.connection_lost(error)


class FramedEnd(asyncio.Protocol):
    """One end of such a tunnel.

    Attributes:
        is_read: Whether it is read; unknown at first.
        is_slow: Whether it does not read what was written.
    """

    is_read: bool | None = None
    is_slow = False

    def __init__(self, tunnel: FramedTunnel, transport: asyncio.Transport) -> None:
        self._tunnel = tunnel
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Process the bytes."""
        self._tunnel.take(self, data)

    def pause_writing(self) -> None:
        """Stop reading: this end does not read."""
        self._tunnel.stall(self, is_slow=True)

    def resume_writing(self) -> None:
        """Continue reading."""
        self._tunnel.stall(self, is_slow=False)

    def eof_received(self) -> bool:
        """End the tunnel: HTTP/2 has no half-closed connections."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """End the other end."""
        self._tunnel.lose(self, error)


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
