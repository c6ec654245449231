"""The engine's end of a client's connection: reads responses as far as needed to know where each one ends.

What the engine sends goes to the client byte for byte. An answer that the engine cuts short is cut short for the
client too: its framing is passed on as it is, and nothing is made up to complete it.
"""

import asyncio
import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from dockerproxy.proxy.ending import answer_health
from dockerproxy.proxy.failures import choose_engine, explain_unreachable
from dockerproxy.proxy.tunnel import open_tunnel
from dockerproxy.settings import Level
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.exchange import OutOfTurn, State
from dockerproxy.wire.head import END_OF_HEAD, MAX_HEAD, Framing, ResponseHead, parse_response

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client

_Protocol = TypeVar("_Protocol", bound=asyncio.Protocol)

_CONTINUE: Final = 100
_SWITCHING: Final = 101
_OK: Final = 200

_ASKED: Final = frozenset({State.SENDING, State.SENT})
"""Where an answer may begin: the engine has a request, or the beginning of one, and has not answered it."""

_TRIES: Final = 100
_PAUSE: Final = 0.05
"""Seconds between two tries; connecting to a blocking socket would wait as long as it takes."""

_REMEMBERED: Final = 256
_LONGEST: Final = 2048
_known: dict[bytes, ResponseHead] = {}
"""Heads that were read lately: with a Date of whole seconds, many in a row are the same bytes."""


def _parse(head: bytes) -> ResponseHead | None:
    found = _known.get(head)
    if found is None:
        found = parse_response(head)
        if found is not None and len(head) <= _LONGEST:
            if len(_known) >= _REMEMBERED:
                _known.clear()
            _known[head] = found
    return found


