"""Deciding about a request as far as the engine must be asked, and claiming what it removes.

Lookups go over connections of their own (`proxy/resolver`), never the client's. The engine is asked for each request: a
name may mean something else a moment later.
"""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge_object, judge_unknown
from dockerproxy.policy.lists import has_joined, write_filters
from dockerproxy.policy.objects import ResolvedObject, get_object
from dockerproxy.policy.phases import NeedsLookup, Verdict, deny
from dockerproxy.proxy.copying import find_copies, settle_copies
from dockerproxy.proxy.judging import is_quick
from dockerproxy.proxy.removals import Claim, claim_container, claim_for, claim_network, claim_volume
from dockerproxy.proxy.resolver import AmbiguousNameError, UnknownObjectError
from dockerproxy.proxy.views import read_listing

if TYPE_CHECKING:
    from dockerproxy.proxy.sockets import SocketState

_LIST: Final = "/containers/json?all=1&filters="


async def decide_and_claim(
    stack: AsyncExitStack, socket: "SocketState", policy: CompiledPolicy, judged: NeedsLookup | Verdict
) -> tuple[Verdict, list[Claim]]:
    """Decide about a request, and claim volumes for it until the stack ends; `StillRemovingError` if others do."""
    verdict = await _decide(socket, policy, judged)
    claims = await _claim(stack, socket, verdict)
    if claims:  # What was true of a volume before the claim need not be true any longer.
        verdict = await _decide(socket, policy, judged)
    held = _claim_held(verdict)
    if held and verdict.passes and held[0].name not in {claim.name for claim in claims}:
        verdict = deny(verdict, "the name means another container than before", HTTPStatus.SERVICE_UNAVAILABLE)
    if verdict.removes_network:
        verdict = await _keep_joined(socket, verdict, claims[0])
    if verdict.passes and verdict.decision.copies:
        verdict = await settle_copies(socket, policy, verdict)
    elif verdict.passes and verdict.decision.copies is None:
        for claim in claims:
            socket.shared.fills.forget(claim)
    return verdict, claims


async def _keep_joined(socket: "SocketState", verdict: Verdict, claim: Claim) -> Verdict:
    """Deny to remove a network that a container would join: it would join the next one of its name, of whoever's.

    Only those of the network's owner count. Others join it because a grant lists its name, whoever's the next one is.

    Raises:
        OSError: The engine cannot be reached.
    """
    network, reason = verdict.known.found, ""
    if network is None or not is_as_claimed(verdict, claim):
        return deny(verdict, "the name means another network than before", HTTPStatus.SERVICE_UNAVAILABLE)
    try:
        async with asyncio.timeout(socket.patience), socket.lookups:
            target = f"{_LIST}{write_filters(network.belongs_to)}"
            status, content = await socket.shared.resolver.ask(socket.shared.engines, target)
            listing = await read_listing(socket, OPERATIONS["ContainerList"], content)
    except (TimeoutError, UnknownObjectError):
        status = HTTPStatus.GATEWAY_TIMEOUT
    if status != HTTPStatus.OK:
        reason = "the engine does not say which containers are on it"
    elif any(has_joined(get_object(each.found), network) for each in listing.elements):
        reason = "a container is on it, running or not, and would join the next network of its name; remove it first"
    return deny(verdict, reason) if reason else verdict


async def _decide(socket: "SocketState", policy: CompiledPolicy, judged: NeedsLookup | Verdict) -> Verdict:
    """Ask the engine all that must be known of a request, and decide about it."""
    name, shared = judged.operation.name, socket.shared
    unknown: AmbiguousNameError | None = None
    try:
        async with asyncio.timeout(socket.patience):
            while isinstance(judged, NeedsLookup):
                waiting = judged
                async with socket.lookups:
                    found = await shared.resolver.find(shared.engines, waiting.lookup, waiting.request.version)
                unknown = unknown or found if isinstance(found, AmbiguousNameError) else unknown
                resolved = found if isinstance(found, ResolvedObject) else None
                judged = await _judge(socket, policy, waiting, resolved)
        if unknown:
            raise unknown
    except TimeoutError:
        says = f"the engine says nothing for {socket.patience:g} seconds"
        return judge_unknown(judged, f"{name} cannot be decided: {says}")
    except UnknownObjectError as error:
        hides = bool(policy.owner) and isinstance(error, AmbiguousNameError)
        return judge_unknown(judged, f"{name} cannot be decided: {error}", hides=hides)
    return judged


async def _judge(
    socket: "SocketState", policy: CompiledPolicy, waiting: NeedsLookup, found: ResolvedObject | None
) -> NeedsLookup | Verdict:
    """Decide anew, at once if that is quick."""
    work, worker = partial(judge_object, policy, waiting, found), socket.shared.worker
    return work() if is_quick(policy, waiting, waiting.body or b"") else await worker.run(socket.judging, work)


async def _claim(stack: AsyncExitStack, socket: "SocketState", verdict: Verdict) -> list[Claim]:
    """Claim the volumes that a request may remove, or that must stay until it is done, until the stack ends."""
    if not verdict.passes:
        return []
    if verdict.removes_volumes or verdict.removes_network:
        await stack.enter_async_context(socket.removals)
        claims = [claim_for(verdict)]
    else:
        copies = set(await find_copies(socket, verdict))
        claims = [claim_volume(each, uses=each not in copies) for each in sorted(copies.union(verdict.decision.mounts))]
        claims += [claim_network(each, uses=True) for each in sorted(verdict.decision.joins)]
        claims += _claim_held(verdict)
    for claim in claims:
        await stack.enter_async_context(socket.shared.removals.claim(claim, socket.patience))
    return claims


def _claim_held(verdict: Verdict) -> list[Claim]:
    """Claim a container that a request starts, or that must not start while the engine copies its files.

    Attack: upload to a container slowly, and start it meanwhile, through any socket of its owner, by a grant with or
    without conditions -> Defence: each start is about the ID that was looked up, and waits until the engine is done
    (test: test_a_start_waits_until_the_engine_has_copied_files).
    Attack: end the connection of an upload of which the engine still unpacks what came -> Defence: `Engine.drop` waits
    for the end of the engine (test: test_a_start_waits_for_a_copy_whose_client_has_gone).
    Attack: give the name to another container meanwhile -> Defence: it is looked up again once it is claimed, and must
    be the same (test: test_a_container_that_changes_its_name_meanwhile_is_not_copied_from).
    Attack: upload devices while another upload unpacks files of their names -> Defence: one copy at a time
    (test: test_two_copies_of_one_container_wait_for_each_other).
    Sockets without `own` start any container at any time. A container of another owner starts as its owner likes.
    """
    found = verdict.known.found
    if found is None or not (verdict.decision.keeps_stopped or verdict.starts):
        return []
    return [claim_container(found.id, uses=verdict.starts)]


def is_as_claimed(verdict: Verdict, claim: Claim) -> bool:
    """Whether a removal is about what was claimed for it."""
    return claim_for(verdict).name == claim.name
