"""The frames of a session, in which the engine calls its client: each is read, and goes on as it came.

The calls by which files are sent have a reader (`builds/files`), which may deny them. The engine acts on whole frames
and messages: the frame that completes one goes on after it was judged. Of a denied call the engine gets the reason as
its end, so that the build prints it.

The engine is trusted, so its header blocks are decoded, for the paths of its calls. Blocks of the client are not read.

Attacks: docs/attacks.md, builds/streams.
"""

from collections.abc import Callable
from typing import Final

from hpack import Decoder, HPACKError

from dockerproxy.builds.files import READERS, Reader
from dockerproxy.builds.sessions import METHODS
from dockerproxy.builds.solving import DeniedError
from dockerproxy.wire.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEAD,
    HEADERS,
    LONGEST,
    PADDED,
    PING,
    PRIORITIZED,
    PRIORITY,
    RESET,
    SETTINGS,
    WINDOW,
    Frame,
    read_head,
    write_frame,
)
from dockerproxy.wire.http2 import PREFACE, deny_call

LONGEST_BLOCK: Final = 64 * 1024
"""Bytes of an engine's header block. It has the client's .dockerignore."""

_LONGEST_LIST: Final = 128 * 1024
"""Bytes of its fields, by RFC 9113 §6.5.2: 1,500 lines of .dockerignore are decoded in 10 ms."""

_KNOWN: Final = {DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION}
_COUNTED: Final = {HEADERS, PRIORITY, RESET}
_ASKS: Final = {SETTINGS, PING}


class BrokenError(ValueError):
    """A session that must end, with the reason."""


class _Way:
    """The bytes of one direction.

    Attributes:
        came: Bytes that came, and were not given on.
        at: Up to where they are read.
        done: Up to where they may go on.
    """

    def __init__(self, preface: bytes) -> None:
        self.came = bytearray()
        self.at = self.done = 0
        self._preface = preface
        self._ready: list[bytes] = []

    def next_frame(self) -> Frame | None:
        """Return the head of the next frame, if it is complete."""
        if self._preface and len(self.came) >= len(self._preface):
            if not self.came.startswith(self._preface):
                raise BrokenError("it is not HTTP/2")
            self.at, self._preface = len(self._preface), b""
        frame = None if self._preface else read_head(self.came, self.at)
        if frame is not None and frame.size > LONGEST:
            raise BrokenError(f"a frame of more than {LONGEST} bytes")
        return None if frame is None or len(self.came) < self.at + HEAD + frame.size else frame

    def pass_on(self, size: int, *, holds: bool = False) -> None:
        """Let a frame go on; one that is held, together with the next ones."""
        self.at += HEAD + size
        self.done = self.done if holds else self.at

    def put(self, frame: bytes) -> None:
        """Put a frame of ours between two others."""
        self._flush()
        self._ready.append(frame)

    def drop(self, size: int) -> None:
        """Forget a frame."""
        self._flush()
        del self.came[: HEAD + size]

    def give(self) -> bytes:
        """Return what may go on."""
        self._flush()
        given = self._ready[0] if len(self._ready) == 1 else b"".join(self._ready)
        self._ready.clear()
        return given

    def _flush(self) -> None:
        if self.done:
            self._ready.append(bytes(memoryview(self.came)[: self.done]))
            del self.came[: self.done]
            self.at, self.done = self.at - self.done, 0


class _Call:
    """A call of the engine.

    Attributes:
        reader: Reads what the client sends, if that is read.
        has_begun: Whether the client has begun to answer.
        is_taken: Whether the reader has the current frame.
        is_denied: Whether the engine already got the end of its answer.
    """

    __slots__ = ("has_begun", "is_denied", "is_taken", "path", "reader")

    def __init__(self, path: str) -> None:
        self.path = path
        make = READERS.get(METHODS.get(path, ""))
        self.reader: Reader | None = make() if make else None
        self.has_begun = self.is_taken = self.is_denied = False


