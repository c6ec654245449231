"""The engine's answers: parsed only to find their end, and passed on byte for byte.

If the engine cuts an answer short, the client's is cut short too: the framing is passed on, and nothing is added.
"""

from typing import Final

from dockerproxy.api.catalog import HEALTH, Shape
from dockerproxy.proxy.answering import Answering
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.exchange import OutOfTurn, State
from dockerproxy.wire.head import END_OF_HEAD, MAX_HEAD, Framing, ResponseHead, read_response

_LENGTH: Final = Framing.LENGTH
_COUNTED: Final = frozenset({Framing.NONE, Framing.LENGTH})

_MOST_CHUNKS: Final = 1024
"""Chunks that are read in one step, which takes less than a millisecond."""

_CONTINUE: Final = 100
_SWITCHING: Final = 101
_OK: Final = 200


class AnswerReader:
    """Reads the answers of an engine connection, each for the current exchange."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._framing: Framing | None = None
        self._left = 0
        self._chunks: Chunks | None = None
        self._rest = b""

    def feed(self, answering: Answering, data: bytes) -> bytes:
        """Pass on the bytes, and break off at a fault of the engine. Returns those after the chunks of one step."""
        if answering.finish is not None and self._framing is None and not self._head and answering.finish(data):
            return b""
        self._rest = b""
        try:
            broken = self._read_head(answering, data) if self._framing is None else self._read_body(answering, data, 0)
        except OutOfTurn as error:
            broken = f"the engine broke the protocol: {error}"
        if broken:
            answering.break_off(broken)
            return b""
        return self._rest

    def _read_head(self, answering: Answering, data: bytes) -> str:
        """Read a response head. Returns the engine's fault, or an empty text; may raise `OutOfTurn`."""
        if not answering.awaits_answer:
            return "the engine broke the protocol: it sent data without a request"
        if self._head:
            data = bytes(self._head) + data
            self._head.clear()
        data, head, end = self._pass_interim(answering, data)
        if not end:
            self._head += data
            return "the engine's response head is too long" if len(data) > MAX_HEAD else ""
        if head is None:
            return "the engine's response head is malformed"
        is_raw = head.status == _OK and head.raw_stream and head.framing is Framing.CLOSE
        if head.status != _SWITCHING and not (is_raw and _may_tunnel(answering, head)):
            return self._begin(answering, head, data, end)
        if not _may_tunnel(answering, head):
            return "the engine switched protocols without a request"
        answering.switch(head, data, end)
        return ""

    @staticmethod
    def _pass_interim(answering: Answering, data: bytes) -> tuple[bytes, ResponseHead | None, int]:
        """Pass on interim heads. Returns the rest, the final head and its length, which is 0 if it is incomplete."""
        start = 0
        while end := data.find(END_OF_HEAD, start) + 1:
            end += len(END_OF_HEAD) - 1
            head = read_response(data[start:end])
            if head is None or head.status >= _OK or head.status == _SWITCHING:
                return data[start:], head, end - start
            if _wants_interim(answering, head.status):
                answering.send(data[start:end])
            start = end
        return data[start:], None, 0

    def _begin(self, answering: Answering, head: ResponseHead, data: bytes, end: int) -> str:
        """Pass on a final head, and the part of its body that came with it."""
        framing = answering.begin(head)
        if framing is None:
            answering.end()
            return ""
        whole = end + (head.length if framing is _LENGTH else 0)
        if framing in _COUNTED and len(data) >= whole:
            answering.note_created(data[end:whole])
            self._end(answering, data, whole)
            return ""
        self._framing, self._left = framing, head.length
        self._chunks = Chunks() if framing is Framing.CHUNKED else None
        if len(data) > end and not answering.is_stream:  # Write them together: each write wakes the client.
            return self._read_body(answering, data, end)
        answering.send(data[:end])
        if answering.is_stream:
            answering.note_start()
        return self._read_body(answering, data[end:], 0) if len(data) > end else ""

    def _read_body(self, answering: Answering, data: bytes, start: int) -> str:
        """Pass on a piece of a body, and the head before it, if any."""
        if self._chunks is not None:
            fed = self._chunks.feed(data, start, _MOST_CHUNKS)
            if fed.broken:
                answering.send(data[:start])
                return f"the engine broke the protocol: {fed.broken}"
            used, ended = fed.used, self._chunks.ended
            if used < len(data) and not ended:
                self._rest, data = data[used:], data[:used]
        elif self._framing is _LENGTH:
            used = min(start + self._left, len(data))
            self._left -= used - start
            ended = not self._left
        else:
            used, ended = len(data), False
        if ended:
            self._framing = self._chunks = None
            self._end(answering, data, used)
        else:
            answering.send(data)
        return ""

    @staticmethod
    def _end(answering: Answering, data: bytes, used: int) -> None:
        """Pass on the last piece of an answer. Further bytes were not requested: they end this connection."""
        piece = data if used == len(data) else data[:used]
        if used < len(data):
            answering.cut_engine("the engine sent more than one answer to a request")
        answering.end(piece)

    def end(self, answering: Answering, error: Exception | None) -> None:
        """Treat the end of the connection as the end of the answer, if the framing allows it."""
        if self._framing is Framing.CLOSE and error is None:
            self._framing = None
            answering.end()
        elif self._framing is not None:
            answering.fail(502, "the engine cut its answer short")
        else:
            answering.lose_engine(error)


def _wants_interim(answering: Answering, status: int) -> bool:
    """Whether the client gets an interim answer: none for a health check, and 100 only while its body is missing."""
    judged = answering.judged
    if judged is None or judged.operation is HEALTH or not judged.head.wants_interim(status):
        return False
    return status != _CONTINUE or answering.state is State.SENDING


def _may_tunnel(answering: Answering, head: ResponseHead) -> bool:
    """Whether the operation may stop being HTTP; with 101 only if the client offered it."""
    judged = answering.judged
    if judged is None or judged.operation.shape is not Shape.TUNNEL:
        return False
    return head.status != _SWITCHING or bool(judged.head.upgrade)
