"""Walk an archive as it arrives: a tar file, plain or in gzip, with directories, regular files and links.

Only types, sizes and the lengths of records are read, not names or contents. A header is refused if engines could take
another length from it (Go, archive/tar), or if it is longer than they should hold. The engine may get the bytes that
`feed` returns: it never gets a complete header that was not read before.

Attacks: docs/attacks.md, wire/archive.
"""

import re
import zlib
from typing import Final

_BLOCK: Final = 512
_STEP: Final = 2**16
"""Most bytes of headers, and of unpacked data, in one step. Short records take 5 ms."""

_PACKED: Final = 2**14
"""Most bytes to unpack in one step. Empty blocks take 2 ms."""

_MOST: Final = 2**15
"""Bytes of an extended header, a long name or a long target. Engines hold them in memory."""

_SIZE, _SUM, _TYPE = slice(124, 136), slice(148, 156), slice(156, 157)
_OCTAL: Final = re.compile(rb"[ \0]*([0-7]*)[ \0]*").fullmatch
_BLANKS: Final = 8 * ord(" ")

_FILE: Final = b"0"
_WITHOUT_CONTENT: Final = {b"1", b"2", b"5"}
"""Hard links, symbolic links and directories. Readers differ about the contents of one with a size."""

_RECORDS: Final = {b"x", b"g"}
"""Extended headers, for the next entry or for all: git writes the latter, and engines ignore it."""

_OF_THE_NEXT: Final = {b"L", b"K", *_RECORDS}
_OTHERS: Final = {
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a pipe",
    b"7": "a contiguous file",
    b"S": "a sparse file",
}

_RECORD: Final = re.compile(rb"([1-9][0-9]{0,4}) ([^=\0]+)=").match
_KNOWN: Final = re.compile(
    rb"path|linkpath|[ug](?:id|name)|[acm]time|comment|charset|hdrcharset|LIBARCHIVE\..*|RHT\.security\.selinux"
    rb"|SCHILY\.(?:dev|devmajor|devminor|fflags|ino|nlink|(?:acl|xattr)\..*)",
    re.DOTALL,
).fullmatch
"""Records that do not change where an entry ends, as those with sizes do."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_START_OF_GZIP: Final = 0x1F
_PACKINGS: Final = {
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    **{bytes((low, 0x2A, 0x4D, 0x18)): "zstd" for low in range(0x50, 0x60)},
}
"""Other formats that engines unpack, by their first bytes; the last ones are of skippable frames of zstd."""


class Archive:
    """Walks one archive.

    Attributes:
        broken: Why it is refused, or empty. Afterwards the engine must get nothing more.
    """

    def __init__(self) -> None:
        self.broken = ""
        self._zlib: zlib._Decompress | None = None
        self._is_new = True
        self._ahead = 0
        self._header = bytearray()
        self._wanted = _BLOCK
        self._left = self._padding = 0
        self._entries = 0
        self._has_ended = False

    def feed(self, data: bytes | memoryview) -> int:
        """Read the next bytes, in less than 10 ms. Returns how many of them the engine may get.

        The rest is to be fed again. If that is all of it, there is more to unpack.
        """
        if self.broken or not data:
            return 0
        if self._is_new:
            self._is_new = False
            self._zlib = zlib.decompressobj(_GZIP) if data[0] == _START_OF_GZIP else None
        used = self._walk(memoryview(data)) if self._zlib is None else self._unpack(self._zlib, data)
        return 0 if self.broken else used

    def end(self) -> None:
        """Note that nothing more comes. The end may be missing, as for engines, but not a part of an entry."""
        if self._zlib is not None and not self._zlib.eof:
            self._refuse("the gzip data is cut off")
        elif self._header or self._left > self._padding:
            self._refuse("the archive is cut off within an entry")

    def _unpack(self, unpacker: "zlib._Decompress", data: bytes | memoryview) -> int:
        """Unpack and walk. Returns the number of packed bytes whose content was walked completely."""
        piece = data[self._ahead : self._ahead + _PACKED]
        try:
            made = memoryview(unpacker.decompress(piece, _STEP))
        except zlib.error:
            self._refuse("malformed gzip data")
            return 0
        self._ahead += len(piece) - len(unpacker.unconsumed_tail)
        at = 0
        while at < len(made) and not self.broken:
            at += self._walk(made[at:])
        if unpacker.unused_data:
            self._refuse("data after the end of the gzip member")
        if len(made) == _STEP:  # It may contain more.
            return 0
        used, self._ahead = self._ahead, 0
        return used

    def _walk(self, data: memoryview) -> int:
        """Walk plain data, with a step of headers. Returns the number of bytes."""
        at, end, read = 0, len(data), 0
        while at < end and read < _STEP and not self.broken:
            if self._left and not self._header:
                used = min(self._left, end - at)
                self._left -= used
            elif self._has_ended:
                used = end - at
                if bytes(data[at:]).strip(b"\0"):
                    self._refuse("data after the end of the archive")
            else:
                used = min(self._wanted - len(self._header), end - at)
                self._header += data[at : at + used]
                read += used
                self._take_header(bytes(self._header))
            at += used
        return at

    def _take_header(self, header: bytes) -> None:
        """Read what has come of a header."""
        if not self._entries:
            packing = next((name for magic, name in _PACKINGS.items() if header.startswith(magic)), "")
            if packing:
                self._refuse(f"the archive is packed in {packing}, not in gzip")
        if len(header) == _BLOCK:
            self._read_block(header)
        if len(header) == self._wanted:
            if not _is_clear(header[_BLOCK:]):
                self._refuse_entry("has an extended header that not all engines read alike")
            self._header.clear()
            self._wanted = _BLOCK

    def _read_block(self, block: bytes) -> None:
        """Read the first block of a header."""
        kind, size, total = block[_TYPE], _read_number(block[_SIZE]), _read_number(block[_SUM])
        if not any(block):
            self._has_ended = True
        elif total != sum(block) - sum(block[_SUM]) + _BLANKS:
            self._refuse("it is not a tar archive" if not self._entries else "a header of the archive is damaged")
        elif kind != _FILE and kind not in _WITHOUT_CONTENT | _OF_THE_NEXT:
            self._refuse_entry(f"is {_OTHERS.get(kind, 'of an unknown type')}, not a file, directory or link")
        elif size is None:
            self._refuse_entry("is 8 GiB or longer, or has an unclear size")
        elif size and kind in _WITHOUT_CONTENT:
            self._refuse_entry("is a link or a directory, but has contents")
        elif size > _MOST and kind in _OF_THE_NEXT:
            self._refuse_entry(f"has an extended header of more than {_MOST} bytes")
        else:
            self._entries += kind not in _OF_THE_NEXT
            self._padding = self._left = -size % _BLOCK
            if kind in _RECORDS:
                self._wanted += size
            else:
                self._left += size

    def _refuse_entry(self, says: str) -> None:
        self._refuse(f"entry {self._entries + 1} of the archive {says}")

    def _refuse(self, says: str) -> None:
        self.broken = self.broken or says


def _read_number(field: bytes) -> int | None:
    """Read octal digits; None if there is anything else, like the mark of base 256."""
    found = _OCTAL(field)
    return int(found[1] or b"0", 8) if found else None


def _is_clear(content: bytes) -> bool:
    """Whether all readers find the same records, and none of them has a size."""
    at = 0
    while at < len(content):
        found = _RECORD(content, at)
        end = at + int(found[1]) if found else 0
        if found is None or not found.end() < end <= len(content) or content[end - 1] != ord("\n"):
            return False
        if not _KNOWN(found[2]):
            return False
        at = end
    return True
