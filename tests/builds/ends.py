"""A client and an engine of HTTP/2 with the proxy's calls between them, over bytes in memory."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from builds.said import SOLVE
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from dockerproxy.builds.calls import Calls
from dockerproxy.builds.solving import Call

Fields = list[tuple[str, str]]

GRPC: Final = (("content-type", "application/grpc"), ("te", "trailers"))
INFO: Final = "/moby.buildkit.v1.Control/Info"
STATUS: Final = "/moby.buildkit.v1.Control/Status"
DENIED: Final = "7"
NOTHING: Final = bytes(5)
_MOST: Final = 16_000
_PIECE: Final = 4096


def framed(message: bytes) -> bytes:
    """Put before a message that it is not compressed, and its length."""
    return b"\0" + len(message).to_bytes(4) + message


def head(path: str = SOLVE, *more: tuple[str, str], method: str = "POST") -> Fields:
    """Return the header list of a call."""
    return [(":method", method), (":scheme", "http"), (":path", path), (":authority", "x"), *GRPC, *more]


@dataclass
class Heard:
    """What came on one stream.

    Attributes:
        ended: Whether it ended as it should.
        reset: The code of its reset; None if it was not reset.
    """

    fields: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    ended: bool = False
    reset: int | None = None


class Peer:
    """One end of HTTP/2.

    Attributes:
        takes: Whether what comes is credited at once, so that more may come.
        forgives: Whether what is no HTTP/2 only ends the connection.
    """

    def __init__(self, *, is_client: bool, settings: dict[SettingCodes, int] | None = None) -> None:
        config = H2Configuration(client_side=is_client, header_encoding="utf-8", validate_outbound_headers=False,
                                 normalize_outbound_headers=False)  # fmt: skip
        self.connection = H2Connection(config)
        self.connection.local_settings = Settings(client=is_client, initial_values=settings)
        self.connection.initiate_connection()
        self.streams: dict[int, Heard] = {}
        self.events: list[Event] = []
        self.takes, self.forgives = True, False

    def sent(self) -> bytes:
        return self.connection.data_to_send()

    def hear(self, data: bytes) -> None:
        try:
            came = self.connection.receive_data(data)
        except ProtocolError:
            assert self.forgives
            return
        for event in came:
            self.events.append(event)
            self._note(event)

    def _note(self, event: Event) -> None:
        stream = getattr(event, "stream_id", None)
        if stream is None:
            return
        heard = self.streams.setdefault(stream, Heard())
        match event:
            case (
                RequestReceived(headers=headers) | ResponseReceived(headers=headers) | TrailersReceived(headers=headers)
            ):
                heard.fields |= {str(name): str(value) for name, value in headers}
            case DataReceived(data=data, flow_controlled_length=length):
                heard.data += data
                if self.takes:
                    self.connection.acknowledge_received_data(length, stream)
            case StreamEnded():
                heard.ended = True
            case StreamReset(error_code=code):
                heard.reset = int(code)

    def begin(self, fields: Fields, content: bytes = b"", *, ends: bool = True) -> int:
        """Begin a stream; return its number."""
        stream = self.connection.get_next_available_stream_id()
        self.connection.send_headers(stream, fields)
        self.connection.send_data(stream, content, end_stream=ends)
        return stream

    def answer(self, stream: int, content: bytes, *, status: str = "0") -> None:
        """Answer a call whole."""
        self.connection.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        self.connection.send_data(stream, framed(content))
        self.connection.send_headers(stream, [("grpc-status", status)], end_stream=True)


@dataclass
class Ends:
    """A client, an engine, and the calls between them.

    Attributes:
        judged: Calls that a policy decides about, and what to tell with the decision.
        refused: Calls that no policy allows, by their paths.
        allows: Whether a policy decides at once, and allows.
    """

    client: Peer = field(default_factory=lambda: Peer(is_client=True))
    engine: Peer = field(default_factory=lambda: Peer(is_client=False))
    allows: bool = True
    judged: list[tuple[Call, str, Callable[[str], None]]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.calls = Calls("one", self._judge, self._refuse)
        self.turn()

    def _judge(self, call: Call, build: str, then: Callable[[str], None]) -> None:
        self.judged.append((call, build, then))
        if self.allows:
            then("")

    def _refuse(self, path: str, reason: str) -> str:
        self.refused.append(path)
        return f"refused: {reason}"

    def turn(self) -> None:
        """Let all go back and forth until nothing more is on its way."""
        while any((self.pass_up(), self.pass_down())):
            pass

    def pass_up(self) -> bool:
        """Bring what the client sends to the proxy, and what the proxy sends to the engine."""
        return any((self.say(self.client.sent()), self._tell_engine()))

    def pass_down(self) -> bool:
        """Bring what the engine sends to the proxy, and what the proxy sends to the client."""
        data = self.engine.sent()
        if data and not self.calls.is_over:
            self.hear(data)
        down = self.calls.give(to_client=True)
        self.client.hear(down)
        return bool(data or down)

    def _tell_engine(self) -> bool:
        up = self.calls.give(to_client=False)
        self.engine.hear(up)
        return bool(up)

    def hear(self, data: bytes) -> None:
        """Have the proxy take bytes of the engine."""
        self.calls.put(data, is_client=False)
        while self.calls.step(is_client=False):
            pass

    def say(self, data: bytes, piece: int = _PIECE) -> bool:
        """Have the proxy take bytes of the client."""
        for start in range(0, len(data), piece):
            self.calls.put(data[start : start + piece], is_client=True)
            while self.calls.step(is_client=True):
                pass
        return bool(data)

    def call(self, path: str = SOLVE, content: bytes = NOTHING, *more: tuple[str, str]) -> int:
        """Make a call; return its stream."""
        pieces = [content[start : start + _MOST] for start in range(0, len(content) or 1, _MOST)]
        stream = self.client.begin(head(path, *more), pieces[0], ends=len(pieces) == 1)
        self.turn()
        for number, piece in enumerate(pieces[1:], 2):
            self.client.connection.send_data(stream, piece, end_stream=number == len(pieces))
            self.turn()
        return stream

    @property
    def reached(self) -> dict[int, Heard]:
        """What reached the engine, by its streams."""
        return self.engine.streams

    @property
    def held(self) -> int:
        return self.calls.held

    def said(self, stream: int) -> Heard:
        """What the client heard on a stream."""
        return self.client.streams[stream]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write a frame."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def paths(heard: Iterable[Heard]) -> list[str]:
    """Return which methods were called."""
    return [each.fields[":path"] for each in heard]
