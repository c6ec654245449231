"""The second half of an exchange: the answer to the client, from the engine or the proxy, and the record.

An `Answering` does not know how its request is read and decided: `proxy/exchange` does that. Its `state` follows the
table of `wire/exchange`. It reaches the ends of the connection, which move bytes and know no policies, through
`ClientPort`. `Client` and `Engine` document its methods.
"""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from dockerproxy.api.catalog import BUILD_TUNNELS, HEALTH, Shape
from dockerproxy.api.podman import takes_none
from dockerproxy.observe.record import Outcome, read_created
from dockerproxy.plans.starting import refuse_archive
from dockerproxy.policy.decide import NOTHING
from dockerproxy.policy.phases import Judged, Verdict
from dockerproxy.policy.steps import Whole
from dockerproxy.policy.subtrees import NO_PART, mounts_part
from dockerproxy.proxy.accounting import NO_LINE, Accounting
from dockerproxy.proxy.failures import TOO_MUCH_ASKED, find_blame
from dockerproxy.proxy.pending import Done
from dockerproxy.proxy.ports import ClientPort
from dockerproxy.proxy.sockets import SocketState
from dockerproxy.settings import Level
from dockerproxy.wire.answer import add_decision, answer_ping, write_answer, write_document
from dockerproxy.wire.exchange import Signal, State, step
from dockerproxy.wire.head import Framing, ResponseHead, read_response
from dockerproxy.wire.http2 import SETTINGS, START
from dockerproxy.wire.incoming import ArchiveBody, RequestBody

_ANSWER, _ANSWER_END = Signal.ANSWER, Signal.ANSWER_END
_REPLY, _ALLOWED = Shape.REPLY, Outcome.ALLOWED
_NO_BODY, _TO_THE_END = Framing.NONE, Framing.CLOSE

_SKIPPABLE: Final = 64 * 1024
"""Most bytes of a refused request's body that are read to keep the connection usable."""

_LEVELS: Final = {404: Level.INFO}
"""Log levels of denials. A missing object is routine: the engine would have answered the same."""

_SWITCHING: Final = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

_ASKED: Final = frozenset({State.SENDING, State.SENT})
"""States in which an answer may begin: the engine has all or part of a request and has not answered it."""

_UNANSWERED: Final = _ASKED | {State.HELD}
"""States in which the proxy can still answer the client."""