class Streams:
    """Both directions of a session.

    Attributes:
        broken: Why the session must end; empty if it goes on.
        counted: How many frames of the client count as requests: answers, pings, settings, resets.
    """

    def __init__(self, refuse: Callable[[str, str], str]) -> None:
        self._refuse = refuse
        self._up, self._down = _Way(b""), _Way(PREFACE)
        self._calls: dict[int, _Call] = {}
        self._decoder = Decoder(_LONGEST_LIST)
        self._opened = self._header_of = 0
        self._block = bytearray()
        self._block_of = 0
        self.broken = ""
        self.counted = 0

    @property
    def is_over(self) -> bool:
        """Whether both connections must be closed."""
        return self.broken != ""

    def calm_down(self) -> None:
        """End the session: the client sends too much that counts as requests."""
        self.broken = "too many answers, pings or settings"

    @property
    def held(self) -> int:
        """Bytes that wait."""
        return len(self._up.came) + len(self._down.came)

    def put(self, data: bytes, *, is_client: bool) -> None:
        """Take bytes from one end."""
        (self._up if is_client else self._down).came += data

    def give(self, *, to_client: bool) -> bytes:
        """Return bytes for one end."""
        return (self._down if to_client else self._up).give()

    def step(self, *, is_client: bool) -> bool:
        """Read a frame of one end, or a part of it. Returns whether there was one."""
        way = self._up if is_client else self._down
        try:
            frame = None if self.broken else way.next_frame()
            if frame is None:
                return False
            (self._hear_client if is_client else self._hear_engine)(way, frame)
        except BrokenError as error:
            self.broken = str(error)
        return True

    # What the client answers

    def _hear_client(self, way: _Way, frame: Frame) -> None:
        kind, flags, stream, size = frame
        if (kind == CONTINUATION) != (self._header_of > 0) or (self._header_of and self._header_of != stream):
            raise BrokenError("a header block has other frames within")
        if kind not in _KNOWN:
            raise BrokenError(f"a frame of the kind {kind}")
        self.counted += kind in _COUNTED or (kind in _ASKS and not flags & ACK) or (kind == DATA and not size)
        if kind in {DATA, HEADERS}:
            call = self._calls.get(stream)
            if call is None:
                raise BrokenError("an answer to a call that the engine did not make")
            if not self._hear_answer(way, frame, call):
                return
        elif kind == RESET:
            self._calls.pop(stream, None)
        if kind in {HEADERS, CONTINUATION}:
            self._header_of = 0 if flags & END_HEADERS else stream
        way.pass_on(size)

    def _hear_answer(self, way: _Way, frame: Frame, call: _Call) -> bool:
        """Read a part of an answer. Returns whether it goes on."""
        kind, flags, stream, size = frame
        try:
            if kind == HEADERS:
                call.has_begun = True
            elif not call.is_denied and self._is_unread(way, frame, call):
                return False
            if flags & END_STREAM:
                del self._calls[stream]
                if call.reader is not None and not call.is_denied:
                    call.reader.finish()
        except DeniedError as error:
            call.is_denied = True
            says = self._refuse(call.path, str(error))
            way.put(deny_call(stream, says, has_begun=call.has_begun))
        if kind == DATA and call.is_denied:
            way.drop(size)
            if size:  # The engine cannot grant room for it.
                self._down.put(write_frame(WINDOW, 0, 0, size.to_bytes(4)))
            return False
        return True

    @staticmethod
    def _is_unread(way: _Way, frame: Frame, call: _Call) -> bool:
        """Have the reader read a part of a frame. Returns whether there is more."""
        if call.path not in METHODS:
            raise DeniedError("it is not a call that builds need")
        reader = call.reader
        if reader is None:
            return False
        if frame.flags & PADDED:
            raise DeniedError("its data is padded")
        if not call.is_taken:
            start = way.at + HEAD
            reader.take(way.came, start, start + frame.size)
        call.is_taken = reader.work()
        return call.is_taken

    # What the engine calls

    def _hear_engine(self, way: _Way, frame: Frame) -> None:
        kind, flags, stream, size = frame
        start = way.at + HEAD
        if (kind == CONTINUATION) != (self._block_of > 0) or (self._block_of and self._block_of != stream):
            raise BrokenError("the engine interrupted a header block")
        if kind in {HEADERS, CONTINUATION}:
            self._block_of = stream
            self._block += _strip(way.came[start : start + size], flags if kind == HEADERS else 0)
            if len(self._block) > LONGEST_BLOCK:
                raise BrokenError("the engine's call is too long; perhaps .dockerignore is")
            if flags & END_HEADERS:
                self._open(stream)
        way.pass_on(size, holds=self._block_of > 0)

    def _open(self, stream: int) -> None:
        """Read the header block of a call. A second one is its end."""
        try:
            fields = dict(self._decoder.decode(bytes(self._block), raw=True))
        except HPACKError as error:
            raise BrokenError(f"the engine's call cannot be read: {error}") from None
        self._block.clear()
        self._block_of = 0
        if stream > self._opened:
            self._opened = stream
            self._calls[stream] = _Call(fields.get(b":path", b"").decode("latin-1"))


def _strip(payload: bytearray, flags: int) -> bytearray:
    """Remove the padding and the priority from the payload of a header frame."""
    start = bool(flags & PADDED) + 5 * bool(flags & PRIORITIZED)
    return payload[start : len(payload) - (payload[0] if flags & PADDED and payload else 0)]
