"""Connections to the engine over which it is asked what names mean, and for nothing else.

A few are kept, since opening one costs more than asking. None is ever a client's, and one lookup is open on each.
All that asks the engine raises `OSError` if it cannot be reached, and `UnknownObjectError` if it does not say.

Attacks: docs/attacks.md, proxy/resolver.
"""

import asyncio
import contextlib
import errno
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, TypeVar

from dockerproxy.policy.descriptions import read_image_labels, read_object
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.steps import Answer, UnknownObjectError, Whole
from dockerproxy.proxy.failures import choose_engine
from dockerproxy.wire.answer import with_content
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.head import END_OF_HEAD, Framing, ResponseHead, read_response

_Protocol = TypeVar("_Protocol", bound=asyncio.Protocol)

_TRIES: Final = 100
_PAUSE: Final = 0.05
"""How often a connection to a full queue is tried, and seconds between two tries. Connecting to a blocking socket would
wait as long as it takes."""

_KEPT: Final = 8
"""Connections that are kept between lookups."""

_LONGEST: Final = 8 * 1024 * 1024
"""Bytes of an answer. A container's description is some kilobytes; a network's grows with its containers."""

_LONGEST_LIST: Final = 16 * 1024 * 1024
"""Bytes of a list after it was sifted: of what its client may see, and what came since."""

_STEP: Final = 4 * 1024 * 1024
"""Bytes of a list that come before it is sifted, and between two times."""

LONGEST_LINE: Final = 1 << 18
"""Bytes of a line of a stream, or of the head of an answer. An event has some hundred, and the labels of its object."""

_PIECE: Final = 1 << 16
"""Bytes that wait here, above which no more is read from the engine."""

_CUT: Final = "the engine's answer is cut short or too long"
_UNREADABLE: Final = "the engine's answer cannot be read"

_REMEMBERED: Final = 256
_LONGEST_FIXED: Final = 16 * 1024
"""Images of which the labels are remembered, and bytes of these."""

_AMBIGUOUS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR})
"""What Docker and Podman answer for the beginning of two ids. A client that may use neither learns nothing of that."""


class AmbiguousNameError(UnknownObjectError):
    """A name may mean more than one object, or the engine made a mistake."""


class _UnheardError(UnknownObjectError):
    """The engine closed the connection without an answer: it did not read the request."""


