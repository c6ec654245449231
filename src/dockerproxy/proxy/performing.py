"""Requests that the proxy makes in an owner's name: of a prune of what is own, and of a sweep.

Each is judged by a policy that grants `own` and nothing else, and enforces it, whatever the mode of the socket. Like a
client's, it waits for the claims of others, and claims what it removes.

Attack: a client that goes while the engine removes a volume, so that its claim ends too early -> Defence: what is under
way is not cancelled; nothing more is begun (test: test_a_prune_ends_after_what_is_under_way_when_its_client_goes).
"""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from dockerproxy.policy.compile import own_policy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.lists import LISTS
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.policy.prunes import Answer, Ask, prune
from dockerproxy.proxy.deciding import decide_and_claim, is_as_claimed
from dockerproxy.proxy.removals import StillRemovingError
from dockerproxy.proxy.resolver import UnknownObjectError, converse, read_answer
from dockerproxy.proxy.views import SHORT, fetch_list
from dockerproxy.wire.answer import read_message, write_answer, write_document, write_message

if TYPE_CHECKING:
    from dockerproxy.proxy.exchange import Exchange
    from dockerproxy.proxy.sockets import SocketState


async def perform_steps(exchange: "Exchange", verdict: Verdict) -> bytes:
    """Make the requests that one of a client takes; return the answer, or nothing if the client goes."""
    socket = exchange.socket
    exchange.detach(verdict)
    steps = prune(verdict.request, time.time(), verdict.decision.owner)
    ask = _go_on(partial(next, steps))
    while isinstance(ask, Ask):
        if not exchange.is_held:
            return b""
        answer = await perform(socket, verdict.decision.owner, ask)
        work = partial(_go_on, partial(steps.send, answer))
        ask = work() if len(answer[1]) <= SHORT else await socket.shared.worker.run(socket.judging, work)
    status, content = ask
    if status == HTTPStatus.OK:
        return write_document(content)
    says = read_message(content) or "the engine gives no list"
    return write_answer(status, says, close=False, decision=exchange.account.decision)


def _go_on(step: Callable[[], Ask]) -> Ask | Answer:
    """Return what is asked next, or the answer to it all."""
    try:
        return step()
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return] # it is what the generator returns


async def perform(socket: "SocketState", owner: str, ask: Ask) -> Answer:
    """Make a request in the name of an owner, like a client of this socket who may do what is granted by `own`."""
    policy = own_policy(owner)
    judged = judge(policy, ask.head)
    if not isinstance(judged, NeedsLookup | Verdict):
        return HTTPStatus.BAD_REQUEST, write_message("the engine calls it what no request can name")
    try:
        async with AsyncExitStack() as stack:
            verdict, claims = await decide_and_claim(stack, socket, policy, judged)
            if not verdict.passes:
                return verdict.decision.status, write_message(verdict.decision.message)
            if verdict.operation.name in LISTS:
                answer = await fetch_list(socket, verdict, owner)
            elif claims and not is_as_claimed(verdict, claims[0]):
                return HTTPStatus.CONFLICT, write_message("the name means another object than before")
            else:
                if not claims:  # A claim has its turn already.
                    await stack.enter_async_context(socket.removals)
                answer = await converse(socket.shared.engines, verdict.to_engine, to_the_end=verdict.removes_volumes)
        head, content = read_answer(answer)
    except UnknownObjectError as error:
        return HTTPStatus.BAD_GATEWAY, write_message(str(error))
    except StillRemovingError:
        return HTTPStatus.SERVICE_UNAVAILABLE, write_message("another request is still removing it")
    return head.status, content
