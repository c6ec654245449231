"""Exchanges that end here: by what they are, by what does not come in time, by what they use up."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.errors import Refusal
from dockerproxy.observe.record import Outcome
from dockerproxy.policy.judge import Judged
from dockerproxy.proxy.failures import TOO_MUCH_ASKED
from dockerproxy.proxy.http2 import deny_http2
from dockerproxy.proxy.usage import TOO_MUCH
from dockerproxy.settings import Level
from dockerproxy.wire.answer import answer_ping
from dockerproxy.wire.body import RequestBody
from dockerproxy.wire.exchange import Signal, State, step
from dockerproxy.wire.head import peek
from dockerproxy.wire.http2 import START

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client

_SKIPPABLE: Final = 64 * 1024
"""Bytes of a refused request's body that are read so that the connection can go on."""

_UNREAD: Final = frozenset({State.IDLE, State.HELD})
"""Where the inbox begins with a head that was not judged yet."""

_LEVELS: Final = {404: Level.INFO}
"""Of denials: that nothing is called so is no news for an operator, the engine would have said the same."""


def refuse(client: "Client", refusal: Refusal, head: bytes = b"") -> None:
    """Answer a request that has no single reading. What follows it has none either: the connection ends."""
    level = Level.WARNING
    if head == START and client.tally.count == 1 and refusal.status == HTTPStatus.BAD_REQUEST:
        if deny_http2(client):
            return
        level = Level.INFO
    if not head:
        client.connections.stop_waiting(client)
        client.tally.begin()
    client.state = step(client.state, Signal.REFUSE)
    client.answer_ourselves(refusal.status, refusal.reason, close=True)
    client.tally.end(Outcome.REFUSED, refusal.reason, level, peek(head or client.inbox.peek()))
    client.linger()


def turn_away(client: "Client", judged: Judged, status: int, message: str, reason: str = "") -> None:
    """Answer a request that does not pass. The connection goes on if the body is easily read, or there is none.

    Args:
        client: Whose request it is.
        judged: The request.
        status: Of the answer.
        message: For the client.
        reason: For the log, if that says more.
    """
    client.state = step(client.state, Signal.REFUSE)
    client.body = body = None if judged.is_whole else RequestBody(judged.head)
    skippable = body is None or (body.is_at_most(_SKIPPABLE) and not judged.head.expects_continue)
    goes_on = skippable and not judged.head.close
    client.answer_ourselves(status, message, close=not goes_on)
    client.tally.end(Outcome.DENIED, reason or message, _LEVELS.get(status, Level.WARNING))
    if not goes_on:
        client.linger()
    elif body is None:
        client.state = step(client.state, Signal.REQUEST_END)
        client.free()
    else:
        client.wait(client.connections.lingering)


def answer_health(client: "Client", status: int) -> None:
    """Answer the health check from the engine's answer to its ping, of which nothing is shown."""
    client.drop_engine()
    client.closes = True
    client.answer_ourselves(*answer_ping(status, client.served.remark, client.shared.remark), close=True)
    client.end_answer()


def end_late(client: "Client") -> None:
    """End a connection on which something was waited for that has not come."""
    if client.transport.is_closing():
        client.abort()
    elif client.waits_in is client.connections.answers:
        client.fail(504, "the engine does not answer; ENGINE_TIMEOUT bounds how long it may take")
    elif client.waits_in is client.connections.bodies:
        client.fail(408, "the body was not complete in time; BODY_TIMEOUT bounds it")
    elif client.state is State.IDLE and client.inbox.holds_part_of_a_head:
        refuse(client, Refusal(408, "the request head was not complete in time; HEADER_TIMEOUT bounds it"))
    else:
        client.abort()


def make_way(client: "Client") -> None:
    """End a connection for which too much is held."""
    if client.inbox.data and client.state in _UNREAD and client.tally.judged is None:
        refuse(client, Refusal(503, TOO_MUCH))
    elif client.tally.judged is not None:
        client.fail(503, TOO_MUCH, TOO_MUCH_ASKED)
    if client.buffers.size:  # It does not take what is written to it.
        client.abort()
