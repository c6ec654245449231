"""A stand-in for the engine, which records the requests that arrive.

One thread reads from all ready connections before it answers any of them. So when a client has the answer to a
request, the engine has recorded everything that the proxy sent before that request, on any connection.
"""

import base64
import contextlib
import hashlib
import selectors
import socket
import threading
from collections.abc import Iterator
from typing import Final, NamedTuple

from conformance.messages import Message, Messages, measure_request, split_line

_PIECE: Final = 1 << 16
_WEBSOCKETS: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455: a server appends this to the key of a client."""

_CREATED: Final = '{"Id": "' + "c0f0" * 16 + '", "Warnings": []}'


class Arrival(NamedTuple):
    """A request that reached the engine, and the status of the answer. An unfinished request has an empty status."""

    request: Message
    status: str


class _Connection:
    """A connection from the proxy, with the requests that it still has to answer."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.messages = Messages(measure_request)
        self.waiting: list[Message] = []
        self.ended = self.promised = False
        self.given_up = False
        """Whether a request was taken before its end. The engine ignores the rest of the connection then."""


class Engine:
    """The stand-in. Its thread records arrivals, and the thread that sends the rows takes them."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._open: set[_Connection] = set()
        self._arrivals: list[Arrival] = []
        self._lock = threading.Lock()
        self._stopping, self._stopped = socket.socketpair()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serve while the block lasts."""
        self._listener.settimeout(0)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._stopped, selectors.EVENT_READ)
        thread = threading.Thread(target=self._serve)
        thread.start()
        try:
            yield
        finally:
            self._stopping.close()
            thread.join()
            for connection in self._open:
                connection.stream.close()
            self._stopped.close()
            self._selector.close()

    def take(self) -> list[Arrival]:
        """Return the requests that arrived since the last call, unfinished ones too."""
        with self._lock:
            found, self._arrivals = self._arrivals, []
            for connection in self._open:
                if not connection.given_up and (rest := connection.messages.finish()):
                    found.append(Arrival(rest, ""))
                    connection.given_up = True
                    with contextlib.suppress(OSError):
                        connection.stream.shutdown(socket.SHUT_RDWR)
            return found

    def _serve(self) -> None:
        while True:
            ready = [key.fileobj for key, _ in self._selector.select()]
            if self._stopped in ready:
                return
            if self._listener in ready:  # Read the new connections together with the others.
                self._accept()
                continue
            with self._lock:
                touched = [connection for connection in self._open if connection.stream in ready]
                for connection in touched:
                    self._read(connection)
                for connection in touched:
                    self._answer(connection)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                stream, _ = self._listener.accept()
                stream.settimeout(None)
                self._selector.register(stream, selectors.EVENT_READ)
                with self._lock:
                    self._open.add(_Connection(stream))

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.stream.recv(_PIECE)
        except ConnectionError:
            data = b""
        connection.ended = not data
        if connection.given_up:
            return
        connection.waiting += connection.messages.feed(data)
        if connection.ended and (rest := connection.messages.finish()):
            self._arrivals.append(Arrival(rest, ""))

    def _answer(self, connection: _Connection) -> None:
        with contextlib.suppress(ConnectionError):
            for request in connection.waiting:
                status, answer = _make_answer(request)
                self._arrivals.append(Arrival(request, status))
                connection.promised = False
                connection.stream.sendall(answer)
                closes = "close" in request.head.find("connection").lower()
                connection.ended = connection.ended or closes or status == "101"
            begun = connection.messages.head
            if begun and not connection.promised and begun.find("expect").lower() == "100-continue":
                connection.promised = True
                connection.stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.waiting = []
        if connection.ended:
            self._selector.unregister(connection.stream)
            self._open.remove(connection)
            connection.stream.close()


def _make_answer(request: Message) -> tuple[str, bytes]:
    """Return the status and the bytes of an answer that looks like an engine's.

    This engine agrees to every upgrade, and closes the tunnel at once.
    """
    method, target = split_line(request.head.line)
    path = target.partition("?")[0]
    if request.head.upgrade:
        key = request.head.find("sec-websocket-key").encode("latin-1") + _WEBSOCKETS
        accepted = base64.b64encode(hashlib.sha1(key, usedforsecurity=False).digest()).decode()
        fields = f"Connection: Upgrade\r\nUpgrade: {request.head.upgrade}\r\nSec-WebSocket-Accept: {accepted}"
        return "101", f"HTTP/1.1 101 UPGRADED\r\n{fields}\r\n\r\n".encode("latin-1")
    status, reason, body, kind = "200", "OK", "{}", "application/json"
    if path.endswith("/_ping"):
        body, kind = "OK", "text/plain; charset=utf-8"
    elif path.endswith("/create") and method == "POST":
        status, reason, body = "201", "Created", _CREATED
    fields = f"Api-Version: 1.45\r\nOstype: linux\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
    return status, f"HTTP/1.1 {status} {reason}\r\n{fields}\r\n\r\n{'' if method == 'HEAD' else body}".encode()
