"""Read the tar format entry by entry as it arrives. `tar_writing.py` writes it anew from what was understood.

Only what engines put into a file system is kept: no names of users, no times of access. Memory is bounded: at most one
header with its extensions of `_MOST_EXTENSION` bytes each is kept.

Attack: a name in two headers, a size that readers take differently, a sparse file, a header for all that follow ->
Defence: refused (test: test_what_has_no_single_reading_is_refused).
Attack: a leading slash or dots in a name -> Defence: names are cleaned and forwarded so
(test: test_a_name_is_what_engines_make_of_it_or_none).
Attack: data after the end -> Defence: only zeros are accepted (same test).
"""

import re
import struct
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

BLOCK: Final = 512
MOST_NAME: Final = 4096
"""Bytes of a name, as in Linux (PATH_MAX)."""

_MOST_DEPTH: Final = 256
_MOST_SIZE: Final = 2**40
_MOST_ID: Final = 2**32 - 2
"""The largest user ID; the next one means none to chown(2)."""

_MOST_EXTENSION: Final = 2**16

HEADER: Final = struct.Struct("100s 8s 8s 8s 12s 12s 8s c 100s 8s 64s 16s 155s 12x")
CHECKSUM: Final = slice(148, 156)
_BLANKS: Final = 8 * 32
"""Sum of the checksum's own eight bytes, which count as spaces."""

USTAR: Final = b"ustar\00000"
_GNU: Final = b"ustar  \0"
_OLD: Final = bytes(8)
_STAR: Final = b"tar\0"
_MODE: Final = 0o7777

_OCTAL: Final = re.compile(rb"[0-7]*").fullmatch
_DECIMAL: Final = re.compile(rb"[0-9]{1,19}").fullmatch
_TIME: Final = re.compile(rb"(-?)([0-9]{1,12})(?:\.([0-9]{0,30}))?").fullmatch
_LENGTH: Final = re.compile(rb"([1-9][0-9]{0,5}) ").match


class Kind(StrEnum):
    """Kind of an entry."""

    FILE = "a file"
    DIRECTORY = "a directory"
    LINK = "a symbolic link"
    HARD_LINK = "a hard link"


_KINDS: Final = {
    b"0": Kind.FILE,
    b"\0": Kind.FILE,
    b"1": Kind.HARD_LINK,
    b"2": Kind.LINK,
    b"5": Kind.DIRECTORY,
}
FLAGS: Final = {Kind.FILE: b"0", Kind.HARD_LINK: b"1", Kind.LINK: b"2", Kind.DIRECTORY: b"5"}
_FORMATS: Final = {
    Kind.FILE: {0, 0o100000},
    Kind.HARD_LINK: {0, 0o100000},
    Kind.LINK: {0, 0o120000},
    Kind.DIRECTORY: {0, 0o040000},
}
"""File type bits that some programs write above the mode; Go takes the kind from them."""

_OTHERS: Final = {
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"7": "a contiguous file",
    b"S": "a sparse file",
}
_EXTENSIONS: Final = {b"x": "extended header", b"g": "global header", b"L": "path", b"K": "linkpath"}
_HARMLESS: Final = re.compile(
    rb"comment|hdrcharset|charset|[ac]time|[ug]name|LIBARCHIVE\..*|SCHILY\.(?:dev|ino|nlink)|RHT\.security\.selinux"
    rb"|SCHILY\.xattr\.com\.apple\..*",
    re.DOTALL,
).fullmatch
"""Records that no engine puts into a Linux file system. They are dropped."""

_READ: Final = frozenset({b"path", b"linkpath", b"size", b"uid", b"gid", b"mtime"})


class Entry(NamedTuple):
    """One file, directory or link of an archive.

    Attributes:
        name: Clean relative path; empty for the root.
        kind: What it is.
        mode: Permission bits, with set-user-id and the like.
        uid: Owner.
        gid: Group.
        size: Of a file's contents.
        mtime: Seconds since 1970, perhaps with a fraction.
        target: Of a link, unchanged; of a hard link, like `name`.
    """

    name: bytes
    kind: Kind = Kind.FILE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: bytes = b"0"
    target: bytes = b""


class FileEnd(StrEnum):
    """Follows the contents of a file, or the header of anything else."""

    DONE = "the entry is complete"


Event: TypeAlias = Entry | memoryview | FileEnd


class _UnclearError(Exception):
    """An ambiguous archive."""


