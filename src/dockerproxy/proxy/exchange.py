"""One request and its answer: what becomes of them, from the head of the request to the record.

An `Exchange` decides, and does no I/O: the ends of a connection tell it what came, and it tells them what to do, by the
methods of `ClientPort`. Its `Answering` writes the answer and ends it.

Rules that a later editor must not break: what goes to the engine is `Verdict.to_engine` and the body as it was
understood, never bytes of the client's head; every exchange leaves exactly one record, in `Answering.leave`.

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
from dockerproxy.policy.plans import can_begin
from dockerproxy.proxy.accounting import Accounting
from dockerproxy.proxy.answering import Answering, ClientPort
from dockerproxy.proxy.asking import Asked
from dockerproxy.proxy.control import Answer
from dockerproxy.proxy.failures import TOO_MUCH_ASKED
from dockerproxy.proxy.sockets import SocketState, is_quick, make_nonce
from dockerproxy.proxy.usage import TOO_FAST, TOO_MUCH
from dockerproxy.settings import Level
from dockerproxy.wire.exchange import Signal, State, step
from dockerproxy.wire.head import END_OF_HEAD, Framing, peek, read_response
from dockerproxy.wire.http2 import START
from dockerproxy.wire.incoming import HeldBody, RequestBody

HELD: Final = 8
"""Of the longest bodies that are held at one time for a socket, as they come and while the engine acts on them. What is
read of one may take two dozen times its bytes, and honest ones are a hundredth of the longest."""

_REPLY, _ALLOWED, _LENGTH = Shape.REPLY, Outcome.ALLOWED, Framing.LENGTH

_SENT: Final = step(State.IDLE, Signal.WHOLE)
_FREE: Final = step(step(step(_SENT, Signal.ANSWER), Signal.ANSWER_END), Signal.NEXT)
"""States of the short way, derived from the steps of the long one."""

_SHORT_BODIES: Final = frozenset({"json", "-"})
"""What operations say of bodies that come at once."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_GRPC: Final = b"POST /grpc HTTP/1.1\r\nhost: dockerproxy\r\n\r\n"
"""What a request in HTTP/2 would be over HTTP/1."""

_BUILDKIT: Final = (OPERATIONS["Grpc"], BUILD_TUNNELS["Grpc"])
"""What is denied in HTTP/2: a client that is denied the upgrade starts a builder of its own."""

_ANSWERED: Final = frozenset({State.SKIPPING, State.SENDING_ANSWERED})
"""Where only the rest of a request is missing: a client that does not send it is not waited for."""

_TAKING: Final = frozenset({State.SKIPPING, State.HELD})
"""Where a body is read though there may be no engine connection: it is dropped, or collected."""

_UNREAD: Final = frozenset({State.IDLE, State.HELD})
"""Where the inbox begins with a head that was not judged yet."""


