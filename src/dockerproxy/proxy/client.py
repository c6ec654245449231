"""The client's end of a connection: requests come in, are judged, and go on to the engine or are answered here.

Rules that a later editor must not break: what goes to the engine is `Judged.to_engine` and the body as it was
understood, never bytes of the client's head; nothing here awaits but the opening of the engine connection; every
exchange leaves exactly one record; whether the client is read is derived in `update_reading`, nowhere else.
"""

import asyncio
import re
from typing import TYPE_CHECKING, Final

from dockerproxy.api.catalog import Shape
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome
from dockerproxy.policy.judge import Judged
from dockerproxy.proxy.connections import Waiting, find_peer, has_hung_up
from dockerproxy.proxy.engine import Engine
from dockerproxy.proxy.failures import choose_engine, explain_unreachable
from dockerproxy.proxy.tally import Tally
from dockerproxy.proxy.tunnel import open_tunnel
from dockerproxy.settings import Level
from dockerproxy.wire.answer import write_answer
from dockerproxy.wire.body import RequestBody
from dockerproxy.wire.exchange import Signal, State, step
from dockerproxy.wire.head import END_OF_HEAD, MAX_HEAD, ResponseHead, peek

if TYPE_CHECKING:
    from dockerproxy.proxy.served import Served
    from dockerproxy.proxy.shared import Shared

_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_SKIPPABLE: Final = 64 * 1024
"""Bytes of a refused request's body that are read so that the connection can go on."""

_OK: Final = 200
_SERVER_ERROR: Final = 500
_BLAME: Final = {True: (Outcome.REFUSED, Level.WARNING), False: (Outcome.ALLOWED, Level.ERR)}