class TarReader:
    """Reads one archive.

    Attributes:
        fault: Why it is ambiguous, or empty.
        left: Bytes of a file's contents still to come.
        ended: Whether nothing but zeros may follow.
    """

    def __init__(self) -> None:
        self.fault = ""
        self._kept = bytearray()
        self._wanted = BLOCK
        self.left = 0
        self._padding = 0
        self._extension = b""
        self._size = 0
        self._said: dict[bytes, bytes] = {}
        self.ended = False

    @property
    def kept(self) -> int:
        """Bytes that are kept, until the header is there of which they are a part."""
        return len(self._kept) + sum(map(len, self._said.values()))

    def feed(self, data: bytes | memoryview) -> list[Event]:
        """Take a piece of the archive; return what it holds. Contents of files are views of it."""
        view, at, events = memoryview(data), 0, list[Event]()
        try:
            while at < len(view):
                if self.left:
                    piece = view[at : at + self.left]
                    self.left -= len(piece)
                    at += len(piece)
                    events.append(piece)
                    if not self.left:
                        events.append(FileEnd.DONE)
                elif self._padding:
                    used = min(self._padding, len(view) - at)
                    self._padding -= used
                    at += used
                elif self.ended:
                    _check_zeros(view[at:])
                    at = len(view)
                else:
                    at += self._collect(view[at:], events)
        except _UnclearError as unclear:
            self.fault = str(unclear)
        return events

    def end(self) -> None:
        """Say that nothing more comes.

        Engines take an archive without an end as well, and what Docker's command line sends of a build whose Dockerfile
        comes by its input ends with the contents of the last file. A part of an entry is none.
        """
        if not self.fault and (self.left or self._kept or self._extension or self._said):
            self.fault = "truncated within an entry"

    def _collect(self, view: memoryview, events: list[Event]) -> int:
        """Take a part of a header or of an extension; return how many bytes that was."""
        piece = view[: self._wanted - len(self._kept)]
        self._kept += piece
        if len(self._kept) == self._wanted:
            whole = bytes(self._kept)
            self._kept.clear()
            self._wanted = BLOCK
            if self._extension:
                self._take_extension(whole[: self._size])
            elif not any(whole):
                self.ended = True
                if self._said:
                    raise _UnclearError("truncated after an extended header")
            else:
                self._take_header(whole, events)
        return len(piece)

    def _take_header(self, block: bytes, events: list[Event]) -> None:
        fields = _Fields(block)
        if fields.flag in _EXTENSIONS:
            self._size = fields.number("size")
            if not 0 < self._size <= _MOST_EXTENSION:
                raise _UnclearError(f"an extended header has {self._size} bytes, not 1 to {_MOST_EXTENSION}")
            self._extension = fields.flag
            self._wanted = self._size + padding_of(self._size)
            return
        entry = _read_entry(fields, self._said)
        self._said = {}
        self.left, self._padding = entry.size, padding_of(entry.size)
        events.append(entry)
        if not self.left:
            events.append(FileEnd.DONE)

    def _take_extension(self, content: bytes) -> None:
        """Take what is said of the entry that follows; twice of the same has no single reading."""
        flag, self._extension = self._extension, b""
        if flag in {b"L", b"K"}:
            records = {_EXTENSIONS[flag].encode(): content.removesuffix(b"\0")}
        else:
            records = _read_records(content)
        if flag == b"g":
            if records:
                raise _UnclearError("unsupported global header")
            return
        records[flag] = b""
        twice = self._said.keys() & records.keys()
        if twice:
            raise _UnclearError(f"duplicate {show_name(max(twice))} of an entry")
        self._said.update(records)


class _Fields:
    """The fields of a header block, as bytes; its checksum is right."""

    def __init__(self, block: bytes) -> None:
        fields = HEADER.unpack(block)
        name, mode, uid, gid, size, mtime, checksum, self.flag, target, magic, _, _, prefix = fields
        self._numbers = {"mode": mode, "uid": uid, "gid": gid, "size": size, "mtime": mtime}
        self.name, self.target = name.partition(b"\0")[0], target.partition(b"\0")[0]
        if magic == USTAR and prefix[0]:
            self.name = prefix.partition(b"\0")[0] + b"/" + self.name
        if magic not in {USTAR, _GNU, _OLD} or block.endswith(_STAR):
            raise _UnclearError("unsupported header format")
        if _read_number(checksum) != sum(block) - sum(block[CHECKSUM]) + _BLANKS:
            raise _UnclearError("invalid header checksum")

    def number(self, name: str) -> int:
        """Return a field that is a number."""
        number = _read_number(self._numbers[name])
        if number is None:
            raise _UnclearError(f"the {name} of an entry is not a number")
        return number


def _read_number(field: bytes) -> int | None:
    """Read a number, in octal digits or, as GNU tar writes large ones, in base 256. None is below 0."""
    if field[0] == 0x80:  # noqa: PLR2004 (the mark of base 256)
        return int.from_bytes(field[1:])
    digits = field.strip(b" \0")
    return int(digits or b"0", 8) if _OCTAL(digits) else None