class Answering:
    """The answer to one request, and how the exchange ends.

    Attributes:
        state: The state of the exchange.
        judged: The request after its head was parsed; None before that and after the record is written.
        finish: Passes on the complete answer to a repeated simple request; None for all other requests.
        done: For a request that copies files or starts a command, set when the engine is done; None for all others.
        closes: Whether the connection ends with the exchange.
        cut_by: Why the connection ends at once; empty if the client went away.
    """

    # Class attributes: most objects never change them.
    state = State.IDLE
    judged: Judged | None = None
    finish: Callable[[bytes], bool] | None = None
    done: Done | None = None
    closes = False
    cut_by = ""

    def __init__(self, client: ClientPort, socket: SocketState, account: Accounting) -> None:
        self._client = client
        self.socket = socket
        self.account = account
        self.drain = client.drain

    @property
    def is_held(self) -> bool:
        """Whether the request still waits for its decision, and its client is still connected."""
        return self.state is State.HELD and not self._client.is_gone

    @property
    def awaits_answer(self) -> bool:
        """Whether the engine may begin to answer."""
        return self.state in _ASKED

    def step(self, signal: Signal) -> None:
        """Move to the next state. `OutOfTurn`: the table has none."""
        self.state = step(self.state, signal)

    # The engine's answer, as `AnswerReader` reads it

    def expect_soon(self, judged: Judged) -> None:
        """Start the time limit for the engine's answer, if the operation has one."""
        if judged.request.operation.shape is _REPLY:
            self._client.wait(self.socket.connections.answers)

    def begin(self, head: ResponseHead) -> Framing | None:
        """Record a final response head. Returns how its body ends, or None if the client does not get this answer."""
        client, judged = self._client, self.judged
        if client.waits_in is self.socket.connections.answers:
            client.waits_in = None
        self.state = step(self.state, _ANSWER)
        self.account.status = head.status
        if judged is None or judged.request.operation is HEALTH:
            client.drop_engine()
            self.closes = True
            self.socket.connections.checks += 1
            self.say(*answer_ping(head.status, self.socket.remark, self.socket.shared.remark), close=True)
            return None
        is_copy = judged.operation.path.endswith("/archive")  # Docker mounts its volumes for that.
        if is_copy and head.status >= HTTPStatus.BAD_REQUEST and mounts_part(judged.known.found):
            client.drop_engine()
            self.closes = True
            self.say(HTTPStatus.NOT_FOUND, f"no such path, or {NO_PART}", close=True)
            return None
        framing = _NO_BODY if judged.request.method == "HEAD" else head.framing
        if head.close or framing is _TO_THE_END:
            self.closes = True
        return framing

    def begin_alone(self, head: ResponseHead) -> None:
        """Begin the answer to a request that the proxy sent over its own connection."""
        self.step(Signal.WHOLE)
        self.begin(head)

    @property
    def is_stream(self) -> bool:
        """Whether the answer is a stream, which may last for weeks."""
        return self.judged is not None and self.judged.operation.shape is Shape.STREAM

    def note_start(self) -> None:
        """Log the start of a long answer, and drop the request body, which the engine has by now."""
        judged = self.judged
        if isinstance(judged, Verdict):
            self.account.note_start(judged)
            if judged.body and self.account.held:
                self.judged = replace(judged, known=NOTHING, body=b"", to_engine=judged.to_engine[:1])
                self.account.hold(0)

    def note_created(self, content: bytes) -> None:
        """Record the ID of the created object, if records contain it. Such answers are short and come in one piece."""
        if self.judged is not None and self.socket.notes_created:
            self.account.created = read_created(self.judged.operation.name, self.account.status, content)

    def switch(self, head: ResponseHead, data: bytes, end: int) -> None:
        """Stop being HTTP: pass on the answer and everything after it, unchanged unless calls are judged."""
        operation = None if self.judged is None else self.judged.operation
        reads = operation in BUILD_TUNNELS.values()
        self.step(Signal.SWITCH)
        self.send(data[:end] if reads else data)
        self.account.status = head.status
        self.note_start()
        if reads:
            self._client.open_builds(data[end:], is_session=operation is BUILD_TUNNELS["Session"])
        else:
            self._client.open_tunnel()

    def send(self, data: bytes) -> None:
        """Write to the client."""
        self.account.sent += len(data)
        self._client.write(data)

    def end(self, piece: bytes = b"") -> None:
        """Pass on the last piece of an answer. After an early one, the rest of the request still goes to the engine."""
        client = self._client
        if piece:
            self.send(piece)
        self.state = step(self.state, _ANSWER_END)
        if self.done is not None:
            self.done.set()
            self.done = None
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
        """Pass on the complete answer to a request that the proxy sent over its own connection."""
        self.judged, head = verdict, read_response(answer.head)
        if head is not None:
            self.begin_alone(head)
        self.note_created(answer.content)
        self.end(answer.data)

    # Answers of the proxy

    def say(self, status: int, message: str, *, close: bool) -> None:
        """Answer as the proxy."""
        judged, decision = self.judged, self.account.decision
        if status == HTTPStatus.NOT_FOUND and isinstance(judged, Verdict) and takes_none(judged.request):
            self.account.status = HTTPStatus.OK
            self.send(write_document(b"[]"))
            return
        self.account.status = status
        body = judged is None or judged.request.method != "HEAD"
        said = add_decision(message, decision) if status == HTTPStatus.FORBIDDEN else message
        self.send(write_answer(status, said, close=close, body=body, decision=decision))

    def turn_away(self, judged: Judged, status: int, message: str, reason: str = "") -> RequestBody | None:
        """Answer a request that does not pass. `reason` is for the log, if it contains more than the message.

        The connection stays open if the request has no body, or a short one. Returns the reader for that body.
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
        """Deny the whole connection, with a single record.

        A BuildKit client's upgrade is accepted first: if the upgrade were denied, it would start a builder of its own.
        """
        self.step(Signal.REFUSE)
        self.judged, self.account.status = verdict, HTTPStatus.FORBIDDEN
        said = add_decision(verdict.decision.message, self.account.decision)
        self.send(_SWITCHING + SETTINGS if verdict.head.upgrade else SETTINGS)
        self.leave(Outcome.DENIED, verdict.decision.message, Level.WARNING)
        self._client.wait(self.socket.connections.heads)
        self._client.deny_http2(b"" if verdict.head.upgrade else START, said)

    def turn_off(self, reason: str) -> None:
        """Refuse a client, before its first request, because there are too many."""
        self.state = State.SENT
        self.fail(503, reason, TOO_MUCH_ASKED)

    def say_last(
        self, status: int, reason: str, outcome: Outcome, level: Level, line: tuple[str, str] = NO_LINE
    ) -> None:
        """Answer as the proxy, and end the connection."""
        self.step(Signal.REFUSE)
        self.say(status, reason, close=True)
        self.leave(outcome, reason, level, line)
        self.linger()

    def fail(self, status: int, reason: str, blame: tuple[Outcome, Level] | None = None) -> None:
        """End the exchange: with an answer of the proxy, or by cutting off an answer that has begun."""
        client, (outcome, level) = self._client, blame or find_blame(status)
        if client.is_gone:
            return
        if self.state in _UNANSWERED:
            client.cancel()
            self.say_last(status, reason, outcome, level)
        elif self.state is State.SENDING_ANSWERED:
            self._log(level, f"a request that the engine had already answered was cut off: {reason}")
            self.linger()
        elif self.judged is not None:
            self.leave(outcome, reason, level)
            client.drop_engine()
            client.close()
        else:
            self._log(Level.ERR, reason)

    def refuses(self, body: RequestBody) -> bool:
        """End the exchange if its body is malformed, or an archive that is denied. Returns whether it ended."""
        if body.broken:
            self.fail(body.status, body.broken)
        elif isinstance(body, ArchiveBody) and body.refused:
            return self._denies(body)
        return bool(body.broken)

    def _denies(self, body: ArchiveBody) -> bool:
        """Deny a request by its archive. In modes that deny nothing, the rest passes unread."""
        judged, reason = self.judged, body.refused
        if isinstance(judged, Verdict):
            self.judged = judged = refuse_archive(judged, reason)
            if judged.passes:
                body.pass_unread()
                return False
            reason = judged.decision.message
        self.fail(403, reason)
        return True

    # When the engine or the client breaks off

    def break_off(self, reason: str) -> None:
        """End the exchange: the engine broke the protocol."""
        self._client.drop_engine()
        self.fail(502, reason)

    def cut_engine(self, reason: str) -> None:
        """Close the engine connection, which sent more than one answer."""
        self._client.drop_engine()
        self._log(Level.ERR, reason)

    def lose_engine(self, error: Exception | None) -> None:
        """End the exchange if the engine has not answered it."""
        if self.state is State.SENDING_ANSWERED:
            self.linger()
        elif self.state in _ASKED:
            self.fail(502, f"the engine gave no answer: {error or 'it closed the connection without one'}")

    def lose_client(self) -> None:
        """Write the record of an exchange that ended with the connection. A tunnel has no other end."""
        if self.judged is not None:
            self.leave(_ALLOWED, self.cut_by or ("" if self.state is State.TUNNEL else "the client went away"))

    # The end

    def take_done(self) -> Done | None:
        """Return what must be set when the engine is done, which is then the caller's to do."""
        done, self.done = self.done, None
        return done

    def leave(
        self, outcome: Outcome, reason: str = "", level: Level = Level.INFO, line: tuple[str, str] = NO_LINE
    ) -> None:
        """Write the single record."""
        self.account.end(self.judged, outcome, reason, level, line)
        self.judged = self.finish = None
        if self.done is not None:
            self._client.drop_engine()

    def free(self) -> None:
        """Make the connection ready for the next request, or end it."""
        client = self._client
        if self.closes or (client.has_ended and not client.inbox.data):
            self.step(Signal.CLOSE)
            client.close()
        else:
            self.step(Signal.NEXT)
            client.renew()

    def linger(self) -> None:
        """End the connection once the client could read its answer."""
        self._client.drop_engine()
        self.step(Signal.CLOSE)
        self._client.linger()

    def _log(self, level: Level, text: str) -> None:
        self.socket.shared.log.message(level, text)


def is_skippable(judged: Judged) -> bool:
    """Whether the rest of a request is short enough to read, so that the connection can stay open."""
    is_short = judged.is_whole or RequestBody(judged.head).is_at_most(_SKIPPABLE)
    return is_short and (judged.is_whole or not judged.head.expects_continue)
