"""Read the messages by which a client sends files, as they arrive: directories, regular files and links, nothing else.

The engine writes what it gets and then opens some of it, like the Dockerfile, with the rights of root. A device would
be the host's. Paths and contents are not read.

Attacks: docs/attacks.md, builds/files.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from dockerproxy.builds.protobuf import Message, ProtobufError, read_message
from dockerproxy.builds.solving import DeniedError
from dockerproxy.wire.archive import Archive
from dockerproxy.wire.document import show

LONGEST: Final = 64 * 1024
"""Bytes of a packet without data. Paths have up to 4 KiB, and extended attributes some hundred bytes."""

MOST: Final = 64
"""Packets in one frame. Clients send one, in one frame or more."""

_PREFIX: Final = 5
"""Bytes before a message: whether it is compressed, and its length."""

_SHORT: Final = 16
"""Most bytes before the data of a message."""

_NUMBER: Final = rb"[\x80-\xff]{0,4}[\x01-\x7f]"
_STARTS: Final = {
    "packets": re.compile(rb"\x08\x02(?:\x18%b)?\x22(%b)" % (_NUMBER, _NUMBER)).match,
    "archive": re.compile(rb"\x0a(%b)" % _NUMBER).match,
}
"""The start of a message that ends with data: a packet of that type and ID, or a piece of an archive."""

_STAT: Final = 0
_TYPES: Final = {_STAT, 2, 3, 4}
"""Entries, data, ends and errors. Engines send the others."""

_DIRECTORY, _LINK = 1 << 31, 1 << 27
_HARMLESS: Final = 0o777 | 1 << 23 | 1 << 22 | 1 << 20
"""Permissions, set-user-ID, set-group-ID and sticky, as bits of Go's `os.FileMode`."""

_KINDS: Final = {0, _DIRECTORY, _LINK}
_OTHERS: Final = {1 << 26: "a device", 1 << 25: "a pipe", 1 << 24: "a socket"}

