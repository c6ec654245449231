"""Write the tar format from entries that were understood. No byte of a received header is forwarded.

All readers agree on what is written: POSIX headers, and extended ones where something does not fit.

Attack: a name whose first bytes make the archive a packed one, as `P*M` is a skipped zstd frame -> Defence: the first
header is always an extended one (test: test_no_archive_begins_with_bytes_that_the_client_chose).
"""

from typing import Final

from dockerproxy.text import number
from dockerproxy.wire.tar import BLOCK, CHECKSUM, FLAGS, HEADER, USTAR, Entry, Kind, padding_of

END: Final = bytes(2 * BLOCK)
"""End of an archive. Without it or the end of the request, an engine has no whole archive."""

_EXTENDED_NAME: Final = b"././@PaxHeader"
_MOST_NAME: Final = 100
_MOST_ID: Final = 8**7 - 1
_MOST: Final = 8**11 - 1
_NO_DEVICE: Final = b"0000000\x000000000\0"


def write_entry(entry: Entry, *, first: bool) -> bytes:
    """Write the header of an entry, behind an extended one if that cannot say it all, or it is the archive's first."""
    name = (entry.name or b".") + (b"/" if entry.kind is Kind.DIRECTORY else b"")
    numbers = {b"uid": (entry.uid, _MOST_ID), b"gid": (entry.gid, _MOST_ID), b"size": (entry.size, _MOST)}
    said = {key: b"%d" % number for key, (number, most) in numbers.items() if number > most}
    if first or not _fits(name):
        said[b"path"] = name
    if not _fits(entry.target):
        said[b"linkpath"] = entry.target
    read = number(entry.mtime)
    mtime = _MOST + 1 if read is None else read
    if mtime > _MOST:
        said[b"mtime"], mtime = entry.mtime, 0
    plain = [number if number <= most else 0 for number, most in numbers.values()]
    header = _write_header(
        FLAGS[entry.kind],
        name if _fits(name) else b"",
        entry.target if _fits(entry.target) else b"",
        (entry.mode, *plain, mtime),
    )
    return _write_extension(said) + header if said else header


def _fits(name: bytes) -> bool:
    return len(name) <= _MOST_NAME and name.isascii()


def _write_extension(said: dict[bytes, bytes]) -> bytes:
    content = b"".join(_write_record(key, value) for key, value in said.items())
    header = _write_header(b"x", _EXTENDED_NAME, b"", (0o644, 0, 0, len(content), 0))
    return header + content + bytes(padding_of(len(content)))


def _write_record(key: bytes, value: bytes) -> bytes:
    """Write a record behind its length, which counts its own digits."""
    rest = b" %b=%b\n" % (key, value)
    length = len(rest) + 1
    while length != len(rest) + len(b"%d" % length):
        length += 1
    return b"%d" % length + rest


def _write_header(flag: bytes, name: bytes, target: bytes, numbers: tuple[int, ...]) -> bytes:
    """Write a block; the numbers are mode, user, group, size and time."""
    written = b"%07o %07o %07o %011o %011o" % numbers
    block = HEADER.pack(name, *written.split(), 8 * b" ", flag, target, USTAR, b"", _NO_DEVICE, b"")
    return block[: CHECKSUM.start] + b"%06o\0 " % sum(block) + block[CHECKSUM.stop :]
