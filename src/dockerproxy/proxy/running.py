"""Runs the extra work of a request: lookups until it is decided, then the steps of its plan.

This uses the proxy's own connections (`proxy/resolver`), never the client's. The engine is asked for each request: a
name may mean another object a moment later. Holds are always released at the end.

Attacks: docs/attacks.md, proxy/running.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import AsyncExitStack, nullcontext
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote

from dockerproxy.api.catalog import Shape
from dockerproxy.plans.table import PLANS, find_holds
from dockerproxy.policy import steps
from dockerproxy.policy.compile import CompiledPolicy, own_policy
from dockerproxy.policy.judge import judge, judge_object, judge_unknown
from dockerproxy.policy.objects import INSPECTIONS, Lookup, ResolvedObject
from dockerproxy.policy.phases import Act, NeedsLookup, Outcome, Verdict
from dockerproxy.policy.planning import can_begin, is_removal
from dockerproxy.policy.steps import Answer, OvertakenError, UnknownObjectError, Whole
from dockerproxy.proxy.exchange import Exchange
from dockerproxy.proxy.failures import TOO_MUCH_ASKED, choose_engine, explain_unreachable
from dockerproxy.proxy.holding import StillHeldError
from dockerproxy.proxy.pending import Done, await_begin
from dockerproxy.proxy.resolver import AmbiguousNameError, Inquiry, collect, converse, open_inquiry
from dockerproxy.proxy.sockets import SocketState, is_quick
from dockerproxy.proxy.streams import follow, is_stream
from dockerproxy.settings import Level
from dockerproxy.wire.answer import write_answer, write_message

_Result = TypeVar("_Result")
_Value = TypeVar("_Value")

_READING: Final = (steps.Ask, steps.Find, steps.Read)
"""Steps whose answers a plan works with."""


class _ClientGoneError(Exception):
    """The client has gone, or has its answer: start nothing more for it."""


async def settle(exchange: Exchange, judged: NeedsLookup | Verdict) -> None:
    """Look up the objects of a request, judge it by the socket's policy of that time, and run its plan."""
    answering, engines = exchange.answering, exchange.socket.shared.engines
    try:
        async with AsyncExitStack() as stack:
            run = _Run(stack, exchange.socket, exchange)
            outcome = await run.outcome(judged)
            if isinstance(outcome, Verdict):
                exchange.go_on(outcome)
            elif isinstance(outcome, steps.Pass):
                await run.let_go()
            elif isinstance(outcome, steps.Stream):
                await run.stream(outcome)
            else:
                run.pass_on(outcome)
    except _ClientGoneError:
        return
    except UnknownObjectError as error:
        if answering.is_held:
            blame = TOO_MUCH_ASKED if error.status == HTTPStatus.SERVICE_UNAVAILABLE else None
            about = f"{judged.operation.name} cannot be answered: " if error.status == HTTPStatus.BAD_GATEWAY else ""
            answering.fail(error.status, f"{about}{error}", blame)
    except StillHeldError:
        answering.fail(503, "another request still uses the same container or volumes; try again later", TOO_MUCH_ASKED)
    except OSError as error:
        if answering.is_held:
            answering.fail(503, explain_unreachable(engines, choose_engine(engines), error))


async def perform(socket: SocketState, policy: CompiledPolicy, ask: steps.Ask) -> Answer:
    """Send a request as a client of this socket could that has only the grant `own`.

    This is enforced in every mode of the socket.
    """
    judged = judge(own_policy(policy.tenancy), ask.head)
    if not isinstance(judged, NeedsLookup | Verdict):
        return HTTPStatus.BAD_REQUEST, write_message("no request can contain the engine's name for it")
    try:
        async with AsyncExitStack() as stack:
            outcome = await _Run(stack, socket).outcome(judged)
            if isinstance(outcome, Verdict) and outcome.passes:
                await stack.enter_async_context(socket.removals)
                outcome = await converse(socket.shared.engines, outcome.to_engine)
    except UnknownObjectError as error:
        return error.status, write_message(str(error))
    except StillHeldError:
        return HTTPStatus.SERVICE_UNAVAILABLE, write_message("another request is still removing it")
    return _say(outcome)


