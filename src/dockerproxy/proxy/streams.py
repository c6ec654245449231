"""Streams of JSON lines of which a client does not get all: each line is looked at before it goes on.

Attack: a client that does not read -> Defence: nothing more is read from the engine until it does.
Attack: a line without end; an object with labels that make its events too long, so that the streams of all others end
-> Defence: such a line is left out (test: test_an_event_that_is_too_long_is_left_out).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple

from dockerproxy.policy.steps import UnknownObjectError, Whole
from dockerproxy.proxy.answering import Answering
from dockerproxy.proxy.failures import choose_engine
from dockerproxy.proxy.resolver import open_connection, take_apart
from dockerproxy.wire.answer import keep_plain
from dockerproxy.wire.chunked import LAST_CHUNK, Chunks
from dockerproxy.wire.head import END_OF_HEAD, Framing, ResponseHead, read_response

_LONGEST: Final = 1 << 18
"""Bytes of a line, or of the head. An event has some hundred, and the labels of its object."""

_PIECE: Final = 1 << 16
_WHOLE: Final = frozenset({Framing.LENGTH, Framing.NONE})
"""How an answer is framed that is no stream."""


class Opened(NamedTuple):
    """An answer that has begun: its head, what brings the rest, and the whole if it is no stream."""

    beginning: bytes
    head: ResponseHead
    reader: asyncio.StreamReader
    whole: Whole | None


async def open_stream(stack: AsyncExitStack, engines: Sequence[str], request: bytes) -> Opened:
    """Send a request over a connection of its own, which lasts until the stack ends, and read the answer's head."""
    reader = asyncio.StreamReader(limit=_LONGEST)
    transport, _ = await open_connection(partial(asyncio.StreamReaderProtocol, reader), choose_engine(engines))
    stack.callback(transport.abort)
    transport.write(request)
    try:
        beginning = await reader.readuntil(END_OF_HEAD)
        head = read_response(beginning)
        if head is None or head.status < HTTPStatus.OK:
            raise UnknownObjectError("the engine's response head is malformed")
        is_stream = head.status == HTTPStatus.OK and head.framing not in _WHOLE
        whole = None if is_stream else take_apart(beginning + await reader.readexactly(head.length))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise UnknownObjectError("the engine gave no answer, or one that is too long") from error
    return Opened(beginning, head, reader, whole)


async def follow(
    answering: Answering, opened: Opened, show: Callable[[bytes], Awaitable[bytes]], *, is_plain: bool
) -> None:
    """Pass on what is shown of a stream, line by line, in chunks if it comes so."""
    answering.begin_alone(opened.head)
    answering.send(keep_plain(opened.beginning) if is_plain else opened.beginning)
    if answering.is_stream:
        answering.note_start()
    try:
        await _pass_on(answering, opened, show)
    except OSError as error:
        answering.fail(502, f"the engine cut its answer short: {error}")


async def _pass_on(answering: Answering, opened: Opened, show: Callable[[bytes], Awaitable[bytes]]) -> None:
    chunks = Chunks() if opened.head.framing is Framing.CHUNKED else None
    kept, skips = b"", False
    while data := await opened.reader.read(_PIECE):
        if chunks is not None:
            fed = chunks.feed(data)
            if fed.broken or fed.used < len(data):
                answering.fail(502, "the engine breaks the protocol")
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
        shown = b"".join([await show(line) for line in lines])
        if shown:
            answering.send(b"%x\r\n%b\r\n" % (len(shown), shown) if chunks is not None else shown)
        if chunks is not None and chunks.ended:
            answering.send(LAST_CHUNK)
            answering.end()
            return
        await answering.drain()
    if chunks is None:
        answering.end()
    else:
        answering.fail(502, "the engine cut its answer short")
