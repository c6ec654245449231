"""What an archive is packed in. Engines unpack what clients send them, whatever its type is said to be.

gzip is unpacked here, since clients send it, and goes on unpacked: what was looked at is what the engine reads. All
else must come unpacked. How one would use that against us, and what stops it: a small piece that unpacks to gigabytes
(one piece may become `_MOST` bytes, and no more is made of it); a second part behind the first, which some readers take
for more of it and some for nothing (it is refused).
"""

import zlib
from typing import Final

_STEP: Final = 2**18
_MOST: Final = 2**25
"""Bytes that one piece may unpack to. A piece is what is read from a socket at once, at most a quarter of a MiB."""

_LONGEST: Final = 6
_GZIP: Final = b"\x1f\x8b"
_OTHERS: Final = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_SKIPPED: Final = b"\x2a\x4d\x18"
"""Of zstd too: the end of what begins with 0x50 to 0x5f, which engines know as well (RFC 8878 §3.1.2)."""


class Unpacker:
    """Unpacks one body, if it is packed.

    Attributes:
        fault: Why it cannot be unpacked, or empty.
    """

    def __init__(self) -> None:
        self.fault = ""
        self._start: bytes | None = b""
        self._gzip: zlib._Decompress | None = None

    def feed(self, data: bytes | memoryview) -> list[bytes | memoryview]:
        """Take a piece; return what it is unpacked. A piece of what is not packed is that piece."""
        if self._start is None:
            return [data] if self._gzip is None else self._unpack(self._gzip, data)
        self._start += data
        return self._begin(self._start) if len(self._start) >= _LONGEST else []

    def end(self) -> list[bytes | memoryview]:
        """Say that nothing more comes; return what was kept until now."""
        left = self._begin(self._start) if self._start else []
        if not self.fault and self._gzip is not None and not self._gzip.eof:
            self.fault = "what is packed by gzip in it is cut short"
        return left

    def _begin(self, start: bytes) -> list[bytes | memoryview]:
        """Find out how it is packed."""
        self._start = None
        if start.startswith(_GZIP):
            self._gzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        packed = "zstd" if start[1:4] == _SKIPPED else ""
        packed = next((name for magic, name in _OTHERS.items() if start.startswith(magic)), packed)
        if packed:
            self.fault = f"it is packed by {packed}: send it unpacked, or by gzip"
            return []
        return self.feed(start)

    def _unpack(self, gzip: "zlib._Decompress", data: bytes | memoryview) -> list[bytes | memoryview]:
        pieces: list[bytes | memoryview] = []
        has_more = True
        try:
            while has_more and not gzip.eof and len(pieces) < _MOST // _STEP:
                pieces.append(gzip.decompress(data, _STEP))
                data = gzip.unconsumed_tail
                has_more = bool(data) or len(pieces[-1]) == _STEP  # It may keep what it could not give yet.
        except zlib.error as error:
            self.fault = f"what is packed by gzip in it is broken: {error}"
            return pieces
        if gzip.unused_data or (gzip.eof and len(data)):
            self.fault = "something stands behind what is packed by gzip in it"
        elif has_more and not gzip.eof:
            self.fault = f"a piece of it unpacks to more than {_MOST} bytes: send it unpacked"
        return pieces
