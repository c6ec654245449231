"""Unpack gzip (RFC 1952) as it arrives, in pieces of bounded size. Data that does not begin as gzip passes unchanged.

While `has_more`, the caller feeds nothing to get more, so the reader of the output sets the pace.

Attack: a bomb -> Defence: `MOST`, and `MOST_RATIO` times the input (test: test_a_bomb_is_refused).
Attack: data after the gzip member, which some readers unpack and others ignore -> Defence: refused
(test: test_nothing_stands_behind_the_end).
Attack: a wrong checksum or an early end -> Defence: zlib compares it, and `end` asks
(test: test_what_is_broken_is_refused).
"""

import zlib
from typing import Final

MOST_RATIO: Final = 200
"""Ratio of output to input. Images and sources have 2 to 10, files of zeros up to 1,032."""

MOST: Final = 2**36
"""Bytes of output."""

_FREE: Final = 2**24
"""Bytes of output before the ratio counts: a small archive ends with kilobytes of zeros."""

PIECE: Final = 2**14
"""Bytes of output at once: a step of a client's turn."""

_MAGIC: Final = b"\x1f\x8b"
_GZIP: Final = 16 + zlib.MAX_WBITS
"""With the header and the checksum of gzip, and no other format."""


class Gunzip:
    """Unpacks one stream.

    Attributes:
        fault: What is wrong, or empty.
        is_packed: Whether it begins as gzip; None if unknown yet.
        has_more: Whether taken input has more output.
    """

    def __init__(self, most: int = MOST) -> None:
        self.fault = ""
        self._most = most
        self.has_more = False
        self.is_packed: bool | None = None
        self._rest = b""
        self._came = 0
        self._made = 0
        self._zlib = zlib.decompressobj(_GZIP)

    @property
    def kept(self) -> int:
        """Bytes that are kept until they are unpacked."""
        return len(self._rest)

    def feed(self, data: bytes | memoryview) -> bytes | memoryview:
        """Take a piece; return what comes out, of a packed one at most `PIECE` bytes."""
        if self.is_packed is None:
            data = self._rest + data
            is_long_enough = len(data) >= len(_MAGIC)
            self._rest = b"" if is_long_enough else data
            self.is_packed = data.startswith(_MAGIC) if is_long_enough else None
        if self.is_packed:
            self._came += len(data)
            return self._unpack(self._rest + data)
        return b"" if self.is_packed is None else data

    def end(self) -> bytes:
        """Say that nothing more comes; return what was kept of what is not packed."""
        if self.is_packed and not self._zlib.eof:
            self.fault = self.fault or "truncated gzip data"
        return b"" if self.is_packed else self._rest

    def _unpack(self, data: bytes) -> bytes:
        try:
            made = self._zlib.decompress(data, PIECE)
        except zlib.error:
            self.fault = "malformed gzip data"
            return b""
        self._rest = self._zlib.unconsumed_tail
        self._made += len(made)
        self.has_more = not self._zlib.eof and (bool(self._rest) or len(made) == PIECE)
        if self._zlib.unused_data:
            self.fault = "data after the end of the gzip member"
        elif self._made > min(self._most, _FREE + MOST_RATIO * self._came):
            self.fault = f"it unpacks to more than {MOST_RATIO} times its size, or to more than {self._most} bytes"
        return made