class Client(asyncio.Protocol):
    """One client connection and, while it has one, its engine connection."""

    transport: asyncio.Transport

    def __init__(self, served: "Served", shared: "Shared") -> None:
        self.served = served
        self.shared = shared
        self.state = State.IDLE
        self.engine: Engine | None = None
        self.engine_is_slow = False
        self.ended = False
        self.waits_in: Waiting | None = None
        self.tally = Tally(served.name, shared.log, shared.now)
        self._buffer = bytearray()
        self._searched = 0
        self._body: RequestBody | None = None
        self._closes = False
        self._reading = True

    # What the event loop tells us

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find out who it is, and wait for a request."""
        self.transport = transport  # type: ignore[assignment] # asyncio promises a Transport to a stream protocol
        self.tally.peer = find_peer(transport.get_extra_info("socket"))
        if self.shared.connections.admit(self):
            self._wait(self.shared.connections.heads)
            return
        self.state = State.CLOSING
        reason = "too many connections are busy here; MAX_CONNECTIONS bounds them"
        self._answer(503, reason, close=True)
        self.tally.end(Outcome.REFUSED, reason, Level.ERR)
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client: of a head or of a body."""
        if self.state is State.IDLE and not self._buffer and 0 < data.find(END_OF_HEAD) == len(data) - 4 < MAX_HEAD:
            self._take_head(data)  # The common case: one whole head and nothing else.
            return
        if self.state is State.CLOSING:
            return
        if not self._buffer and self._body is not None and self._takes_body(self._body):
            data = data[self._take_body(self._body, data) :]  # No copy of what may be gigabytes.
        self._buffer += data
        self._advance()

    def eof_received(self) -> bool:
        """Pass on that the client sends no more, or end everything if it is gone."""
        self.ended = True
        if has_hung_up(self.fileno()):
            self.abort()
            return False
        if self.state in {State.IDLE, State.CLOSING}:
            return False
        self.shared.connections.unwatched.add(self)
        self._pass_on_end()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """Cut the engine's side at once, and leave the record of what was under way."""
        del error
        self.shared.connections.forget(self)
        if self.engine is not None:
            self.engine.drop()
            self.engine = None
        if self.tally.judged is not None:
            self.tally.end(Outcome.ALLOWED, "" if self.state is State.TUNNEL else "the client went away")

    def pause_writing(self) -> None:
        """Read no more from the engine: the client does not take what we send."""
        if self.engine is not None and not self.engine.transport.is_closing():
            self.engine.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read from the engine again."""
        if self.engine is not None and not self.engine.transport.is_closing():
            self.engine.transport.resume_reading()

    # What the registry of connections tells us

    def fileno(self) -> int:
        """Return the descriptor, or -1 if there is none any more."""
        return -1 if self.transport.is_closing() else self.transport.get_extra_info("socket").fileno()

    def abort(self) -> None:
        """End it now, and its engine connection with it."""
        self.shared.connections.stop_waiting(self)
        self.transport.abort()

    def time_out(self) -> None:
        """End it: a head was not complete in time, or nothing came for long."""
        if self.state is State.IDLE and self._buffer:
            self._refuse(Refusal(408, "the request head was not complete in time; HEADER_TIMEOUT bounds it"))
        else:
            self.transport.abort()

    def finish(self) -> None:
        """End it as soon as no exchange is under way."""
        self._closes = True
        if self.state in {State.IDLE, State.CLOSING}:
            self.transport.close()

    # The request

    def _advance(self) -> None:
        """Do what can be done with the bytes that have come."""
        while self._buffer:
            if self.state is State.IDLE:
                if not self._find_head():
                    break
            elif self.state is State.CLOSING:
                self._buffer.clear()
            elif self._body is not None and self._takes_body(self._body):
                del self._buffer[: self._take_body(self._body, bytes(self._buffer))]
            else:
                break
        self.update_reading()

    def _find_head(self) -> bool:
        """Take a whole head from the buffer, if there is one."""
        end = self._buffer.find(END_OF_HEAD, max(0, self._searched - 3))
        if end >= 0 and end + 4 <= MAX_HEAD:
            head = bytes(self._buffer[: end + 4])
            del self._buffer[: end + 4]
            self._take_head(head)
            return True
        if end >= 0 or len(self._buffer) > MAX_HEAD:
            self._refuse(Refusal(431, f"the request head is longer than {MAX_HEAD} bytes"))
        elif _BARE_LF.search(self._buffer, max(0, self._searched - 1)):
            self._refuse(Refusal(400, "a line of the request head does not end with CRLF"))
        else:
            if not self._searched:
                self._wait(self.shared.connections.heads)
            self._searched = len(self._buffer)
        return False

    def _take_head(self, head: bytes) -> None:
        """Judge a request, and send it on or answer it."""
        self._searched = 0
        self._begin()
        judged = self.served.judge(head)
        if isinstance(judged, Refusal):
            self._refuse(judged, head)
            return
        self.tally.judged = judged
        self._body = RequestBody(judged.head)
        self._closes = self._closes or judged.head.close
        if not judged.decision.allowed:
            self._deny(judged, self._body)
            return
        self.state = step(self.state, Signal.HEAD)
        if self._body.complete:
            self.state = step(self.state, Signal.REQUEST_END)
        if self.engine is None:
            self.shared.tasks.start(self._connect(judged.to_engine), "opening an engine connection")
        else:
            self.engine.transport.write(judged.to_engine)

    def _begin(self) -> None:
        self.shared.connections.stop_waiting(self)
        self.tally.begin()

    def _wait(self, waiting: Waiting) -> None:
        self.shared.connections.wait(self, waiting, self.shared.now())

    async def _connect(self, head: bytes) -> None:
        """Open the engine connection, anew for each client: an engine that was restarted is found again."""
        paths = self.shared.engines
        path = choose_engine(paths)
        try:
            _, engine = await asyncio.get_running_loop().create_unix_connection(lambda: Engine(self), path)
        except OSError as error:
            self.fail(503, explain_unreachable(paths, path, error))
            return
        if self.transport.is_closing():
            engine.drop()
            return
        self.engine = engine
        engine.transport.write(head)
        self._advance()
        if self.ended:
            self._pass_on_end()

    def _takes_body(self, body: RequestBody) -> bool:
        return not body.complete and (self.engine is not None or self.state is State.SKIPPING)

    def _take_body(self, body: RequestBody, data: bytes) -> int:
        """Send on what has come of the body, or drop it if the request was not allowed; return its size."""
        pieces, used = body.feed(data)
        self.tally.received = body.received
        if body.broken:
            self.fail(400, body.broken)
            return len(data)
        if self.engine is not None and self.state is not State.SKIPPING:
            self.engine.transport.writelines(pieces)
        if body.complete:
            self.state = step(self.state, Signal.REQUEST_END)
            if self.state is State.DONE:
                self._free()
        return used

    def _pass_on_end(self) -> None:
        """Half-close towards the engine, once all that the client has sent is on its way."""
        if self._buffer or self.engine is None:
            return
        if self.state in {State.SENDING, State.SENDING_ANSWERING, State.SENDING_ANSWERED}:
            self.fail(400, "the request ended before its body did")
        else:
            self.engine.transport.write_eof()

    # Answers of our own

    def _refuse(self, refusal: Refusal, head: bytes = b"") -> None:
        """Answer a request that has no single reading. What follows it has none either: the connection ends."""
        if not head:
            self._begin()
        self.state = step(self.state, Signal.REFUSE)
        self._answer(refusal.status, refusal.reason, close=True)
        self.tally.end(Outcome.REFUSED, refusal.reason, Level.WARNING, peek(head or bytes(self._buffer)))
        self.linger()

    def _deny(self, judged: Judged, body: RequestBody) -> None:
        """Answer a request that is not allowed. The connection goes on if the body is read or there is none."""
        self.state = step(self.state, Signal.REFUSE)
        goes_on = body.is_at_most(_SKIPPABLE) and not (judged.head.close or judged.head.expects_continue)
        self._answer(403, judged.decision.message, close=not goes_on)
        self.tally.end(Outcome.DENIED, judged.decision.message, Level.WARNING)
        if not goes_on:
            self.linger()
        elif body.complete:
            self.state = step(self.state, Signal.REQUEST_END)
            self._free()

    def fail(self, status: int, reason: str) -> None:
        """Answer for the engine where it cannot, or cut the answer that it has begun."""
        if self.transport.is_closing():
            return
        if self.state in {State.SENDING, State.SENT}:
            self.state = step(self.state, Signal.REFUSE)
            self._answer(status, reason, close=True)
            outcome, level = _BLAME[status < _SERVER_ERROR]
            self.tally.end(outcome, reason, level)
            self.linger()
        elif self.tally.judged is not None:
            self.cut(reason)
        else:
            self.report(reason)

    def cut(self, reason: str) -> None:
        """End an answer that cannot be completed, so that the client sees that it is not complete."""
        self.tally.end(Outcome.ALLOWED, reason, Level.ERR)
        self.drop_engine()
        self.transport.close()

    def report(self, reason: str) -> None:
        """Log what the engine did wrong outside of an exchange."""
        self.shared.log.message(Level.ERR, reason)

    def _answer(self, status: int, message: str, *, close: bool) -> None:
        self.tally.status = status
        body = self.tally.judged is None or self.tally.judged.method != "HEAD"
        self.send(write_answer(status, message, close=close, body=body))

    def linger(self) -> None:
        """End the connection, but not before the client could read its answer."""
        self.drop_engine()
        self.state = step(self.state, Signal.CLOSE)
        self._buffer.clear()
        if self.ended:
            self.transport.close()
            return
        self.transport.write_eof()
        self._wait(self.shared.connections.lingering)
        self.update_reading()

    # The engine's answer, as `Engine` reads it

    def send(self, data: bytes) -> None:
        """Write to the client."""
        self.tally.sent += len(data)
        self.transport.write(data)

    def answer(self, head: ResponseHead) -> None:
        """Take note of the final response head."""
        self.state = step(self.state, Signal.ANSWER)
        self.tally.status = head.status
        self._closes = self._closes or head.close

    def answer_health(self, status: int) -> None:
        """Answer the health check from the engine's answer to its ping, of which nothing is shown."""
        self.drop_engine()
        alive = status == _OK
        message = "the proxy lives and the engine answers" if alive else f"the engine answered its ping with {status}"
        self._closes = True
        self._answer(_OK if alive else 502, message, close=True)
        self.end_answer()

    def start_stream(self) -> None:
        """Leave a line at the start of what may last for weeks."""
        judged = self.tally.judged
        if judged and judged.operation and judged.operation.shape is Shape.STREAM:
            self.tally.note_start()

    def end_answer(self) -> None:
        """Finish the exchange, or let the rest of the request go on to an engine that has answered early."""
        self.state = step(self.state, Signal.ANSWER_END)
        self.tally.end(Outcome.ALLOWED)
        if self.state is State.DONE:
            self._free()
            if self._buffer:
                self._advance()
        elif self.engine is None or self._closes:
            self.linger()

    def _free(self) -> None:
        """Make the connection free for the next request, or end it."""
        self._body = None
        if self._closes or (self.ended and not self._buffer):
            self.state = step(self.state, Signal.CLOSE)
            self.transport.close()
            return
        self.state = step(self.state, Signal.NEXT)
        self._wait(self.shared.connections.idle)

    def switch(self, head: ResponseHead, engine: asyncio.Transport, data: bytes) -> None:
        """Stop being HTTP: from the engine's answer on, all is passed on as it is, both ways."""
        self.state = step(self.state, Signal.SWITCH)
        self.send(data)
        self.engine = None
        self.tally.status = head.status
        self.tally.note_start()
        early = bytes(self._buffer)
        self._buffer.clear()
        self.update_reading()
        open_tunnel(self, engine, early)

    # What follows from the state

    def update_reading(self) -> None:
        """Read the client, unless the engine is slow or there are bytes that must wait for their turn."""
        reads = not self.engine_is_slow and (not self._buffer or self.state in {State.IDLE, State.CLOSING})
        if reads is self._reading or self.transport.is_closing():
            return
        self._reading = reads
        if reads:
            self.transport.resume_reading()
            if not self.ended:
                self.shared.connections.unwatched.discard(self)
        else:
            self.transport.pause_reading()
            self.shared.connections.unwatched.add(self)

    def drop_engine(self) -> None:
        """Have no engine connection any more."""
        if self.engine is not None:
            self.engine.drop()
            self.engine = None
        self.engine_is_slow = False
