"""The engine's answers: read no further than to know where each one ends, and passed on byte for byte.

An answer that the engine cuts short is cut short for the client too: its framing is passed on as it is, and nothing is
made up to complete it.
"""

from typing import TYPE_CHECKING, Final

from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.head import END_OF_HEAD, MAX_HEAD, Framing, ResponseHead, parse_response

if TYPE_CHECKING:
    from dockerproxy.proxy.exchange import Exchange

_LENGTH: Final = Framing.LENGTH
_COUNTED: Final = frozenset({Framing.NONE, Framing.LENGTH})

_SWITCHING: Final = 101
_OK: Final = 200

_REMEMBERED: Final = 256
_LONGEST: Final = 2048
_known: dict[bytes, ResponseHead] = {}
"""Heads that were read lately: with a Date of whole seconds, many in a row are the same bytes."""


def read_head(head: bytes) -> ResponseHead | None:
    """Read the head of a response, or remember how it was read; None if it is malformed."""
    found = _known.get(head)
    if found is None:
        found = parse_response(head)
        if found is not None and len(head) <= _LONGEST:
            if len(_known) >= _REMEMBERED:
                _known.clear()
            _known[head] = found
    return found


class AnswerReader:
    """Reads the answers of one engine connection, each for the exchange that is under way."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._framing: Framing | None = None
        self._left = 0
        self._chunks: Chunks | None = None

    def feed(self, exchange: "Exchange", data: bytes) -> str:
        """Pass on what came; say what the engine has done wrong, if anything, or raise `OutOfTurn`."""
        start, broken = 0, ""
        if exchange.finish is not None and self._framing is None and not self._head and exchange.finish(data):
            return ""
        if self._framing is None:
            if not exchange.awaits_answer:
                return "the engine breaks the protocol: it speaks unasked"
            data, start, broken = self._read_head(exchange, data)
        return broken or (self._read_body(exchange, data, start) if len(data) > start else "")

    def _read_head(self, exchange: "Exchange", data: bytes) -> tuple[bytes, int, str]:
        """Read a response head and what of its body came with it; return what is left, and where the body begins."""
        if self._head:
            self._head += data
            data = bytes(self._head)
            self._head.clear()
        data, head, end = self._pass_interim(exchange, data)
        if not end:
            self._head += data
            return b"", 0, "the engine's response head is too long" if len(data) > MAX_HEAD else ""
        if head is None:
            return b"", 0, "the engine's response head is malformed"
        is_raw = head.status == _OK and head.raw_stream and head.framing is Framing.CLOSE
        if head.status != _SWITCHING and not (is_raw and exchange.may_tunnel(head)):
            return *self._begin_answer(exchange, head, data, end), ""
        if not exchange.may_tunnel(head):
            return b"", 0, "the engine switches protocols unasked"
        exchange.switch(head, data)
        return b"", 0, ""

    @staticmethod
    def _pass_interim(exchange: "Exchange", data: bytes) -> tuple[bytes, ResponseHead | None, int]:
        """Pass on interim heads; return what follows, the final head and its length: 0 if it is not there."""
        start = 0
        while end := data.find(END_OF_HEAD, start) + 1:
            end += len(END_OF_HEAD) - 1
            head = read_head(data[start:end])
            if head is None or head.status >= _OK or head.status == _SWITCHING:
                return data[start:], head, end - start
            if exchange.wants_interim(head.status):
                exchange.send(data[start:end])
            start = end
        return data[start:], None, 0

    def _begin_answer(self, exchange: "Exchange", head: ResponseHead, data: bytes, end: int) -> tuple[bytes, int]:
        """Pass on a final head, and the whole answer if it is there; return what is left, and where its body begins."""
        framing = exchange.begin_answer(head)
        if framing is None:
            exchange.end_answer()
            return b"", 0
        whole = end + (head.length if framing is _LENGTH else 0)
        if framing in _COUNTED and len(data) >= whole:
            if exchange.socket.notes_created:
                exchange.note_answer(data[end:whole])
            self._end_answer(exchange, data, whole)
            return b"", 0
        self._framing, self._left = framing, head.length
        self._chunks = Chunks() if framing is Framing.CHUNKED else None
        if len(data) == end or exchange.is_stream:
            exchange.send(data[:end])
            exchange.begin_stream()
            return data[end:], 0
        return data, end  # They go on together: each write wakes the client.

    def _read_body(self, exchange: "Exchange", data: bytes, start: int) -> str:
        """Pass on a piece of a body, and the head before it, if one is there."""
        if self._chunks is not None:
            fed = self._chunks.feed(data, start)
            if fed.broken:
                exchange.send(data[:start])
                return f"the engine breaks the protocol: {fed.broken}"
            used, ended = fed.used, self._chunks.ended
        elif self._framing is Framing.LENGTH:
            used = min(start + self._left, len(data))
            self._left -= used - start
            ended = not self._left
        else:
            used, ended = len(data), False
        if ended:
            self._framing = self._chunks = None
            self._end_answer(exchange, data, used)
        else:
            exchange.send(data)
        return ""

    @staticmethod
    def _end_answer(exchange: "Exchange", data: bytes, used: int) -> None:
        """Pass on the last piece of an answer. Nobody asked for bytes after it: they end this connection."""
        piece = data if used == len(data) else data[:used]
        if used < len(data):
            exchange.cut_engine("the engine sent more than one answer to a request")
        exchange.end_with(piece)

    def end(self, exchange: "Exchange", error: Exception | None) -> None:
        """Take the end of the connection for the end of the answer, if it may be."""
        if self._framing is Framing.CLOSE and error is None:
            self._framing = None
            exchange.end_with(b"")
        elif self._framing is not None:
            exchange.fail(502, "the engine cut its answer short")
        else:
            exchange.lose_engine(error)
