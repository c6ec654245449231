"""The answer's half of an exchange: what the client gets, from the engine or from us, and the record that is left.

An `Answering` knows nothing of how its request is read and decided; that is `proxy/exchange`. Its `state` changes by
the table of `wire/exchange` alone.
"""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from dockerproxy.api.catalog import HEALTH, Shape
from dockerproxy.observe.record import Outcome, read_created
from dockerproxy.policy.decide import NOTHING
from dockerproxy.policy.phases import Judged, Verdict
from dockerproxy.policy.steps import Whole
from dockerproxy.proxy.accounting import NO_LINE, Accounting
from dockerproxy.proxy.failures import TOO_MUCH_ASKED, find_blame
from dockerproxy.proxy.ports import ClientPort
from dockerproxy.proxy.sockets import SocketState
from dockerproxy.settings import Level
from dockerproxy.wire.answer import add_decision, answer_ping, write_answer, write_document
from dockerproxy.wire.body import RequestBody
from dockerproxy.wire.exchange import Signal, State, step
from dockerproxy.wire.head import Framing, ResponseHead, read_response
from dockerproxy.wire.http2 import SETTINGS

_ANSWER, _ANSWER_END = Signal.ANSWER, Signal.ANSWER_END
_REPLY, _ALLOWED = Shape.REPLY, Outcome.ALLOWED
_NO_BODY, _TO_THE_END = Framing.NONE, Framing.CLOSE

_SKIPPABLE: Final = 64 * 1024
"""Bytes of a refused request's body that are read so that the connection can go on."""

_LEVELS: Final = {404: Level.INFO}
"""Of denials: that nothing is called so is no news for an operator, the engine would have said the same."""

_ASKED: Final = frozenset({State.SENDING, State.SENT})
"""Where an answer may begin: the engine has a request, or the beginning of one, and has not answered it."""

_UNANSWERED: Final = _ASKED | {State.HELD}
"""Where the client can still be answered by us."""


