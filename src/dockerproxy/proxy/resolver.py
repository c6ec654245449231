"""The proxy's own connections to the engine, for its lookups.

A few are kept, since opening one costs more than a lookup. They never carry a client's request, and one lookup at a
time. All functions raise `OSError` if the engine cannot be reached, and `UnknownObjectError` if it gives no valid
answer.

Attacks: docs/attacks.md, proxy/resolver.
"""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol, TypeVar

from dockerproxy.owner_labels import STAMP
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.steps import Answer, UnknownObjectError, Whole
from dockerproxy.proxy.failures import choose_engine
from dockerproxy.response_filters.json_filter import AS_IT_CAME, cut
from dockerproxy.wire.answer import with_content
from dockerproxy.wire.chunked import Chunks
from dockerproxy.wire.document import takes_long
from dockerproxy.wire.head import END_OF_HEAD, Framing, ResponseHead, read_response

_Protocol = TypeVar("_Protocol", bound=asyncio.Protocol)
_Value = TypeVar("_Value")


class Looks(Protocol):
    """Processes a content, a long one in the worker's thread."""

    async def __call__(self, content: bytes, work: Callable[[], _Value]) -> _Value:
        """Return the result of the work."""


_TRIES: Final = 100
_PAUSE: Final = 0.05
"""Seconds between two attempts to connect to a full queue. Connecting a blocking socket would wait without limit."""

_KEPT: Final = 8
"""Connections that are kept between lookups."""

_LONGEST: Final = 8 * 1024 * 1024
"""Bytes of an answer. A container's description has some kilobytes; a network's grows with its containers."""

_LONGEST_LIST: Final = 16 * 1024 * 1024
"""Bytes of a list after sifting: the part that its client may see, and new data."""

_STEP: Final = 4 * 1024 * 1024
"""Bytes of a list to receive before each sifting."""

LONGEST_LINE: Final = 1 << 18
"""Bytes of a line of a stream, or of an answer's head. An event has some hundred, and the labels of its object."""

_PIECE: Final = 1 << 16
"""Bytes in the buffer above which reading from the engine stops."""

_CUT: Final = "the engine's answer is cut short or too long"
_UNREADABLE: Final = "the engine's answer cannot be read"

_REMEMBERED: Final = 256
_LONGEST_FIXED: Final = 1024
"""Images whose stamps are cached, and bytes of these."""

_STAMPED: Final = {"Config": {"Labels": dict.fromkeys(sorted(STAMP), "")}}

_AMBIGUOUS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR})
"""Answers of Docker and Podman to a prefix of two IDs. A client that may use neither object learns nothing."""


class AmbiguousNameError(UnknownObjectError):
    """A name may mean several objects, or the engine failed."""


class _UnheardError(UnknownObjectError):
    """The engine closed the connection without an answer: it did not read the request."""


