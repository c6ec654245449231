"""The client's end of a connection: requests come in, are judged, and go on to the engine or are answered here.

Rules that a later editor must not break: what goes to the engine is `Judged.to_engine` and the body as it was
understood, never bytes of the client's head; nothing here awaits, opening the engine connection and asking the engine
what a name means are tasks; every exchange leaves exactly one record; whether the client is read is derived in
`update_reading`, nowhere else.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from dockerproxy.api.catalog import Shape
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome
from dockerproxy.policy.judge import Judged
from dockerproxy.proxy.buffers import Buffers
from dockerproxy.proxy.connections import Waiting, find_peer, has_hung_up
from dockerproxy.proxy.ending import end_late, make_way, refuse, turn_away
from dockerproxy.proxy.engine import Engine, connect
from dockerproxy.proxy.failures import TOO_MUCH_ASKED, find_blame
from dockerproxy.proxy.held import begin, forget_body, judge_later
from dockerproxy.proxy.tally import Tally
from dockerproxy.proxy.turns import TURN
from dockerproxy.proxy.uploads import make_body, take_body
from dockerproxy.proxy.usage import TOO_FAST
from dockerproxy.settings import Level
from dockerproxy.wire.answer import write_answer
from dockerproxy.wire.body import RequestBody
from dockerproxy.wire.exchange import Signal, State, step
from dockerproxy.wire.head import END_OF_HEAD, Framing, ResponseHead
from dockerproxy.wire.inbox import Inbox

if TYPE_CHECKING:
    from dockerproxy.proxy.served import Served
    from dockerproxy.proxy.shared import Shared

_TAKING: Final = frozenset({State.SKIPPING, State.HELD})
"""Where a body is read though there may be no engine connection: it is dropped, or collected."""


class Client(asyncio.Protocol):
    """One client connection and, while it has one, its engine connection."""

    transport: asyncio.Transport

    def __init__(self, served: "Served", shared: "Shared") -> None:
        self.served = served
        self.shared = shared
        self.connections, self.spent, self.spent_in = served.connections, 0, 0
        self.state = State.IDLE
        self.engine: Engine | None = None
        self.engine_is_slow = False
        self.is_slow = False
        self.ended = False
        self.waits_in: Waiting | None = None
        self.tally = Tally(served, shared.log, shared.now)
        self.inbox = Inbox()
        self.buffers = Buffers(self)
        self.body: RequestBody | None = None
        self.task: asyncio.Task[None] | None = None
        self.policy = served.policy
        self.closes = False
        self._reading = True

    # What the event loop tells us

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find out who it is, and wait for a request."""
        self.transport = transport  # type: ignore[assignment] # asyncio promises a Transport to a stream protocol
        self.tally.peer = find_peer(transport.get_extra_info("socket"))
        if self.connections.admit(self):
            self.buffers.open(self.transport)
            self.wait(self.connections.heads)
            if self.served.is_gone:
                self.finish()
            return
        self.state = State.SENT
        self.fail(503, "too many connections are busy here; MAX_CONNECTIONS bounds them", TOO_MUCH_ASKED)
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client: of a head or of a body."""
        if self.state is State.CLOSING:
            return
        if not self.inbox.data:
            if self.state is State.IDLE:
                if 0 < data.find(END_OF_HEAD) == len(data) - 4 < self.served.short_head and not self.is_slow:
                    self._take_head(data)  # The common case: one whole head and nothing else.
                    return
            elif self.body is not None and self._takes_body(self.body) and not self.shared.turns.is_over:
                began = self.shared.now()
                data = data[take_body(self, self.body, data) :]  # No copy of what may be gigabytes.
                self.shared.turns.spend(self.shared.now() - began)
        self.inbox.put(data)
        if self.shared.turns.is_over:
            self.shared.turns.wait(self, self.served)
            self.update_reading()
        else:
            self.advance()

    def eof_received(self) -> bool:
        """Pass on that the client sends no more, or end everything if it is gone."""
        self.ended = True
        if has_hung_up(self.fileno()):
            self.abort()
            return False
        if self.state in {State.IDLE, State.SKIPPING, State.CLOSING}:
            return False
        self.connections.unwatched.add(self)
        self._pass_on_end()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """Cut the engine's side at once, and leave the record of what was under way."""
        del error
        self.connections.forget(self)
        self.buffers.clear()
        if self.task is not None:
            self.task.cancel()
        if self.engine is not None:
            self.engine.drop()
            self.engine = None
        if self.tally.judged is not None:
            self.tally.end(Outcome.ALLOWED, "" if self.state is State.TUNNEL else "the client went away")

    def pause_writing(self) -> None:
        """Read no more from the engine, and take no more requests: the client does not take what we send."""
        self.is_slow = True
        self.buffers.stall(self.transport)
        if self.engine is not None and not self.engine.transport.is_closing():
            self.engine.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self.is_slow = False
        self.buffers.flow(self.transport)
        if self.engine is not None and not self.engine.transport.is_closing():
            self.engine.transport.resume_reading()
        self.advance()

    # What the registry of connections tells us

    def fileno(self) -> int:
        """Return the descriptor, or -1 if there is none any more."""
        return -1 if self.transport.is_closing() else self.transport.get_extra_info("socket").fileno()

    def abort(self) -> None:
        """End it now, and its engine connection with it."""
        self.connections.vacate(self)
        self.buffers.clear()
        self.transport.abort()

    def time_out(self) -> None:
        """End it: what was waited for has not come."""
        end_late(self)

    def give_way(self) -> None:
        """End it: too much is held for the clients of its socket, and the most of it for this one."""
        make_way(self)

    def finish(self) -> None:
        """End it as soon as no exchange is under way."""
        self.closes = True
        if self.state in {State.IDLE, State.CLOSING}:
            self.close()

    def close(self) -> None:
        """End it when the client has taken what was written to it; one that does not may have to make room."""
        self.transport.close()
        self.wait(self.connections.idle)

    # The request

    def advance(self) -> None:
        """Do what can be done with the bytes that have come, but not so much of it that others wait."""
        if self.transport.is_closing():
            return
        began = now = self.shared.now()
        while self._take_step():
            now = self.shared.now()
            if now >= began + TURN:
                self.shared.turns.wait(self, self.served)
                break
        self.shared.turns.spend(now - began)
        self.update_reading()

    def _take_step(self) -> bool:
        """Take a head or a piece of a body out of the inbox; say whether there was one."""
        if self.state is State.IDLE and self.inbox.data and not self.is_slow:
            head = self.inbox.take_head(self.served.limits.head)
            if head is None:
                if self.waits_in is not self.connections.heads:  # The time counts from its first byte.
                    self.wait(self.connections.heads)
                return False
            if isinstance(head, Refusal):
                refuse(self, head)
            else:
                self._take_head(head)
        elif self.body is not None and (self.inbox.data or self.body.has_more) and self._takes_body(self.body):
            self.inbox.take(take_body(self, self.body, self.inbox.peek()))
        else:
            return False
        return True

    def _take_head(self, head: bytes) -> None:
        """Judge a request, and send it on or answer it."""
        self.connections.stop_waiting(self)
        self.tally.begin()
        if not self.served.usage.affords(self, self.tally.begun, len(head), len(self.connections)):
            refuse(self, Refusal(429, TOO_FAST), head)
            return
        if len(head) > self.served.long_head:
            judge_later(self, head)
        else:
            begin(self, head, self.served.judge(head))

    def proceed(self, judged: Judged) -> None:
        """Send a request on that is decided, or answer it."""
        if not judged.passes:
            decision = judged.decision
            turn_away(self, judged, decision.status, decision.message, decision.reason)
            return
        self.body = None if judged.is_whole else make_body(judged)
        self.state = step(self.state, Signal.WHOLE if self.body is None else Signal.HEAD)
        if self.engine is None:
            self.task = self.shared.tasks.start(connect(self, judged.to_engine), "opening an engine connection")
        else:
            self.engine.transport.write(judged.to_engine)
        if self.body is None:
            self.await_answer(judged)
        elif judged.body_is_short:
            self.wait(self.connections.bodies)

    def await_answer(self, judged: Judged) -> None:
        """Note that the engine must answer soon, if the operation is one whose answer does not take long."""
        if judged.shape is Shape.REPLY:
            self.wait(self.connections.answers)

    def go_on(self) -> None:
        """Take up what waited for an engine connection, or for a request to be decided."""
        self.advance()
        if self.ended:
            self._pass_on_end()

    def wait(self, waiting: Waiting) -> None:
        """Note for what more must come soon."""
        self.connections.wait(self, waiting, self.shared.now())

    def _takes_body(self, body: RequestBody) -> bool:
        waits = body.has_more and self.engine_is_slow
        return not (body.complete or body.is_busy or waits) and (self.engine is not None or self.state in _TAKING)

    def _pass_on_end(self) -> None:
        """Half-close towards the engine, once all that the client has sent is on its way."""
        incomplete = self.body is not None and not self.body.complete
        if self.inbox.data or (self.engine is None and not (self.state is State.HELD and incomplete)):
            return
        if incomplete:
            self.fail(400, "the request ended before its body did")
        elif self.engine is not None and self.state is not State.HELD:
            self.engine.transport.write_eof()

    # Answers of our own

    def fail(self, status: int, reason: str, blame: tuple[Outcome, Level] | None = None) -> None:
        """End what cannot go on, by an answer of ours if there is none yet; else so that it looks cut short."""
        if self.transport.is_closing():
            return
        outcome, level = blame or find_blame(status)
        if self.state in {State.HELD, State.SENDING, State.SENT}:
            if self.task is not None:
                self.task.cancel()
            self.state = step(self.state, Signal.REFUSE)
            self.answer_ourselves(status, reason, close=True)
            self.tally.end(outcome, reason, level)
            self.linger()
        elif self.state is State.SENDING_ANSWERED:
            self.shared.log.message(level, f"a request was cut off that the engine had answered already: {reason}")
            self.linger()
        elif self.tally.judged is not None:
            self.tally.end(outcome, reason, level)
            self.drop_engine()
            self.close()
        else:
            self.shared.log.message(Level.ERR, reason)

    def answer_ourselves(self, status: int, message: str, *, close: bool) -> None:
        """Write an answer of our own."""
        self.tally.status = status
        body = self.tally.judged is None or self.tally.judged.method != "HEAD"
        self.send(write_answer(status, message, close=close, body=body))

    def linger(self) -> None:
        """End the connection, but not before the client could read its answer."""
        self.drop_engine()
        self.state = step(self.state, Signal.CLOSE)
        self.body = None
        self.inbox.clear()
        if self.ended:
            self.close()
            return
        self.transport.write_eof()
        self.wait(self.connections.lingering)
        self.update_reading()

    # The engine's answer, as `Engine` reads it

    def send(self, data: bytes) -> None:
        """Write to the client."""
        self.tally.sent += len(data)
        self.transport.write(data)

    def answer(self, head: ResponseHead, framing: Framing) -> None:
        """Take note of the final response head, and of how its body ends."""
        if self.waits_in is self.connections.answers:
            self.connections.stop_waiting(self)
        self.state = step(self.state, Signal.ANSWER)
        self.tally.status = head.status
        self.closes = self.closes or head.close or framing is Framing.CLOSE

    def start_stream(self) -> None:
        """Leave a line at the start of what may last for weeks."""
        if self.tally.judged is not None and self.tally.judged.may_last:
            self.note_start()

    def note_start(self) -> None:
        """Leave a line now, and keep nothing that is not needed any longer."""
        self.tally.note_start()
        forget_body(self)

    def end_answer(self) -> None:
        """Finish the exchange, or let the rest of the request go on to an engine that has answered early."""
        self.state = step(self.state, Signal.ANSWER_END)
        self.tally.end(Outcome.ALLOWED)
        if self.state is State.DONE:
            self.free()
            if self.inbox.data:
                self.advance()
        elif self.engine is None or self.closes:
            self.linger()
        else:
            self.wait(self.connections.lingering)

    def free(self) -> None:
        """Make the connection free for the next request, or end it."""
        self.body = None
        if self.closes or (self.ended and not self.inbox.data):
            self.state = step(self.state, Signal.CLOSE)
            self.close()
            return
        self.state = step(self.state, Signal.NEXT)
        self.wait(self.connections.idle)

    # What follows from the state

    def update_reading(self) -> None:
        """Read the client, unless the engine is slow or there are bytes that must wait for their turn."""
        self.buffers.count()
        if self.state is State.IDLE:
            reads = not self.is_slow and (not self.inbox.data or self.inbox.holds_part_of_a_head)
        else:
            waits = bool(self.inbox.data) or (self.body is not None and (self.body.has_more or self.body.is_busy))
            reads = not self.engine_is_slow and (not waits or self.state is State.CLOSING)
        if reads is self._reading or self.transport.is_closing():
            return
        self._reading = reads
        if reads:
            self.transport.resume_reading()
            if not self.ended:
                self.connections.unwatched.discard(self)
        else:
            self.transport.pause_reading()
            self.connections.unwatched.add(self)

    def drop_engine(self) -> None:
        """Have no engine connection any more."""
        if self.engine is not None:
            self.engine.drop()
            self.engine = None
        self.engine_is_slow = False
