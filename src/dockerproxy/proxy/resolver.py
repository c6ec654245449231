"""Connections to the engine over which it is asked what names mean, and for nothing else.

A few are kept, since opening one costs more than asking. None is ever a client's, and one lookup is open on each.
All that asks the engine raises `OSError` if it cannot be reached, and `UnknownObjectError` if it does not say.

Attacks: docs/attacks.md, proxy/resolver.
"""

import asyncio
import errno
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from http import HTTPStatus
from typing import Final, TypeVar

from dockerproxy.policy.descriptions import read_image_labels, read_object
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.steps import Answer, UnknownObjectError, Whole
from dockerproxy.proxy.failures import choose_engine
from dockerproxy.wire.answer import with_content
from dockerproxy.wire.chunked import Chunks, read_whole
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

_TOO_LONG: Final = b"too long"
"""Stands for an answer that is too long. No answer at all would mean that the engine did not read the request."""

_CUT: Final = "the engine's answer is cut short or too long"
_UNREADABLE: Final = "the engine's answer cannot be read"

_REMEMBERED: Final = 256
_LONGEST_FIXED: Final = 16 * 1024
"""Images of which the labels are remembered, and bytes of these."""

_AMBIGUOUS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR})
"""What Docker and Podman answer for the beginning of two ids. A client that may use neither learns nothing of that."""


class AmbiguousNameError(UnknownObjectError):
    """A name may mean more than one object, or the engine made a mistake."""


class Inquiry(asyncio.Protocol):
    """A connection to the engine that collects one answer after the other.

    Attributes:
        is_open: Whether it can be used once more.
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.is_open = True
        self._data = bytearray()
        self._head: ResponseHead | None = None
        self._end = 0
        self._chunks = Chunks()
        self._answered: asyncio.Future[bytes] | None = None

    async def ask(self, request: bytes, *, is_last: bool = False) -> bytes:
        """Send a request; return all that comes until its answer is whole or, if it is the last, until the end."""
        if not self.is_open:
            return b""
        self._data.clear()
        self._head, self._end, self._chunks = None, -1 if is_last else 0, Chunks()
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answered = answered
        self.transport.write(request)
        has_ended = False
        try:
            answer = await answered
            has_ended = True
        finally:  # One that is cancelled may have its answer already.
            if is_last or not has_ended:
                self._answered = None
                self.close()
        return answer

    def close(self) -> None:
        """Use the connection no more."""
        self.is_open = False
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = transport  # type: ignore[assignment] # asyncio promises a Transport to a stream protocol

    def data_received(self, data: bytes) -> None:
        """Collect what was asked for; end the connection if it is more."""
        if self._answered is None:
            self.close()
            return
        self._data += data
        if len(self._data) > _LONGEST:
            self._data[:] = _TOO_LONG
            self.close()
        elif self._end >= 0 and self._is_whole(data):
            self._answer()

    def connection_lost(self, error: Exception | None) -> None:
        """Take what has come for all there is."""
        del error
        self.is_open = False
        self._answer()

    def _answer(self) -> None:
        answered, self._answered = self._answered, None
        if answered is not None and not answered.done():  # An answer may come just before its cancelled task ends.
            answered.set_result(bytes(self._data))

    def _is_whole(self, data: bytes) -> bool:
        """Whether the answer has its end with these bytes; after which the connection may go on, or not."""
        if self._head is None:
            end = self._data.find(END_OF_HEAD) + len(END_OF_HEAD)
            if end < len(END_OF_HEAD):
                return False
            self._head = read_response(bytes(self._data[:end]))
            if self._head is None or self._head.status < HTTPStatus.OK:  # Another head would follow.
                self.close()
                return False
            self._end, data = end + self._head.length, bytes(self._data[end:])
        if self._head.framing is Framing.CHUNKED:
            fed = self._chunks.feed(data)
            whole, is_more = self._chunks.ended, fed.used < len(data)
        elif self._head.framing is Framing.CLOSE:
            return False
        else:
            whole, is_more = len(self._data) >= self._end, len(self._data) > self._end
        if is_more or (whole and self._head.close):
            self.close()
        return whole


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
        answer = await self._ask(paths, _write(target, content))
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

    async def _ask(self, paths: Sequence[str], request: bytes) -> Answer:
        path = choose_engine(paths)
        place = _identify(path)
        while (inquiry := self._take(place)) is not None:
            answer = await inquiry.ask(request)
            if answer:
                break  # Otherwise the engine had closed it, and did not read the request.
        else:
            _, inquiry = await open_connection(Inquiry, path)
            answer = await inquiry.ask(request)
        self._keep(inquiry, place)
        head, content = read_answer(answer)
        return head.status, content

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


async def converse(paths: Sequence[str], request: bytes, *, to_the_end: bool = True) -> bytes:
    """Send a request over a connection of its own; return all that comes until its end, or until the answer's."""
    _, inquiry = await open_connection(Inquiry, choose_engine(paths))
    try:
        return await inquiry.ask(request, is_last=to_the_end)
    finally:
        inquiry.close()


