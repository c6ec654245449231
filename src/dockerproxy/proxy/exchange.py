"""A request and its answer, from the request's head to the record.

An `Exchange` decides, and does no I/O: the ends of a connection report events to it, and it controls them by the
methods of `ClientPort`. Its `Answering` writes the answer and ends the exchange.

Rules for later changes: the engine gets `Verdict.to_engine` and the parsed body, never bytes of the client's head;
every exchange writes exactly one record, in `Answering.leave`.

Attacks: docs/attacks.md, proxy/exchange.
"""

from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final

from dockerproxy.api.catalog import BUILD_TUNNELS, OPERATIONS, Shape
from dockerproxy.builds.extra import INSTALL, is_installed
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome
from dockerproxy.policy.asking import Question, forget
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import attach_body, judge, judge_again, judge_body
from dockerproxy.policy.phases import Judged, NeedsBody, NeedsLookup, Verdict
from dockerproxy.policy.planning import can_begin
from dockerproxy.proxy.accounting import Accounting
from dockerproxy.proxy.answering import Answering
from dockerproxy.proxy.asking import Asked
from dockerproxy.proxy.control import Answer
from dockerproxy.proxy.failures import TOO_MUCH_ASKED
from dockerproxy.proxy.ports import ClientPort
from dockerproxy.proxy.sockets import SocketState, is_quick, make_nonce
from dockerproxy.proxy.usage import TOO_FAST, TOO_MUCH
from dockerproxy.settings import Level
from dockerproxy.wire.exchange import Signal, State, step
from dockerproxy.wire.head import END_OF_HEAD, Framing, peek, read_response
from dockerproxy.wire.http2 import START
from dockerproxy.wire.incoming import ArchiveBody, HeldBody, RequestBody

HELD: Final = 8
"""Longest bodies that are held at a time for a socket, as they arrive and while the engine acts on them. The parsed
form may take two dozen times the bytes, and honest bodies are a hundredth of the longest."""

_REPLY, _ALLOWED, _LENGTH = Shape.REPLY, Outcome.ALLOWED, Framing.LENGTH

_SENT: Final = step(State.IDLE, Signal.WHOLE)
_FREE: Final = step(step(step(_SENT, Signal.ANSWER), Signal.ANSWER_END), Signal.NEXT)
"""States of the short way, derived from the steps of the long one."""

