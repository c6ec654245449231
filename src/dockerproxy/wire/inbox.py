"""Bytes from a client that were not taken yet."""

import re
from typing import Final

from dockerproxy.errors import Refusal
from dockerproxy.wire.head import END_OF_HEAD

_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_PIECE: Final = 64 * 1024


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
