"""Asking the engine what a name means, before a request that names an object is decided.

Each lookup is one short connection of its own to the engine's socket, never the client's: its answers cannot be
mistaken for each other. Nothing is remembered: a name may mean something else a moment later.
"""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import NeedsLookup, Verdict, judge_object, judge_unknown
from dockerproxy.policy.objects import Lookup, ResolvedObject, read_object
from dockerproxy.proxy.engine import open_connection
from dockerproxy.proxy.failures import TOO_MUCH_ASKED, choose_engine, explain_unreachable
from dockerproxy.proxy.judging import is_quick
from dockerproxy.proxy.removals import Claim, StillRemovingError, claim_for
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.head import END_OF_HEAD, Framing, ResponseHead, parse_response

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client
    from dockerproxy.proxy.exchange import Exchange
    from dockerproxy.proxy.shared import Shared
    from dockerproxy.proxy.sockets import SocketState

_PATIENCE: Final = 20.0
"""Seconds for an answer. Inspecting is quick unless the engine is stuck, and then the request would be too."""

_LONGEST: Final = 8 * 1024 * 1024
"""Bytes of an answer. A container's description is some kilobytes; a network's grows with its containers."""

_AMBIGUOUS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR})
"""What Docker and Podman answer for the beginning of two ids. A client that may use neither learns nothing of that."""


class UnknownObjectError(Exception):
    """The engine did not say what a name means. The text is for the client."""


class AmbiguousNameError(UnknownObjectError):
    """A name may mean more than one object, or the engine made a mistake."""


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


async def settle(
    client: "Client", policy: CompiledPolicy, judged: NeedsLookup | Verdict, patience: float = _PATIENCE
) -> None:
    """Find out which objects a request names, decide about it, and let it go on.

    Its socket had this policy when it came; the engine has `patience` seconds to say all that is to be asked.
    """
    exchange, socket, shared = client.exchange, client.socket, client.shared

    async def decide() -> Verdict:
        return await _decide(socket, shared, policy, judged, patience)

    try:
        verdict = await decide()
        if not verdict.removes_volumes:
            exchange.go_on(verdict)
            return
        claim = claim_for(verdict)
        async with socket.removals, shared.removals.claim(claim, patience):
            # What was true of a volume before the claim need not be true any longer.
            await _remove_volumes(exchange, shared, await decide(), claim)
    except StillRemovingError:
        exchange.fail(503, "another request is still removing these volumes; try again later", TOO_MUCH_ASKED)
    except OSError as error:
        if exchange.is_held:
            exchange.fail(503, explain_unreachable(shared.engines, choose_engine(shared.engines), error))


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
                async with socket.lookups:
                    found = await _find(shared, judged.lookup, judged.request.version)
                unknown = unknown or found if isinstance(found, AmbiguousNameError) else unknown
                judged = await _judge(
                    socket, shared, policy, judged, found if isinstance(found, ResolvedObject) else None
                )
        if unknown:
            raise unknown
    except TimeoutError:
        return judge_unknown(judged, f"{name} cannot be decided: the engine says nothing for {patience:g} seconds")
    except UnknownObjectError as error:
        return judge_unknown(judged, f"{name} cannot be decided: {error}")
    return judged


async def _judge(
    socket: "SocketState", shared: "Shared", policy: CompiledPolicy, waiting: NeedsLookup, found: ResolvedObject | None
) -> NeedsLookup | Verdict:
    """Decide anew, at once if that is quick."""
    work = partial(judge_object, policy, waiting, found)
    return work() if is_quick(policy, waiting, waiting.body or b"") else await shared.worker.run(socket.judging, work)


async def _remove_volumes(exchange: "Exchange", shared: "Shared", verdict: Verdict, claim: Claim) -> None:
    """Let a request go on that may remove volumes; return when the engine is done with it.

    It is sent over a connection of its own, which the client's end does not end: an engine goes on with a removal whose
    client has gone.
    """
    if not exchange.is_held:
        return
    if not verdict.passes:
        exchange.go_on(verdict)
    elif claim_for(verdict).name != claim.name:
        exchange.fail(503, "the name means another volume than before", TOO_MUCH_ASKED)
    else:
        exchange.detach(verdict)
        answer = await _converse(shared, verdict.to_engine)
        if exchange.is_held:
            try:
                head, _ = _read(answer)
            except UnknownObjectError as error:
                exchange.fail(502, str(error))
            else:
                exchange.take_whole_answer(head, answer)


async def _find(shared: "Shared", lookup: Lookup, version: str) -> ResolvedObject | AmbiguousNameError | None:
    """Ask until the object is known: an exec says only which container it belongs to.

    Raises:
        UnknownObjectError: The engine does not say.
        OSError: It cannot be reached.
    """
    asked = lookup
    while True:
        status, content = await _ask(shared, lookup.target)
        if status == HTTPStatus.NOT_FOUND:
            return None
        answer = read_object(lookup, content, version) if status == HTTPStatus.OK else None
        if answer is None:
            reason = f"asked for the {asked.kind} {asked.name}, the engine answered {status}"
            if status not in _AMBIGUOUS:
                raise UnknownObjectError(reason)
            return AmbiguousNameError(reason)
        if isinstance(answer, ResolvedObject):
            return answer
        lookup = answer


async def _ask(shared: "Shared", target: str) -> tuple[int, bytes]:
    """Send a GET; return the status and the content."""
    request = f"GET {target} HTTP/1.1\r\nhost: dockerproxy\r\nconnection: close\r\n\r\n"
    head, content = _read(await _converse(shared, request.encode()))
    return head.status, content


async def _converse(shared: "Shared", request: bytes) -> bytes:
    """Send a request that is the last of its connection; return all that comes.

    Raises:
        OSError: The engine cannot be reached.
    """
    transport, answer = await open_connection(_Answer, choose_engine(shared.engines))
    try:
        transport.write(request)
        await answer.ended
    finally:
        transport.abort()
    return bytes(answer.data)


def _read(data: bytes) -> tuple[ResponseHead, bytes]:
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
        whole = chunks.ended and not fed.broken and fed.used == len(content)
        content = b"".join(content[start:stop] for start, stop in fed.payload)
    elif head.framing is not Framing.CLOSE:
        whole = len(content) == head.length
    if not whole or len(data) > _LONGEST:
        raise UnknownObjectError("the engine's answer is cut short or too long")
    return head, content
