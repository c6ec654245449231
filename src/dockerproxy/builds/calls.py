"""The gRPC calls of a BuildKit client: each is read whole, judged, and made again on our connection to the engine.

The two connections speak HTTP/2 (RFC 9113) and gRPC, and share no streams, headers or header tables. A call is held
until it is judged. Answers of the engine are forwarded as they arrive, as fast as the client reads.

Attacks: docs/attacks.md, builds/calls.
"""

import re
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import FrameTooLargeError, H2Error, ProtocolError
from hpack import NeverIndexedHeaderTuple

from dockerproxy.builds.solving import Call, DeniedError, read_call
from dockerproxy.policy.stamps import scope
from dockerproxy.wire.http2 import PREFACE, quote_message

LONGEST: Final = 4 * 1024 * 1024
"""Bytes of a client's message, and of all held messages of one connection. The longest legitimate one has 50 KiB."""

MOST_FRAMES: Final = 10_000
"""Frames without data that a client may send. It earns more by what it receives: one for each `_PAID` bytes, and
`_FOR_EACH` for each piece of an answer, because clients answer each line of a build with a ping and a window update."""

_PAID: Final = 100
_FOR_EACH: Final = 4

PIECE: Final = 4 * 1024
"""Bytes that are read at a time, so that other clients have their turn: at most some hundred frames."""

_BUILD: Final = "buildkit-controlapi-buildid"
"""The header by which a call names its build."""

_TRACES: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
"""The method by which clients send telemetry: it is answered, and dropped."""

_HEAD: Final = 9
"""Bytes before a frame (RFC 9113 §4.1)."""

_DATA: Final = 0
_MOST_SAID: Final = 1000
"""Characters of a reason, which may quote a client's whole message."""

_TYPE: Final = "application/grpc"
_IS_GRPC: Final = re.compile(r"application/grpc(\+proto)?").fullmatch
_IS_PATH: Final = re.compile(r"/[\w.]{1,100}/\w{1,100}", re.ASCII).fullmatch
_IS_TIMEOUT: Final = re.compile(r"[0-9]{1,8}[HMSmun]").fullmatch
_READ: Final = (":method", ":path", "content-type", "grpc-encoding", "grpc-timeout", _BUILD)
_SAME: Final = ((":authority", "dockerproxy"), ("content-type", _TYPE), ("te", "trailers"))
_ANSWERED: Final = frozenset({":status", "content-type", "grpc-status", "grpc-message", "grpc-status-details-bin"})
_PREFIX: Final = 5
"""Bytes before a message: whether it is compressed, and its length."""

_PERMISSION_DENIED: Final = "7"

_Fields: TypeAlias = list[tuple[str, str]]

Judge: TypeAlias = Callable[[Call, str, Callable[[str], None]], None]
"""Decides a call of a build, at once or later, and passes on why it is denied; empty if allowed."""


class _Item(NamedTuple):
    """Queued data or headers."""

    content: bytes | _Fields
    source: int
    size: int
    ends: bool


class _Side:
    """One of the two connections.

    Attributes:
        frames: Received frames without data.
        sent: Sent bytes of data.
        answers: Pieces of data from the other side that were sent completely.
    """

    def __init__(self, credit: Callable[[int, int], None], *, is_client: bool) -> None:
        self.connection = H2Connection(H2Configuration(client_side=is_client, header_encoding=False))
        self.connection.initiate_connection()
        self._credit = credit
        self._queues: dict[int, deque[_Item]] = {}
        self._rest = 0 if is_client else len(PREFACE)
        self._start = b""
        self.frames = self.sent = self.answers = 0

    def receive(self, data: bytes) -> list[Event]:
        """Return the received events. Rejects long frames, because h2 would buffer one up to 16 MB."""
        came, at = self._start + data, self._rest
        while len(came) >= at + _HEAD:
            length, kind = int.from_bytes(came[at : at + 3]), came[at + 3]
            if length > self.connection.max_inbound_frame_size:
                self.connection.close_connection(ErrorCodes.FRAME_SIZE_ERROR)
                raise FrameTooLargeError
            self.frames += kind != _DATA or not length
            at += _HEAD + length
        self._start, self._rest = came[at:], max(at - len(came), 0)
        return self.connection.receive_data(data)

    def queue(self, stream: int, content: bytes | _Fields, source: int = 0, size: int = 0, *, ends: bool) -> None:
        """Queue data or headers. When they are sent, `size` bytes are credited to their source."""
        self._queues.setdefault(stream, deque()).append(_Item(content, source, size, ends))
        self.flush(stream)

    def flush(self, *streams: int) -> None:
        """Send queued items of some streams, or of all, as far as the other end accepts them."""
        for stream in streams or tuple(self._queues):
            queue = self._queues.get(stream, deque())
            try:
                while queue and self._send(stream, queue):
                    item = queue.popleft()
                    self._credit(item.source, item.size)
                    self.answers += item.size > 0
            except ProtocolError:
                if self.connection.config.client_side:
                    raise
                self.drop(stream)  # The client reset the stream; the event is read later.
            if not queue:
                self._queues.pop(stream, None)

    def _send(self, stream: int, queue: deque[_Item]) -> bool:
        """Send the first item of a queue; return whether all of it is sent."""
        content, _, _, ends = item = queue[0]
        if not isinstance(content, bytes):
            # Never indexed, because the other end decides the size of the table.
            fields = [NeverIndexedHeaderTuple(*field) for field in content]
            self.connection.send_headers(stream, fields, end_stream=ends)
            return True
        room = min(self.connection.local_flow_control_window(stream), self.connection.max_outbound_frame_size)
        if content and room <= 0:
            return False
        rest = content[max(room, 0) :]
        self.connection.send_data(stream, content[: max(room, 0)], end_stream=ends and not rest)
        self.sent += len(content) - len(rest)
        queue[0] = item._replace(content=rest)
        return not rest

    def drop(self, stream: int) -> None:
        """Discard the queued answers of a stream."""
        for item in self._queues.pop(stream, ()):
            self._credit(item.source, item.size)

    def reset(self, stream: int, code: int) -> None:
        """End a stream, if it is still open."""
        self.drop(stream)
        with suppress(H2Error):
            self.connection.reset_stream(stream, code)