_BLOCK: Final = 512
_PACKED: Final = (b"\x1f", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_SUM: Final = slice(148, 156)
_OCTAL: Final = re.compile(rb"[0-7]*").fullmatch


class Reader(Protocol):
    """Reads what a client sends on one stream.

    All methods raise DeniedError: the engine must get neither these bytes nor the end of the stream.
    """

    def take(self, data: bytes | bytearray, start: int, end: int) -> None:
        """Take the bytes between two places."""

    def work(self) -> bool:
        """Read a part of what was taken. Returns whether there is more."""

    def finish(self) -> None:
        """Note that nothing more comes."""


class _Messages:
    """The messages of gRPC. Data at the end of one is not collected."""

    def __init__(self, how: str) -> None:
        self._start = _STARTS[how]
        self._begun = b""
        self._rest = 0

    def take(self, data: bytes | bytearray, start: int, end: int) -> None:
        """Take the bytes between two places."""
        at = start + min(self._rest, end - start)
        self._rest -= at - start
        if at > start:
            self.take_data(data, start, at)
        if at == end:
            return
        data, at, count = self._begun + data[at:end], 0, 0
        while len(data) - at >= _PREFIX:
            begin, length = at + _PREFIX, int.from_bytes(data[at + 1 : at + _PREFIX])
            found, count = self._start(data, begin), count + 1
            if data[at] or count > MOST:
                raise DeniedError("its messages are compressed" if data[at] else f"more than {MOST} messages at once")
            if found and found.end() - begin + _read_number(found[1]) == length:
                at = min(begin + length, len(data))
                self._rest = begin + length - at
                if at > found.end():
                    self.take_data(data, found.end(), at)
            elif length > LONGEST and len(data) >= begin + _SHORT:
                raise DeniedError(f"a message of more than {LONGEST} bytes that is not one piece of data")
            elif len(data) < begin + length:
                break
            else:
                self.take_message(bytes(data[begin : begin + length]))
                at = begin + length
        self._begun = bytes(data[at:])

    def take_data(self, data: bytes | bytearray, start: int, end: int) -> None:
        """Take a part of the data of a message."""

    def take_message(self, message: bytes) -> None:
        """Take a message that does not end with data."""

    def work(self) -> bool:
        """Read a part of what was taken. Returns whether there is more."""
        return False

    def finish(self) -> None:
        """Note that nothing more comes."""


class Packets(_Messages):
    """Files of a directory (tonistiigi/fsutil, types/wire.proto)."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self._is_listed = False

    def take_message(self, message: bytes) -> None:
        """Judge a packet, whose type and entry must be known."""
        try:
            packet = read_message(message, "Packet")
        except ProtobufError as error:
            raise DeniedError(str(error)) from None
        kind, entry = packet.get("type", _STAT), packet.get("stat")
        if kind not in _TYPES:
            raise DeniedError(f"a packet of the type {kind!r}, which clients do not send")
        if kind == _STAT:
            if self._is_listed:
                raise DeniedError("an entry after the last one, by which engines crash")
            self._is_listed = entry is None
        mode = entry.get("mode", 0) if isinstance(entry, dict) else 0
        if not isinstance(mode, int) or mode & ~_HARMLESS not in _KINDS:
            raise DeniedError(f"{_describe(packet)}: leave it out of the context, by .dockerignore")


class Upload(_Messages):
    """The context of `docker build -`: an archive, or a Dockerfile (BuildKit frontend/dockerui/context.go)."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self._pending = bytearray()
        self._archive: Archive | None = None
        self._is_text = False

    def take_message(self, message: bytes) -> None:
        """Refuse what is neither data nor empty."""
        if message:
            raise DeniedError("a piece of an archive is not in its shortest form")

    def take_data(self, data: bytes | bytearray, start: int, end: int) -> None:
        """Take a part of the context."""
        if not self._is_text:
            self._pending += data[start:end]

    def work(self) -> bool:
        """Read a part of the archive. Returns whether there is more."""
        pending = self._pending
        if self._archive is None:
            if len(pending) < _BLOCK and not pending.startswith(_PACKED):
                return False
            self._begin()
        if self._archive is not None and pending:
            del pending[: self._archive.feed(bytes(pending))]
            if self._archive.broken:
                raise DeniedError(self._archive.broken)
        return bool(pending)

    def finish(self) -> None:
        """Note that nothing more comes. An archive must be whole."""
        if self._archive is None and not self._is_text and self._pending:
            self._begin()
        while self.work() and self._archive is not None:
            pass
        if self._archive is not None:
            self._archive.end()
            if self._archive.broken:
                raise DeniedError(self._archive.broken)

    def _begin(self) -> None:
        if self._pending.startswith(_PACKED) or _is_header(self._pending):
            self._archive = Archive()
        else:
            self._is_text = True
            self._pending.clear()


def _describe(packet: Message) -> str:
    match packet.get("stat"):
        case {"mode": int(mode), **entry}:
            kind = next((says for bit, says in _OTHERS.items() if mode & bit), "of an unknown kind")
            path = entry.get("path")
            return f"{show(path.decode(errors='replace')) if isinstance(path, bytes) else 'an entry'} is {kind}"
    return "an entry is of an unknown kind"


def _is_header(start: bytes | bytearray) -> bool:
    """Whether Go reads a header of an archive, by its sum (archive/tar, getFormat). Anything else is a Dockerfile."""
    block = start[:_BLOCK]
    digits = block[_SUM].strip(b" \0").partition(b"\0")[0]
    if len(block) < _BLOCK or not _OCTAL(digits):
        return False
    rest = block[: _SUM.start] + b" " * 8 + block[_SUM.stop :]
    unsigned = sum(rest)
    return int(digits or b"0", 8) in {unsigned, unsigned - 256 * sum(byte > 0x7F for byte in rest)}  # noqa: PLR2004 (a sign)


def _read_number(digits: bytes) -> int:
    """Read a number in its shortest encoding."""
    return sum((digit & 0x7F) << 7 * place for place, digit in enumerate(digits))


READERS: Final[Mapping[str, Callable[[], Reader]]] = {
    "packets": lambda: Packets("packets"),
    "archive": lambda: Upload("archive"),
}
"""By the word in the table of methods."""
