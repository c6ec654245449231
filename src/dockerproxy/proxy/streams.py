"""Streams of JSON lines of which a client does not get all: each line is looked at before it goes on.

Attacks: docs/attacks.md, proxy/streams.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Final, NamedTuple

from dockerproxy.policy.steps import UnknownObjectError, Whole
from dockerproxy.proxy.answering import Answering
from dockerproxy.proxy.resolver import LONGEST_LINE, Inquiry, open_inquiry
from dockerproxy.wire.answer import keep_plain
from dockerproxy.wire.chunked import LAST_CHUNK
from dockerproxy.wire.head import Framing

_WHOLE: Final = frozenset({Framing.LENGTH, Framing.NONE})
"""Framings of answers that are no streams."""


class Opened(NamedTuple):
    """An answer that has begun, and all of it if it is no stream."""

    inquiry: Inquiry
    whole: Whole | None


async def open_stream(stack: AsyncExitStack, engines: Sequence[str], request: bytes) -> Opened:
    """Send a request over its own connection, which lasts until the stack ends, and read the head of the answer."""
    inquiry = await stack.enter_async_context(open_inquiry(engines))
    await inquiry.begin(request)
    is_stream = inquiry.head.status == HTTPStatus.OK and inquiry.head.framing not in _WHOLE
    return Opened(inquiry, None if is_stream else await inquiry.read_whole())


async def follow(
    answering: Answering, opened: Opened, show: Callable[[bytes], Awaitable[bytes]], *, is_plain: bool
) -> None:
    """Pass on what is shown of a stream, line by line, in chunks if it comes so."""
    inquiry, is_chunked = opened.inquiry, opened.inquiry.head.framing is Framing.CHUNKED
    answering.begin_alone(inquiry.head)
    answering.send(keep_plain(inquiry.beginning) if is_plain else inquiry.beginning)
    if answering.is_stream:
        answering.note_start()

    async def pass_on(lines: list[bytes]) -> None:
        shown = b"".join([await show(line) for line in lines])
        if shown:
            answering.send(b"%x\r\n%b\r\n" % (len(shown), shown) if is_chunked else shown)

    kept, skips = b"", False
    try:
        while data := await inquiry.read():
            *lines, kept = (kept + data).split(b"\n")
            lines = [line + b"\n" for line in lines]
            if skips and lines:
                lines, skips = lines[1:], False
            if len(kept) > LONGEST_LINE or skips:
                kept, skips = b"", True
            if inquiry.has_ended:
                lines, kept = [*lines, kept], b""
            await pass_on(lines)
            await answering.drain()
        if is_chunked:
            await pass_on([kept])
            answering.send(LAST_CHUNK)
        answering.end()
    except (OSError, UnknownObjectError) as error:
        answering.fail(502, f"the engine cut its answer short: {error}")
