"""Read what a client sends as it arrives: find heads in it, and frame bodies anew for the engine."""

import re
from typing import Final

from dockerproxy.errors import Refusal
from dockerproxy.wire.chunked import LAST_CHUNK, Chunks
from dockerproxy.wire.head import END_OF_HEAD, Framing, RequestHead

_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_PIECE: Final = 64 * 1024

_MOST_AT_ONCE: Final = 128
"""Chunks read in one turn: a megabyte may hold a hundred thousand."""

_FEW: Final = 8
"""Pieces that are forwarded one by one; more of them are small, and cheaper when joined."""


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
        """Whether more must come before anything can be done."""
        return 0 < self._searched == len(self.data)

    def put(self, data: bytes) -> None:
        """Add what came."""
        self.data += data

    def put_back(self, data: bytes) -> None:
        """Add what was taken too early at the front."""
        self.data[:0] = data

    def take_head(self, most: int) -> bytes | Refusal | None:
        """Take a whole head off, of so many bytes; None if it is not complete, a refusal if it never can be."""
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
        complete: Whether all of it was taken.
        received: Bytes of content so far.
        broken: Why it is malformed, or empty.
        status: Of the answer if it is broken.
    """

    status = 400

    def __init__(self, head: RequestHead) -> None:
        self.complete = head.framing is Framing.NONE
        self.received = 0
        self.broken = ""
        self._left = head.length
        self._chunks = Chunks() if head.framing is Framing.CHUNKED else None

    def is_at_most(self, size: int) -> bool:
        """Whether it is known to have no more than `size` bytes left."""
        return self._chunks is None and self._left <= size

    def feed(self, data: bytes) -> tuple[list[bytes | memoryview], int]:
        """Take what belongs to the body; return what the engine gets for it, and how many bytes were taken.

        Data of gigabytes comes by here: it is cut into views, not copied.
        """
        contents, used = self.take(data)
        return (contents if self._chunks is None else frame(contents, last=self.complete)), used

    def take(self, data: bytes) -> tuple[list[bytes | memoryview], int]:
        """Take what belongs to the body; return its content, and how many bytes were taken."""
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
    """Make one of many pieces."""
    return [b"".join(contents)] if len(contents) > _FEW else contents


def frame(contents: list[bytes | memoryview], *, last: bool) -> list[bytes | memoryview]:
    """Write pieces of content in chunks, and the end if they are the last."""
    pieces: list[bytes | memoryview] = []
    for content in filter(len, join(contents)):
        pieces += (b"%x\r\n" % len(content), content, b"\r\n")
    if last:
        pieces.append(LAST_CHUNK)
    return pieces


class HeldBody(RequestBody):
    """Reads one body that is held until it was inspected, of at most so many bytes."""

    def __init__(self, head: RequestHead, most: int) -> None:
        super().__init__(head)
        self.content = bytearray()
        self.most = most
        if head.length > most:
            self._refuse()

    def feed(self, data: bytes) -> tuple[list[bytes | memoryview], int]:
        """Take what belongs to the body; nothing of it goes on."""
        contents, used = self.take(data)
        for content in contents:
            self.content += content
        if len(self.content) > self.most:
            self._refuse()
        return [], used

    def _refuse(self) -> None:
        self.broken = f"the body is longer than {self.most} bytes; MAX_BODY sets this limit"
        self.status = 413
