"""One of the two connections of a build: frames are read one by one, and what is sent waits for the other end.

Attacks: docs/attacks.md, builds/sides.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple, TypeAlias

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import Event
from h2.exceptions import FrameTooLargeError, H2Error, ProtocolError
from hpack import NeverIndexedHeaderTuple

from dockerproxy.wire.frames import ACK, CONTINUATION, DATA, HEAD, HEADERS, PING, SETTINGS, Frame, read_head
from dockerproxy.wire.http2 import PREFACE

LONGEST_BLOCK: Final = 4 * 1024
"""Bytes of a client's header block, which h2 decodes in one call: up to 3 ms. Those of clients have some hundred."""

Fields: TypeAlias = list[tuple[str, str]]


class _Item(NamedTuple):
    """Queued data or headers."""

    content: bytes | Fields
    source: int
    size: int
    ends: bool


class Side:
    """One of the two connections.

    Attributes:
        inbox: Received bytes that are not read yet.
        frames: Received frames without data.
        counted: Those that count as requests: calls, and pings and settings that answer no data.
        sent: Sent bytes of data.
        answers: Pieces of data from the other side that were sent completely.
    """

    def __init__(self, credit: Callable[[int, int], None], *, is_client: bool) -> None:
        self.connection = H2Connection(H2Configuration(client_side=is_client, header_encoding=False))
        self.connection.initiate_connection()
        self._credit = credit
        self._queues: dict[int, deque[_Item]] = {}
        self.inbox = bytearray()
        self._has_begun = is_client
        self._block = self._asked = 0
        self.frames = self.sent = self.answers = self.counted = 0

    def receive(self) -> list[Event] | None:
        """Return the events of the next frame; None if it is not complete."""
        size = self._measure()
        if not size:
            return None
        data = bytes(self.inbox[:size])
        del self.inbox[:size]
        return self.connection.receive_data(data)

    def _measure(self) -> int:
        """Return the length of the next frame, if it is complete.

        Rejects long ones, because h2 would buffer one up to 16 MB, and decode header blocks of 1 MB in a second.
        """
        inbox = self.inbox
        if not self._has_begun:
            self._has_begun = len(inbox) >= len(PREFACE) or not PREFACE.startswith(inbox)
            return min(len(inbox), len(PREFACE)) if self._has_begun else 0
        frame = read_head(inbox, 0)
        if frame is None:
            return 0
        if frame.size > self.connection.max_inbound_frame_size:
            self.connection.close_connection(ErrorCodes.FRAME_SIZE_ERROR)
            raise FrameTooLargeError
        if len(inbox) < HEAD + frame.size:
            return 0
        self._count(frame)
        return HEAD + frame.size

    def _count(self, frame: Frame) -> None:
        kind, flags, _, size = frame
        self.frames += kind != DATA or not size
        self.counted += kind == HEADERS
        if kind in {PING, SETTINGS} and not flags & ACK:
            self._asked += 1
            self.counted += self._asked > self.answers
        if kind in {HEADERS, CONTINUATION}:
            self._block = size + (self._block if kind == CONTINUATION else 0)
            if self._block > LONGEST_BLOCK and not self.connection.config.client_side:
                self.connection.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
                raise FrameTooLargeError

    def queue(self, stream: int, content: bytes | Fields, source: int = 0, size: int = 0, *, ends: bool) -> None:
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