class Exchange:
    """One request and its answer.

    Attributes:
        answering: Its second half: the answer and the record.
        body: The reader of its body; None without one.
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
        """The request after its head was read; None before that and after the record is written."""
        return self.answering.judged

    # The request

    def begin_at_once(self, data: bytes) -> bool:
        """Take what came between two requests, if it is a short head and nothing else; return whether it is."""
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
        """Send on a simple request that came before and, as `finish`, an answer that comes whole, each in one step.

        Both return False if something asks for the many steps of the long way, on which the same happens (test:
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
        """Take the head of a request: judge it, and send it on or answer it."""
        client, socket, account = self._client, self.socket, self.account
        client.waits_in = None
        account.begin()
        if not socket.usage.affords(account, account.begun, len(head), socket.connections):
            self.refuse(Refusal(429, TOO_FAST), head)
        elif len(head) <= socket.long_head:
            self._take(head, socket.judge(head))
        else:  # Until it is judged it stays in the inbox: it counts as held, and nothing more is read.
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
        """Go on with a judged request, unless too many are under way."""
        if isinstance(judged, Refusal):
            self.refuse(judged, head)
            return
        self.answering.judged, self.answering.closes = judged, judged.head.close
        if too_many := self.socket.usage.enter(judged.request.operation.shape):
            self.body = self.answering.turn_away(judged, 503, too_many)
        else:
            self._follow(judged)

    def _follow(self, judged: Judged | Refusal) -> None:
        """Do what must be done next with a request. One that takes more goes on whole, and in its turn."""
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
        """Go on with what was found out while the request was held."""
        if self.answering.is_held:
            self._follow(judged)
            self._client.go_on()

    def let_go(self, verdict: Verdict) -> None:
        """Go on with a request that is decided; what was started for it outlasts its client."""
        self._client.detach()
        self.answering.judged, self.account.outlasts = verdict, True
        self._proceed(verdict)
        self._client.go_on()

    def detach(self, verdict: Verdict) -> None:
        """Note that the engine acts, whether the client stays or goes."""
        self.answering.judged, self.account.outlasts = verdict, True
        self._client.detach()
        self.answering.expect_soon(verdict)

    async def find_docker(self) -> bool | None:
        """Return whether the engine that gets the request is Docker; None if the client has its answer."""
        return await self._client.find_docker()

    def _proceed(self, verdict: Verdict) -> None:
        """Send a request on that is decided, or answer it."""
        if not verdict.to_engine:
            self._deny_or_ask(verdict)
            return
        if verdict.operation is BUILD_TUNNELS["Grpc"] and not is_installed():
            self.answering.fail(503, f"builds need the package h2: {INSTALL}")
            return
        if verdict.operation is BUILD_TUNNELS["Session"]:
            from dockerproxy.builds.sessions import write_session  # noqa: PLC0415 (only for builds)

            written = write_session(verdict.head, self.socket.scope)
            if isinstance(written, Refusal):
                self.answering.fail(written.status, written.reason)
                return
            verdict = replace(verdict, to_engine=written)
        self.body = body = None if verdict.is_whole else RequestBody(verdict.head)
        self.answering.step(Signal.WHOLE if body is None else Signal.HEAD)
        self._client.send_on(verdict.to_engine)
        if body is None:
            self.answering.expect_soon(verdict)
        elif verdict.operation.body in _SHORT_BODIES:
            self._client.wait(self.socket.connections.bodies)

    def _hold(self) -> None:
        """Wait to be judged by the policy that the socket has now, if the request does not wait already."""
        if self.state is State.IDLE:
            self._policy = self.socket.policy
            self.answering.step(Signal.HOLD)

    # Its body

    @property
    def takes_body(self) -> bool:
        """Whether something of the body is missing, and can be taken now."""
        body = self.body
        if body is None or body.complete:
            return False
        return self._client.engine is not None or self.answering.state in _TAKING

    def take_body(self, data: bytes) -> int:
        """Send on, keep or drop a piece of the body; return the number of bytes taken."""
        body, client, answering = self.body, self._client, self.answering
        if body is None:
            return 0
        pieces, used = body.feed(data)
        self.account.received = body.received
        if body.broken:
            answering.fail(body.status, body.broken)
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
        """Keep a piece of a body that must be whole; return the number of bytes taken."""
        if self.account.hold(body.received) > HELD * body.most:
            self.answering.fail(503, "too many bodies are held here at one time", TOO_MUCH_ASKED)
            return size
        if body.complete:
            self._take_whole(bytes(body.content))
        return used

    def _collect(self, judged: NeedsBody | Verdict) -> None:
        """Wait for all of a body."""
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
        """Decide about a request whose body has come."""
        judged = self.judged
        self._client.waits_in = None
        if isinstance(judged, Verdict):
            self._follow(attach_body(judged, content))
        elif isinstance(judged, NeedsBody):
            work = partial(judge_body, judged, content, make_nonce() if judged.policy.owner else "")
            if is_quick(judged, content):
                self._follow(work())
            else:
                self._client.judge_aside(work, self.go_on)

    def end_input(self) -> None:
        """Pass on that the client sends no more, once all that it has sent is on its way."""
        client, incomplete = self._client, self.body is not None and not self.body.complete
        if client.inbox.data or (client.engine is None and not (self.state is State.HELD and incomplete)):
            return
        if incomplete:
            self.answering.fail(400, "the request ended before its body did")
        elif client.engine is not None and self.state is not State.HELD:
            client.engine.end_writing()

    # How it is answered by us

    def refuse(self, refusal: Refusal, head: bytes = b"") -> None:
        """Answer a request that has no single reading. What follows it has none either: the connection ends."""
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
        """Answer a denied request, or have a person decide about it (`proxy/asking`)."""
        if self._asked is None:
            self._asked = Asked(self._policy if self.state is State.HELD else self.socket.policy, verdict)
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
        """End because what was waited for has not come."""
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
        """End because too much is held for the clients of the socket, and the most of it for this one."""
        if self._client.inbox.data and self.state in _UNREAD and self.judged is None:
            self.refuse(Refusal(503, TOO_MUCH))
        elif self.judged is not None:
            self.answering.fail(503, TOO_MUCH, TOO_MUCH_ASKED)
