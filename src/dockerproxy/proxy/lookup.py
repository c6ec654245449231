"""Asking the engine what a name means, before a request that names an object is decided.

Each question is one short connection of its own to the engine's socket, never the client's: its answers cannot be
mistaken for each other. Nothing is remembered: a name may mean something else a moment later.
"""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import Judged, judge_object, judge_unknown
from dockerproxy.policy.objects import Found, Kind, Question, read_object
from dockerproxy.proxy.engine import open_connection
from dockerproxy.proxy.failures import choose_engine, explain_unreachable
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.exchange import State
from dockerproxy.wire.head import END_OF_HEAD, Framing, parse_response

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client
    from dockerproxy.proxy.shared import Shared

_PATIENCE: Final = 20.0
"""Seconds for an answer. Inspecting is quick unless the engine is stuck, and then the request would be too."""

_AFTERMATH: Final = 2.0
"""Seconds in which an engine is done with what it began for a client that has gone."""

_LONGEST: Final = 8 * 1024 * 1024
"""Bytes of an answer. A container's description is some kilobytes; a network's grows with its containers."""


class UnknownObjectError(Exception):
    """The engine did not say what a name means. The text is for the client."""


class _Answer(asyncio.Protocol):
    """Collects all that comes until the connection ends."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        if len(self.data) > _LONGEST:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        del error


async def settle(client: "Client", policy: CompiledPolicy, judged: Judged, patience: float = _PATIENCE) -> None:
    """Find out which objects a request names, decide about it, and let it go on.

    Args:
        client: The one that waits.
        policy: The one its socket had when the request came.
        judged: The request, with its question.
        patience: Seconds in which the engine must have said all that is to be asked.
    """
    decided, name = judged, judged.operation.name if judged.operation is not None else ""
    try:
        async with asyncio.timeout(patience):
            while (question := decided.question) is not None:
                if _removes_a_volume(question):
                    await _wait_to_remove(client)
                async with client.served.questions:
                    found = await _find(client.shared, question, judged.request.version)
                decided = judge_object(policy, decided, found)
    except TimeoutError:
        decided = judge_unknown(decided, f"{name} cannot be decided: the engine says nothing for {patience:g} seconds")
    except UnknownObjectError as error:
        decided = judge_unknown(decided, f"{name} cannot be decided: {error}")
    except OSError as error:
        paths = client.shared.engines
        if _still_waits(client):
            client.fail(503, explain_unreachable(paths, choose_engine(paths), error))
        return
    if _still_waits(client):
        client.tally.judged = decided
        client.proceed(decided)
        client.go_on()


def _removes_a_volume(question: Question) -> bool:
    """Whether one must not overtake another.

    A volume has no id, and what Podman removes is the one volume whose name begins so if there is none of that very
    name: the second of two removals of `db` would take `db-secret` with it.
    """
    return question.kind is Kind.VOLUME and question.operation.method == "DELETE"


async def _wait_to_remove(client: "Client") -> None:
    """Wait for a turn: one of each socket stands in the line of all, so that many of one do not keep others waiting."""
    await client.served.removals.acquire()
    try:
        await client.shared.removals.acquire()
    except asyncio.CancelledError:
        client.served.removals.release()
        raise
    client.tally.when_over = partial(_let_others_remove, client)


def _let_others_remove(client: "Client") -> None:
    """Have the next removal begin when the engine is done with this one."""
    delay = _AFTERMATH if client.transport.is_closing() else 0
    for line in (client.shared.removals, client.served.removals):
        asyncio.get_running_loop().call_later(delay, line.release)


def _still_waits(client: "Client") -> bool:
    """Whether the client is there, and its request not answered already because its engine connection went wrong."""
    return client.state is State.HELD and not client.transport.is_closing()


async def _find(shared: "Shared", question: Question, version: str) -> Found | None:
    """Ask until the object is known: an exec says only which container it belongs to.

    Raises:
        UnknownObjectError: The engine does not say.
        OSError: It cannot be reached.
    """
    while True:
        status, content = await _ask(shared, question.target)
        if status == HTTPStatus.NOT_FOUND:
            return None
        answer = read_object(question, content, version) if status == HTTPStatus.OK else None
        if answer is None:
            raise UnknownObjectError(f"asked for the {question.kind} {question.name}, the engine answered {status}")
        if isinstance(answer, Found):
            return answer
        question = answer


async def _ask(shared: "Shared", target: str) -> tuple[int, bytes]:
    """Send a GET; return the status and the content."""
    transport, answer = await open_connection(_Answer, choose_engine(shared.engines))
    try:
        transport.write(f"GET {target} HTTP/1.1\r\nhost: dockerproxy\r\nconnection: close\r\n\r\n".encode())
        await answer.ended
    finally:
        transport.abort()
    return _read(bytes(answer.data))


def _read(data: bytes) -> tuple[int, bytes]:
    """Take an answer apart.

    Raises:
        UnknownObjectError: It is cut short, too long or no HTTP.
    """
    end = data.find(END_OF_HEAD) + len(END_OF_HEAD)
    head = parse_response(data[:end]) if end >= len(END_OF_HEAD) else None
    if head is None:
        raise UnknownObjectError("the engine's answer cannot be read")
    content = data[end:]
    whole = True
    if head.framing is Framing.CHUNKED:
        chunks = Chunks()
        fed = chunks.feed(content)
        whole = chunks.ended and not fed.broken
        content = b"".join(content[start:stop] for start, stop in fed.payload)
    elif head.framing is Framing.LENGTH:
        whole = len(content) == head.length
    if not whole or len(data) > _LONGEST:
        raise UnknownObjectError("the engine's answer is cut short or too long")
    return head.status, content
