"""How an exchange ends: by its answer, by an answer of ours, by what does not come in time, by what is used up."""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome
from dockerproxy.policy.decide import NOTHING
from dockerproxy.policy.phases import Judged, Verdict
from dockerproxy.proxy.accounting import NO_LINE, Accounting
from dockerproxy.proxy.failures import TOO_MUCH_ASKED, find_blame
from dockerproxy.proxy.ports import ClientPort
from dockerproxy.proxy.usage import TOO_MUCH
from dockerproxy.settings import Level
from dockerproxy.wire.answer import add_decision, answer_ping, write_answer, write_document
from dockerproxy.wire.body import RequestBody
from dockerproxy.wire.exchange import Signal, State, step
from dockerproxy.wire.head import peek
from dockerproxy.wire.http2 import SETTINGS, START

if TYPE_CHECKING:
    from dockerproxy.proxy.sockets import SocketState

_NEXT: Final = Signal.NEXT

_SKIPPABLE: Final = 64 * 1024
"""Bytes of a refused request's body that are read so that the connection can go on."""

_GRPC: Final = b"POST /grpc HTTP/1.1\r\nhost: dockerproxy\r\n\r\n"
"""What a request in HTTP/2 would be over HTTP/1."""

_LEVELS: Final = {404: Level.INFO}
"""Of denials: that nothing is called so is no news for an operator, the engine would have said the same."""

_UNREAD: Final = frozenset({State.IDLE, State.HELD})
"""Where the inbox begins with a head that was not judged yet."""

_ASKED: Final = frozenset({State.SENDING, State.SENT})
"""Where an answer may begin: the engine has a request, or the beginning of one, and has not answered it."""

_UNANSWERED: Final = _ASKED | {State.HELD}
"""Where the client can still be answered by us."""


