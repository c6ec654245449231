"""The tunnel of a BuildKit client, each call of which is judged (`builds/calls`) like its equivalent in the API.

Attacks: docs/attacks.md, proxy/building.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from dockerproxy.builds.calls import Calls
from dockerproxy.builds.solving import Call, Request
from dockerproxy.builds.streams import Streams
from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome
from dockerproxy.policy.asking import Question
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge, judge_object
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.policy.steps import Ask, UnknownObjectError
from dockerproxy.proxy.accounting import Accounting
from dockerproxy.proxy.asking import Asked
from dockerproxy.proxy.sockets import SocketState
from dockerproxy.proxy.tunnel import FramedEnd, FramedTunnel, Near
from dockerproxy.settings import Level
from dockerproxy.wire.answer import add_decision

_BUILD: Final = ("POST", "/build")

_MOST_WAITING: Final = 100
"""Calls of a tunnel that wait for their judgement. HTTP/2 limits only those that the client has not reset."""

_MOST_BUILDS: Final = 1000
"""Builds of a tunnel, each of which is remembered until the tunnel ends."""

_PATIENCE: Final = 6
"""Seconds in which a build must begin after a client asks for its status (BuildKit solver/jobs.go, Get)."""


_LONG: Final = 1024
"""Characters of a request that is judged in the worker's thread: it may have a hundred names."""


@dataclass(slots=True)
class _Build:
    """A build of a client.

    Attributes:
        policy: The policy with a person's answer for this build; None if nobody was asked.
        is_counted: Whether a call of it has taken a place, and has a record: the first that needs a grant.
    """

    policy: CompiledPolicy | None = None
    is_counted: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    decided: asyncio.Event = field(default_factory=asyncio.Event)


