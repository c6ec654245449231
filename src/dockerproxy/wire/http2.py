"""Deny HTTP/2 requests in HTTP/2 (RFC 9113), so that a gRPC client prints why. Nothing is forwarded.

Only frames are read, not header blocks. A connection is gRPC once the bytes of that content type appear, which its
first request spells out. Others get 403, never 200.

Attack: a request that reaches the engine this way -> Defence: only answers come out of here.
Attack: endless or long frames -> Defence: `_MOST_FRAMES`, `_LONGEST` (test: test_it_is_over_soon_whatever_comes).
Attack: a policy's text that breaks a frame or field -> Defence: it is escaped and cut.
"""

from typing import Final
from urllib.parse import quote

from dockerproxy.wire.answer import add_decision, write_message

START: Final = b"PRI * HTTP/2.0\r\n\r\n"
"""Start of a client's preface: a head, to a reader of HTTP/1."""

_REST: Final = b"SM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING, _GOAWAY = 0, 1, 4, 6, 7
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_NO_ERROR, _PROTOCOL_ERROR = 0, 1
_SEVEN_BITS: Final = 0x7F

_HEAD: Final = 9
_LONGEST: Final = 16384
"""Bytes of a frame's payload by default (RFC 9113 §4.2)."""

_MOST_FRAMES: Final = 100
"""Per connection. A client that asks for something sends a dozen."""
_LONGEST_MESSAGE: Final = 1000
"""Characters; each has at most twelve bytes when escaped, so they fit in a frame."""

_PING_SIZE: Final = 8

_GRPC: Final = (b"application/grpc", bytes.fromhex("1d75d0620d263d4c4d6564"))
"""The content type in a header block: plain, or in the Huffman code of RFC 7541, where it fills whole bytes."""

_NOT_GRPC: Final = "unsupported HTTP version; use HTTP/1.1"

_PERMISSION_DENIED: Final = "7"

_PLAIN: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")
"""Characters that need no escape in a gRPC message; a space at the ends of a field does."""

SETTINGS: Final = bytes(3) + bytes((_SETTINGS, 0)) + bytes(4)
"""The first frame of a server."""


class Denial:
    """Reads what follows `START` on a connection, and denies each request by the same decision.

    Attributes:
        over: Whether the connection is to be closed, and nothing more read.
    """

    def __init__(self, message: str, decision: str) -> None:
        self.over = False
        self._decision = decision
        self._message = add_decision(message[:_LONGEST_MESSAGE], decision)
        self._inbox = bytearray()
        self._started = self._is_grpc = False
        self._frames = 0
        self._last = 0

    def feed(self, data: bytes) -> bytes:
        """Take what came; return what to write."""
        self._inbox += data
        if not self._started:
            if not self._inbox.startswith(_REST[: len(self._inbox)]):
                return self._end(_PROTOCOL_ERROR)
            if len(self._inbox) < len(_REST):
                return b""
            del self._inbox[: len(_REST)]
            self._started = True
        return self._read_frames()

    def _read_frames(self) -> bytes:
        answers, start = list[bytes](), 0
        while len(self._inbox) >= start + _HEAD and not self.over:
            length = int.from_bytes(self._inbox[start : start + 3])
            end = start + _HEAD + length
            if length > _LONGEST or self._frames >= _MOST_FRAMES:
                answers.append(self._end(_PROTOCOL_ERROR))
                break
            if end > len(self._inbox):
                break
            self._frames += 1
            kind, flags = self._inbox[start + 3 : start + 5]
            stream = int.from_bytes(self._inbox[start + 5 : start + _HEAD]) & 0x7FFFFFFF
            answers.append(self._answer(kind, flags, stream, bytes(self._inbox[start + _HEAD : end])))
            start = end
        del self._inbox[:start]
        if self._last and not self.over:
            answers.append(self._end(_NO_ERROR))
        return b"".join(answers)

    def _answer(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        """Return what to say to a frame; nothing to most."""
        if kind == _SETTINGS and not flags & _ACK:
            return _frame(_SETTINGS, _ACK, 0, b"")
        if kind == _PING and not flags & _ACK and len(payload) == _PING_SIZE:
            return _frame(_PING, _ACK, 0, payload)
        if kind != _HEADERS or 0 < stream == self._last:
            return b""
        if stream < self._last or not stream % 2:
            return self._end(_PROTOCOL_ERROR)
        self._last = stream
        self._is_grpc = self._is_grpc or any(name in payload for name in _GRPC)
        if self._is_grpc:
            return _frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, _deny_grpc(self._message))
        fields = ((":status", "403"), ("content-type", "application/json"))
        head = _frame(_HEADERS, _END_HEADERS, stream, _write_fields(fields))
        return head + _frame(_DATA, _END_STREAM, stream, write_message(_NOT_GRPC, self._decision))

    def _end(self, error: int) -> bytes:
        self.over = True
        self._inbox.clear()
        return _frame(_GOAWAY, 0, 0, self._last.to_bytes(4) + error.to_bytes(4))


def _deny_grpc(message: str) -> bytes:
    """Write the fields of an answer that is nothing but a status (gRPC over HTTP/2, "Trailers-Only")."""
    status = (("grpc-status", _PERMISSION_DENIED), ("grpc-message", quote(message, safe=_PLAIN, errors="replace")))
    return _write_fields(((":status", "200"), ("content-type", "application/grpc"), *status))


def _write_fields(fields: tuple[tuple[str, str], ...]) -> bytes:
    """Write fields as literals that are not indexed (RFC 7541 §6.2.2)."""
    return b"".join(b"\0" + _write_text(name) + _write_text(value) for name, value in fields)


def _write_text(text: str) -> bytes:
    """Write a string, its length first (RFC 7541 §5)."""
    data = text.encode("ascii")
    if len(data) < _SEVEN_BITS:
        return bytes((len(data),)) + data
    length, left = bytearray((_SEVEN_BITS,)), len(data) - _SEVEN_BITS
    while left > _SEVEN_BITS:
        length.append(left & _SEVEN_BITS | 0x80)
        left >>= 7
    length.append(left)
    return bytes(length) + data


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload
