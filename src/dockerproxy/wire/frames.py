"""Frames of HTTP/2 (RFC 9113): their heads are read and written. Payloads are left to others."""

from struct import Struct
from typing import Final, NamedTuple

HEAD: Final = 9
"""Bytes before a payload (§4.1)."""

LONGEST: Final = 16384
"""Bytes of a payload by default (§4.2)."""

DATA, HEADERS, PRIORITY, RESET, SETTINGS, _, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
"""Kinds of frames (§6). A client must not send the omitted one, a promise."""

ACK: Final = 1
END_STREAM: Final = 1
END_HEADERS: Final = 4
PADDED: Final = 8
PRIORITIZED: Final = 0x20

_LOW: Final = 0x7F
_unpack = Struct(">HBBBL").unpack_from


class Frame(NamedTuple):
    """The head of a frame. The reserved bit is a part of `stream`, whose number is then too high."""

    kind: int
    flags: int
    stream: int
    size: int


def read_head(data: bytes | bytearray, at: int) -> Frame | None:
    """Read the head of the frame that begins at a place; None if it is not complete."""
    if len(data) - at < HEAD:
        return None
    high, low, kind, flags, stream = _unpack(data, at)
    return Frame(kind, flags, stream, high << 8 | low)


def write_frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Write a frame."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def write_fields(*fields: tuple[bytes, bytes]) -> bytes:
    """Write header fields as literals without indexing (RFC 7541 §6.2.2), which leave the table as it is."""
    return b"".join(b"\0%c%b%b%b" % (len(name), name, _write_length(len(value)), value) for name, value in fields)


def _write_length(number: int) -> bytes:
    """Encode the length of a string without Huffman coding (RFC 7541 §5.1), below 16,511."""
    more = number - _LOW
    return (
        bytes((number,))
        if more < 0
        else bytes((_LOW, more))
        if more <= _LOW
        else bytes((_LOW, more & _LOW | 0x80, more >> 7))
    )
