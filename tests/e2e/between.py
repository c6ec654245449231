"""A relay before an engine that lets a test act at the worst moment: after the engine has said what a name means."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from e2e.talk import connect
from folders import short_folder

OF_OURS = b"host: dockerproxy\r\n"
"""In the head of what the proxy itself asks."""


class Relay:
    """Passes connections on to an engine; of each answer to the proxy's own lookups it waits for what a test does.

    Attributes:
        socket: Where it listens.
        lookups: First lines of those lookups.
        between: What a test does after each.
    """

    def __init__(self, socket: Path, engine: Path) -> None:
        self.socket = socket
        self.lookups: list[str] = []
        self.between: Callable[[], object] = list
        self._engine = engine

    def serve(self, listening: socket.socket) -> None:
        """Take connections until the socket is shut down."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, connect(self._engine) as engine, contextlib.suppress(OSError):
            first = client.recv(65536)
            is_lookup = OF_OURS in first and b"/_ping" not in first
            if is_lookup:  # It is answered to its end, after which there is another connection.
                first = first.removesuffix(b"\r\n") + b"connection: close\r\n\r\n"
            engine.sendall(first)
            if OF_OURS not in first:
                threading.Thread(target=_pump, args=(client, engine), daemon=True).start()
                _pump(engine, client)
            elif is_lookup:
                answer = b"".join(iter(lambda: engine.recv(65536), b""))
                self.lookups.append(first.partition(b" HTTP")[0].decode())
                self.between()
                client.sendall(answer)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relay_before(engine: Path) -> Iterator[Relay]:
    """Run a relay before an engine."""
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as listening:
        relay = Relay(folder / "relay.sock", engine)
        listening.bind(str(relay.socket))
        listening.listen()
        thread = threading.Thread(target=relay.serve, args=(listening,))
        thread.start()
        try:
            yield relay
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
