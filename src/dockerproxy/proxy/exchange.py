"""One request and its answer: what becomes of them, from the head of the request to the record.

An `Exchange` decides, and does no I/O: the ends of a connection tell it what came, and it tells them what to do, by the
methods of `proxy/ports`. Its `state` changes by the table of `wire/exchange` alone.

Rules that a later editor must not break: what goes to the engine is `Verdict.to_engine` and the body as it was
understood, never bytes of the client's head; every exchange leaves exactly one record, in `_end`.

Attack: a body that is held and never ends, is too long or ends too early -> Defence: it has its time and its size.
Attack: many held bodies, to use up memory -> Defence: `SocketState.held` bounds those of one socket.
Attack: a policy that changes while a request is held -> Defence: it is judged by the one it came under.
"""

from functools import partial
from http import HTTPStatus
from secrets import token_hex
from typing import Final

from dockerproxy.api.catalog import HEALTH, Shape
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome, read_created
from dockerproxy.policy.judge import attach_body, judge, judge_body, judge_engine
from dockerproxy.policy.phases import Judged, NeedsBody, Verdict
from dockerproxy.policy.steps import Whole
from dockerproxy.proxy.accounting import NO_LINE
from dockerproxy.proxy.answers import read_head
from dockerproxy.proxy.asking import Asking
from dockerproxy.proxy.failures import TOO_MUCH_ASKED
from dockerproxy.proxy.judging import is_quick
from dockerproxy.proxy.usage import TOO_FAST
from dockerproxy.settings import Level
from dockerproxy.wire.body import HeldBody, RequestBody
from dockerproxy.wire.exchange import Signal, State, step
from dockerproxy.wire.head import END_OF_HEAD, Framing, ResponseHead

HELD: Final = 8
"""Of the longest bodies that are held at one time for a socket, as they come and while the engine acts on them. What is
read of one may take two dozen times its bytes, and honest ones are a hundredth of the longest."""

_HEAD, _WHOLE, _ANSWER, _ANSWER_END = Signal.HEAD, Signal.WHOLE, Signal.ANSWER, Signal.ANSWER_END
_REPLY, _ALLOWED = Shape.REPLY, Outcome.ALLOWED
_NO_BODY, _LENGTH, _TO_THE_END = Framing.NONE, Framing.LENGTH, Framing.CLOSE

_SENT: Final = step(State.IDLE, _WHOLE)
_FREE: Final = step(step(step(_SENT, _ANSWER), _ANSWER_END), Signal.NEXT)
"""Where the short way leads, by the steps of the long one."""

_SHORT_BODIES: Final = frozenset({"json", "-"})
"""What operations say of bodies that come at once."""

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_ANSWERED: Final = frozenset({State.SKIPPING, State.SENDING_ANSWERED})
"""Where only the rest of a request is missing: a client that does not send it is not waited for."""

_TAKING: Final = frozenset({State.SKIPPING, State.HELD})
"""Where a body is read though there may be no engine connection: it is dropped, or collected."""