class Ending:
    """What an exchange is, and how it ends; `Exchange` is how it gets there.

    Attributes:
        state: Where it is.
        judged: The request, once it was read; None again when the record is written.
        body: What reads its body; None if there is none, or none yet.
        finish: Passes on its answer if that comes whole, where it is simple; None on the long way.
        copied: Called when the engine is done with a request that copies files; None of others.
    """

    # An exchange has these of its own when they change: most never do.
    state = State.IDLE
    judged: Judged | None = None
    body: RequestBody | None = None
    finish: Callable[[bytes], bool] | None = None
    copied: Callable[[], None] | None = None
    _closes = False
    _held = 0

    def __init__(self, client: ClientPort, socket: "SocketState", account: Accounting) -> None:
        self._client = client
        self.socket = socket
        self.shared = socket.shared
        self.account = account

    @property
    def is_held(self) -> bool:
        """Whether the request waits to be decided: its client has not gone, and nothing else has ended it."""
        return self.state is State.HELD and not self._client.is_gone

    # By an answer of ours

    def refuse(self, refusal: Refusal, head: bytes = b"") -> None:
        """Answer a request that has no single reading. What follows it has none either: the connection ends."""
        level = Level.WARNING
        if head == START and self.account.count == 1 and refusal.status == HTTPStatus.BAD_REQUEST:
            if self._deny_http2():
                return
            level = Level.INFO
        if not head:
            self._client.stop_waiting()
            self.account.begin()
        self.state = step(self.state, Signal.REFUSE)
        self._answer(refusal.status, refusal.reason, close=True)
        self._end(Outcome.REFUSED, refusal.reason, level, peek(head or self._client.inbox.peek()))
        self.linger()

    def _deny_http2(self) -> bool:
        """Deny all that comes, with one record for the connection; return False if `/grpc` is allowed."""
        verdict = self.socket.judge(_GRPC)
        if not isinstance(verdict, Verdict) or verdict.passes:
            return False
        self.socket.usage.enter(verdict.operation.shape)
        self.state = step(self.state, Signal.REFUSE)
        self.judged, self.account.status = verdict, HTTPStatus.FORBIDDEN
        self.send(SETTINGS)
        self._end(Outcome.DENIED, verdict.decision.message, Level.WARNING)
        self._client.wait(self.socket.connections.heads)
        self._client.deny_http2()
        return True

    def turn_away(self, judged: Judged, status: int, message: str, reason: str = "") -> None:
        """Answer a request that does not pass; the reason is for the log, if that says more than the message.

        The connection goes on if the body is easily read, or there is none.
        """
        self.state = step(self.state, Signal.REFUSE)
        self.body = body = None if judged.is_whole else RequestBody(judged.head)
        goes_on = is_skippable(judged) and not judged.head.close
        self._answer(status, message, close=not goes_on)
        self._end(Outcome.DENIED, reason or message, _LEVELS.get(status, Level.WARNING))
        if not goes_on:
            self.linger()
        elif body is None:
            self.state = step(self.state, Signal.REQUEST_END)
            self._free()
        else:
            self._client.wait(self.socket.connections.lingering)

    def turn_off(self, reason: str) -> None:
        """Answer a client that came when there was no room for it, whatever it wants."""
        self.state = State.SENT
        self.fail(503, reason, TOO_MUCH_ASKED)

    def fail(self, status: int, reason: str, blame: tuple[Outcome, Level] | None = None) -> None:
        """End what cannot go on, by an answer of ours if there is none yet; else so that it looks cut short."""
        client = self._client
        if client.is_gone:
            return
        outcome, level = blame or find_blame(status)
        if self.state in _UNANSWERED:
            client.cancel()
            self.state = step(self.state, Signal.REFUSE)
            self._answer(status, reason, close=True)
            self._end(outcome, reason, level)
            self.linger()
        elif self.state is State.SENDING_ANSWERED:
            self.shared.log.message(level, f"a request was cut off that the engine had answered already: {reason}")
            self.linger()
        elif self.judged is not None:
            self._end(outcome, reason, level)
            client.drop_engine()
            client.close()
        else:
            self.shared.log.message(Level.ERR, reason)

    def _answer_health(self, status: int) -> None:
        """Answer the health check from the engine's answer to its ping, of which nothing is shown."""
        self._client.drop_engine()
        self._closes = True
        self.socket.connections.checks += 1
        self._answer(*answer_ping(status, self.socket.remark, self.shared.remark), close=True)

    def _answer(self, status: int, message: str, *, close: bool) -> None:
        if status == HTTPStatus.NOT_FOUND and isinstance(self.judged, Verdict) and self.judged.takes_none:
            self.account.status = HTTPStatus.OK
            self.send(write_document(b"[]"))
            return
        self.account.status = status
        body = self.judged is None or self.judged.request.method != "HEAD"
        decision = self.account.decision
        if status == HTTPStatus.FORBIDDEN:
            message = add_decision(message, decision)
        self.send(write_answer(status, message, close=close, body=body, decision=decision))

    def send(self, data: bytes) -> None:
        """Write to the client."""
        self.account.sent += len(data)
        self._client.write(data)

    # By the engine's answer

    def end_with(self, piece: bytes) -> None:
        """Pass on the last piece of an answer, or all of it."""
        self.send(piece)
        self.end_answer()

    def end_answer(self) -> None:
        """Finish the exchange, or let the rest of the request go on to an engine that has answered early."""
        client = self._client
        self.state = step(self.state, Signal.ANSWER_END)
        if self.copied is not None:
            self.copied()
            self.copied = None
        self._end(Outcome.ALLOWED)
        if self.state is State.DONE:
            self._free()
            if client.inbox.data:
                client.advance()
        elif client.engine is None or self._closes or client.finishes:
            self.linger()
        else:
            client.wait(self.socket.connections.lingering)

    # By what the engine does

    @property
    def awaits_answer(self) -> bool:
        """Whether the engine may begin to answer."""
        return self.state in _ASKED

    def cut_engine(self, reason: str) -> None:
        """Have no more of an engine that says more than it was asked."""
        self._client.drop_engine()
        self.shared.log.message(Level.ERR, reason)

    def break_off(self, reason: str) -> None:
        """End what the engine has made unreadable."""
        self._client.drop_engine()
        self.fail(502, reason)

    def lose_engine(self, error: Exception | None) -> None:
        """End what the engine has not answered."""
        if self.state is State.SENDING_ANSWERED:
            self.linger()
        elif self.state in _ASKED:
            self.fail(502, f"the engine gave no answer: {error or 'it closed the connection without one'}")

    # By what does not come, or is too much

    def time_out(self) -> None:
        """End because what was waited for has not come."""
        client, connections = self._client, self.socket.connections
        if client.is_gone:
            client.abort()
        elif client.waits_in is connections.answers:
            self.fail(504, "the engine does not answer; ENGINE_TIMEOUT bounds how long it may take")
        elif client.waits_in is connections.bodies:
            self.fail(408, "the body was not complete in time; BODY_TIMEOUT bounds it")
        elif self.state is State.IDLE and client.inbox.holds_part_of_a_head:
            self.refuse(Refusal(408, "the request head was not complete in time; HEADER_TIMEOUT bounds it"))
        else:
            client.abort()

    def give_way(self) -> None:
        """End because too much is held for the clients of the socket, and the most of it for this one."""
        if self._client.inbox.data and self.state in _UNREAD and self.judged is None:
            self.refuse(Refusal(503, TOO_MUCH))
        elif self.judged is not None:
            self.fail(503, TOO_MUCH, TOO_MUCH_ASKED)

    def lose_client(self) -> None:
        """Leave the record of what was under way when the client went away."""
        self.body = None
        if self.judged is not None:
            self._end(Outcome.ALLOWED, "" if self.state is State.TUNNEL else "the client went away")

    # What all endings do

    def _note_start(self) -> None:
        """Leave a line now of what may last for weeks, and keep nothing of a body of which the engine has all."""
        judged = self.judged
        if isinstance(judged, Verdict):
            self.account.note_start(judged)
            if judged.body and self._held:
                self.judged = replace(judged, known=NOTHING, body=b"", to_engine=judged.to_engine[:1])
                self._give_back()

    def _end(
        self, outcome: Outcome, reason: str = "", level: Level = Level.INFO, line: tuple[str, str] = NO_LINE
    ) -> None:
        """Leave the one record."""
        judged = self.judged
        self.account.end(judged, outcome, reason, level, line)
        if judged is not None:
            self.socket.usage.leave(judged.request.operation.shape)
            self.judged = self.finish = None
        if self._held:
            self._give_back()
        if self.copied is not None:
            self._client.drop_engine()

    def _give_back(self) -> None:
        """Make room for other bodies."""
        self.socket.held -= self._held
        self._held = 0

    def _free(self) -> None:
        """Make the connection free for the next request, or end it."""
        client = self._client
        self.body = None
        if self._closes or (client.has_ended and not client.inbox.data):
            self.state = step(self.state, Signal.CLOSE)
            client.close()
            return
        self.state = step(self.state, _NEXT)
        client.renew()

    def linger(self) -> None:
        """End the connection, but not before the client could read its answer."""
        self._client.drop_engine()
        self.state = step(self.state, Signal.CLOSE)
        self.body = None
        self._client.linger()


def is_skippable(judged: Judged) -> bool:
    """Whether what is left of a request is so easily read that the connection goes on behind it."""
    is_short = judged.is_whole or RequestBody(judged.head).is_at_most(_SKIPPABLE)
    return is_short and (judged.is_whole or not judged.head.expects_continue)
