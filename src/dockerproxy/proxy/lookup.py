"""Asking the engine what a name means, before a request that names an object is decided.

Lookups go over connections of their own (`proxy/resolver`), never the client's. The engine is asked for each request: a
name may mean something else a moment later.
"""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import NeedsLookup, Verdict, judge_object, judge_unknown
from dockerproxy.policy.lists import EVENTS
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.proxy.events import follow_events
from dockerproxy.proxy.failures import TOO_MUCH_ASKED, choose_engine, explain_unreachable
from dockerproxy.proxy.judging import is_quick
from dockerproxy.proxy.removals import Claim, StillRemovingError, claim_for
from dockerproxy.proxy.resolver import AmbiguousNameError, UnknownObjectError, converse, read_answer
from dockerproxy.proxy.views import make_volumes, show_list
from dockerproxy.text import lower

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client
    from dockerproxy.proxy.exchange import Exchange
    from dockerproxy.proxy.shared import Shared
    from dockerproxy.proxy.sockets import SocketState

_PATIENCE: Final = 20.0
"""Seconds for an answer. Inspecting is quick unless the engine is stuck, and then the request would be too."""


async def settle(
    client: "Client", policy: CompiledPolicy, judged: NeedsLookup | Verdict, patience: float = _PATIENCE
) -> None:
    """Find out which objects a request names, decide about it, and let it go on.

    Its socket had this policy when it came; the engine has `patience` seconds to say all that is to be asked.
    """
    exchange, shared = client.exchange, client.shared
    try:
        async with AsyncExitStack() as stack:
            await _settle(stack, client, policy, judged, patience)
    except UnknownObjectError as error:
        exchange.fail(503, str(error), TOO_MUCH_ASKED)
    except StillRemovingError:
        exchange.fail(503, "another request is still removing these volumes; try again later", TOO_MUCH_ASKED)
    except OSError as error:
        if exchange.is_held:
            exchange.fail(503, explain_unreachable(shared.engines, choose_engine(shared.engines), error))


async def _settle(
    stack: AsyncExitStack, client: "Client", policy: CompiledPolicy, judged: NeedsLookup | Verdict, patience: float
) -> None:
    """Decide, and do what a request needs; what is claimed for it is claimed until the stack ends."""
    exchange, socket, shared = client.exchange, client.socket, client.shared
    verdict = await _decide(socket, shared, policy, judged, patience)
    claims = await _claim(stack, socket, shared, verdict, patience)
    if claims:  # What was true of a volume before the claim need not be true any longer.
        verdict = await _decide(socket, shared, policy, judged, patience)
    if not verdict.passes or not (claims or verdict.decision.shows):
        exchange.go_on(verdict)
    elif verdict.operation.name in EVENTS:
        await follow_events(client, verdict, patience)
    elif verdict.decision.shows:
        await show_list(exchange, socket, shared, verdict, policy.owner, patience)
    elif verdict.removes_volumes:
        await _remove_volumes(exchange, shared, verdict, claims[0])
    else:
        await _create(exchange, shared, verdict, policy.owner, patience)


async def _decide(
    socket: "SocketState", shared: "Shared", policy: CompiledPolicy, judged: NeedsLookup | Verdict, patience: float
) -> Verdict:
    """Ask the engine all that must be known of a request, and decide about it.

    Raises:
        OSError: The engine cannot be reached.
    """
    name = judged.operation.name
    unknown: AmbiguousNameError | None = None
    try:
        async with asyncio.timeout(patience):
            while isinstance(judged, NeedsLookup):
                waiting = judged
                async with socket.lookups:
                    answer = await shared.resolver.ask(shared.engines, waiting.lookup.target)
                    known = socket.decided.find(waiting, answer)
                    if known is not None:
                        return known
                    found = await shared.resolver.find(shared.engines, waiting.lookup, waiting.request.version, answer)
                unknown = unknown or found if isinstance(found, AmbiguousNameError) else unknown
                resolved = found if isinstance(found, ResolvedObject) else None
                judged = await _judge(socket, shared, policy, waiting, resolved)
                if resolved is not None and isinstance(judged, Verdict):
                    socket.decided.keep(waiting, answer, judged)
        if unknown:
            raise unknown
    except TimeoutError:
        return judge_unknown(judged, f"{name} cannot be decided: the engine says nothing for {patience:g} seconds")
    except UnknownObjectError as error:
        hides = bool(policy.owner) and isinstance(error, AmbiguousNameError)
        return judge_unknown(judged, f"{name} cannot be decided: {error}", hides=hides)
    return judged


async def _judge(
    socket: "SocketState", shared: "Shared", policy: CompiledPolicy, waiting: NeedsLookup, found: ResolvedObject | None
) -> NeedsLookup | Verdict:
    """Decide anew, at once if that is quick."""
    work = partial(judge_object, policy, waiting, found)
    return work() if is_quick(policy, waiting, waiting.body or b"") else await shared.worker.run(socket.judging, work)


async def _claim(
    stack: AsyncExitStack, socket: "SocketState", shared: "Shared", verdict: Verdict, patience: float
) -> list[Claim]:
    """Claim the volumes that a request may remove, or that must stay until it is done, until the stack ends."""
    if not verdict.passes:
        return []
    if verdict.removes_volumes:
        await stack.enter_async_context(socket.removals)
        claims = [claim_for(verdict)]
    else:
        claims = [Claim(lower(name), was_judged=True, uses=True) for name in sorted(verdict.decision.mounts)]
    for claim in claims:
        await stack.enter_async_context(shared.removals.claim(claim, patience))
    return claims


async def _create(exchange: "Exchange", shared: "Shared", verdict: Verdict, owner: str, patience: float) -> None:
    """Let a create go on that mounts own volumes, which stay until the engine is done; return then."""
    try:
        async with asyncio.timeout(patience):
            await make_volumes(shared, verdict, owner)
    except TimeoutError:
        exchange.fail(504, f"the engine makes no volume for {patience:g} seconds")
        return
    if exchange.is_held:
        exchange.detach(verdict)
        _pass_on(exchange, await converse(shared.engines, verdict.to_engine, to_the_end=False))


def _pass_on(exchange: "Exchange", answer: bytes) -> None:
    """Pass on an answer that has come whole, if the client is still there."""
    if not exchange.is_held:
        return
    try:
        head, content = read_answer(answer)
    except UnknownObjectError as error:
        exchange.fail(502, str(error))
    else:
        exchange.begin_alone(head, answer)
        if exchange.learns:
            exchange.note_answer(content)
        exchange.end_answer()


async def _remove_volumes(exchange: "Exchange", shared: "Shared", verdict: Verdict, claim: Claim) -> None:
    """Let a request go on that may remove volumes; return when the engine is done with it.

    It is sent over a connection of its own, which the client's end does not end: an engine goes on with a removal whose
    client has gone.
    """
    if not exchange.is_held:
        return
    if claim_for(verdict).name != claim.name:
        exchange.fail(503, "the name means another volume than before", TOO_MUCH_ASKED)
    else:
        exchange.detach(verdict)
        _pass_on(exchange, await converse(shared.engines, verdict.to_engine))