def _read_entry(fields: _Fields, said: Mapping[bytes, bytes]) -> Entry:
    """Return the entry of a header, with what was said of it before."""
    kind = _KINDS.get(fields.flag)
    shown = show_name(said.get(b"path", fields.name))
    if kind is None:
        raise _UnclearError(f"{shown} is {_OTHERS.get(fields.flag, 'an entry of unknown type')}, which is unsupported")
    name = said.get(b"path", fields.name)
    if kind is Kind.FILE and name.endswith(b"/"):
        raise _UnclearError(f"{shown} is a file, but its name ends with a slash")
    target = _read_target(kind, said.get(b"linkpath", fields.target), shown)
    mode, size = fields.number("mode"), _read_said(fields, said, "size", _MOST_SIZE)
    if size and kind is not Kind.FILE:
        raise _UnclearError(f"{shown} is {kind}, but has contents")
    if mode & ~_MODE not in _FORMATS[kind]:
        raise _UnclearError(f"{shown} is {kind}, but has the mode of another type")
    cleaned = clean_name(name)
    if cleaned is None or (not cleaned and kind is not Kind.DIRECTORY):
        raise _UnclearError(f"{shown} is not a clean relative path")
    return Entry(
        name=cleaned,
        kind=kind,
        mode=mode & _MODE,
        uid=_read_said(fields, said, "uid", _MOST_ID),
        gid=_read_said(fields, said, "gid", _MOST_ID),
        size=size,
        mtime=_read_time(said.get(b"mtime") or b"%d" % fields.number("mtime")),
        target=target,
    )


def _read_target(kind: Kind, target: bytes, shown: str) -> bytes:
    """Return where a link points; nothing for what is none."""
    if kind is Kind.LINK:
        if not 0 < len(target) <= MOST_NAME or b"\0" in target:
            raise _UnclearError(f"{shown} is a link with an invalid target")
        return target
    cleaned = clean_name(target) if kind is Kind.HARD_LINK else b""
    if cleaned is None or (not cleaned and kind is Kind.HARD_LINK):
        raise _UnclearError(f"{shown} is a hard link to {show_name(target)}, which is not a clean relative path")
    return cleaned


def _read_said(fields: _Fields, said: Mapping[bytes, bytes], name: str, most: int) -> int:
    text = said.get(name.encode())
    if text is not None and not _DECIMAL(text):
        raise _UnclearError(f"the {name} of an entry is not a number")
    number = fields.number(name) if text is None else int(text)
    if number > most:
        raise _UnclearError(f"the {name} of an entry, {number}, is too large")
    return number


def _read_time(text: bytes) -> bytes:
    """Return a time in its one spelling: as many digits of the fraction as Go reads."""
    found = _TIME(text)
    if found is None:
        raise _UnclearError("invalid mtime of an entry")
    fraction = (found[3] or b"")[:9].rstrip(b"0")
    written = b"%d" % int(found[2]) + (b"." + fraction if fraction else b"")
    return written if written == b"0" else found[1] + written


def _read_records(content: bytes) -> dict[bytes, bytes]:
    """Read the records of an extended header that engines look at."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(content):
        length = _LENGTH(content, at)
        end = at + int(length[1]) if length is not None else 0
        if length is None or end > len(content) or content[end - 1 : end] != b"\n":
            raise _UnclearError("malformed extended header")
        key, equals, value = content[length.end() : end - 1].partition(b"=")
        if key in found or not equals or (key in _READ and (not value or b"\0" in value)):
            raise _UnclearError("ambiguous extended header")
        if key not in _READ and not _HARMLESS(key):
            raise _UnclearError(f"unknown record {show_name(key)} in an extended header")
        found[key] = value
        at = end
    return {key: value for key, value in found.items() if key in _READ}


def clean_name(name: bytes) -> bytes | None:
    """Return a relative name as engines clean it; None if it leads upwards, or is no name."""
    parts = [part for part in name.split(b"/") if part not in {b"", b"."}]
    if not name or len(name) > MOST_NAME or b"\0" in name or len(parts) > _MOST_DEPTH or b".." in parts:
        return None
    return b"/".join(parts)


def show_name(name: bytes) -> str:
    """Write a name for a message."""
    text = name.decode(errors="backslashreplace")
    return f'"{text[:_SHOWN]}"'.encode("unicode_escape").decode("ascii")


_SHOWN: Final = 80
"""Characters of a name that a message shows."""


def _check_zeros(view: memoryview) -> None:
    if bytes(view).strip(b"\0"):
        raise _UnclearError("data after the end")


def padding_of(size: int) -> int:
    """Return how many bytes fill the last block of contents."""
    return -size % BLOCK
