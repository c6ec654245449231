"""Read a client's bytes as they arrive: find heads, and frame bodies anew for the engine."""

import re
from typing import Final

from dockerproxy.errors import Refusal
from dockerproxy.wire.archive import Archive
from dockerproxy.wire.chunked import LAST_CHUNK, Chunks
from dockerproxy.wire.head import END_OF_HEAD, Framing, RequestHead

_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_PIECE: Final = 64 * 1024

_MOST_AT_ONCE: Final = 128
"""Chunks read in one turn: a megabyte may hold 100,000."""

_FEW: Final = 8
"""Pieces that are forwarded separately. More pieces are small, and cheaper to join."""


class Inbox:
    """Bytes in order. Each is scanned once, however small the pieces are.

    Attributes:
        data: The bytes; only methods change them.
    """

    __slots__ = ("_searched", "data")

    def __init__(self) -> None:
        self.data = bytearray()
        self._searched = 0

    @property
    def holds_part_of_a_head(self) -> bool:
        """Whether nothing can be done until more bytes come."""
        return 0 < self._searched == len(self.data)

    def put(self, data: bytes) -> None:
        """Append received bytes."""
        self.data += data

    def put_back(self, data: bytes) -> None:
        """Put bytes that were taken too early back to the front."""
        self.data[:0] = data

    def take_head(self, most: int) -> bytes | Refusal | None:
        """Take a complete head of at most so many bytes; None if incomplete, a refusal if it can never be valid."""
        end = self.data.find(END_OF_HEAD, max(0, self._searched - 3)) + len(END_OF_HEAD)
        if len(END_OF_HEAD) <= end <= most:
            self._searched = 0
            return self.take(end)
        if end > most or len(self.data) > most:
            return Refusal(431, f"the request head is longer than {most} bytes; MAX_HEAD sets this limit")
        if _BARE_LF.search(self.data, max(0, self._searched - 1)):
            return Refusal(400, "malformed request head: a line does not end with CRLF")
        self._searched = len(self.data)
        return None

    def peek(self) -> bytes:
        """Return a piece from the front, of bounded size."""
        return bytes(self.data[:_PIECE])

    def take(self, size: int) -> bytes:
        """Take bytes off the front."""
        data = bytes(self.data[:size])
        del self.data[:size]
        return data

    def clear(self) -> bytes:
        """Take all."""
        self._searched = 0
        return self.take(len(self.data)) if self.data else b""


class RequestBody:
    """Reads one body.

    Attributes:
        complete: Whether the whole body was taken.
        received: Bytes of content so far.
        broken: Why the body is malformed, or empty.
        status: Of the answer if the body is malformed.
    """

    status = 400

    def __init__(self, head: RequestHead) -> None:
        self.complete = head.framing is Framing.NONE
        self.received = 0
        self.broken = ""
        self._left = head.length
        self._chunks = Chunks() if head.framing is Framing.CHUNKED else None

    def is_at_most(self, size: int) -> bool:
        """Whether at most `size` bytes are known to be left."""
        return self._chunks is None and self._left <= size

    def feed(self, data: bytes) -> tuple[list[bytes | memoryview], int]:
        """Take the body's part of the data. Returns the bytes for the engine, and how many bytes were taken.

        Gigabytes pass through here, so data is cut into views, not copied.
        """
        contents, used = self.take(data)
        return self._frame(contents), used

    def _frame(self, contents: list[bytes | memoryview]) -> list[bytes | memoryview]:
        return contents if self._chunks is None else frame(contents, last=self.complete)

    def take(self, data: bytes) -> tuple[list[bytes | memoryview], int]:
        """Take the body's part of the data. Returns the content, and how many bytes were taken."""
        if self._chunks is None:
            used = min(self._left, len(data))
            self._left -= used
            self.received += used
            self.complete = not self._left
            return [data if used == len(data) else data[:used]], used
        fed = self._chunks.feed(data, most=_MOST_AT_ONCE)
        self.broken = fed.broken
        self.complete = self._chunks.ended
        view = memoryview(data)
        contents = join([view[start:end] for start, end in fed.payload])
        self.received += sum(map(len, contents))
        return contents, fed.used


def join(contents: list[bytes | memoryview]) -> list[bytes | memoryview]:
    """Join many small pieces into one."""
    return [b"".join(contents)] if len(contents) > _FEW else contents


def frame(contents: list[bytes | memoryview], *, last: bool) -> list[bytes | memoryview]:
    """Write content as chunks, with the last chunk if it is the end."""
    pieces: list[bytes | memoryview] = []
    for content in filter(len, join(contents)):
        pieces += (b"%x\r\n" % len(content), content, b"\r\n")
    if last:
        pieces.append(LAST_CHUNK)
    return pieces


class HeldBody(RequestBody):
    """Reads a body of at most so many bytes, which is held until it was inspected."""

    def __init__(self, head: RequestHead, most: int) -> None:
        super().__init__(head)
        self.content = bytearray()
        self.most = most
        if head.length > most:
            self._refuse()

    def feed(self, data: bytes) -> tuple[list[bytes | memoryview], int]:
        """Take the body's part of the data. Nothing goes to the engine."""
        contents, used = self.take(data)
        for content in contents:
            self.content += content
        if len(self.content) > self.most:
            self._refuse()
        return [], used

    def _refuse(self) -> None:
        self.broken = f"the body is longer than {self.most} bytes; MAX_BODY sets this limit"
        self.status = 413


class ArchiveBody(RequestBody):
    """Reads an archive. A piece goes to the engine once all of it was walked, which may take many calls of `feed`.

    Attributes:
        refused: Why the engine must get no more of it, or empty.
    """

    def __init__(self, head: RequestHead) -> None:
        super().__init__(head)
        self.refused = ""
        self._is_unread = False
        self._archive = Archive()
        self._contents: list[bytes | memoryview] = []
        self._unwalked = memoryview(b"")
        self._used = 0
        self._is_last = False

    def feed(self, data: bytes) -> tuple[list[bytes | memoryview], int]:
        """Take the body's part of the data, as `RequestBody` does, or nothing of it: then it is to be fed again."""
        if not self._used:
            self._contents, self._used = self.take(data)
            self._is_last, self.complete = self.complete, False
            self._unwalked = memoryview(b"".join(self._contents))
        if not self._is_unread:
            self._unwalked = self._unwalked[self._archive.feed(self._unwalked) :]
            if self._is_last and not self._unwalked:
                self._archive.end()
            self.refused = self._archive.broken
            if self.refused or self._unwalked:
                return [], 0
        used, self._used, self.complete = self._used, 0, self._is_last
        return self._frame(self._contents), used

    def pass_unread(self) -> None:
        """Refuse nothing from now on."""
        self.refused, self._is_unread = "", True
