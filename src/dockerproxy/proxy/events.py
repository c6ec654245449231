"""Streams of JSON lines, of which a client may not see all: events, and what a wait ends with.

A client gets the events about objects that it may see, without what its socket hides. Each object is looked up once,
when the first event about it comes, and judged as if the client had named it; unless the event itself rules it out, so
that a busy engine is not asked about the containers of others by everyone who watches.

Attack: make a volume, which has no ID, by the name of one that another had or will have, to be told what happened to
that; leave out how it ended by a filter, or do not read -> Defence: whose a volume is is asked at each event, and what
happened before it was made is hidden (test: test_no_event_of_anothers_volume_comes_by_its_name).
Attack: make it in the second in which another of that name was removed, to be told which container had it -> Defence:
then the container must be the client's, too (test: test_no_event_of_that_second_tells_a_container_of_others).
Attack: make it in that second, to be told that there was another -> Defence: none. Events of a volume alone tell its
name and driver, and a denial, too, tells that a name is taken
(test: test_events_of_a_volume_alone_tell_name_and_driver).
Attack: a client that does not read -> Defence: nothing more is read from the engine until it does.
Attack: an object of which the engine says nothing, on many streams, so that no other client of the socket has anything
looked up -> Defence: it has its time (test: test_a_lookup_that_is_not_answered_ends_with_its_time).
Attack: an event without end; an object with labels that make its events too long, so that the streams of all others end
-> Defence: such an event is left out (test: test_an_event_that_is_too_long_is_left_out).
"""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from dockerproxy.policy.events import Event, is_of_before, may_be_of_before, read_event, rules_out
from dockerproxy.policy.hiding import hide_line
from dockerproxy.policy.lists import EVENTS, admits
from dockerproxy.policy.objects import Kind, ResolvedObject, ask
from dockerproxy.policy.phases import Verdict
from dockerproxy.proxy.answers import read_head
from dockerproxy.proxy.engine import open_connection
from dockerproxy.proxy.failures import choose_engine
from dockerproxy.proxy.resolver import UnknownObjectError
from dockerproxy.proxy.views import pass_on
from dockerproxy.wire.answer import keep_plain
from dockerproxy.wire.chunked import LAST_CHUNK, Chunks
from dockerproxy.wire.head import END_OF_HEAD, Framing, ResponseHead

if TYPE_CHECKING:
    from dockerproxy.proxy.client import Client

_LONGEST: Final = 1 << 18
"""Bytes of an event, or of the head. One has some hundred, and the labels of its object."""

_PIECE: Final = 1 << 16
_WHOLE: Final = frozenset({Framing.LENGTH, Framing.NONE})
"""How an answer is framed that is no stream."""

_KNOWN: Final = 4096
"""Objects of which it is known whether the client may see them; the oldest is forgotten first."""


class _Watch:
    """Says which events a client may see."""

    def __init__(self, client: "Client", verdict: Verdict) -> None:
        self._shared = client.shared
        self._socket = client.socket
        self._verdict = verdict
        self._shown: dict[tuple[str, str], bool] = {}

    async def show(self, line: bytes) -> bytes:
        """Return what the client may see of a line; nothing if that is nothing."""
        verdict = self._verdict
        if verdict.decision.shows and not await self._is_shown(line):
            return b""
        left = hide_line(verdict.operation, verdict.hides, line) if verdict.hides else line
        return left or b""

    async def _is_shown(self, line: bytes) -> bool:
        """Whether the client may see the object of an event."""
        event = read_event(line)
        if event is None:
            return False
        key = event.kind, event.id
        shown = self._shown.pop(key, None)
        if shown is None or (event.kind is Kind.VOLUME and not event.is_last):
            shown = await self._find(event)
        if not event.is_last:
            self._shown[key] = shown
            if len(self._shown) > _KNOWN:
                del self._shown[next(iter(self._shown))]
        return shown

    async def _find(self, event: Event) -> bool:
        shows = self._verdict.decision.shows
        if rules_out(shows, event):
            return False
        try:
            found = user = await self._ask(event.kind, event.id)
            if found is not None and may_be_of_before(event, found):
                user = await self._ask(Kind.CONTAINER, event.container)
        except (TimeoutError, UnknownObjectError):
            return False
        if found is None or user is None or is_of_before(event, found):
            return False
        return any(admits(conditions, found) and admits(conditions, user) for conditions in shows)

    async def _ask(self, kind: Kind, name: str) -> ResolvedObject | None:
        """Return an object as the engine has it now."""
        version, operation = self._verdict.request.version, self._verdict.operation
        async with self._socket.lookups, asyncio.timeout(self._socket.patience):
            found = await self._shared.resolver.find(self._shared.engines, ask(kind, name, version, operation), version)
        return found if isinstance(found, ResolvedObject) else None


async def follow(client: "Client", verdict: Verdict) -> None:
    """Pass on what of a stream a client may see, until the engine ends or the client goes."""
    exchange, reader, patience = client.exchange, asyncio.StreamReader(limit=_LONGEST), client.socket.patience
    protocol = partial(asyncio.StreamReaderProtocol, reader)
    transport, _ = await open_connection(protocol, choose_engine(client.shared.engines))
    try:
        transport.write(verdict.to_engine)
        async with asyncio.timeout(patience if verdict.operation.name in EVENTS else None):
            data = await reader.readuntil(END_OF_HEAD)
        head = read_head(data)
        if head is None or head.status < HTTPStatus.OK:
            exchange.fail(502, "the engine's response head is malformed")
        elif head.status == HTTPStatus.OK and head.framing in _WHOLE and verdict.decision.shows:
            exchange.fail(502, "the engine's events are no stream")
        elif head.status != HTTPStatus.OK or head.framing in _WHOLE:
            answer = data + await reader.readexactly(head.length)
            await pass_on(exchange, verdict, answer)
        else:
            watch = _Watch(client, verdict)
            exchange.begin_alone(head)
            exchange.send(keep_plain(data) if verdict.hides else data)
            exchange.begin_stream()
            try:
                await _pass_on(client, watch, reader, head)
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
    kept, skips = b"", False
    while data := await reader.read(_PIECE):
        if chunks is not None:
            fed = chunks.feed(data)
            if fed.broken or fed.used < len(data):
                exchange.fail(502, "the engine breaks the protocol")
                return
            data = b"".join(data[start:stop] for start, stop in fed.payload)
        *lines, kept = (kept + data).split(b"\n")
        lines = [line + b"\n" for line in lines]
        if skips and lines:
            lines, skips = lines[1:], False
        if len(kept) > _LONGEST or skips:
            kept, skips = b"", True
        if chunks is not None and chunks.ended:
            lines.append(kept)
        shown = b"".join([await watch.show(line) for line in lines])
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
