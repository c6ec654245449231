"""Pass bytes on without a look at them: the least that any proxy on this event loop costs.

python bench/relay.py ENGINE SOCKET
"""

import asyncio
import sys

import uvloop


class End(asyncio.Protocol):
    """One end of a connection; what comes is written to the other end."""

    transport: asyncio.Transport
    peer: "End | None" = None

    def __init__(self) -> None:
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = transport  # type: ignore[assignment] # asyncio promises a Transport to a stream protocol

    def data_received(self, data: bytes) -> None:
        """Pass on what came; what comes before there is another end waits for it."""
        if self.peer is None:
            self.early.append(data)
        else:
            self.peer.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        """End the other end, too."""
        del error
        if self.peer is not None:
            self.peer.transport.close()


class ClientEnd(End):
    """The client's end, which opens a connection to the engine."""

    def __init__(self, engine: str) -> None:
        super().__init__()
        self.engine = engine

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the engine."""
        super().connection_made(transport)
        self.opening = asyncio.ensure_future(self.open())

    async def open(self) -> None:
        """Connect to the engine, and pass on what has come."""
        _, end = await asyncio.get_running_loop().create_unix_connection(End, self.engine)
        self.peer, end.peer = end, self
        end.transport.writelines(self.early)


async def serve(engine: str, path: str) -> None:
    """Relay until stopped."""
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: ClientEnd(engine), path)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2]))
