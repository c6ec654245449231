"""The engine's answers: read no further than to know where each one ends, and passed on byte for byte.

An answer that the engine cuts short is cut short for the client too: its framing is passed on as it is, and nothing is
made up to complete it.
"""

from typing import Final

from dockerproxy.api.catalog import HEALTH, Shape
from dockerproxy.proxy.answering import Answering
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.exchange import OutOfTurn, State
from dockerproxy.wire.head import END_OF_HEAD, MAX_HEAD, Framing, ResponseHead, read_response

_LENGTH: Final = Framing.LENGTH
_COUNTED: Final = frozenset({Framing.NONE, Framing.LENGTH})

_CONTINUE: Final = 100
_SWITCHING: Final = 101
_OK: Final = 200


class AnswerReader:
    """Reads the answers of one engine connection, each for the exchange that is under way."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._framing: Framing | None = None
        self._left = 0
        self._chunks: Chunks | None = None

    def feed(self, answering: Answering, data: bytes) -> None:
        """Pass on what came, and break off if the engine has done something wrong."""
        if answering.finish is not None and self._framing is None and not self._head and answering.finish(data):
            return
        try:
            broken = self._read_head(answering, data) if self._framing is None else self._read_body(answering, data, 0)
        except OutOfTurn as error:
            broken = f"the engine breaks the protocol: {error}"
        if broken:
            answering.break_off(broken)

    def _read_head(self, answering: Answering, data: bytes) -> str:
        """Read a response head; say what the engine has done wrong, if anything, or raise `OutOfTurn`."""
        if not answering.awaits_answer:
            return "the engine breaks the protocol: it speaks unasked"
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
            return "the engine switches protocols unasked"
        answering.switch(head, data, end)
        return ""

    @staticmethod
    def _pass_interim(answering: Answering, data: bytes) -> tuple[bytes, ResponseHead | None, int]:
        """Pass on interim heads; return what follows, the final head and its length: 0 if it is not there."""
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
        """Pass on a final head, and what of its body came with it."""
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
        if len(data) > end and not answering.is_stream:  # They go on together: each write wakes the client.
            return self._read_body(answering, data, end)
        answering.send(data[:end])
        if answering.is_stream:
            answering.note_start()
        return self._read_body(answering, data[end:], 0) if len(data) > end else ""

    def _read_body(self, answering: Answering, data: bytes, start: int) -> str:
        """Pass on a piece of a body, and the head before it, if one is there."""
        if self._chunks is not None:
            fed = self._chunks.feed(data, start)
            if fed.broken:
                answering.send(data[:start])
                return f"the engine breaks the protocol: {fed.broken}"
            used, ended = fed.used, self._chunks.ended
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
        """Pass on the last piece of an answer. Nobody asked for bytes after it: they end this connection."""
        piece = data if used == len(data) else data[:used]
        if used < len(data):
            answering.cut_engine("the engine sent more than one answer to a request")
        answering.end(piece)

    def end(self, answering: Answering, error: Exception | None) -> None:
        """Take the end of the connection for the end of the answer, if it may be."""
        if self._framing is Framing.CLOSE and error is None:
            self._framing = None
            answering.end()
        elif self._framing is not None:
            answering.fail(502, "the engine cut its answer short")
        else:
            answering.lose_engine(error)


def _wants_interim(answering: Answering, status: int) -> bool:
    """Whether the client gets an interim answer: none to a health check, and 100 only while a body is to come."""
    judged = answering.judged
    if judged is None or judged.operation is HEALTH or not judged.head.wants_interim(status):
        return False
    return status != _CONTINUE or answering.state is State.SENDING


def _may_tunnel(answering: Answering, head: ResponseHead) -> bool:
    """Whether the operation is one that may stop being HTTP; by 101 only if the client has offered it."""
    judged = answering.judged
    if judged is None or judged.operation.shape is not Shape.TUNNEL:
        return False
    return head.status != _SWITCHING or bool(judged.head.upgrade)
