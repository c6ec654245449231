"""Deny a client that speaks HTTP/2 (RFC 9113) in HTTP/2, so that gRPC prints why. Nothing is forwarded.

Only frame headers are read. A request is gRPC if the bytes of that content type appear in its first header block.
Other requests get 403, never 200.

Attacks: docs/attacks.md, wire/http2.
"""

import re
from typing import Final
from urllib.parse import quote

START: Final = b"PRI * HTTP/2.0\r\n\r\n"
"""Start of a client's preface. An HTTP/1 parser sees a head."""

PREFACE: Final = START + b"SM\r\n\r\n"
_LOW: Final = 0x7F
_HEADERS, _SETTINGS, _GOAWAY = 1, 4, 7
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_NO_ERROR, _PROTOCOL_ERROR = 0, 1

_HEAD: Final = 9
_LONGEST: Final = 16384
"""Bytes of a frame's payload by default (RFC 9113 §4.2), and of all frames before a request."""

_MOST_FRAMES: Final = 100
"""Per connection. A client sends about a dozen with a request."""

_GRPC: Final = (b"application/grpc", bytes.fromhex("1d75d0620d263d4c4d6564"))
"""The content type in a header block: plain, or in the Huffman code of RFC 7541, where it fills whole bytes."""


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def _write_fields(*fields: tuple[bytes, bytes]) -> bytes:
    """Write header fields as literals without indexing (RFC 7541 §6.2.2)."""
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


SETTINGS: Final = _frame(_SETTINGS, 0, 0, b"")
"""The first frame of a server."""

_ACKNOWLEDGED: Final = _frame(_SETTINGS, _ACK, 0, b"")

_DENIED: Final = _write_fields((b":status", b"403"))
_DENIED_GRPC: Final = (
    (b":status", b"200"),
    (b"content-type", b"application/grpc"),
    (b"grpc-status", b"7"),  # PERMISSION_DENIED
)
"""A response of only a status and a message (gRPC over HTTP/2, "Trailers-Only")."""

_MOST_SAID: Final = 8192
_PRINTED: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
"""Characters that need no escape in a gRPC message."""

_END: Final = re.compile("^ | $")
"""A space that needs one."""


def quote_message(says: str) -> str:
    """Return a message percent-encoded for a gRPC header, cut to what clients read.

    A field has no space at its ends: RFC 9113 8.2.1, which Python's h2 enforces.
    """
    quoted = quote(says[: _MOST_SAID + 1], safe=_PRINTED, errors="replace")
    return _END.sub("%20", quoted)[:_MOST_SAID].rstrip(" ")


def deny_http2(data: bytearray, says: str) -> bytes:
    """Return the bytes that end such a connection, with a message for gRPC; empty if more must come first."""
    if not data.startswith(PREFACE[: len(data)]):
        return _end(0, _PROTOCOL_ERROR)
    at = len(PREFACE)
    for _ in range(_MOST_FRAMES):
        if at > _LONGEST:
            break
        if len(data) < at + _HEAD:
            return b""
        length, kind = int.from_bytes(data[at : at + 3]), data[at + 3]
        stream, end = int.from_bytes(data[at + 5 : at + _HEAD]) & 0x7FFFFFFF, at + _HEAD + length
        if length > _LONGEST or (kind == _HEADERS and not stream % 2):
            break
        if kind == _HEADERS:
            if len(data) < end:
                return b""
            is_grpc = any(data.find(name, at, end) > 0 for name in _GRPC)
            message = (b"grpc-message", quote_message(says).encode())
            fields = _write_fields(*_DENIED_GRPC, message) if is_grpc else _DENIED
            denied = _frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, fields)
            return _ACKNOWLEDGED + denied + _end(stream, _NO_ERROR)
        at = end
    return _end(0, _PROTOCOL_ERROR)


def _end(stream: int, error: int) -> bytes:
    return _frame(_GOAWAY, 0, 0, stream.to_bytes(4) + error.to_bytes(4))