def _say(outcome: Outcome) -> Answer:
    """Return the answer to a request in an owner's name."""
    match outcome:
        case Whole(_, status, content):
            return status, content
        case steps.Says(status, message):
            return status, write_message(message)
        case Verdict() as denied:
            return denied.decision.status, write_message(denied.decision.message)
        case steps.Stream() | steps.Pass():
            return HTTPStatus.BAD_GATEWAY, write_message("the engine's answer is a stream")


class _Run:
    """A request that needs more than forwarding.

    Attributes:
        verdict: Its current verdict.
    """

    verdict: Verdict

    def __init__(self, stack: AsyncExitStack, socket: SocketState, exchange: Exchange | None = None) -> None:
        self._stack = stack
        self._socket = socket
        self._exchange = exchange
        self._opened: Inquiry | None = None
        self._streams = self._outlasts = self._reads = False
        self._held = AsyncExitStack()
        stack.push_async_callback(self._held.aclose)
        stack.callback(self._end_reading)

    async def outcome(self, judged: NeedsLookup | Verdict) -> Outcome:
        """Decide, and run the plan. A verdict that comes back without plan is forwarded, or denied.

        If another client made the object first, everything is repeated once. The holds are released before, so that
        requests that wait for them go first.
        """
        try:
            return await self._do(judged)
        except OvertakenError:
            self._end_reading()
            await self._held.aclose()
            return await self._do(judged)

    async def _do(self, judged: NeedsLookup | Verdict) -> Outcome:
        self.verdict = verdict = await self._decide(judged)
        if verdict.plan is None or not self._has_plan(verdict):
            return verdict
        if verdict.plan is steps.PlanKind.PRUNE_OWN:  # It keeps a list until it ends.
            await self._stack.enter_async_context(self._socket.prunes)
        scene = steps.Scene(self._socket.shared.fills, self._socket.listed, time.time())
        return await self._take_steps(PLANS[verdict.plan](verdict, scene))

    # Decision

    async def _decide(self, judged: NeedsLookup | Verdict) -> Verdict:
        """Decide, and take the holds. Decides again if another request may have changed the facts before that."""
        holding = self._socket.shared.holding
        since = holding.moment
        verdict = await self._look_up(judged)
        if not self._has_plan(verdict):
            return verdict
        holds = await _look(self._socket, verdict.body or b"", partial(find_holds, verdict))
        if not holds:
            return verdict
        if is_removal(verdict):
            await self._held.enter_async_context(self._socket.removals)
        for hold in holds:
            await self._held.enter_async_context(holding.take(hold, self._socket.patience))
        if holding.are_quiet(holds, since):
            return verdict
        verdict = await self._look_up(judged)
        again = await _look(self._socket, verdict.body or b"", partial(find_holds, verdict))
        if verdict.passes and not set(again) <= set(holds):
            raise UnknownObjectError("the name now means another object", HTTPStatus.SERVICE_UNAVAILABLE)
        return verdict

    def _has_plan(self, verdict: Verdict) -> bool:
        """Whether a plan can begin. A start may have a body, although it needs none, and comes back with it."""
        return can_begin(verdict) and self._socket.shared.has_plan(verdict)

    async def _look_up(self, judged: NeedsLookup | Verdict) -> Verdict:
        """Do all lookups for a request, and decide about it."""
        socket, name = self._socket, judged.operation.name
        unknown: AmbiguousNameError | None = None
        try:
            async with asyncio.timeout(socket.patience):
                while isinstance(judged, NeedsLookup):
                    lookups = (judged.lookup, *judged.lookup.others)
                    answers = await _gather([self._find(lookup, judged.request.version) for lookup in lookups])
                    unknown = next((each for each in answers if isinstance(each, AmbiguousNameError)), unknown)
                    found = (each if isinstance(each, ResolvedObject) else None for each in answers)
                    work = partial(_judge, judged, tuple(found))
                    is_short = is_quick(judged, judged.body or b"")
                    judged = work() if is_short else await socket.shared.worker.run(socket.judging, work)
            if unknown:
                raise unknown
        except TimeoutError:
            says = f"the engine did not answer for {socket.patience:g} seconds"
            return judge_unknown(judged, f"{name} cannot be decided: {says}")
        except UnknownObjectError as error:
            is_hiding = bool(judged.policy.owner) or name in INSPECTIONS
            hides = is_hiding and isinstance(error, AmbiguousNameError)
            reason = f"{name} cannot be decided: {error}"
            return judge_unknown(judged, reason, hides=hides, status=error.status)
        return judged

    async def _find(self, lookup: Lookup, version: str) -> ResolvedObject | AmbiguousNameError | None:
        shared = self._socket.shared
        async with nullcontext() if self._reads else self._socket.lookups:
            return await shared.resolver.find(shared.engines, lookup, version, self._socket.process)

    # Plans

    async def _take_steps(self, plan: Generator[Any, Any, _Result]) -> _Result:
        """Run the steps of a plan in order. Returns its result."""
        resume: list[Callable[[], steps.Step]] = [partial(next, plan)]  # An error must not find itself here.
        while True:
            try:
                step = resume.pop()()
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return] # it is what the plan returns
            try:
                resume.append(partial(plan.send, await self._take(step)))
            except UnknownObjectError as error:
                resume.append(partial(plan.throw, error))
            except TimeoutError:
                who = "another request did not end" if isinstance(step, steps.Lock) else "the engine did not answer"
                waited = self._patience(step) or self._socket.patience
                silent = partial(UnknownObjectError, f"{who} for {waited:g} seconds", HTTPStatus.GATEWAY_TIMEOUT)
                resume.append(partial(plan.throw, silent()))

    async def _take(self, step: steps.Step) -> object:
        """Run one step. Returns its result."""
        if isinstance(step, steps.Work):
            return await _look(self._socket, step.content, step.do)
        if isinstance(step, steps.Tell):
            self._tell(step.operation, step.text)
            return None
        if self._exchange is not None and not (self._streams or self._exchange.answering.is_held):
            raise _ClientGoneError
        if not isinstance(step, _READING):
            self._end_reading()
        async with asyncio.timeout(self._patience(step)):
            if isinstance(step, steps.Ask | steps.Find | steps.Lock | steps.Identify | steps.Enter):
                return await self._ask(step)
            return await self._send(step)

    async def _ask(self, step: steps.Ask | steps.Find | steps.Lock | steps.Identify | steps.Enter) -> object:
        """Run a step that the engine answers quickly, or wait for others of the same owner."""
        socket, shared = self._socket, self._socket.shared
        match step:
            case steps.Enter(what, most):
                places = socket.find_places(what)
                await places.enter(what, most, socket.patience)
                return self._stack.callback(places.leave)
            case steps.Lock(owner):
                return await self._held.enter_async_context(shared.counting.setdefault(owner, asyncio.Lock()))
            case steps.Find(lookup):
                found = await self._find(lookup, self.verdict.request.version)
                return found if isinstance(found, ResolvedObject) else None
            case steps.Identify():
                is_docker = None if self._exchange is None else await self._exchange.find_docker()
                if is_docker is None:
                    raise _ClientGoneError
                return is_docker
        if step.content is not None:
            self._detach(self.verdict)
        await self._begin_reading()
        return await shared.resolver.ask(
            shared.engines, step.target, socket.process, step.content, is_fixed=step.is_fixed
        )

    async def _send(self, step: Act | steps.Perform | steps.Open | steps.Read) -> Whole | Answer | None:
        """Send a request. While the engine acts, it is awaited even if the client leaves."""
        socket, engines = self._socket, self._socket.shared.engines
        match step:
            case Act(verdict, to_the_end):
                self._detach(verdict)
                patience = socket.patience  # The engine has acted once the answer begins.
                return await converse(engines, verdict.to_engine, to_the_end=to_the_end, patience=patience)
            case steps.Perform(ask):
                self._detach(self.verdict)
                return await perform(socket, self.verdict.policy, ask)
            case steps.Open(request):
                self._opened = await self._stack.enter_async_context(open_inquiry(engines))
                await self._opened.begin(request)
                return None if is_stream(self._opened.head) else await self._opened.read_whole()
            case steps.Read(request, waits=True):
                self._end_reading()
                return await converse(engines, request)
        await self._begin_reading()
        if (sift := step.sift) is None:
            return await converse(engines, step.request)
        return await collect(engines, step.request, lambda content: _look(socket, content, partial(sift, content)))

    async def _begin_reading(self) -> None:
        """Take one of the socket's permits for answers. It is kept as long as the plan works with what it has read."""
        if not self._reads:
            await self._socket.lookups.acquire()
            self._reads = True

    def _end_reading(self) -> None:
        if self._reads:
            self._reads = False
            self._socket.lookups.release()

    def _patience(self, step: steps.Step) -> float | None:
        """Return the seconds for a step: ENGINE_TIMEOUT if the whole answer is shown; None for no limit."""
        waits = isinstance(step, steps.Open | steps.Read) and step.waits
        if waits or isinstance(step, Act | steps.Perform | steps.Enter):
            return None
        is_all = isinstance(step, steps.Read) and not self.verdict.decision.shows
        return self._socket.limits.engine_timeout if is_all else self._socket.patience

    def _detach(self, verdict: Verdict) -> None:
        """Record that the engine acts, even if the client leaves."""
        self.verdict = verdict
        if self._exchange is not None:
            self._outlast()
            self._exchange.detach(verdict)

    def _outlast(self) -> None:
        """Count the request as in progress until its plan ends."""
        if not self._outlasts:
            self._outlasts = True
            self._stack.callback(self._socket.usage.leave, self.verdict.operation.shape)

    def _tell(self, operation: str, text: str) -> None:
        """Log it once."""
        socket = self._socket
        if operation not in socket.told:
            socket.told.add(operation)
            socket.shared.log.message(Level.WARNING, f"socket {socket.name}: {operation} leaves out {text}")

    # Answers to the client

    def pass_on(self, answer: Whole | steps.Says) -> None:
        """Send a complete answer to the client, unless it has gone."""
        exchange = self._exchange
        if exchange is None or not exchange.answering.is_held:
            return
        if isinstance(answer, steps.Says):
            data = write_answer(answer.status, answer.message, close=False, decision=exchange.account.decision)
            answer = Whole(data, answer.status, b"")
        exchange.answering.end_alone(self.verdict, answer)

    async def let_go(self) -> None:
        """Forward the request. Returns when the engine is done, or has begun an exec, even if the client leaves."""
        if self._exchange is None or not self._exchange.answering.is_held:
            return
        done = self._exchange.answering.done = Done()
        verdict, found, shared = self.verdict, self.verdict.known.found, self._socket.shared
        if verdict.operation.shape is Shape.TUNNEL and found is not None:
            self._exchange.let_go(verdict)
            target = f"/exec/{quote(found.id, safe='')}/json"
            await await_begin(done, lambda: shared.resolver.ask(shared.engines, target, self._socket.process))
            done.set()
            done.close()
            return
        self._outlast()
        self._exchange.let_go(verdict)
        await done.wait()

    async def stream(self, stream: steps.Stream) -> None:
        """Pass on the part of a stream that the client may see, until the engine or the client ends it."""
        if self._exchange is not None and self._opened is not None:
            self._streams, show = True, partial(self._show, stream)
            self._exchange.answering.judged = self.verdict
            await follow(self._exchange.answering, self._opened, show, is_plain=stream.is_plain)

    async def _show(self, stream: steps.Stream, line: bytes) -> bytes:
        return await self._take_steps(stream.show(line))


async def _gather(works: Sequence[Coroutine[None, None, _Value]]) -> list[_Value]:
    """Run coroutines concurrently; a single one at once, as a task would cost more. If one fails, cancel the others."""
    if len(works) == 1:
        return [await works[0]]
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _judge(judged: NeedsLookup, found: tuple[ResolvedObject | None, ...]) -> NeedsLookup | Verdict:
    """Judge a request with the answers to its lookups, in order."""
    after: NeedsLookup | Verdict = judged
    for each in found:
        if isinstance(after, NeedsLookup):
            after = judge_object(after, each)
    return after


async def _look(socket: SocketState, content: bytes, work: "Callable[[], _Value | None]") -> _Value:
    """Process a content. `UnknownObjectError`: it is invalid."""
    seen = await socket.process(content, work)
    if seen is None:
        raise UnknownObjectError("the engine's answer is not as expected")
    return seen
