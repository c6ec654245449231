"""The engine's events, of which a client gets those about objects that it may see.

Each object is looked up once, when the first event about it comes, and judged as if the client had named it.

Attack: a client that does not read -> Defence: nothing more is read from the engine until it does.
Attack: an event without end -> Defence: the stream is cut (test: test_an_event_without_end_is_cut).
"""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.policy.events import Event, read_event
from dockerproxy.policy.judge import Verdict
from dockerproxy.policy.lists import admits
from dockerproxy.policy.objects import ResolvedObject, ask
from dockerproxy.proxy.answers import read_head
from dockerproxy.proxy.engine import open_connection
from dockerproxy.proxy.failures import choose_engine
from dockerproxy.proxy.resolver import UnknownObjectError
from dockerproxy.wire.chunked import LAST_CHUNK, Chunks
from dockerproxy.wire.head import END_OF_HEAD, Framing, ResponseHead

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client

_LONGEST: Final = 1 << 18
"""Bytes of an event, or of the head. One has some hundred, and the labels of its object."""

_PIECE: Final = 1 << 16
_KNOWN: Final = 4096
"""Objects of which it is known whether the client may see them; the oldest is forgotten first."""


class _Watch:
    """Says which events a client may see."""

    def __init__(self, client: "Client", verdict: Verdict) -> None:
        self._shared = client.shared
        self._socket = client.socket
        self._verdict = verdict
        self._shown: dict[tuple[str, str], bool] = {}

    async def is_shown(self, line: bytes) -> bool:
        """Whether the client may see an event."""
        event = read_event(line)
        if event is None:
            return False
        key = event.kind, event.id
        shown = self._shown.pop(key) if key in self._shown else await self._find(event)
        if not event.is_last:
            self._shown[key] = shown
            if len(self._shown) > _KNOWN:
                del self._shown[next(iter(self._shown))]
        return shown

    async def _find(self, event: Event) -> bool:
        request = self._verdict.request
        lookup = ask(event.kind, event.id, request.version, request.operation)
        try:
            async with self._socket.lookups:
                found = await self._shared.resolver.find(self._shared.engines, lookup, request.version)
        except UnknownObjectError:
            return False
        shows = self._verdict.decision.shows
        return isinstance(found, ResolvedObject) and any(admits(conditions, found) for conditions in shows)


async def follow_events(client: "Client", verdict: Verdict, patience: float) -> None:
    """Pass on the events that a client may see, until the engine ends or the client goes.

    Raises:
        OSError: The engine cannot be reached.
    """
    exchange, reader = client.exchange, asyncio.StreamReader(limit=_LONGEST)
    protocol = partial(asyncio.StreamReaderProtocol, reader)
    transport, _ = await open_connection(protocol, choose_engine(client.shared.engines))
    try:
        transport.write(verdict.to_engine)
        async with asyncio.timeout(patience):
            data = await reader.readuntil(END_OF_HEAD)
        head = read_head(data)
        if head is None or head.status < HTTPStatus.OK:
            exchange.fail(502, "the engine's response head is malformed")
        elif head.status != HTTPStatus.OK or head.framing in {Framing.LENGTH, Framing.NONE}:
            exchange.begin_alone(head, data + await reader.readexactly(head.length))
            exchange.end_answer()
        else:
            exchange.begin_alone(head, data)
            exchange.begin_stream()
            try:
                await _pass_on(client, _Watch(client, verdict), reader, head)
            except OSError as error:
                exchange.fail(502, f"the engine cut its answer short: {error}")
    except TimeoutError:
        exchange.fail(504, f"the engine says nothing for {patience:g} seconds")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        exchange.fail(502, "the engine gave no answer, or one that is too long")
    finally:
        transport.abort()


async def _pass_on(client: "Client", watch: _Watch, reader: asyncio.StreamReader, head: ResponseHead) -> None:
    """Pass on a stream, line by line, in chunks if it comes so."""
    exchange, chunks = client.exchange, Chunks() if head.framing is Framing.CHUNKED else None
    kept = b""
    while data := await reader.read(_PIECE):
        if chunks is not None:
            fed = chunks.feed(data)
            if fed.broken or fed.used < len(data):
                exchange.fail(502, "the engine breaks the protocol")
                return
            data = b"".join(data[start:stop] for start, stop in fed.payload)
        *lines, kept = (kept + data).split(b"\n")
        if len(kept) > _LONGEST:
            exchange.fail(502, "the engine's event is too long")
            return
        shown = b"".join([line + b"\n" for line in lines if await watch.is_shown(line)])
        if shown:
            exchange.send(b"%x\r\n%b\r\n" % (len(shown), shown) if chunks is not None else shown)
        if chunks is not None and chunks.ended:
            exchange.send(LAST_CHUNK)
            exchange.end_answer()
            return
        await client.drain()
    if chunks is None:
        exchange.end_answer()
    else:
        exchange.fail(502, "the engine cut its answer short")
