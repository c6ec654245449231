"""Bodies on their way: held, passed on as they come, or looked at and written anew piece by piece.

What the engine has got of one when something is wrong is only what was looked at and let through. A piece is small, and
a file of an archive that is read when all of it is there is read in the worker's thread: while it is, the body is busy,
and what comes behind it waits in the client's inbox.

Attack: a file that takes long to read, or the end of the client's side behind it -> Defence: the piece stays in the
inbox until it was read, so nothing behind it is taken and nothing ends (test: test_uploads.py).
"""

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.policy.claims.archives import Archive
from dockerproxy.policy.judge import Judged
from dockerproxy.proxy.held import take_piece
from dockerproxy.proxy.judging import judge_aside
from dockerproxy.wire.body import HeldBody, RequestBody, frame
from dockerproxy.wire.exchange import Signal, State, step
from dockerproxy.wire.head import RequestHead

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client

ANSWERED: Final = frozenset({State.SKIPPING, State.SENDING_ANSWERED})
"""Where only the rest of a request is missing: a client that does not send it is not waited for."""

_HEADERS: Final = 8 * 1024
"""Bytes of an archive behind the contents of a file that are looked at in one step: headers, of 20 µs each, or a short
file that is read."""


class InspectedBody(RequestBody):
    """Reads one body that is looked at as it passes, and goes on as it was understood."""

    def __init__(self, head: RequestHead, archive: Archive) -> None:
        super().__init__(head)
        self._archive = archive
        self._kept = 0
        self._is_taken = False

    @property
    def kept(self) -> int:
        """Bytes that are kept until it is clear what becomes of them, when they were counted last."""
        return self._kept

    def takes_long(self, data: bytes) -> bool:
        """Whether a file comes to its end that is read then; of what is packed, that is not known before."""
        return self._archive.holds and (self._archive.is_packed or self._archive.left <= len(data))

    def feed(self, data: bytes) -> tuple[list[bytes | memoryview], int]:
        """Take what belongs to the body; return what the engine gets for it, and how many bytes were taken."""
        contents, used = ([b""], 0) if self.has_more else self.take(data[: self._archive.left + _HEADERS])
        if self.broken:
            return [], used
        passed = [piece for content in contents for piece in self._archive.feed(content)]
        self._is_taken, self.has_more = self._is_taken or self.complete, self._archive.has_more
        self.complete = self._is_taken and not self.has_more
        if self.complete:
            passed += self._archive.end()
        self._kept = self._archive.kept
        if self._archive.fault:
            self.broken, self.status = self._archive.fault, HTTPStatus.FORBIDDEN
            return [], used
        return frame(passed, last=self.complete), used


def make_body(judged: Judged) -> RequestBody:
    """Return what reads the body of a request that is decided, of which something is left to come."""
    if judged.decision.conditions is None:
        return RequestBody(judged.head)
    return InspectedBody(judged.head, Archive(judged.request, judged.decision.conditions))


def take_body(client: "Client", body: RequestBody, data: bytes) -> int:
    """Take what has come of a body; return its size."""
    if isinstance(body, HeldBody):
        return take_piece(client, body, data)
    if body.takes_long(data):
        _look_later(client, body, data)
        return 0
    pieces, used = body.feed(data)
    _pass_on(client, body, pieces)
    return len(data) if body.broken else used


def _look_later(client: "Client", body: RequestBody, data: bytes) -> None:
    """Look at a piece of a body so that others need not wait for it; until then it stays in the inbox."""
    body.is_busy = True
    client.task = client.shared.tasks.start(_look_aside(client, body, data), "reading a file of an archive")


async def _look_aside(client: "Client", body: RequestBody, data: bytes) -> None:
    pieces, used = await judge_aside(client, partial(body.feed, data))
    body.is_busy = False
    if client.body is body and not client.transport.is_closing():
        client.inbox.take(used)
        _pass_on(client, body, pieces)
        client.go_on()


def _pass_on(client: "Client", body: RequestBody, pieces: list[bytes | memoryview]) -> None:
    """Send on what was understood of a body, or drop it if the request was not allowed."""
    client.tally.received = body.received
    if body.broken:
        client.fail(body.status, body.broken)
        return
    if client.engine is not None and client.state is not State.SKIPPING:
        client.engine.transport.writelines(pieces)
    if body.complete:
        client.state = step(client.state, Signal.REQUEST_END)
        client.connections.stop_waiting(client)
        if client.state is State.DONE:
            client.free()
        elif client.state is State.SENT and client.tally.judged is not None:
            client.await_answer(client.tally.judged)
    elif client.state in ANSWERED:
        client.wait(client.connections.lingering)