class _Incoming:
    """A call of a client that is still arriving."""

    is_whole = False

    def __init__(self, path: str, fields: _Fields, build: str) -> None:
        self.path = path
        self.fields = fields
        self.build = build
        self.content = bytearray()


class Calls:
    """The connections to a client and to the engine, and the calls between them.

    `take` accepts received bytes, `give` returns bytes to send.

    Attributes:
        is_over: Whether the connections must be closed.
    """

    def __init__(self, owner: str, judge: Judge, refuse: Callable[[str, str], str]) -> None:
        self._owner = owner
        self._judge = judge
        self._refuse = refuse
        self._client = _Side(self._credit_engine, is_client=False)
        self._engine = _Side(self._credit_held, is_client=True)
        self._incoming: dict[int, _Incoming] = {}
        self._streams: dict[int, int] = {}
        self._held = 0
        self.is_over = False

    @property
    def held(self) -> int:
        """Bytes of held calls."""
        return self._held

    def give(self, *, to_client: bool) -> bytes:
        """Return the bytes to send to one end."""
        return (self._client if to_client else self._engine).connection.data_to_send()

    def take(self, data: bytes, *, is_client: bool) -> None:
        """Take bytes from one end; from a client at most `PIECE` bytes at a time."""
        side, handle = (self._client, self._hear) if is_client else (self._engine, self._answer)
        try:
            for event in side.receive(data):
                handle(event)
            self._client.flush()
            self._engine.flush()
        except H2Error:
            self.is_over = True
        if is_client and side.frames > MOST_FRAMES + side.sent // _PAID + side.answers * _FOR_EACH:
            self._client.connection.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            self.is_over = True

    def _credit_engine(self, source: int, size: int) -> None:
        """Let the engine send more, after the client has read its data."""
        if size:
            self._engine.connection.acknowledge_received_data(size, source)

    def _credit_held(self, _source: int, size: int) -> None:
        self._held -= size

    # What the client asks for

    def _hear(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=stream, headers=headers):
                self._begin(stream, [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
            case DataReceived(stream_id=stream, data=data, flow_controlled_length=length):
                self._client.connection.acknowledge_received_data(length, stream)
                self._collect(stream, data)
            case StreamEnded(stream_id=stream) if stream in self._incoming:
                self._finish(stream, self._incoming[stream])
            case StreamReset(stream_id=stream):
                self._forget(stream)
                self._client.drop(stream)
                for far in [far for far, near in self._streams.items() if near == stream]:
                    del self._streams[far]
                    self._engine.reset(far, ErrorCodes.CANCEL)
            case TrailersReceived(stream_id=stream) if stream in self._incoming:
                self._refuse_call(stream, "a call has trailers")
            case ConnectionTerminated():
                self.is_over = True

    def _begin(self, stream: int, headers: _Fields) -> None:
        """Read the headers of a call: only those of the list are forwarded, each at most once."""
        counted, named = Counter(name for name, _ in headers), dict(headers)
        path, timeout = named.get(":path", ""), named.get("grpc-timeout", "")
        is_grpc = named.get(":method") == "POST" and _IS_GRPC(named.get("content-type", "")) and _IS_PATH(path)
        build = scope(self._owner, "build", named.get(_BUILD, ""))
        also = {"grpc-timeout": timeout, _BUILD: build}
        fields = [(":method", "POST"), (":scheme", "http"), (":path", path), *_SAME]
        fields += [(name, value) for name, value in also.items() if value]
        self._incoming[stream] = _Incoming(path if is_grpc else "", fields, build)
        if not is_grpc:
            self._refuse_call(stream, "a call is not a gRPC call")
        elif any(counted[name] > 1 for name in _READ):
            self._refuse_call(stream, "a call has a header twice")
        elif named.get("grpc-encoding", "identity") != "identity" or (timeout and not _IS_TIMEOUT(timeout)):
            self._refuse_call(stream, "a call is compressed, or its time limit is not valid")

    def _collect(self, stream: int, data: bytes) -> None:
        if stream in self._incoming:
            self._incoming[stream].content.extend(data)
            self._held += len(data)
            if self._held > LONGEST:
                self._refuse_call(stream, f"calls of more than {LONGEST} bytes at one time")

    def _finish(self, stream: int, call: _Incoming) -> None:
        """Judge a complete call."""
        call.is_whole, content = True, bytes(call.content)
        if call.path == _TRACES:
            self._forget(stream)
            self._client.queue(stream, [(":status", "200"), ("content-type", _TYPE)], ends=False)
            self._client.queue(stream, _prefix(b""), ends=False)
            self._client.queue(stream, [("grpc-status", "0")], ends=True)
        elif content[:_PREFIX] != _prefix(content[_PREFIX:]):
            self._refuse_call(stream, "a call is not one message, or compressed")
        else:
            try:
                judged = read_call(call.path, content[_PREFIX:], self._owner)
            except DeniedError as error:
                self._refuse_call(stream, str(error))
                return
            self._judge(judged, judged.build or call.build, partial(self._go_on, stream, judged))

    def _go_on(self, stream: int, judged: Call, denial: str) -> None:
        """Make a judged call, if its client still waits."""
        if stream not in self._incoming or self.is_over:
            return
        try:
            if denial:
                self._deny(stream, denial)
            else:
                fields = self._incoming[stream].fields
                self._forget(stream)
                self._send(stream, fields, _prefix(judged.content) + judged.content)
        except H2Error:
            self.is_over = True

    def _send(self, stream: int, fields: _Fields, content: bytes) -> None:
        far = self._engine.connection.get_next_available_stream_id()
        self._streams[far] = stream
        self._held += len(content)
        self._engine.queue(far, fields, ends=False)
        self._engine.queue(far, content, size=len(content), ends=True)

    def _forget(self, stream: int) -> None:
        call = self._incoming.pop(stream, None)
        self._held -= len(call.content) if call is not None else 0

    def _refuse_call(self, stream: int, says: str) -> None:
        """Deny a call that no policy can allow, with a record."""
        self._deny(stream, self._refuse(self._incoming[stream].path, says[:_MOST_SAID]))

    def _deny(self, stream: int, says: str) -> None:
        """Answer a call ourselves. The rest of it is not read."""
        is_whole = self._incoming[stream].is_whole
        self._forget(stream)
        message = ("grpc-message", quote_message(says))
        answer = [(":status", "200"), ("content-type", _TYPE), ("grpc-status", _PERMISSION_DENIED), message]
        self._client.queue(stream, answer, ends=True)
        if not is_whole:
            self._client.reset(stream, ErrorCodes.NO_ERROR)

    # What the engine answers

    def _answer(self, event: Event) -> None:
        match event:
            case ResponseReceived() | TrailersReceived():
                fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
                # gRPC reads a missing status as an unknown error; without any field, h2 would raise.
                fields = [each for each in fields if each[0] in _ANSWERED] or [("grpc-status", "2")]
                self._pass_on(event.stream_id, fields, 0, ends=event.stream_ended is not None)
            case DataReceived(stream_id=far, data=data, flow_controlled_length=length):
                self._pass_on(far, data, length, ends=event.stream_ended is not None)
            case StreamReset(stream_id=far, error_code=code) if far in self._streams:
                self._engine.drop(far)
                self._client.reset(self._streams.pop(far), code)
            case ConnectionTerminated():
                self.is_over = True

    def _pass_on(self, far: int, content: bytes | _Fields, size: int, *, ends: bool) -> None:
        stream = self._streams.get(far)
        if stream is None:
            self._credit_engine(far, size)
            return
        if ends:
            del self._streams[far]
        self._client.queue(stream, content, far, size, ends=ends)


def _prefix(content: bytes) -> bytes:
    """Return the prefix of an uncompressed message."""
    return b"\0" + len(content).to_bytes(4)