class Exchange(Asking):
    """One request and its answer."""

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
        client, socket, account = self._client, self.socket, self.account
        usage, connections = socket.usage, socket.connections
        if client.finishes or client.has_ended:
            return False
        if usage.enter(_REPLY) or not usage.affords(client, self.shared.now(), 0, connections):
            usage.leave(_REPLY)
            return False

        def finish(answer: bytes) -> bool:
            end = answer.find(END_OF_HEAD) + len(END_OF_HEAD)
            head = read_head(answer[:end])
            if head is None or head.close or head.framing is not _LENGTH or len(answer) != end + head.length:
                return False
            if client.finishes or client.has_ended:
                return False
            account.status, account.sent = head.status, len(answer)
            client.write(answer)
            account.end(verdict, _ALLOWED, "", Level.INFO, NO_LINE)
            usage.leave(_REPLY)
            self.judged, self.finish, self.state = None, None, _FREE
            client.wait(connections.idle)
            if client.inbox.data:
                client.advance()
            return True

        account.begin()
        self.judged, self.finish, self.state = verdict, finish, _SENT
        client.wait(connections.answers)
        if client.engine is None:
            client.connect(verdict.to_engine)
        else:
            client.engine.write(verdict.to_engine)
        return True

    def begin(self, head: bytes) -> None:
        """Take the head of a request: judge it, and send it on or answer it."""
        client, socket, account = self._client, self.socket, self.account
        client.stop_waiting()
        account.begin()
        if not socket.usage.affords(client, account.begun, len(head), socket.connections):
            self.refuse(Refusal(429, TOO_FAST), head)
        elif len(head) <= socket.long_head:
            self._take(head, socket.judge(head))
        else:  # Until it is judged it stays in the inbox: it counts as held, and nothing more is read.
            self._hold()
            client.inbox.put_back(head)
            client.update_reading()
            client.judge_aside(partial(judge, self._policy, head), partial(self._take_late, head))

    def _take_late(self, head: bytes, judged: Judged | Refusal) -> None:
        if self.is_held:
            self._client.inbox.take(len(head))
            self._take(head, judged)
            self._client.go_on()

    def _take(self, head: bytes, judged: Judged | Refusal) -> None:
        """Send on a request whose head was judged, answer it, or wait for what else must be known of it."""
        if isinstance(judged, Refusal):
            self.refuse(judged, head)
            return
        self.judged = judged
        self._closes = judged.head.close
        too_many = self.socket.usage.enter(judged.request.operation.shape)
        if too_many:
            self.turn_away(judged, 503, too_many)
        else:
            self._follow(judged)

    def _follow(self, judged: Judged) -> None:
        """Do what must be done next with a request. One that goes alone goes on whole, and in its turn."""
        self.judged = judged
        if isinstance(judged, Verdict) and judged.needs_docker:
            self._hold()
            self._client.find_docker(self._take_engine)
        elif isinstance(judged, Verdict) and not self.shared.has_plan(judged):
            self._proceed(judged)
        elif isinstance(judged, NeedsBody) or (isinstance(judged, Verdict) and not judged.is_whole):
            self._collect(judged)
        else:
            self._hold()
            self._client.look_up(judged)

    def go_on(self, judged: Judged | Refusal) -> None:
        """Go on with what was found out while the request was held."""
        if self.is_held:
            self._take_decided(judged)
            self._client.go_on()

    def _take_decided(self, judged: Judged | Refusal) -> None:
        if isinstance(judged, Refusal):
            self.fail(judged.status, judged.reason)
        else:
            self._follow(judged)

    def _take_engine(self, is_docker: bool) -> None:  # noqa: FBT001 (it is what the engine said)
        """Send a build on over the connection over which its engine said what it is, or deny it."""
        judged = self.judged
        if not self.is_held or not isinstance(judged, Verdict):
            return
        self.judged = verdict = judged if is_docker else judge_engine(judged)
        if verdict.passes:
            self._proceed(verdict)
        else:
            self.turn_away(verdict, verdict.decision.status, verdict.decision.message)
        self._client.go_on()

    def _proceed(self, verdict: Verdict) -> None:
        """Send a request on that is decided, or answer it."""
        client = self._client
        if not verdict.to_engine:
            if not self._is_asked(verdict):
                decision = verdict.decision
                self.turn_away(verdict, decision.status, decision.message, decision.reason)
            return
        self.body = body = None if verdict.is_whole else RequestBody(verdict.head)
        self.state = step(self.state, _WHOLE if body is None else _HEAD)
        if client.engine is None:
            client.connect(verdict.to_engine)
        else:
            client.engine.write(verdict.to_engine)
        if body is None:
            self._await_answer(verdict)
        elif verdict.operation.body in _SHORT_BODIES:
            client.wait(self.socket.connections.bodies)

    def _await_answer(self, judged: Judged) -> None:
        """Note that the engine must answer soon, if the operation is one whose answer does not take long."""
        if judged.request.operation.shape is _REPLY:
            self._client.wait(self.socket.connections.answers)

    # Its body

    @property
    def takes_body(self) -> bool:
        """Whether something of the body is missing, and can be taken now."""
        body, engine = self.body, self._client.engine
        if body is None or body.complete:
            return False
        return engine is not None or self.state in _TAKING

    def take_body(self, data: bytes) -> int:
        """Take what has come of the body; return how many bytes of it are done with."""
        body = self.body
        if body is None:
            return 0
        if isinstance(body, HeldBody):
            return self._take_held(body, data)
        pieces, used = body.feed(data)
        self._pass_on(body, pieces)
        return len(data) if body.broken else used

    def _pass_on(self, body: RequestBody, pieces: list[bytes | memoryview]) -> None:
        """Send on what was understood of a body, or drop it if the request was not allowed."""
        client, self.account.received = self._client, body.received
        if body.broken:
            self.fail(body.status, body.broken)
            return
        if client.engine is not None and self.state is not State.SKIPPING:
            client.engine.writelines(pieces)
        if body.complete:
            self.state = step(self.state, Signal.REQUEST_END)
            client.stop_waiting()
            if self.state is State.DONE:
                self._free()
            elif self.state is State.SENT and self.judged is not None:
                self._await_answer(self.judged)
        elif self.state in _ANSWERED:
            client.wait(self.socket.connections.lingering)

    def _collect(self, judged: NeedsBody | Verdict) -> None:
        """Wait for all of a body."""
        self._hold()
        self.body = body = HeldBody(judged.head, self.socket.limits.body)
        if body.broken:
            self.fail(body.status, body.broken)
        elif body.complete:
            self._take_whole(judged, b"")
        else:
            self._client.wait(self.socket.connections.bodies)
            if judged.head.expects_continue:
                self._client.write(_CONTINUE)

    def _take_held(self, body: HeldBody, data: bytes) -> int:
        before, socket, judged = body.received, self.socket, self.judged
        _, used = body.feed(data)
        self.account.received = body.received
        self._held += body.received - before
        socket.held += body.received - before
        if body.broken:
            self.fail(body.status, body.broken)
        elif socket.held > HELD * body.most:
            self.fail(503, "too many bodies are held here at one time", TOO_MUCH_ASKED)
        else:
            if body.complete and isinstance(judged, NeedsBody | Verdict):
                self._take_whole(judged, bytes(body.content))
            return used
        return len(data)

    def _take_whole(self, judged: NeedsBody | Verdict, content: bytes) -> None:
        """Decide about a request whose body has come."""
        self._client.stop_waiting()
        nonce = token_hex(16) if judged.policy.owner else ""
        if isinstance(judged, Verdict):
            self._follow(attach_body(judged, content))
        elif is_quick(judged, content):
            self._take_decided(judge_body(judged, content, nonce))
        else:
            self._client.judge_aside(partial(judge_body, judged, content, nonce), self.go_on)

    def end_input(self) -> None:
        """Pass on that the client sends no more, once all that it has sent is on its way."""
        client, incomplete = self._client, self.body is not None and not self.body.complete
        if client.inbox.data or (client.engine is None and not (self.state is State.HELD and incomplete)):
            return
        if incomplete:
            self.fail(400, "the request ended before its body did")
        elif client.engine is not None and self.state is not State.HELD:
            client.engine.end_writing()

    # The engine's answer, as `AnswerReader` reads it

    def wants_interim(self, status: int) -> bool:
        """Whether the client gets an interim answer: none to a health check, and 100 only while a body is to come."""
        judged = self.judged
        if judged is None or judged.operation is HEALTH or not judged.head.wants_interim(status):
            return False
        return status != HTTPStatus.CONTINUE or self.state is State.SENDING

    def may_tunnel(self, head: ResponseHead) -> bool:
        """Whether the operation is one that may stop being HTTP; by 101 only if the client has offered it."""
        judged = self.judged
        if judged is None or judged.operation.shape is not Shape.TUNNEL:
            return False
        return head.status != HTTPStatus.SWITCHING_PROTOCOLS or bool(judged.head.upgrade)

    def begin_answer(self, head: ResponseHead) -> Framing | None:
        """Take note of a final response head; return how its body ends, or None if the client does not get it."""
        client, judged = self._client, self.judged
        if client.waits_in is self.socket.connections.answers:
            client.stop_waiting()
        self.state = step(self.state, _ANSWER)
        self.account.status = head.status
        if judged is None or judged.request.operation is HEALTH:
            self._answer_health(head.status)
            return None
        framing = _NO_BODY if judged.request.method == "HEAD" else head.framing
        if head.close or framing is _TO_THE_END:
            self._closes = True
        return framing

    @property
    def is_stream(self) -> bool:
        """Whether the answer may last for weeks."""
        return self.judged is not None and self.judged.operation.shape is Shape.STREAM

    def begin_stream(self) -> None:
        """Leave a line at the start of a stream."""
        if self.is_stream:
            self._note_start()

    def note_answer(self, answer: bytes) -> None:
        """Note what was created. Answers that say so are short, and come in one piece."""
        if self.judged is not None:
            self.account.created = read_created(self.judged.operation.name, self.account.status, answer)

    def switch(self, head: ResponseHead, data: bytes) -> None:
        """Stop being HTTP: from the engine's answer on, all is passed on as it is."""
        self.state = step(self.state, Signal.SWITCH)
        self.send(data)
        self.account.status = head.status
        self._note_start()
        self._client.open_tunnel()

    # What outlasts its client

    def let_go(self, verdict: Verdict) -> None:
        """Go on with a request that is decided; what was started for it goes on, too."""
        self._client.detach()
        self.judged = verdict
        self._proceed(verdict)
        self._client.go_on()

    def detach(self, verdict: Verdict) -> None:
        """Note that the engine acts, whether the client stays or goes."""
        self.judged = verdict
        self._client.detach()
        self._await_answer(verdict)

    def begin_alone(self, head: ResponseHead) -> None:
        """Begin the answer to a request that went alone."""
        self.state = step(self.state, Signal.WHOLE)
        self.begin_answer(head)

    def end_alone(self, verdict: Verdict, answer: Whole) -> None:
        """Pass on the whole answer to a request that went alone."""
        self.judged, head = verdict, read_head(answer.head)
        if head is not None:
            self.begin_alone(head)
        if self.socket.notes_created:
            self.note_answer(answer.content)
        self.end_with(answer.data)
