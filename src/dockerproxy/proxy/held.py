"""Requests that are held until they are decided: for their body, for what they name, or since judging takes long.

A held request goes on as it was understood, head and body at once.

How one would get past it, and what stops it: a body that never ends (it has its time), that is too long
by its length or by its chunks, that ends too early; many of them at one time, each kept waiting, to use up the memory
(`Served.held` bounds what the clients of one socket have here); a request behind it, which waits for its turn; a policy
that changes meanwhile (it is judged by the one it came under).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from dockerproxy.errors import Refusal
from dockerproxy.policy.decide import NOTHING
from dockerproxy.policy.judge import Judged, judge, judge_body
from dockerproxy.proxy.ending import refuse, turn_away
from dockerproxy.proxy.failures import TOO_MUCH_ASKED
from dockerproxy.proxy.judging import is_quick, judge_aside, still_waits
from dockerproxy.proxy.lookup import settle
from dockerproxy.wire.body import HeldBody
from dockerproxy.wire.exchange import Signal, State, step

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client
    from dockerproxy.proxy.served import Served

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

HELD: Final = 8
"""Of the longest bodies that are held at one time for a socket, as they come and while the engine acts on them. What is
read of one may take two dozen times its bytes, and honest ones are a hundredth of the longest."""


def begin(client: "Client", head: bytes, judged: Judged | Refusal) -> None:
    """Send on a request whose head was judged, answer it, or wait for what else must be known of it."""
    if isinstance(judged, Refusal):
        refuse(client, judged, head)
        return
    client.tally.judged = judged
    client.closes = client.closes or judged.head.close
    too_many = client.served.usage.enter(judged.shape)
    if too_many:
        turn_away(client, judged, 503, too_many)
    elif judged.wants_body or (_removes(judged) and not judged.is_whole):
        hold(client, judged)
    elif judged.question is not None or _removes(judged):
        ask(client, judged)
    else:
        client.proceed(judged)


def _removes(judged: Judged) -> bool:
    """Whether a request goes on in its turn, and whole: others wait while it removes volumes."""
    return judged.passes and judged.removes_volumes


def _enter(client: "Client") -> None:
    """Have a request wait to be judged by the policy that its socket has now, if it does not wait already."""
    if client.state is State.IDLE:
        client.policy = client.served.policy
        client.state = step(client.state, Signal.HOLD)


def hold(client: "Client", judged: Judged) -> None:
    """Wait for a body that decides."""
    _enter(client)
    client.body = body = HeldBody(judged.head, client.served.limits.body)
    client.tally.when_over = partial(_give_back, client.served, body)
    if body.broken:
        client.fail(body.status, body.broken)
    elif body.complete:
        take_whole(client, b"")
    else:
        client.wait(client.connections.bodies)
        if judged.head.expects_continue:
            client.transport.write(_CONTINUE)


def take_piece(client: "Client", body: HeldBody, data: bytes) -> int:
    """Take what has come of a body; return how many bytes belong to it."""
    before = body.received
    _, used = body.feed(data)
    client.tally.received = body.received
    client.served.held += body.received - before
    if body.broken:
        client.fail(body.status, body.broken)
        return len(data)
    if client.served.held > HELD * body.most:
        client.fail(503, "too many bodies are held here at one time", TOO_MUCH_ASKED)
        return len(data)
    if body.complete:
        take_whole(client, bytes(body.content))
    return used


def forget_body(client: "Client") -> None:
    """Keep nothing of a body of which the engine has all, of an exchange that may last for weeks."""
    judged, give_back = client.tally.judged, client.tally.when_over
    if judged is not None and judged.body and give_back is not None:
        client.tally.judged = replace(judged, known=NOTHING, body=b"", to_engine=judged.to_engine[:1])
        client.tally.when_over = None
        give_back()


def _give_back(served: "Served", body: HeldBody) -> None:
    """Make room for other bodies."""
    served.held -= body.received


def take_whole(client: "Client", content: bytes) -> None:
    """Decide about a request whose body has come."""
    judged = client.tally.judged
    if judged is None:
        raise ValueError(client.state)
    client.connections.stop_waiting(client)
    work = partial(judge_body, client.policy, judged, content)
    if is_quick(client.policy, judged, content):
        _take_decided(client, work())
    else:
        client.task = client.shared.tasks.start(_judge_body_aside(client, work), "judging a long body")


async def _judge_body_aside(client: "Client", work: Callable[[], Judged | Refusal]) -> None:
    decided = await judge_aside(client, work)
    if still_waits(client):
        _take_decided(client, decided)
        client.go_on()


def _take_decided(client: "Client", decided: Judged | Refusal) -> None:
    """Send a request on whose body was judged, answer it, or ask for what it names."""
    if isinstance(decided, Refusal):
        client.fail(decided.status, decided.reason)
        return
    client.tally.judged = decided
    if decided.question is not None or _removes(decided):
        ask(client, decided)
    else:
        client.proceed(decided)


def judge_later(client: "Client", head: bytes) -> None:
    """Decide about a request whose head is so long that others need not wait for it.

    Until then it stays in the inbox: it counts as held for the client, and nothing more is read.
    """
    _enter(client)
    client.inbox.put_back(head)
    client.update_reading()
    client.task = client.shared.tasks.start(_judge_head_aside(client, head), "judging a long head")


async def _judge_head_aside(client: "Client", head: bytes) -> None:
    judged = await judge_aside(client, partial(judge, client.policy, head))
    if still_waits(client):
        client.inbox.take(len(head))
        begin(client, head, judged)
        client.go_on()


def ask(client: "Client", judged: Judged) -> None:
    """Wait for what the engine says of the objects that a request names."""
    _enter(client)
    client.task = client.shared.tasks.start(settle(client, client.policy, judged), "asking what a name means")
