"""Deny a client that speaks HTTP/2 (RFC 9113) in HTTP/2, so that gRPC prints why. Nothing is forwarded.

Only frame headers are read. A request is gRPC if the bytes of that content type appear in its first header block.
Other requests get 403, never 200.

Attacks: docs/attacks.md, wire/http2.
"""

import re
from typing import Final
from urllib.parse import quote

from dockerproxy.wire import frames
from dockerproxy.wire.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEAD,
    HEADERS,
    LONGEST,
    read_head,
    write_fields,
    write_frame,
)

START: Final = b"PRI * HTTP/2.0\r\n\r\n"
"""Start of a client's preface. An HTTP/1 parser sees a head."""

PREFACE: Final = START + b"SM\r\n\r\n"
_NO_ERROR, _PROTOCOL_ERROR = 0, 1

_MOST_FRAMES: Final = 100
"""Per connection. A client sends about a dozen with a request."""

_GRPC: Final = (b"application/grpc", bytes.fromhex("1d75d0620d263d4c4d6564"))
"""The content type in a header block: plain, or in the Huffman code of RFC 7541, where it fills whole bytes."""


SETTINGS: Final = write_frame(frames.SETTINGS, 0, 0, b"")
"""The first frame of a server."""

_ACKNOWLEDGED: Final = write_frame(frames.SETTINGS, ACK, 0, b"")

_DENIED: Final = write_fields((b":status", b"403"))
_START_OF_GRPC: Final = ((b":status", b"200"), (b"content-type", b"application/grpc"))
_DENIED_GRPC: Final = (b"grpc-status", b"7")  # PERMISSION_DENIED

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


def deny_call(stream: int, says: str, *, has_begun: bool = False) -> bytes:
    """Return the end of a call's answer. If that had not begun, it is all of it (gRPC over HTTP/2, "Trailers-Only")."""
    end = (_DENIED_GRPC, (b"grpc-message", quote_message(says).encode()))
    return _end_stream(stream, write_fields(*(end if has_begun else (*_START_OF_GRPC, *end))))


def deny_http2(data: bytearray, says: str) -> bytes:
    """Return the bytes that end such a connection, with a message for gRPC; empty if more must come first."""
    if not data.startswith(PREFACE[: len(data)]):
        return _end(0, _PROTOCOL_ERROR)
    at = len(PREFACE)
    for _ in range(_MOST_FRAMES):
        if at > LONGEST:
            break
        frame = read_head(data, at)
        if frame is None:
            return b""
        stream, end = frame.stream & 0x7FFFFFFF, at + HEAD + frame.size
        if frame.size > LONGEST or (frame.kind == HEADERS and not stream % 2):
            break
        if frame.kind == HEADERS:
            if len(data) < end:
                return b""
            is_grpc = any(data.find(name, at, end) > 0 for name in _GRPC)
            denied = deny_call(stream, says) if is_grpc else _end_stream(stream, _DENIED)
            return _ACKNOWLEDGED + denied + _end(stream, _NO_ERROR)
        at = end
    return _end(0, _PROTOCOL_ERROR)


def _end_stream(stream: int, fields: bytes) -> bytes:
    return write_frame(HEADERS, END_HEADERS | END_STREAM, stream, fields)


def _end(stream: int, error: int) -> bytes:
    return write_frame(GOAWAY, 0, 0, stream.to_bytes(4) + error.to_bytes(4))
