"""Streams of JSON lines of which a client sees only a part: each line is checked before it is passed on.

Attacks: docs/attacks.md, proxy/streams.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from dockerproxy.policy.steps import UnknownObjectError
from dockerproxy.proxy.answering import Answering
from dockerproxy.proxy.resolver import LONGEST_LINE, Inquiry
from dockerproxy.proxy.scheduling import TURN
from dockerproxy.wire.answer import keep_plain
from dockerproxy.wire.chunked import LAST_CHUNK
from dockerproxy.wire.head import Framing, ResponseHead

_PIECE: Final = 16 * 1024
"""Bytes that are split into lines at once."""

_WHOLE: Final = frozenset({Framing.LENGTH, Framing.NONE})
"""Framings of answers that are not streams."""


def is_stream(head: ResponseHead) -> bool:
    """Whether an answer with this head is a stream."""
    return head.status == HTTPStatus.OK and head.framing not in _WHOLE


async def follow(
    answering: Answering, inquiry: Inquiry, show: Callable[[bytes], Awaitable[bytes]], *, is_plain: bool
) -> None:
    """Pass on the visible part of a stream, line by line, in chunks if it is chunked."""
    is_chunked = inquiry.head.framing is Framing.CHUNKED
    answering.begin_alone(inquiry.head)
    answering.send(keep_plain(inquiry.beginning) if is_plain else inquiry.beginning)
    if answering.is_stream:
        answering.note_start()

    async def pass_on(lines: list[bytes]) -> None:
        shown = await _show_in_turns(answering, show, lines)
        if shown:
            answering.send(b"%x\r\n%b\r\n" % (len(shown), shown) if is_chunked else shown)

    kept, skips = b"", False
    try:
        while data := await _read_in_turns(answering, inquiry):
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


async def _read_in_turns(answering: Answering, inquiry: Inquiry) -> bytes:
    """Return the next piece of a stream; empty at its end."""
    turns, now = answering.socket.shared.turns, answering.socket.shared.now
    await inquiry.wait()
    await turns.enter(answering.socket)
    began = now()
    data = await inquiry.read(_PIECE)
    turns.spend(now() - began)
    return data


async def _show_in_turns(answering: Answering, show: Callable[[bytes], Awaitable[bytes]], lines: list[bytes]) -> bytes:
    """Return the visible part of lines. A round ends with the first line after a turn."""
    turns, now = answering.socket.shared.turns, answering.socket.shared.now
    shown, began = list[bytes](), now()
    for line in lines:
        await turns.enter(answering.socket)
        shown.append(await show(line))
        if now() >= began + TURN:
            turns.spend(TURN)
            began = now()
    turns.spend(now() - began)
    return b"".join(shown)