class Incoming:
    """An answer that comes over its own connection: its head, and then its body without the framing."""

    def __init__(self, beginning: bytes, head: ResponseHead, reader: asyncio.StreamReader) -> None:
        self.beginning = beginning
        self.head = head
        self._reader = reader
        self._chunks = Chunks() if head.framing is Framing.CHUNKED else None
        self._left = None if head.framing in {Framing.CHUNKED, Framing.CLOSE} else head.length

    @property
    def has_ended(self) -> bool:
        """Whether the end of the body has come."""
        return self._left == 0 or (self._chunks is not None and self._chunks.ended)

    async def read(self) -> bytes:
        """Return the next piece of the body; nothing at its end.

        Raises:
            UnknownObjectError: The body is cut short, or breaks the protocol.
        """
        payload = b""
        while not payload and not self.has_ended:
            payload = data = await self._reader.read(_PIECE if self._left is None else min(self._left, _PIECE))
            if self._chunks is not None:
                fed = self._chunks.feed(data)
                if not data or fed.broken or fed.used < len(data):
                    raise UnknownObjectError(_CUT)
                payload = b"".join(data[start:stop] for start, stop in fed.payload)
            elif self._left is not None:
                self._left -= len(data)
            if not data and self._left is None:
                break
            if not data:
                raise UnknownObjectError(_CUT)
        return payload


async def open_answer(stack: AsyncExitStack, paths: Sequence[str], request: bytes) -> Incoming:
    """Send a request over its own connection, which lasts until the stack ends, and read the head of the answer."""
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    transport, _ = await open_connection(partial(asyncio.StreamReaderProtocol, reader), choose_engine(paths))
    stack.callback(transport.abort)
    transport.write(request)
    try:
        beginning = await reader.readuntil(END_OF_HEAD)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise UnknownObjectError(_UNREADABLE) from error
    head = read_response(beginning)
    if head is None or head.status < HTTPStatus.OK:
        raise UnknownObjectError(_UNREADABLE)
    return Incoming(beginning, head, reader)


async def collect(paths: Sequence[str], request: bytes, sift: Callable[[bytes], Awaitable[bytes]]) -> bytes:
    """Ask for a list over its own connection; return the answer, sifted if it is long.

    While it is sifted, nothing more is read from the engine.
    """
    async with AsyncExitStack() as stack:
        incoming = await open_answer(stack, paths, request)
        content, next_sift = bytearray(), _STEP
        while data := await incoming.read():
            content += data
            if len(content) >= next_sift:
                content = bytearray(await sift(bytes(content)))
                next_sift = len(content) + _STEP
            if len(content) > _LONGEST_LIST:
                raise UnknownObjectError(_CUT)
    return with_content(incoming.beginning, bytes(content) if next_sift == _STEP else await sift(bytes(content)))


def read_answer(data: bytes) -> tuple[ResponseHead, bytes]:
    """Take an answer apart."""
    end = data.find(END_OF_HEAD) + len(END_OF_HEAD)
    if data == _TOO_LONG:
        raise UnknownObjectError(_CUT)
    head = read_response(data[:end]) if end >= len(END_OF_HEAD) else None
    if head is None or head.status < HTTPStatus.OK:  # An interim one is no answer, and what follows it did not come.
        raise UnknownObjectError(_UNREADABLE)
    content: bytes | None = data[end:]
    if head.framing is Framing.CHUNKED:
        payload = read_whole(data, end)
        content = None if payload is None else b"".join(data[start:stop] for start, stop in payload)
    elif head.framing is not Framing.CLOSE and len(data) != end + head.length:
        content = None
    if content is None:
        raise UnknownObjectError(_CUT)
    return head, content


def take_apart(data: bytes) -> Whole:
    """Read an answer that has come whole."""
    head, content = read_answer(data)
    return Whole(data, head.status, content)


async def open_connection(factory: Callable[[], _Protocol], path: str) -> tuple[asyncio.Transport, _Protocol]:
    """Connect to the engine. One that is so busy that its queue is full is tried again for a while."""
    loop = asyncio.get_running_loop()
    for _ in range(_TRIES):
        try:
            transport, protocol = await loop.create_unix_connection(factory, path)
        except BlockingIOError:
            await asyncio.sleep(_PAUSE)
        else:
            return transport, protocol
    raise BlockingIOError(errno.EAGAIN, "its queue of connections is full")