class Inquiry(asyncio.Protocol):
    """A connection to the engine for one request after the other.

    Attributes:
        is_open: Whether it can be used again.
        beginning: The head of the answer, with the empty line.
        head: The parsed head.
        has_ended: Whether the end of the body has arrived.
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
        """Close the connection."""
        self.is_open = False
        self.transport.abort()

    # Calls of the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self.transport = transport  # type: ignore[assignment] # asyncio promises a Transport to a stream protocol

    def data_received(self, data: bytes) -> None:
        """Buffer the answer. Pauses reading if it is long, and ends the connection if it is not expected."""
        if not self._is_asked:
            self.close()
            return
        self._came += data
        if len(self._came) > _PIECE:
            self._is_paused = True
            self.transport.pause_reading()
        self._has_news.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Treat the received bytes as complete; after an error, as incomplete."""
        self.is_open, self._is_lost, self._is_reset = False, True, error is not None
        self._has_news.set()

    async def _wait(self) -> None:
        """Wait for more bytes, or the end of the connection."""
        self._has_news.clear()
        if self._is_paused and not self.transport.is_closing():
            self._is_paused = False
            self.transport.resume_reading()
        await self._has_news.wait()

    async def _receive(self, most: int = _PIECE) -> bytes:
        """Return a piece of the received bytes; empty at the end of the connection."""
        if not (self._came or self._is_lost):
            await self._wait()
        data = bytes(self._came[:most])
        del self._came[:most]
        return data

    # Requests

    async def ask(self, request: bytes, *, to_the_end: bool = False, patience: float | None = None) -> Whole:
        """Send a request. Returns its complete answer, or waits for the end of the connection.

        After its head, the answer must be complete within `patience` seconds, if given.

        The connection is closed if its answer was abandoned or is malformed, or if unexpected bytes could go unnoticed.
        """
        answer = None
        try:
            await self.begin(request, to_the_end=to_the_end)
            async with asyncio.timeout(patience):
                answer = await self.read_whole()
        finally:
            self._is_asked = False
            if answer is None or self.head.close or self._is_paused:
                self.close()
        return answer

    async def begin(self, request: bytes, *, to_the_end: bool = False) -> None:
        """Send a request, and read the head of its answer, or wait for the end of the connection.

        Raises:
            UnknownObjectError: The head is invalid.
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

    async def wait(self) -> None:
        """Wait until `read` has something to do."""
        if not (self._came or self._is_lost or self.has_ended):
            await self._wait()

    async def read(self, most: int = _PIECE) -> bytes:
        """Return the next piece of the body without framing, from at most so many bytes; empty at its end.

        Raises:
            UnknownObjectError: The body is incomplete, or breaks the protocol.
        """
        content = b""
        while not (content or self.has_ended):
            content = self._take(await self._receive(most))
        return content

    async def read_whole(self) -> Whole:
        """Return the whole answer after its head was read. Raises like `read`."""
        data, content = bytearray(self.beginning), bytearray()
        while not self.has_ended:
            piece = await self._receive()
            data += piece
            content += self._take(piece)
            if len(data) > _LONGEST:
                raise UnknownObjectError(_CUT)
        return Whole(bytes(data), self.head.status, bytes(content))

    def _take(self, data: bytes) -> bytes:
        """Return the content of a piece of the body, and record whether it is the last one."""
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
    """Asks the engine over its own connections."""

    def __init__(self) -> None:
        self._kept: list[tuple[Inquiry, object]] = []
        self._fixed: dict[str, Answer] = {}

    async def ask(
        self, paths: Sequence[str], target: str, look: Looks, content: bytes | None = None, *, is_fixed: bool = False
    ) -> Answer:
        """Send a GET, or a POST if there is a JSON content. Returns the answer.

        With `is_fixed`, it asks for the stamp in the labels of an image, which cannot change, so it is cached.
        """
        if is_fixed and target in self._fixed:
            return self._fixed[target]
        answer = await self._ask(choose_engine(paths), _write(target, content))
        if is_fixed and answer[0] == HTTPStatus.OK:
            answer = answer[0], await look(answer[1], partial(_keep_stamp, answer[1]))
            if len(answer[1]) <= _LONGEST_FIXED:
                if len(self._fixed) >= _REMEMBERED:
                    self._fixed.clear()
                self._fixed[target] = answer
        return answer

    async def find(
        self, paths: Sequence[str], lookup: Lookup, version: str, look: Looks
    ) -> ResolvedObject | AmbiguousNameError | None:
        """Look up an object; None if it does not exist. An exec only names its container, which is then looked up.

        Further lookups use this version.
        """
        asked = lookup
        while True:
            status, content = await self.ask(paths, lookup.target, look, is_fixed=lookup.of is not None)
            if status == HTTPStatus.NOT_FOUND:
                return lookup.of
            is_there = status == HTTPStatus.OK
            found = await look(content, partial(read_object, lookup, content, version)) if is_there else None
            if found is None and is_there and takes_long(content):
                raise UnknownObjectError(f"the {asked.kind} has too long a description", HTTPStatus.SERVICE_UNAVAILABLE)
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
        """Close all kept connections."""
        while self._kept:
            self._kept.pop()[0].close()

    def _take(self, place: object) -> Inquiry | None:
        """Take a kept connection to the engine's current socket. Others are closed."""
        while self._kept:
            inquiry, other = self._kept.pop()
            if inquiry.is_open and other == place:
                return inquiry
            inquiry.close()
        return None


def _keep_stamp(content: bytes) -> bytes:
    """Return the description of an image with the stamp among its labels only, walked along however long it is."""
    return cut(content, _STAMPED, AS_IT_CAME) or b""


def _write(target: str, content: bytes | None) -> bytes:
    head = f" {target} HTTP/1.1\r\nhost: dockerproxy\r\n".encode()
    if content is None:
        return b"GET%b\r\n" % head
    return b"POST%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (head, len(content), content)


def _identify(path: str) -> object:
    """Identify the socket at a path; None if there is none, which connecting will report."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return path, status.st_dev, status.st_ino, status.st_ctime_ns


@asynccontextmanager
async def open_inquiry(paths: Sequence[str]) -> AsyncIterator[Inquiry]:
    """Open a connection for one request, until the block ends."""
    inquiry = await open_connection(Inquiry, choose_engine(paths))
    try:
        yield inquiry
    finally:
        inquiry.close()


async def converse(
    paths: Sequence[str], request: bytes, *, to_the_end: bool = False, patience: float | None = None
) -> Whole:
    """Send a request over its own connection, like `Inquiry.ask`."""
    async with open_inquiry(paths) as inquiry:
        return await inquiry.ask(request, to_the_end=to_the_end, patience=patience)


async def collect(paths: Sequence[str], request: bytes, sift: Callable[[bytes], Awaitable[bytes]]) -> Whole:
    """Request a list over its own connection. Returns the answer, sifted if it is long.

    While it is sifted, reading from the engine stops.
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
    """Connect to the engine. If its queue is full, retry for a while."""
    loop = asyncio.get_running_loop()
    for _ in range(_TRIES):
        try:
            _, protocol = await loop.create_unix_connection(factory, path)
        except BlockingIOError:
            await asyncio.sleep(_PAUSE)
        else:
            return protocol
    raise BlockingIOError(errno.EAGAIN, "its queue of connections is full")