class Engine(asyncio.Protocol):
    """One connection to the engine, which serves one client connection and no other."""

    transport: asyncio.Transport

    def __init__(self, client: "Client") -> None:
        self.client = client
        self._head = bytearray()
        self._framing: Framing | None = None
        self._left = 0
        self._chunks: Chunks | None = None
        self._gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = transport  # type: ignore[assignment] # asyncio promises a Transport to a stream protocol

    def data_received(self, data: bytes) -> None:
        """Pass on what came, and find out where the response ends."""
        try:
            while data and not self._gone:
                data = self._read_head(data) if self._framing is None else self._read_body(data)
        except OutOfTurn as broken:
            self._breach(f"the engine breaks the protocol: {broken}")

    def _read_head(self, data: bytes) -> bytes:
        """Read a response head and what of its body came with it; return what is left."""
        if self.client.engine is not self or self.client.state not in _ASKED:
            self._breach("the engine breaks the protocol: it speaks unasked")
            return b""
        if self._head:
            self._head += data
            data = bytes(self._head)
            self._head.clear()
        data, head, end = self._pass_interim(data)
        if not end:
            if len(data) > MAX_HEAD:
                self._breach("the engine's response head is too long")
            self._head += data
        elif head is None:
            self._breach("the engine's response head is malformed")
        elif head.status == _SWITCHING or (self._is_raw(head) and self._may_tunnel(head)):
            self._switch(head, data)
        else:
            return self._begin_answer(head, data, end)
        return b""

    def _pass_interim(self, data: bytes) -> tuple[bytes, ResponseHead | None, int]:
        """Pass on interim heads; return what follows, the final head and its length: 0 if it is not there."""
        start = 0
        while end := data.find(END_OF_HEAD, start) + 1:
            end += len(END_OF_HEAD) - 1
            head = _parse(data[start:end])
            if head is None or head.status >= _OK or head.status == _SWITCHING:
                return data[start:], head, end - start
            if self._is_wanted(head.status):
                self.client.send(data[start:end])
            start = end
        return data[start:], None, 0

    def _is_wanted(self, status: int) -> bool:
        """Whether the client gets an interim answer: none to a health check, and 100 only while a body is to come."""
        judged = self.client.tally.judged
        if judged is None or judged.is_health_check or not judged.head.wants_interim(status):
            return False
        return status != _CONTINUE or self.client.state is State.SENDING

    @staticmethod
    def _is_raw(head: ResponseHead) -> bool:
        """Whether it is the older way to agree to a tunnel."""
        return head.status == _OK and head.raw_stream and head.framing is Framing.CLOSE

    def _switch(self, head: ResponseHead, data: bytes) -> None:
        """Stop being HTTP, if the operation is one that may."""
        if not self._may_tunnel(head):
            self._breach("the engine switches protocols unasked")
            return
        open_tunnel(self.client, self.transport, head, data)

    def _may_tunnel(self, head: ResponseHead) -> bool:
        """Whether the operation is one that may stop being HTTP; by 101 only if the client has offered it."""
        judged = self.client.tally.judged
        if judged is None or not judged.may_tunnel:
            return False
        return head.status != _SWITCHING or bool(judged.head.upgrade)

    def _begin_answer(self, head: ResponseHead, data: bytes, end: int) -> bytes:
        """Pass on a final head, and the whole answer if it is there; return what is left to read of its body."""
        client = self.client
        judged = client.tally.judged
        framing = Framing.NONE if judged is not None and judged.method == "HEAD" else head.framing
        client.answer(head, framing)
        if judged is None or judged.is_health_check:
            answer_health(client, head.status)
            return b""
        whole = end + (head.length if framing is Framing.LENGTH else 0)
        if framing in {Framing.NONE, Framing.LENGTH} and len(data) >= whole:
            self._end_answer(data, whole)
            return b""
        self._framing, self._left = framing, head.length
        self._chunks = Chunks() if framing is Framing.CHUNKED else None
        client.send(data[:end])
        client.start_stream()
        return data[end:]

    def _read_body(self, data: bytes) -> bytes:
        """Pass on a piece of a body; return what comes after the body's end."""
        client = self.client
        if self._chunks is not None:
            fed = self._chunks.feed(data)
            if fed.broken:
                self._breach(f"the engine breaks the protocol: {fed.broken}")
                return b""
            used, ended = fed.used, self._chunks.ended
        elif self._framing is Framing.LENGTH:
            used = min(self._left, len(data))
            self._left -= used
            ended = not self._left
        else:
            used, ended = len(data), False
        if ended:
            self._framing = self._chunks = None
            self._end_answer(data, used)
        else:
            client.send(data)
        return b""

    def _end_answer(self, data: bytes, used: int) -> None:
        """Pass on the last piece of an answer. Nobody asked for bytes after it: they end this connection."""
        self.client.send(data if used == len(data) else data[:used])
        if used < len(data):
            self.client.drop_engine()
            self.client.shared.log.message(Level.ERR, "the engine sent more than one answer to a request")
        self.client.end_answer()

    def eof_received(self) -> bool:
        """Take it for the end of the answer, or of the connection."""
        self._lose()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the client's end, whatever it was doing."""
        self._lose(error)

    def pause_writing(self) -> None:
        """Read no more from the client: the engine does not take what it sends."""
        self.client.engine_is_slow = True
        self.client.buffers.stall(self.transport)
        self.client.update_reading()

    def resume_writing(self) -> None:
        """Read from the client again, and go on with what came from it."""
        self.client.engine_is_slow = False
        self.client.buffers.flow(self.transport)
        if self.client.body is not None and self.client.body.has_more:
            self.client.go_on()
        self.client.update_reading()

    def drop(self) -> None:
        """Cut the connection; the client's end already knows."""
        self._gone = True
        self.client.buffers.close(self.transport)
        self.transport.abort()

    def _lose(self, error: Exception | None = None) -> None:
        if self._gone:
            return
        client = self.client
        client.drop_engine()
        if self._framing is Framing.CLOSE and error is None:
            client.end_answer()
        elif self._framing is not None:
            client.fail(502, "the engine cut its answer short")
        elif client.state in {State.SENDING, State.SENT}:
            reason = str(error) if error else "it closed the connection without one"
            client.fail(502, f"the engine gave no answer: {reason}")
        elif client.state is State.SENDING_ANSWERED:
            client.linger()

    def _breach(self, reason: str) -> None:
        """End what the engine has made unreadable."""
        self.drop()
        self.client.drop_engine()
        self.client.fail(502, reason)


async def connect(client: "Client", head: bytes) -> None:
    """Open the engine connection and begin, anew for each client: an engine that was restarted is found again."""
    paths = client.shared.engines
    path = choose_engine(paths)
    try:
        transport, engine = await open_connection(lambda: Engine(client), path)
    except OSError as error:
        client.fail(503, explain_unreachable(paths, path, error))
        return
    if client.transport.is_closing() or client.state not in _ASKED:  # It has gone, or the engine did at once.
        engine.drop()
        return
    client.engine = engine
    client.buffers.open(transport)
    if client.is_slow:
        transport.pause_reading()
    transport.write(head)
    client.go_on()


async def open_connection(factory: Callable[[], _Protocol], path: str) -> tuple[asyncio.Transport, _Protocol]:
    """Connect to the engine. One that is so busy that its queue is full is tried again for a while.

    Raises:
        OSError: It cannot be reached.
    """
    loop = asyncio.get_running_loop()
    for _ in range(_TRIES):
        try:
            transport, protocol = await loop.create_unix_connection(factory, path)
        except BlockingIOError:
            await asyncio.sleep(_PAUSE)
        else:
            return transport, protocol
    raise BlockingIOError(errno.EAGAIN, "its queue of connections is full")
