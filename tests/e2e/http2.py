"""A client of BuildKit that names what it likes: calls, and a session in which the engine calls it."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from e2e.talk import connect, read_until, send_head
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, ResponseReceived, StreamEnded, TrailersReceived
from waiting import PATIENCE


def write_field(number: int, value: bytes) -> bytes:
    """Write a field of a message of protocol buffers, of less than 128 bytes."""
    return bytes((number << 3 | 2, len(value))) + value


def write_entry(number: int, name: bytes, value: bytes) -> bytes:
    """Write an entry of a map."""
    return write_field(number, write_field(1, name) + write_field(2, value))


def _read(headers: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    """Read headers, which are text by our configuration of h2."""
    return {str(name): str(value) for name, value in headers}


class _Tunnel:
    """A tunnel in which HTTP/2 is spoken; closed when the block ends."""

    def __init__(self, path: Path, target: str, *headers: str, is_client: bool) -> None:
        self._socket = connect(path)
        send_head(self._socket, f"POST {target}", "Connection: Upgrade", "Upgrade: h2c", *headers)
        answered, _, early = read_until(self._socket, b"\r\n\r\n").partition(b"\r\n\r\n")
        assert b" 101 " in answered, answered
        self._early = early
        self._http = H2Connection(H2Configuration(client_side=is_client, header_encoding="latin-1"))
        self._http.initiate_connection()
        self._send()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def _send(self) -> None:
        self._socket.sendall(self._http.data_to_send())

    def _receive(self, seconds: float) -> list[Event]:
        """Wait for the next events; return none if that takes too long."""
        self._socket.settimeout(seconds)
        events: list[Event] = []
        with suppress(TimeoutError):
            # A read may end within a frame, which is no event yet.
            while not events and (data := self._early or self._socket.recv(65536)):
                self._early = b""
                events = self._http.receive_data(data)
                self._send()
        return events


class Caller(_Tunnel):
    """Calls methods of the engine."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "/grpc", is_client=True)
        self._headers: dict[int, dict[str, str]] = {}
        self._ended: set[int] = set()
        self._content: dict[int, bytes] = {}

    def call(self, method: str, message: bytes) -> int:
        """Begin a call; return its number."""
        stream = self._http.get_next_available_stream_id()
        fields = {":method": "POST", ":scheme": "http", ":path": f"/{method}", ":authority": "localhost"}
        fields |= {"content-type": "application/grpc", "te": "trailers"}
        self._http.send_headers(stream, list(fields.items()))
        self._http.send_data(stream, b"\0" + len(message).to_bytes(4) + message, end_stream=True)
        self._send()
        return stream

    def wait_end(self, stream: int) -> str:
        """Wait until a call has ended; return the message of its failure, or nothing."""
        while stream not in self._ended:
            assert self._take(), "the call has no end"
        return self._headers[stream].get("grpc-message", "")

    def wait_message(self, stream: int) -> bytes:
        """Wait until the engine has answered a call with a message, and return that."""
        while not self._content.get(stream):
            assert stream not in self._ended, self._headers
            assert self._take(), "the call has no answer"
        return self._content[stream]

    def _take(self) -> bool:
        events = self._receive(PATIENCE)
        for event in events:
            match event:
                case (
                    ResponseReceived(stream_id=stream, headers=headers)
                    | TrailersReceived(stream_id=stream, headers=headers)
                ):
                    self._headers.setdefault(stream, {}).update(_read(headers))
                case DataReceived(stream_id=stream, data=data):
                    self._content[stream] = self._content.get(stream, b"") + data
                case StreamEnded(stream_id=stream):
                    self._ended.add(stream)
        return bool(events)


class Session(_Tunnel):
    """A session of that name, in which the engine calls, and is answered only by hand."""

    def __init__(self, path: Path, name: str, *methods: str) -> None:
        given = [f"X-Docker-Expose-Session-Grpc-Method: {method}" for method in methods]
        fields = {"Uuid": name, "Name": name, "Sharedkey": name}
        given += [f"X-Docker-Expose-Session-{field}: {value}" for field, value in fields.items()]
        super().__init__(path, "/session", *given, is_client=False)
        self.calls: list[dict[str, str]] = []

    def wait_call(self, path: str, seconds: float = PATIENCE) -> None:
        """Take calls until one of that method has come, or nothing came for so long."""
        while not any(call[":path"] == path for call in self.calls) and (events := self._receive(seconds)):
            for event in events:
                if isinstance(event, RequestReceived):
                    self.calls.append(_read(event.headers))
                    self._stream = event.stream_id

    def answer(self, *messages: bytes) -> None:
        """Begin to answer the call that came last."""
        self._http.send_headers(self._stream, [(":status", "200"), ("content-type", "application/grpc")])
        for message in messages:
            self._http.send_data(self._stream, b"\0" + len(message).to_bytes(4) + message)
        self._send()