_SHORT_BODIES: Final = frozenset({"json", "-"})
"""Kinds of bodies that come at once."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_GRPC: Final = b"POST /grpc HTTP/1.1\r\nhost: dockerproxy\r\n\r\n"
"""The HTTP/1 form of a request in HTTP/2."""

_BUILDKIT: Final = (OPERATIONS["Grpc"], BUILD_TUNNELS["Grpc"])
"""Denied in HTTP/2: a client whose upgrade is denied would start a builder of its own."""

_ANSWERED: Final = frozenset({State.SKIPPING, State.SENDING_ANSWERED})
"""States in which only the rest of a request is missing: the proxy does not wait for it."""

_TAKING: Final = frozenset({State.SKIPPING, State.HELD})
"""States in which a body is read without an engine connection: it is dropped, or collected."""

_UNREAD: Final = frozenset({State.IDLE, State.HELD})
"""States in which the inbox begins with an unjudged head."""


class Exchange:
    """A request and its answer.

    Attributes:
        answering: The second half: the answer and the record.
        body: The reader of its body; None without a body.
    """

    # Class attributes: most objects never change them.
    body: RequestBody | None = None
    _asked: Asked | None = None
    _policy: CompiledPolicy

    def __init__(self, client: ClientPort, socket: SocketState, account: Accounting) -> None:
        self._client = client
        self.socket = socket
        self.account = account
        self.answering = Answering(client, socket, account)

    @property
    def state(self) -> State:
        """The state of the exchange."""
        return self.answering.state

    @property
    def judged(self) -> Judged | None:
        """The request after its head was parsed; None before that and after the record is written."""
        return self.answering.judged

    # The request

    def begin_at_once(self, data: bytes) -> bool:
        """Process data between two requests if it is exactly one short head. Returns whether it is."""
        socket = self.socket
        if len(data) >= socket.short_head:
            return False
        verdict = socket.simple.get(data)
        if verdict is not None and self._repeat(verdict):
            return True
        if 0 < data.find(END_OF_HEAD) == len(data) - len(END_OF_HEAD):
            self.begin(data)
            return True
        return False

    def _repeat(self, verdict: Verdict) -> bool:
        """Forward a repeated simple request, and set `finish` to pass on a complete answer, each in one step.

        Both return False if a case needs the long way, which does the same in many steps (test:
        test_the_short_way_and_the_long_way_do_the_same). This saves more than a sixth of a ping's processor time.
        """
        client, answering, account = self._client, self.answering, self.account
        usage, connections = self.socket.usage, self.socket.connections
        if client.finishes or client.has_ended:
            return False
        if usage.enter(_REPLY) or not usage.affords(account, self.socket.shared.now(), 0, connections):
            usage.leave(_REPLY)
            return False

        def finish(answer: bytes) -> bool:
            end = answer.find(END_OF_HEAD) + len(END_OF_HEAD)
            head = read_response(answer[:end])
            if head is None or head.close or head.framing is not _LENGTH or len(answer) != end + head.length:
                return False
            if client.finishes or client.has_ended:
                return False
            account.status = head.status
            account.sent += len(answer)
            client.write(answer)
            account.end(verdict, _ALLOWED)
            answering.judged, answering.finish, answering.state = None, None, _FREE
            client.wait(connections.idle)
            if client.inbox.data:
                client.advance()
            return True

        account.begin()
        answering.judged, answering.finish, answering.state = verdict, finish, _SENT
        client.wait(connections.answers)
        client.send_on(verdict.to_engine)
        return True

    def begin(self, head: bytes) -> None:
        """Take a request's head: judge it, and forward or answer it."""
        client, socket, account = self._client, self.socket, self.account
        client.waits_in = None
        account.begin()
        if not socket.usage.affords(account, account.begun, len(head), socket.connections):
            self.refuse(Refusal(429, TOO_FAST), head)
        elif len(head) <= socket.long_head:
            self._take(head, socket.judge(head))
        else:  # Until then it stays in the inbox: it counts as held, and reading stops.
            self._hold()
            client.inbox.put_back(head)
            client.update_reading()
            client.judge_aside(partial(judge, self._policy, head), partial(self._take_late, head))

    def _take_late(self, head: bytes, judged: Judged | Refusal) -> None:
        if self.answering.is_held:
            self._client.inbox.take(len(head))
            self._take(head, judged)
            self._client.go_on()

    def _take(self, head: bytes, judged: Judged | Refusal) -> None:
        """Continue with a judged request, unless too many are in progress."""
        if isinstance(judged, Refusal):
            self.refuse(judged, head)
            return
        self.answering.judged, self.answering.closes = judged, judged.head.close
        if too_many := self.socket.usage.enter(judged.request.operation.shape):
            self.body = self.answering.turn_away(judged, 503, too_many)
        else:
            self._follow(judged)

    def _follow(self, judged: Judged | Refusal) -> None:
        """Do the next step of a request. Long work runs in turns."""
        if isinstance(judged, Refusal):
            self.answering.fail(judged.status, judged.reason)
            return
        self.answering.judged = judged
        if isinstance(judged, Verdict) and not self.socket.shared.has_plan(judged):
            self._proceed(judged)
        elif isinstance(judged, NeedsBody) or (isinstance(judged, Verdict) and not can_begin(judged)):
            self._collect(judged)
        else:
            self._hold()
            self._client.look_up(judged)

    def go_on(self, judged: Judged | Refusal) -> None:
        """Continue with the result of what the request was held for."""
        if self.answering.is_held:
            self._follow(judged)
            self._client.go_on()

    def let_go(self, verdict: Verdict) -> None:
        """Forward a decided request. Its task outlives its client."""
        self._client.detach()
        self.answering.judged, self.account.outlasts = verdict, verdict.operation.shape is not Shape.TUNNEL
        self._proceed(verdict)
        self._client.go_on()

    def detach(self, verdict: Verdict) -> None:
        """Record that the engine acts, even if the client leaves."""
        self.answering.judged, self.account.outlasts = verdict, True
        self._client.detach()
        self.answering.expect_soon(verdict)

    async def find_docker(self) -> bool | None:
        """Return whether the request's engine is Docker; None if the client already got an answer."""
        return await self._client.find_docker()

    def _proceed(self, verdict: Verdict) -> None:
        """Forward or answer a decided request."""
        if not verdict.to_engine:
            self._deny_or_ask(verdict)
            return
        if verdict.operation in BUILD_TUNNELS.values() and not is_installed():
            self.answering.fail(503, f"builds need the package h2: {INSTALL}")
            return
        if verdict.operation is BUILD_TUNNELS["Session"]:
            from dockerproxy.builds.sessions import write_session  # noqa: PLC0415 (only for builds)

            written = write_session(verdict.head, self.socket.scope)
            if isinstance(written, Refusal):
                self.answering.fail(written.status, written.reason)
                return
            verdict = replace(verdict, to_engine=written)
        self.body = body = None if verdict.is_whole else (ArchiveBody if verdict.walks else RequestBody)(verdict.head)
        self.answering.step(Signal.WHOLE if body is None else Signal.HEAD)
        self._client.send_on(verdict.to_engine)
        if body is None:
            self.answering.expect_soon(verdict)
        elif verdict.operation.body in _SHORT_BODIES:
            self._client.wait(self.socket.connections.bodies)

    def _hold(self) -> None:
        """Wait to be judged by the socket's current policy, unless the request already waits."""
        if self.state is State.IDLE:
            self._policy = self.socket.policy
            self.answering.step(Signal.HOLD)

    # Its body

    @property
    def takes_body(self) -> bool:
        """Whether a part of the body is missing, and can be taken now."""
        body = self.body
        if body is None or body.complete:
            return False
        return self._client.engine is not None or self.answering.state in _TAKING

    def take_body(self, data: bytes) -> int:
        """Forward, keep or drop a piece of the body. Returns the number of bytes taken."""
        body, client, answering = self.body, self._client, self.answering
        if body is None:
            return 0
        pieces, used = body.feed(data)
        self.account.received = body.received
        if answering.refuses(body):
            return len(data)
        if isinstance(body, HeldBody):
            return self._keep(body, used, len(data))
        if client.engine is not None and answering.state is not State.SKIPPING:
            client.engine.writelines(pieces)
        if body.complete:
            answering.step(Signal.REQUEST_END)
            client.waits_in = None
            if answering.state is State.DONE:
                answering.free()
            elif answering.state is State.SENT and answering.judged is not None:
                answering.expect_soon(answering.judged)
        elif answering.state in _ANSWERED:
            client.wait(self.socket.connections.lingering)
        return used

    def _keep(self, body: HeldBody, used: int, size: int) -> int:
        """Keep a piece of a body that must be complete. Returns the number of bytes taken."""
        if self.account.hold(body.received) > HELD * body.most:
            self.answering.fail(503, "too many request bodies are held", TOO_MUCH_ASKED)
            return size
        if body.complete:
            self._take_whole(bytes(body.content))
        return used

    def _collect(self, judged: NeedsBody | Verdict) -> None:
        """Wait for the complete body."""
        self._hold()
        self.body = body = HeldBody(judged.head, self.socket.limits.body)
        if body.broken:
            self.answering.fail(body.status, body.broken)
        elif body.complete:
            self._take_whole(b"")
        else:
            self._client.wait(self.socket.connections.bodies)
            if judged.head.expects_continue:
                self._client.write(_CONTINUE)

    def _take_whole(self, content: bytes) -> None:
        """Judge a request with its complete body."""
        judged = self.judged
        self._client.waits_in = None
        if isinstance(judged, Verdict):
            self._follow(attach_body(judged, content))
        elif isinstance(judged, NeedsBody):
            nonce = make_nonce() if judged.policy.owner else ""
            work = partial(judge_body, judged, content, nonce, self.account.client)
            if is_quick(judged, content):
                self._follow(work())
            else:
                self._client.judge_aside(work, self.go_on)

    def end_input(self) -> None:
        """Pass on the end of the client's input, once all of it was forwarded."""
        client, incomplete = self._client, self.body is not None and not self.body.complete
        if client.inbox.data or (client.engine is None and not (self.state is State.HELD and incomplete)):
            return
        if incomplete:
            self.answering.fail(400, "the request ended before its body did")
        elif client.engine is not None and self.state is not State.HELD:
            client.engine.end_writing()

    # Answers of the proxy

    def refuse(self, refusal: Refusal, head: bytes = b"") -> None:
        """Refuse an ambiguous request. The connection ends, because the next request's start is unknown."""
        level = Level.WARNING
        if head == START and self.account.count == 1 and refusal.status == HTTPStatus.BAD_REQUEST:
            verdict = self.socket.judge(_GRPC)
            if isinstance(verdict, Verdict) and not verdict.passes:
                self.socket.usage.enter(verdict.operation.shape)
                self.answering.deny_http2(verdict)
                return
            level = Level.INFO
        if not head:
            self._client.waits_in = None
            self.account.begin()
        line = peek(head or self._client.inbox.peek())
        self.answering.say_last(refusal.status, refusal.reason, Outcome.REFUSED, level, line)

    def _deny(self, verdict: Verdict) -> None:
        if verdict.operation in _BUILDKIT and verdict.head.upgrade == b"h2c":
            self.answering.deny_http2(verdict)
            return
        self.answering.judged, decision = verdict, verdict.decision
        self.body = self.answering.turn_away(verdict, decision.status, decision.message, decision.reason)

    def _deny_or_ask(self, verdict: Verdict) -> None:
        """Answer a denied request, or let a person decide (`proxy/asking`)."""
        if self._asked is None:
            self._asked = Asked(verdict, self.socket.shared.propose)
        match self._asked.proceed(verdict, self.socket.approved_mounts):
            case Question() as question:
                self._hold()
                self.answering.judged = question.verdict
                self._client.ask(question, partial(self._take_answer, self._asked, question))
            case NeedsLookup() as waiting:
                self._follow(waiting)
            case Verdict() as denied:
                self._deny(denied)
            case _:
                self._collect(verdict)

    def _take_answer(self, asked: Asked, question: Question, answer: Answer) -> None:
        if self.answering.is_held:
            socket, verdict = self.socket, question.verdict
            decided = asked.take(question, answer, socket.policy, socket.approved_mounts)
            if isinstance(decided, Verdict):
                self._deny(decided)
            else:
                self._policy, socket.approved_mounts = decided
                self._follow(judge_again(self._policy, verdict, forget(verdict), make_nonce()))
            self._client.go_on()

    def time_out(self) -> None:
        """End the exchange, because it waited too long."""
        client, waiting = self._client, self._client.waits_in
        is_partial = self.state is State.IDLE and client.inbox.holds_part_of_a_head
        is_head = waiting is self.socket.connections.heads
        if client.is_gone or waiting is None or not waiting.status or (is_head and not is_partial):
            client.abort()
        elif is_head:
            self.refuse(Refusal(waiting.status, waiting.reason))
        else:
            self.answering.fail(waiting.status, waiting.reason)

    def give_way(self) -> None:
        """End the exchange: too much is buffered for the clients of the socket, most of it for this one."""
        if self._client.inbox.data and self.state in _UNREAD and self.judged is None:
            self.refuse(Refusal(503, TOO_MUCH))
        elif self.judged is not None:
            self.answering.fail(503, TOO_MUCH, TOO_MUCH_ASKED)