class _Judging:
    """Judges the calls of a client, and writes a record of each build, and of each denied call."""

    def __init__(self, client: Near, socket: SocketState) -> None:
        self._client = client
        self._socket = socket
        self._builds: dict[str, _Build] = {}
        self.places = ExitStack()

    @property
    def asks(self) -> bool:
        """Whether a build may wait for a person's answer; then all its calls wait."""
        return self._socket.policy.policy.asks

    def refuse(self, path: str, reason: str) -> str:
        """Record a call that no policy allows. Returns the denial."""
        verdict, account = self._judge(_BUILD, self._socket.policy), self._account()
        if isinstance(verdict, Refusal):
            return verdict.reason
        self._socket.usage.enter(verdict.operation.shape)
        denied = f"{verdict.operation.name} denied: {reason}"
        return self._deny(replace(verdict, target=path or "/grpc"), account, denied)

    async def decide(self, call: Call, name: str) -> str:
        """Return why a call of a build is denied; empty if it is allowed. Each build is a new question."""
        if name not in self._builds and len(self._builds) >= _MOST_BUILDS:
            return self.refuse("", f"one connection has more than {_MOST_BUILDS} builds")
        build = self._find_build(call, name)
        if call.is_part and name and self.asks:
            await self._await_begin(build)
        counts = bool(call.requests) and not build.is_counted
        try:
            if counts:
                await self._enter()
            for request in call.requests:
                if denial := await self._decide(request, build, counts=counts):
                    return denial
                await asyncio.sleep(0)  # Others have their turn.
            build.is_counted |= counts
        except UnknownObjectError as error:
            return self.refuse("", str(error))
        else:
            return ""
        finally:
            if not call.is_part:
                build.decided.set()

    def _find_build(self, call: Call, name: str) -> _Build:
        """Return the build of a call. One that begins is new, though another of its name may wait."""
        build = self._builds.setdefault(name, _Build())
        if not call.is_part and build.begun.is_set():
            build = self._builds[name] = _Build()
        if not call.is_part:
            build.begun.set()
        return build

    async def _enter(self) -> None:
        """Take a place for a build, until the client has gone; before the engine gives up its other calls."""
        socket = self._socket
        places = socket.find_places("builds")
        await places.enter("builds", socket.policy.policy.bounds.builds, min(socket.patience, _PATIENCE / 2))
        self.places.callback(places.leave)

    @staticmethod
    async def _await_begin(build: _Build) -> None:
        """Wait for the call that begins a build, as long as the engine does, then for its decision."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await build.begun.wait()
            await build.decided.wait()

    async def _decide(self, request: Request, build: _Build, *, counts: bool) -> str:
        socket, account = self._socket, self._account()
        policy = build.policy or socket.policy
        work = partial(self._judge, request, policy)
        is_long = len(request[1]) > _LONG
        verdict = await socket.shared.worker.run(socket.judging, work) if is_long else work()
        if isinstance(verdict, Refusal):
            return verdict.reason
        if too_many := socket.usage.enter(verdict.operation.shape):
            return self._deny(verdict, account, too_many)
        asked = Asked(verdict, socket.shared.propose)
        step = asked.proceed(verdict, socket.approved_mounts) if not verdict.passes else None
        if isinstance(step, Question):
            verdict = await self._ask(request, build, asked, step, account)
        elif isinstance(step, Verdict):
            verdict = step
        if not verdict.passes:
            return self._deny(verdict, account, verdict.decision.message)
        account.status = 200
        if not counts and verdict.decision.allowed:
            socket.usage.leave(verdict.operation.shape)
        else:
            account.end(verdict, Outcome.ALLOWED)
        return ""

    async def _ask(
        self, request: Request, build: _Build, asked: Asked, question: Question, account: Accounting
    ) -> Verdict:
        """Ask a person, whose answer applies to the build."""
        socket = self._socket
        told = (account.decision, socket.name, account.peer, question, socket.journal)
        try:
            answer = await socket.shared.control.ask(*told)
        except asyncio.CancelledError:
            account.end(question.verdict, Outcome.DENIED, "the client went away")
            raise
        decided = asked.take(question, answer, socket.policy, socket.approved_mounts)
        if isinstance(decided, Verdict):
            return decided
        build.policy, socket.approved_mounts = decided
        verdict = self._judge(request, build.policy)
        return question.verdict if isinstance(verdict, Refusal) else verdict

    @staticmethod
    def _judge(request: Request, policy: CompiledPolicy) -> Verdict | Refusal:
        """Judge a call as its classic build. A missing image is still to be built."""
        judged = judge(policy, Ask(*request).head)
        while isinstance(judged, NeedsLookup):
            judged = judge_object(judged, None)
        return judged if isinstance(judged, Verdict | Refusal) else Refusal(400, "it has no body")

    def _account(self) -> Accounting:
        account = Accounting(self._socket)
        account.peer = self._client.account.peer
        return account

    def _deny(self, verdict: Verdict, account: Accounting, message: str) -> str:
        account.status, said = 403, add_decision(message, account.decision)
        account.end(verdict, Outcome.DENIED, message, Level.WARNING)
        return said


class BuildTunnel(FramedTunnel):
    """The tunnel in which a client makes calls."""

    def __init__(self, client: Near, socket: SocketState, engine: asyncio.Transport) -> None:
        self._judging = _Judging(client, socket)
        self._tasks = socket.shared.tasks
        self._waiting: set[asyncio.Task[None]] = set()
        super().__init__(client, socket, engine, Calls(socket.scope, self._judge, self._judging.refuse))

    def _judge(self, call: Call, build: str, then: Callable[[str], None]) -> None:
        if call.is_part and not call.requests and not self._judging.asks:
            then("")
            return
        if len(self._waiting) >= _MOST_WAITING:
            then(self._judging.refuse("", f"more than {_MOST_WAITING} builds wait at one time"))
            return

        async def judge() -> None:
            then(await self._judging.decide(call, build))
            self.give()

        task = self._tasks.start(judge(), "judging a build", self._client.abort)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def is_stalled(self, _end: FramedEnd) -> bool:
        """Whether either end does not read: the client's calls are answered, and the engine's answers are for them."""
        return self.near.is_slow or self.far.is_slow

    def lose(self, end: FramedEnd, error: Exception | None) -> None:
        """End the other end too: the engine stops a build whose client is gone."""
        for task in self._waiting:
            task.cancel()
        self._judging.places.close()
        super().lose(end, error)


class SessionTunnel(FramedTunnel):
    """The tunnel in which the engine calls its client, for files and secrets."""

    def __init__(self, client: Near, socket: SocketState, engine: asyncio.Transport) -> None:
        self._judging = _Judging(client, socket)
        self._streams = Streams(self._judging.refuse)
        super().__init__(client, socket, engine, self._streams)

    def end(self) -> None:
        """Record why the session ends."""
        self._judging.refuse("/session", f"the session is not what BuildKit sends: {self._streams.broken}")
        super().end()