class Answering:
    """The answer to one request, and how the exchange ends.

    Attributes:
        state: Where the exchange is.
        judged: The request, once it was read; None again when the record is written.
        finish: Passes on the answer if that comes whole, where it is simple; None on the long way.
        copied: Called when the engine is done with a request that copies files; None of others.
        closes: Whether the connection ends with the exchange.
    """

    # One has these of its own when they change: most never do.
    state = State.IDLE
    judged: Judged | None = None
    finish: Callable[[bytes], bool] | None = None
    copied: Callable[[], None] | None = None
    closes = False

    def __init__(self, client: ClientPort, socket: SocketState, account: Accounting) -> None:
        self._client = client
        self.socket = socket
        self.account = account
        self.drain = client.drain

    @property
    def is_held(self) -> bool:
        """Whether the request waits to be decided: its client has not gone, and nothing else has ended it."""
        return self.state is State.HELD and not self._client.is_gone

    @property
    def awaits_answer(self) -> bool:
        """Whether the engine may begin to answer."""
        return self.state in _ASKED

    def step(self, signal: Signal) -> None:
        """Go on in the table."""
        self.state = step(self.state, signal)

    # The engine's answer, as `AnswerReader` reads it

    def expect_soon(self, judged: Judged) -> None:
        """Note that the engine must answer soon, if the operation is one whose answer does not take long."""
        if judged.request.operation.shape is _REPLY:
            self._client.wait(self.socket.connections.answers)

    def begin(self, head: ResponseHead) -> Framing | None:
        """Take note of a final response head; return how its body ends, or None if the client does not get it."""
        client, judged = self._client, self.judged
        if client.waits_in is self.socket.connections.answers:
            client.stop_waiting()
        self.state = step(self.state, _ANSWER)
        self.account.status = head.status
        if judged is None or judged.request.operation is HEALTH:
            client.drop_engine()
            self.closes = True
            self.socket.connections.checks += 1
            self.say(*answer_ping(head.status, self.socket.remark, self.socket.shared.remark), close=True)
            return None
        framing = _NO_BODY if judged.request.method == "HEAD" else head.framing
        if head.close or framing is _TO_THE_END:
            self.closes = True
        return framing

    def begin_alone(self, head: ResponseHead) -> None:
        """Begin the answer to a request that went alone."""
        self.step(Signal.WHOLE)
        self.begin(head)

    @property
    def is_stream(self) -> bool:
        """Whether the answer may last for weeks."""
        return self.judged is not None and self.judged.operation.shape is Shape.STREAM

    def note_start(self) -> None:
        """Leave a line now of what may last for weeks, and keep nothing of a body of which the engine has all."""
        judged = self.judged
        if isinstance(judged, Verdict):
            self.account.note_start(judged)
            if judged.body and self.account.held:
                self.judged = replace(judged, known=NOTHING, body=b"", to_engine=judged.to_engine[:1])
                self.account.give_back()

    def note_created(self, content: bytes) -> None:
        """Note what was created. Answers that say so are short, and come in one piece."""
        if self.judged is not None:
            self.account.created = read_created(self.judged.operation.name, self.account.status, content)

    def switch(self, head: ResponseHead, data: bytes) -> None:
        """Stop being HTTP: from the engine's answer on, all is passed on as it is."""
        self.step(Signal.SWITCH)
        self.send(data)
        self.account.status = head.status
        self.note_start()
        self._client.open_tunnel()

    def send(self, data: bytes) -> None:
        """Write to the client."""
        self.account.sent += len(data)
        self._client.write(data)

    def end(self, piece: bytes = b"") -> None:
        """Pass on the last piece of an answer; if it came early, the rest of the request goes on to the engine."""
        client = self._client
        if piece:
            self.send(piece)
        self.state = step(self.state, _ANSWER_END)
        if self.copied is not None:
            self.copied()
            self.copied = None
        self.leave(_ALLOWED)
        if self.state is State.DONE:
            self.free()
            if client.inbox.data:
                client.advance()
        elif client.engine is None or self.closes or client.finishes:
            self.linger()
        else:
            client.wait(self.socket.connections.lingering)

    def end_alone(self, verdict: Verdict, answer: Whole) -> None:
        """Pass on the whole answer to a request that went alone."""
        self.judged, head = verdict, read_response(answer.head)
        if head is not None:
            self.begin_alone(head)
        if self.socket.notes_created:
            self.note_created(answer.content)
        self.end(answer.data)

    # An answer of ours

    def say(self, status: int, message: str, *, close: bool) -> None:
        """Answer ourselves."""
        judged, decision = self.judged, self.account.decision
        if status == HTTPStatus.NOT_FOUND and isinstance(judged, Verdict) and judged.takes_none:
            self.account.status = HTTPStatus.OK
            self.send(write_document(b"[]"))
            return
        self.account.status = status
        body = judged is None or judged.request.method != "HEAD"
        said = add_decision(message, decision) if status == HTTPStatus.FORBIDDEN else message
        self.send(write_answer(status, said, close=close, body=body, decision=decision))

    def turn_away(self, judged: Judged, status: int, message: str, reason: str = "") -> RequestBody | None:
        """Answer a request that does not pass; the reason is for the log, if that says more than the message.

        The connection goes on if the body is easily read, which is returned, or there is none.
        """
        goes_on = is_skippable(judged) and not judged.head.close
        self.step(Signal.REFUSE)
        self.say(status, message, close=not goes_on)
        self.leave(Outcome.DENIED, reason or message, _LEVELS.get(status, Level.WARNING))
        if not goes_on:
            self.linger()
        elif judged.is_whole:
            self.step(Signal.REQUEST_END)
            self.free()
        else:
            self._client.wait(self.socket.connections.lingering)
            return RequestBody(judged.head)
        return None

    def deny_http2(self, verdict: Verdict) -> None:
        """Deny all that comes, with one record for the connection."""
        self.socket.usage.enter(verdict.operation.shape)
        self.step(Signal.REFUSE)
        self.judged, self.account.status = verdict, HTTPStatus.FORBIDDEN
        self.send(SETTINGS)
        self.leave(Outcome.DENIED, verdict.decision.message, Level.WARNING)
        self._client.wait(self.socket.connections.heads)
        self._client.deny_http2()

    def turn_off(self, reason: str) -> None:
        """Answer a client that came when there was no room for it, whatever it wants."""
        self.state = State.SENT
        self.fail(503, reason, TOO_MUCH_ASKED)

    def say_last(
        self, status: int, reason: str, outcome: Outcome, level: Level, line: tuple[str, str] = NO_LINE
    ) -> None:
        """Answer ourselves, and end the connection."""
        self.step(Signal.REFUSE)
        self.say(status, reason, close=True)
        self.leave(outcome, reason, level, line)
        self.linger()

    def fail(self, status: int, reason: str, blame: tuple[Outcome, Level] | None = None) -> None:
        """End what cannot go on, by an answer of ours if there is none yet; else so that it looks cut short."""
        client, (outcome, level) = self._client, blame or find_blame(status)
        if client.is_gone:
            return
        if self.state in _UNANSWERED:
            client.cancel()
            self.say_last(status, reason, outcome, level)
        elif self.state is State.SENDING_ANSWERED:
            self._log(level, f"a request was cut off that the engine had answered already: {reason}")
            self.linger()
        elif self.judged is not None:
            self.leave(outcome, reason, level)
            client.drop_engine()
            client.close()
        else:
            self._log(Level.ERR, reason)

    # What the engine or the client does

    def break_off(self, reason: str) -> None:
        """End what the engine has made unreadable."""
        self._client.drop_engine()
        self.fail(502, reason)

    def cut_engine(self, reason: str) -> None:
        """Have no more of an engine that says more than it was asked."""
        self._client.drop_engine()
        self._log(Level.ERR, reason)

    def lose_engine(self, error: Exception | None) -> None:
        """End what the engine has not answered."""
        if self.state is State.SENDING_ANSWERED:
            self.linger()
        elif self.state in _ASKED:
            self.fail(502, f"the engine gave no answer: {error or 'it closed the connection without one'}")

    def lose_client(self) -> None:
        """Leave the record of what was under way when the client went away."""
        if self.judged is not None:
            self.leave(_ALLOWED, "" if self.state is State.TUNNEL else "the client went away")

    # What all endings do

    def leave(
        self, outcome: Outcome, reason: str = "", level: Level = Level.INFO, line: tuple[str, str] = NO_LINE
    ) -> None:
        """Leave the one record."""
        self.account.end(self.judged, outcome, reason, level, line)
        self.judged = self.finish = None
        if self.copied is not None:
            self._client.drop_engine()

    def free(self) -> None:
        """Make the connection free for the next request, or end it."""
        client = self._client
        if self.closes or (client.has_ended and not client.inbox.data):
            self.step(Signal.CLOSE)
            client.close()
        else:
            self.step(Signal.NEXT)
            client.renew()

    def linger(self) -> None:
        """End the connection, but not before the client could read its answer."""
        self._client.drop_engine()
        self.step(Signal.CLOSE)
        self._client.linger()

    def _log(self, level: Level, text: str) -> None:
        self.socket.shared.log.message(level, text)


def is_skippable(judged: Judged) -> bool:
    """Whether what is left of a request is so easily read that the connection goes on behind it."""
    is_short = judged.is_whole or RequestBody(judged.head).is_at_most(_SKIPPABLE)
    return is_short and (judged.is_whole or not judged.head.expects_continue)
