"""Read the chunked transfer coding (RFC 9112 §7.1) as it arrives.

Attacks: docs/attacks.md, wire/chunked.
"""

import re
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

_PLAIN_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n").match
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?")
_TRAILER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*")
_MAX_LINE: Final = 4096
_MAX_TRAILERS: Final = 64
LAST_CHUNK: Final = b"0\r\n\r\n"


class Expect(StrEnum):
    """What comes next."""

    SIZE = "size"
    DATA = "data"
    DATA_END = "data end"
    TRAILER = "trailer"
    NOTHING = "nothing"


class Fed(NamedTuple):
    """The content found in a piece of a chunked body.

    Attributes:
        payload: Positions of chunk data in the piece: (start, end) in order.
        used: Where reading stopped: at the end of the piece, of the body, or after the most chunks.
        broken: Why it is malformed, or empty. Afterwards the connection must end.
    """

    payload: tuple[tuple[int, int], ...]
    used: int
    broken: str = ""


@dataclass(slots=True, eq=False, repr=False)
class Chunks:
    """Reads one chunked body. `ended` becomes true at the end of its trailers."""

    expect: Expect = Expect.SIZE
    left: int = 0
    _line: bytearray = field(default_factory=bytearray)
    _trailers: int = 0

    @property
    def ended(self) -> bool:
        """Whether the whole body was read."""
        return self.expect is Expect.NOTHING

    def feed(self, data: bytes, at: int = 0, most: int = sys.maxsize) -> Fed:
        """Read a piece from a position on, at most so many parts of chunks."""
        payload, size = list[tuple[int, int]](), len(data)
        while at < size and self.expect is not Expect.NOTHING and len(payload) < most:
            if self.expect is Expect.SIZE and not self._line:  # The common case: a whole chunk.
                if data.startswith(LAST_CHUNK, at):
                    self.expect, at = Expect.NOTHING, at + len(LAST_CHUNK)
                    break
                found = _PLAIN_SIZE(data, at)
                start, length = (found.end(), int(found[1], 16)) if found else (at, 0)
                end = start + length
                if length and data[end : end + 2] == b"\r\n":
                    payload.append((start, end))
                    at = end + 2
                    continue
            if self.expect is Expect.DATA:
                end = min(size, at + self.left)
                payload.append((at, end))
                self.left -= end - at
                at = end
                if not self.left:
                    self.expect = Expect.DATA_END
                continue
            end = data.find(b"\n", at) + 1
            self._line += data[at : end or size]
            if len(self._line) > _MAX_LINE:
                return Fed(tuple(payload), at, "malformed chunked encoding: a line is too long")
            broken = self._read_line() if end else ""
            if broken:
                return Fed(tuple(payload), at, broken)
            at = end or size
        return Fed(tuple(payload), at)

    def _read_line(self) -> str:
        """Take the collected line. Returns why it is malformed, or an empty text."""
        line = bytes(self._line)
        self._line.clear()
        if line[-2:] != b"\r\n":
            return "malformed chunked encoding: a line does not end with CRLF"
        line = line[:-2]
        if self.expect is Expect.SIZE:
            found = _SIZE_LINE.fullmatch(line)
            if found is None:
                return "malformed chunked encoding: a chunk size is not hexadecimal"
            self.left = int(found[1], 16)
            self.expect = Expect.DATA if self.left else Expect.TRAILER
        elif self.expect is Expect.DATA_END:
            if line:
                return "malformed chunked encoding: a chunk is longer than its size"
            self.expect = Expect.SIZE
        elif not line:
            self.expect = Expect.NOTHING
        else:
            self._trailers += 1
            if _TRAILER.fullmatch(line) is None or self._trailers > _MAX_TRAILERS:
                return "malformed chunked encoding: invalid trailer"
        return ""
