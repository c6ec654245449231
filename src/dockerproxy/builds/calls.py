"""The gRPC calls of a BuildKit client: each is read whole, judged, and made again on our connection to the engine.

The two connections speak HTTP/2 (RFC 9113) and gRPC, and share no streams, headers or header tables. A call is held
until it is judged. Answers of the engine are forwarded as they arrive, as fast as the client reads.

Attacks: docs/attacks.md, builds/calls.
"""

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

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
from h2.exceptions import H2Error

from dockerproxy.builds.sides import Fields, Side
from dockerproxy.builds.solving import Call, DeniedError, read_call
from dockerproxy.owner_labels import scope
from dockerproxy.wire.http2 import quote_message

LONGEST: Final = 1024 * 1024
"""Bytes of a client's message, and of all held messages of one connection. The longest legitimate one has 50 KiB."""

MOST_FRAMES: Final = 10_000
"""Frames without data that a client may send. It earns more by what it receives: one for each `_PAID` bytes, and
`_FOR_EACH` for each piece of an answer, because clients answer each line of a build with a ping and a window update."""

_PAID: Final = 100
_FOR_EACH: Final = 4

_BUILD: Final = "buildkit-controlapi-buildid"
"""The header by which a call names its build."""

_TRACES: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
"""The method by which clients send telemetry: it is answered, and dropped."""

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

Judge: TypeAlias = Callable[[Call, str, Callable[[str], None]], None]
"""Decides a call of a build, at once or later, and passes on why it is denied; empty if allowed."""


class _Incoming:
    """A call of a client that is still arriving."""

    is_whole = False

    def __init__(self, path: str, fields: Fields, build: str) -> None:
        self.path = path
        self.fields = fields
        self.build = build
        self.content = bytearray()


class Calls:
    """The connections to a client and to the engine, and the calls between them.

    `put` accepts received bytes, `step` reads a frame of them, `give` returns bytes to send.

    Attributes:
        is_over: Whether the connections must be closed.
    """

    def __init__(self, owner: str, judge: Judge, refuse: Callable[[str, str], str]) -> None:
        self._owner = owner
        self._judge = judge
        self._refuse = refuse
        self._client = Side(self._credit_engine, is_client=False)
        self._engine = Side(self._credit_held, is_client=True)
        self._incoming: dict[int, _Incoming] = {}
        self._streams: dict[int, int] = {}
        self._held = 0
        self.is_over = False

    @property
    def held(self) -> int:
        """Bytes of held calls, and of frames that are not complete."""
        return self._held + len(self._client.inbox) + len(self._engine.inbox)

    @property
    def counted(self) -> int:
        """How many frames of the client count as requests."""
        return self._client.counted

    def put(self, data: bytes, *, is_client: bool) -> None:
        """Take bytes from one end."""
        (self._client if is_client else self._engine).inbox += data

    def give(self, *, to_client: bool) -> bytes:
        """Return the bytes to send to one end."""
        return (self._client if to_client else self._engine).connection.data_to_send()

    def step(self, *, is_client: bool) -> bool:
        """Read a frame of one end. Returns whether there was one."""
        side, handle = (self._client, self._hear) if is_client else (self._engine, self._answer)
        try:
            events = None if self.is_over else side.receive()
            if events is None:
                return False
            for event in events:
                handle(event)
            self._client.flush()
            self._engine.flush()
        except H2Error:
            self.is_over = True
        if is_client and side.frames > MOST_FRAMES + side.sent // _PAID + side.answers * _FOR_EACH:
            self.calm_down()
        return True

    def calm_down(self) -> None:
        """End the connections: the client sends too much that is not data."""
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

    def _begin(self, stream: int, headers: Fields) -> None:
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

    def _send(self, stream: int, fields: Fields, content: bytes) -> None:
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

    def _pass_on(self, far: int, content: bytes | Fields, size: int, *, ends: bool) -> None:
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
