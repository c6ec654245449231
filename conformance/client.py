"""A client of the proxy, which sends a row and reads the statuses of the answers.

After the answers to a row, it sends a ping on the same connection. If the proxy keeps bytes of the row for later, the
ping brings them out. It also asks the proxy to close the connection.
"""

import contextlib
import select
import socket
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from conformance.messages import CHUNKED, TO_THE_END, Head, Messages, read_number
from conformance.sets import Part

CLOSING: Final = "conformance-closing"
FRESH: Final = "conformance-fresh"
"""User agents of two pings: the last request on a row's connection, and the one on a new connection after it."""

SILENT: Final = "silent"
CLOSED: Final = "closed"
FOREIGN: Final = "not HTTP/1"
"""Beside statuses: the proxy did not answer or close in time, closed without an answer, or did not speak HTTP/1."""

_PIECE: Final = 1 << 16


def write_ping(agent: str) -> bytes:
    """Write a ping, the last request on its connection."""
    return f"GET /_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n".encode()


class Answers(NamedTuple):
    """The statuses of the answers, and whether the client can send another request."""

    statuses: tuple[str, ...]
    goes_on: bool = True


class _Piece(NamedTuple):
    """Bytes to send, and how many answers to await before."""

    data: bytes
    after: int


def converse(connection: socket.socket, parts: Sequence[Part], patience: float) -> tuple[str, ...]:
    """Send the requests of a row and a closing ping, and return the statuses of all answers."""
    pieces = [_Piece(part.data, index if part.waits else 0) for index, part in enumerate(parts)]
    conversation = _Conversation(connection, [*pieces, _Piece(write_ping(CLOSING), len(parts))])
    while not conversation.ended:
        conversation.take_turn(patience)
    return conversation.answered


def ping(connection: socket.socket, patience: float) -> tuple[str, ...]:
    """Send a ping on a new connection, and return the status of the answer."""
    conversation = _Conversation(connection, [_Piece(write_ping(FRESH), 0)])
    while not conversation.ended and not conversation.answers.statuses:
        conversation.take_turn(patience)
    return conversation.answered


class _Conversation:
    """The state of a connection: bytes that are still to be sent, and those that were received."""

    def __init__(self, connection: socket.socket, pieces: Sequence[_Piece]) -> None:
        connection.settimeout(0)
        self.ended = False
        self.silent = False
        """Whether the proxy neither answered nor closed in time."""

        self.answers = Answers(())
        self._connection = connection
        self._heads = [piece.data.startswith(b"HEAD ") for piece in pieces]
        self._pieces = deque(pieces)
        self._unsent = memoryview(b"")
        self._received = b""

    @property
    def answered(self) -> tuple[str, ...]:
        """The statuses so far, or words in their place."""
        return (*(self.answers.statuses or (CLOSED,)), *([SILENT] if self.silent else []))

    def take_turn(self, patience: float) -> None:
        """Send and receive what is possible now, or wait for that."""
        while self._pieces and self._pieces[0].after <= len(self.answers.statuses):
            # In one write: an engine that closes after the first request has then read the others, too.
            self._unsent = memoryview(bytes(self._unsent) + self._pieces.popleft().data)
        writing = [self._connection] if self._unsent else []
        can_read, can_write, _ = select.select([self._connection], writing, [], patience)
        if can_write:
            self._send()
        if can_read:
            self._receive()
        if not can_read and not can_write:
            self.ended = self.silent
            self.silent = True
            self._half_close()

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[self._connection.send(self._unsent) :]
        except ConnectionError:
            self._drop_unsent()

    def _receive(self) -> None:
        try:
            data = self._connection.recv(_PIECE)
        except ConnectionError:
            data = b""
        self._received += data
        self.ended = not data
        self.answers = read_answers(self._received, self._heads, ended=self.ended)
        if not self.answers.goes_on:
            self._half_close()

    def _half_close(self) -> None:
        """Tell the proxy that no more bytes follow, so that it closes instead of waiting for them."""
        self._drop_unsent()
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def _drop_unsent(self) -> None:
        self._unsent = memoryview(b"")
        self._pieces.clear()


def read_answers(received: bytes, heads: Sequence[bool], *, ended: bool) -> Answers:
    """Return the statuses of the answers so far, without interim ones.

    `heads` tells which requests were HEAD, whose answers have no body.
    """
    if not received.startswith(b"HTTP/1."[: len(received)]):
        return Answers((FOREIGN,), goes_on=False)
    statuses: list[str] = []

    def measure(head: Head) -> int:
        status = _read_status(head)
        if status.startswith("1"):
            return 0
        statuses.append(status)
        if status in {"204", "304"} or (len(statuses) <= len(heads) and heads[len(statuses) - 1]):
            return 0
        if "chunked" in head.find("transfer-encoding").lower():
            return CHUNKED
        return read_number(head.find("content-length")) if head.find("content-length") else TO_THE_END

    reader = Messages(measure)
    found = reader.feed(received)
    if any(_read_status(answer.head) == "101" for answer in found):
        return Answers((*statuses, "101"), goes_on=False)
    if reader.head is not None and not ended:
        statuses.pop()  # Its body is not complete.
    return Answers(tuple(statuses))


def _read_status(head: Head) -> str:
    words = head.line.split()
    return words[1] if len(words) > 1 and words[0].startswith("HTTP/1.") else FOREIGN
