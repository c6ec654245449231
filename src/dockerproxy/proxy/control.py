"""Report events to operators on the control socket, and take their answers: lines of JSON both ways.

Attacks: docs/attacks.md, proxy/control.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from dockerproxy.observe.record import JournalPort, LogPort, Peer, plain_body
from dockerproxy.policy.asking import ALLOWING, Question
from dockerproxy.policy.model import Source
from dockerproxy.proxy.connections import find_peer
from dockerproxy.wire.document import read_json

MOST_READERS: Final = 8
MOST_HELD: Final = 16
"""Requests of a socket that wait for an answer: more than a person reads in a minute."""

_LONGEST: Final = 4096
"""Bytes of a line from a reader."""

_SLOW: Final = 1 << 20
_TOO_SLOW: Final = 4 << 20
"""Bytes that wait for a reader. At the first limit it gets no more records, at the second it is cut off."""

_PATIENCE: Final = 10
"""Overviews, one per second, that a slow reader may miss before it is cut off."""

_dump: Final = json.JSONEncoder(separators=(",", ":")).encode


class Answer(NamedTuple):
    """The result of a question.

    Attributes:
        word: The answer, or why there is none.
        by: The peer that answered; None without an answer, for the reason `why`.
    """

    word: str
    by: Peer | None = None
    why: str = ""

    @property
    def allows(self) -> bool:
        """Whether the request is allowed."""
        return self.word in ALLOWING

    @property
    def source(self) -> Source:
        """The description of the decider in a record."""
        by = "" if self.by is None else f", by uid {self.by.uid} pid {self.by.pid}"
        return Source(f"asked: {self.word}{by}")


NOBODY: Final = Answer("nobody", why="`dockerproxy ask` is not running")
TOO_MANY: Final = Answer("too_many", why="too many requests wait for an answer")
TIMEOUT: Final = Answer("timeout", why="no answer came in time")
WITHDRAWN: Final = Answer("withdrawn")


class Reader(asyncio.Protocol):
    """An operator's connection, which first gets a greeting by `greet`.

    Attributes:
        answers: Whether it announced that a person answers here.
    """

    def __init__(self, control: "Control", greet: Callable[["Reader"], None]) -> None:
        self._control = control
        self._greet = greet
        self._rest = b""
        self._lost = self._missed = 0
        self.answers = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the operator, unless there are too many."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # asyncio promises a Transport
        self._peer = find_peer(transport.get_extra_info("socket").fileno())
        if len(self._control.readers) >= MOST_READERS:
            self._transport.abort()
            return
        self._greet(self)
        self._control.join(self)

    def data_received(self, data: bytes) -> None:
        """Process answers."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST or not all(map(self._take, lines)):
            self._rest = b""
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Remove the reader."""
        del error
        self._control.leave(self)

    def abort(self) -> None:
        """End the connection now."""
        self._transport.abort()

    @property
    def _is_slow(self) -> bool:
        return self._transport.get_write_buffer_size() > _SLOW

    def tell(self, kind: str, what: Mapping[str, object]) -> None:
        """Write a line that must not be lost."""
        self._write(_dump({"kind": kind, **what}))

    def tell_record(self, line: str) -> None:
        """Write a record, unless the reader is slow."""
        if self._is_slow:
            self._lost += 1
        else:
            self._write(line)

    def tell_open(self, what: Mapping[str, object]) -> None:
        """Write the overview, unless the reader is slow; cut it off if it was for long."""
        self._missed = self._missed + 1 if self._is_slow else 0
        if self._missed > _PATIENCE:
            self.abort()
        elif not self._missed:
            self.tell("open", {**what, "lost": self._lost})

    def _write(self, line: str) -> None:
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > _TOO_SLOW:
            self.abort()
        else:
            self._transport.write(line.replace("\x7f", "\\u007f").encode() + b"\n")

    def _take(self, line: bytes) -> bool:
        """Process an answer. Returns whether the line is valid. A late answer has no effect."""
        if len(line) > _LONGEST or self._transport.is_closing():
            return False
        match read_json(line):
            case {"answers": True, **others} if not others:
                self.answers = True
            case {"id": str(id_), "answer": str(word), **others} if word in (*ALLOWING, "deny") and not others:
                self._control.answer(id_, Answer(word, self._peer))
            case _:
                return False
        return True


class Control:
    """The readers of the control socket. Without any, nothing is reported.

    Attributes:
        patience: Seconds for an answer.
    """

    def __init__(self, log: LogPort) -> None:
        self.readers: set[Reader] = set()
        self.patience = 60.0
        self._log = log
        # Open questions by ID: their description for readers, and the future answer.
        self._held: dict[str, tuple[Mapping[str, object], asyncio.Future[Answer]]] = {}

    def join(self, reader: Reader) -> None:
        """Add a reader."""
        self.readers.add(reader)
        self._log.watch = self._tell_record
        for told, _ in self._held.values():
            reader.tell("asked", told)

    def leave(self, reader: Reader) -> None:
        """Remove a reader."""
        self.readers.discard(reader)
        if not self.readers:
            self._log.watch = None
        if not self._is_answered:
            for id_ in self._held:
                self.answer(id_, NOBODY)

    def tell_open(self, what: Mapping[str, object]) -> None:
        """Send the overview to all readers."""
        for reader in tuple(self.readers):
            reader.tell_open(what)

    def _tell_record(self, line: str) -> None:
        line = f'{{"kind":"record",{line[1:-1]}'
        for reader in tuple(self.readers):
            reader.tell_record(line)

    async def ask(self, id_: str, socket: str, peer: Peer, question: Question, journal: JournalPort) -> Answer:
        """Ask the answering readers about a decision on a socket. A cancelled question is withdrawn."""
        answer = WITHDRAWN
        try:
            answer = await self._ask(id_, socket, peer, question)
        finally:
            journal.count_answer(answer.word)
        return answer

    async def _ask(self, id_: str, socket: str, peer: Peer, question: Question) -> Answer:
        if not self._is_answered:
            return NOBODY
        if sum(told["socket"] == socket for told, _ in self._held.values()) >= MOST_HELD:
            return TOO_MANY
        future = asyncio.get_running_loop().create_future()
        told = {"id": id_, "socket": socket, **peer._asdict(), **_describe(question, time.time() + self.patience)}
        self._held[id_] = told, future
        self._tell("asked", told)
        answer = WITHDRAWN
        try:
            async with asyncio.timeout(self.patience):
                answer = await future
        except TimeoutError:
            answer = TIMEOUT
        finally:
            del self._held[id_]
            by = None if answer.by is None else answer.by._asdict()
            self._tell("answered", {"id": id_, "answer": answer.word, "by": by})
        return answer

    def answer(self, id_: str, answer: Answer) -> None:
        """Process an answer. The first one counts. An allowing one that does not fit the question denies."""
        if id_ in self._held:
            told, future = self._held[id_]
            if answer.allows and answer.word != told["allows"]:
                answer = answer._replace(word="deny")
            if not future.done():
                future.set_result(answer)

    @property
    def _is_answered(self) -> bool:
        return any(reader.answers for reader in self.readers)

    def _tell(self, kind: str, what: Mapping[str, object]) -> None:
        for reader in tuple(self.readers):
            reader.tell(kind, what)


def _describe(question: Question, expires: float) -> Mapping[str, object]:
    """Describe a question for those who answer it."""
    verdict = question.verdict
    return {
        **question.shown,
        "operation": verdict.operation.name,
        "object": verdict.object,
        "reason": verdict.decision.reason or verdict.decision.message,
        "conditions": plain_body(question.conditions),
        "faults": question.faults,
        "bounded": question.is_bounded,
        "allows": question.allows,
        "expires": expires,
    }