class Inquiry(asyncio.Protocol):
    """A connection to the engine over which it is asked one question after the other.

    Attributes:
        is_open: Whether it can be used once more.
        beginning: The head of the answer, with the empty line.
        head: That head, parsed.
        has_ended: Whether the end of the body has come.
    """

    transport: asyncio.Transport
    beginning: bytes
    head: ResponseHead

    def __init__(self) -> None:
        self.is_open = True
        self._came = bytearray()
        self._has_news = asyncio.Event()
        self._is_asked = self._is_lost = self._is_paused = self._is_reset = False
        self.has_ended = False
        self._left = 0
        self._chunks: Chunks | None = None

    def close(self) -> None:
        """Use the connection no more."""
        self.is_open = False
        self.transport.abort()

    # What the event loop tells us

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = transport  # type: ignore[assignment] # asyncio promises a Transport to a stream protocol

    def data_received(self, data: bytes) -> None:
        """Keep what was asked for, and have the engine wait if it is much; end the connection if it is more."""
        if not self._is_asked:
            self.close()
            return
        self._came += data
        if len(self._came) > _PIECE:
            self._is_paused = True
            self.transport.pause_reading()
        self._has_news.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Take what has come for all there is; with an error, for not all of it."""
        self.is_open, self._is_lost, self._is_reset = False, True, error is not None
        self._has_news.set()

    async def _wait(self) -> None:
        """Wait until more has come, or the connection has ended."""
        self._has_news.clear()
        if self._is_paused and not self.transport.is_closing():
            self._is_paused = False
            self.transport.resume_reading()
        await self._has_news.wait()

    async def _receive(self) -> bytes:
        """Return a piece of what has come; nothing at the end of the connection."""
        if not (self._came or self._is_lost):
            await self._wait()
        data = bytes(self._came[:_PIECE])
        del self._came[:_PIECE]
        return data

    # What is asked

    async def ask(self, request: bytes, *, to_the_end: bool = False) -> Whole:
        """Send a request; return its answer when it is whole, or when the connection has ended.

        A connection is closed if its answer was given up or is malformed, or if what comes unasked would not be seen.
        """
        answer = None
        try:
            await self.begin(request, to_the_end=to_the_end)
            answer = await self.read_whole()
        finally:
            self._is_asked = False
            if answer is None or self.head.close or self._is_paused:
                self.close()
        return answer

    async def begin(self, request: bytes, *, to_the_end: bool = False) -> None:
        """Send a request, and read the head of its answer, when that comes or when the connection has ended.

        Raises:
            UnknownObjectError: It cannot be read.
        """
        self._is_asked = True
        if self.is_open:
            self.transport.write(request)
        while to_the_end and not self._is_lost and len(self._came) <= _LONGEST:
            await self._wait()
        beginning, end = b"", -1
        while end < 0 and len(beginning) <= LONGEST_LINE:
            data = await self._receive()
            beginning += data
            if not data:
                break
            end = beginning.find(END_OF_HEAD)
        if not beginning:
            raise _UnheardError(_UNREADABLE)
        end += len(END_OF_HEAD)
        head = read_response(beginning[:end])
        if head is None or head.status < HTTPStatus.OK:  # Another head would follow an interim one.
            raise UnknownObjectError(_UNREADABLE)
        self.head, self.beginning, self._left = head, beginning[:end], head.length
        self._chunks = Chunks() if head.framing is Framing.CHUNKED else None
        self.has_ended = head.framing is Framing.NONE or (head.framing is Framing.LENGTH and not head.length)
        self._came[:0] = beginning[end:]
        if self.has_ended and self._came:
            raise UnknownObjectError(_CUT)

    async def read(self) -> bytes:
        """Return the next piece of the body, without its framing; nothing at its end.

        Raises:
            UnknownObjectError: The body is cut short, or breaks the protocol.
        """
        content = b""
        while not (content or self.has_ended):
            content = self._take(await self._receive())
        return content

    async def read_whole(self) -> Whole:
        """Return the answer whose head was read, with all of its body; raise as `read` does."""
        data, content = bytearray(self.beginning), bytearray()
        while not self.has_ended:
            piece = await self._receive()
            data += piece
            content += self._take(piece)
            if len(data) > _LONGEST:
                raise UnknownObjectError(_CUT)
        return Whole(bytes(data), self.head.status, bytes(content))

    def _take(self, data: bytes) -> bytes:
        """Return the content of a piece of the body, and note whether it is the last one."""
        if self.head.framing is Framing.CLOSE:
            if self._is_reset and not data:
                raise UnknownObjectError(_CUT)
            self.has_ended = not data
            return data
        if self._chunks is not None:
            fed = self._chunks.feed(data)
            is_broken, self.has_ended = bool(fed.broken) or fed.used < len(data), self._chunks.ended
            content = b"".join(data[start:stop] for start, stop in fed.payload)
        else:
            self._left -= len(data)
            is_broken, self.has_ended, content = self._left < 0, not self._left, data
        if is_broken or not data or (self.has_ended and self._came):
            raise UnknownObjectError(_CUT)
        return content


class Resolver:
    """Asks the engine over connections of its own."""

    def __init__(self) -> None:
        self._kept: list[tuple[Inquiry, object]] = []
        self._fixed: dict[str, Answer] = {}

    async def ask(
        self, paths: Sequence[str], target: str, content: bytes | None = None, *, is_fixed: bool = False
    ) -> Answer:
        """Send a GET, or a POST if there is a content in JSON; return the answer.

        What is fixed is about an image of which the labels matter, which cannot change: they are asked once.
        """
        if is_fixed and target in self._fixed:
            return self._fixed[target]
        answer = await self._ask(choose_engine(paths), _write(target, content))
        if is_fixed and answer[0] == HTTPStatus.OK:
            answer = answer[0], json.dumps({"Config": {"Labels": read_image_labels(answer[1])}}).encode()
            if len(answer[1]) <= _LONGEST_FIXED:
                if len(self._fixed) >= _REMEMBERED:
                    self._fixed.clear()
                self._fixed[target] = answer
        return answer

    async def find(
        self, paths: Sequence[str], lookup: Lookup, version: str
    ) -> ResolvedObject | AmbiguousNameError | None:
        """Ask until an object is known: an exec says only which container it belongs to. None if there is no such one.

        Further lookups have this version.
        """
        asked = lookup
        while True:
            status, content = await self.ask(paths, lookup.target, is_fixed=lookup.of is not None)
            if status == HTTPStatus.NOT_FOUND:
                return lookup.of
            found = read_object(lookup, content, version) if status == HTTPStatus.OK else None
            if found is None:
                reason = f"asked for the {asked.kind} {asked.name}, the engine answered {status}"
                if status not in _AMBIGUOUS:
                    raise UnknownObjectError(reason)
                return AmbiguousNameError(reason)
            if isinstance(found, ResolvedObject):
                return found
            lookup = found

    async def _ask(self, path: str, request: bytes) -> Answer:
        place = _identify(path)
        while (inquiry := self._take(place)) is not None:
            with contextlib.suppress(_UnheardError):  # The engine had closed it.
                answer = await inquiry.ask(request)
                break
        else:
            inquiry = await open_connection(Inquiry, path)
            answer = await inquiry.ask(request)
        self._keep(inquiry, place)
        return answer.status, answer.content

    def _keep(self, inquiry: Inquiry, place: object) -> None:
        if inquiry.is_open and place is not None and len(self._kept) < _KEPT:
            self._kept.append((inquiry, place))
        else:
            inquiry.close()

    def close(self) -> None:
        """Keep no connection any more."""
        while self._kept:
            self._kept.pop()[0].close()

    def _take(self, place: object) -> Inquiry | None:
        """Take a kept connection to the engine that is at this place now; others are closed."""
        while self._kept:
            inquiry, other = self._kept.pop()
            if inquiry.is_open and other == place:
                return inquiry
            inquiry.close()
        return None


def _write(target: str, content: bytes | None) -> bytes:
    head = f" {target} HTTP/1.1\r\nhost: dockerproxy\r\n".encode()
    if content is None:
        return b"GET%b\r\n" % head
    return b"POST%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (head, len(content), content)


def _identify(path: str) -> object:
    """Return what tells the socket at a path from another one; whoever connects learns if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return path, status.st_dev, status.st_ino, status.st_ctime_ns


