"""Finding out what must be known of a request, and doing what it needs besides being passed on."""

import asyncio
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.api.catalog import Shape
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.lists import PRUNES
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.proxy.copying import create
from dockerproxy.proxy.deciding import decide_and_claim, is_as_claimed
from dockerproxy.proxy.engine import Engine, open_connection
from dockerproxy.proxy.events import follow
from dockerproxy.proxy.failures import TOO_MUCH_ASKED, choose_engine, explain_unreachable
from dockerproxy.proxy.performing import perform_steps
from dockerproxy.proxy.quotas import keep_quota
from dockerproxy.proxy.removals import Claim, StillRemovingError
from dockerproxy.proxy.resolver import Inquiry, UnknownObjectError, converse, read_answer
from dockerproxy.proxy.views import make_volumes, pass_on, show_part
from dockerproxy.wire.head import END_OF_HEAD

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client
    from dockerproxy.proxy.exchange import Exchange

_PING: Final = b"GET /_ping HTTP/1.1\r\nhost: dockerproxy\r\n\r\n"
_SAID: Final = re.compile(rb"\r\n(?:server|libpod-api-version):[ \t]*([^\r\n]*)", re.IGNORECASE | re.ASCII).findall
"""Finds by what engines say which they are: Docker `Server: Docker/29.1.3 (linux)`, Podman `Libpod/` and its API."""


async def find_docker(client: "Client", then: Callable[[bool], None]) -> None:
    """Open an engine connection, ask over it whether the engine is Docker, and leave it to the client.

    Attack: another engine at the same path a moment later -> Defence: what follows goes over the connection that was
    asked (test: test_a_build_goes_to_the_engine_that_said_that_it_is_docker).
    """
    exchange, engines = client.exchange, client.shared.engines
    path = choose_engine(engines)
    try:
        async with asyncio.timeout(client.socket.patience):
            transport, inquiry = await open_connection(Inquiry, path)
            answer = await inquiry.ask(_PING)
        head, _ = read_answer(answer)
    except TimeoutError:
        exchange.fail(504, f"the engine does not say within {client.socket.patience:g} seconds which engine it is")
    except UnknownObjectError as error:
        inquiry.close()
        exchange.fail(502, str(error))
    except OSError as error:
        exchange.fail(503, explain_unreachable(engines, path, error))
    else:
        if not exchange.is_held:
            inquiry.close()
        elif not inquiry.is_open:
            exchange.fail(502, "the engine closed the connection after it said which engine it is")
        else:
            engine, said = Engine(client), _SAID(answer.partition(END_OF_HEAD)[0])
            transport.set_protocol(engine)
            engine.connection_made(transport)
            client.take_engine(engine)
            then(head.status == HTTPStatus.OK and len(said) == 1 and said[0].startswith(b"Docker/"))


async def settle(client: "Client", policy: CompiledPolicy, judged: NeedsLookup | Verdict) -> None:
    """Find out which objects a request names, decide about it, and let it go on.

    Its socket had this policy when it came.
    """
    exchange, shared = client.exchange, client.shared
    try:
        async with AsyncExitStack() as stack:
            await _settle(stack, client, policy, judged)
    except UnknownObjectError as error:
        exchange.fail(503, str(error), TOO_MUCH_ASKED)
    except StillRemovingError:
        exchange.fail(503, "another request still uses the same container or volumes; try again later", TOO_MUCH_ASKED)
    except OSError as error:
        if exchange.is_held:
            exchange.fail(503, explain_unreachable(shared.engines, choose_engine(shared.engines), error))


async def _settle(
    stack: AsyncExitStack, client: "Client", policy: CompiledPolicy, judged: NeedsLookup | Verdict
) -> None:
    """Decide, and do what a request needs; what is claimed for it is claimed until the stack ends."""
    exchange, socket = client.exchange, client.socket
    verdict, claims = await decide_and_claim(stack, socket, policy, judged)
    if verdict.passes and verdict.decision.keeps_stopped:
        await _copy_files(exchange, verdict)
        return
    goes_alone = exchange.needs_settling(verdict)
    if goes_alone and not verdict.is_whole:
        # A start has no body to speak of, but may have one: it comes back with that.
        exchange.go_on(verdict)
        return
    if verdict.passes and verdict.decision.counts_for:
        verdict = await keep_quota(stack, client, policy, verdict)
    if not verdict.passes or not (claims or goes_alone):
        exchange.go_on(verdict)
    elif verdict.operation.shape is Shape.STREAM:
        await follow(client, verdict)
    elif verdict.removes_volumes:
        await _remove_volumes(exchange, verdict, claims[0])
    elif verdict.operation.name in PRUNES and verdict.decision.shows:
        await _pass_on(exchange, verdict, await perform_steps(exchange, verdict))
    elif (claims and not verdict.makes_volume) or verdict.decision.counts_for:
        await _create(exchange, verdict, policy.owner)
    else:
        await show_part(exchange, verdict, policy.owner)


async def _copy_files(exchange: "Exchange", verdict: Verdict) -> None:
    """Let a request go on that copies files; return when the engine is done, whether its client stays or goes."""
    if exchange.is_held:
        copied = asyncio.Event()
        exchange.copied = copied.set
        exchange.let_go(verdict)
        await copied.wait()


async def _create(exchange: "Exchange", verdict: Verdict, owner: str) -> None:
    """Let a request go on that uses own volumes or networks, which stay until the engine is done; return then.

    So long, no other request of its owner adds to a quota, whether its client stays or goes.
    """
    if not exchange.is_held:
        return
    exchange.detach(verdict)
    try:
        async with asyncio.timeout(None if verdict.decision.counts_for else exchange.socket.patience):
            await make_volumes(exchange.socket, verdict, owner)
    except TimeoutError:
        exchange.fail(504, f"the engine makes no volume for {exchange.socket.patience:g} seconds")
        return
    if exchange.is_held:
        await _pass_on(exchange, verdict, await create(exchange.socket, verdict))


async def _pass_on(exchange: "Exchange", verdict: Verdict, answer: bytes) -> None:
    """Pass on the answer to what the engine was to do; what cannot be read is a failure."""
    try:
        await pass_on(exchange, verdict, answer)
    except UnknownObjectError as error:
        if exchange.is_held:
            exchange.fail(502, str(error))


async def _remove_volumes(exchange: "Exchange", verdict: Verdict, claim: Claim) -> None:
    """Let a request go on that may remove volumes; return when the engine is done with it.

    It is sent over a connection of its own, which the client's end does not end: an engine goes on with a removal whose
    client has gone.
    """
    if not exchange.is_held:
        return
    if not is_as_claimed(verdict, claim):
        exchange.fail(503, "the name means another volume than before", TOO_MUCH_ASKED)
    else:
        exchange.detach(verdict)
        await _pass_on(exchange, verdict, await converse(exchange.shared.engines, verdict.to_engine))
