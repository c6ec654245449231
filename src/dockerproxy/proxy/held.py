"""Requests that are not passed on as they come: held until their body is there, or looked at as they pass.

A held request goes on as it was understood, head and body at once. One that streams is written anew piece by piece, and
what the engine has got of it when something is wrong is only what was looked at and let through.

How one would get past it, and what stops it: a body that never ends (it has its time), that is too long
by its length or by its chunks, that ends too early; many of them at one time, each kept waiting, to use up the memory
(`Served.held` bounds what the clients of one socket have here); a request behind it, which waits for its turn; a policy
that changes meanwhile (it is judged by the one it came under).
"""

from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.errors import Refusal
from dockerproxy.policy.bodies.archives import Archive
from dockerproxy.policy.decide import NOTHING
from dockerproxy.policy.judge import Judged, judge_body
from dockerproxy.proxy.failures import TOO_MUCH_ASKED
from dockerproxy.proxy.lookup import settle
from dockerproxy.wire.body import HeldBody, RequestBody, frame
from dockerproxy.wire.exchange import Signal, State, step
from dockerproxy.wire.head import RequestHead

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client
    from dockerproxy.proxy.served import Served

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

HELD: Final = 8
"""Of the longest bodies that are held at one time for a socket, as they come and while the engine acts on them. What is
read of one may take two dozen times its bytes, and honest ones are a hundredth of the longest."""


class InspectedBody(RequestBody):
    """Reads one body that is looked at as it passes, and goes on as it was understood."""

    def __init__(self, head: RequestHead, archive: Archive) -> None:
        super().__init__(head)
        self._archive = archive
        self._is_taken = False

    @property
    def kept(self) -> int:
        """Bytes that are kept until it is clear what becomes of them."""
        return self._archive.kept

    def feed(self, data: bytes) -> tuple[list[bytes | memoryview], int]:
        """Take what belongs to the body; return what the engine gets for it, and how many bytes were taken."""
        contents, used = ([b""], 0) if self.has_more else self.take(data)
        if self.broken:
            return [], used
        passed = [piece for content in contents for piece in self._archive.feed(content)]
        self._is_taken, self.has_more = self._is_taken or self.complete, self._archive.has_more
        self.complete = self._is_taken and not self.has_more
        if self.complete:
            passed += self._archive.end()
        if self._archive.fault:
            self.broken, self.status = self._archive.fault, HTTPStatus.FORBIDDEN
            return [], used
        return frame(passed, last=self.complete), used


def make_body(judged: Judged) -> RequestBody:
    """Return what reads the body of a request that is decided, of which something is left to come."""
    if judged.decision.bounds is None:
        return RequestBody(judged.head)
    return InspectedBody(judged.head, Archive(judged.request, judged.decision.bounds))


def hold(client: "Client", judged: Judged) -> None:
    """Wait for a body that decides."""
    client.policy = client.served.policy
    client.state = step(client.state, Signal.HOLD)
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
    decided = judge_body(client.policy, judged, content)
    if isinstance(decided, Refusal):
        client.fail(decided.status, decided.reason)
        return
    client.tally.judged = decided
    if decided.question is None:
        client.proceed(decided)
    else:
        ask(client, decided)


def ask(client: "Client", judged: Judged) -> None:
    """Wait for what the engine says of the objects that a request names."""
    if client.state is State.IDLE:
        client.policy = client.served.policy
        client.state = step(client.state, Signal.HOLD)
    client.task = client.shared.tasks.start(settle(client, client.policy, judged), "asking what a name means")