@asynccontextmanager
async def open_inquiry(paths: Sequence[str]) -> AsyncIterator[Inquiry]:
    """Open a connection for one request, which lasts until the block ends."""
    inquiry = await open_connection(Inquiry, choose_engine(paths))
    try:
        yield inquiry
    finally:
        inquiry.close()


async def converse(paths: Sequence[str], request: bytes, *, to_the_end: bool = False) -> Whole:
    """Send a request over a connection of its own; return its answer, or wait for the end of the connection."""
    async with open_inquiry(paths) as inquiry:
        return await inquiry.ask(request, to_the_end=to_the_end)


async def collect(paths: Sequence[str], request: bytes, sift: Callable[[bytes], Awaitable[bytes]]) -> Whole:
    """Ask for a list over a connection of its own; return the answer, sifted if it is long.

    While it is sifted, nothing more is read from the engine.
    """
    async with open_inquiry(paths) as inquiry:
        await inquiry.begin(request)
        content, next_sift = bytearray(), _STEP
        while data := await inquiry.read():
            content += data
            if len(content) >= next_sift:
                content = bytearray(await sift(bytes(content)))
                next_sift = len(content) + _STEP
            if len(content) > _LONGEST_LIST:
                raise UnknownObjectError(_CUT)
    left = bytes(content) if next_sift == _STEP else await sift(bytes(content))
    return Whole(with_content(inquiry.beginning, left), inquiry.head.status, left)


async def open_connection(factory: Callable[[], _Protocol], path: str) -> _Protocol:
    """Connect to the engine. One that is so busy that its queue is full is tried again for a while."""
    loop = asyncio.get_running_loop()
    for _ in range(_TRIES):
        try:
            _, protocol = await loop.create_unix_connection(factory, path)
        except BlockingIOError:
            await asyncio.sleep(_PAUSE)
        else:
            return protocol
    raise BlockingIOError(errno.EAGAIN, "its queue of connections is full")
