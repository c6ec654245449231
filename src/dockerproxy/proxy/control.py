"""Tell operators on the control socket what goes on, and take their answers: lines of JSON both ways.

Attacks: docs/attacks.md, proxy/control.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from dockerproxy.observe.record import JournalPort, LogPort, Peer, plain_body
from dockerproxy.policy.asking import Question, show_request
from dockerproxy.proxy.connections import find_peer
from dockerproxy.wire.document import read_json

MOST_READERS: Final = 8
MOST_HELD: Final = 16
"""Requests of one socket that wait for an answer: more than anybody reads in a minute."""

_LONGEST: Final = 4096
"""Bytes of a line from a reader."""

_SLOW: Final = 1 << 20
_TOO_SLOW: Final = 4 << 20
"""Bytes that wait for a reader: from so many on it gets no records, and from so many on it is cut off."""

_PATIENCE: Final = 10
"""Lines of what is open, one a second, that a slow reader may miss before it is cut off."""

_dump: Final = json.JSONEncoder(separators=(",", ":")).encode


class Answer(NamedTuple):
    """What came of a question.

    Attributes:
        word: What was answered, or why nothing was.
        by: Who answered; None if no answer came, and `why` says the reason.
    """

    word: str
    by: Peer | None = None
    why: str = ""

    @property
    def allows(self) -> bool:
        """Whether the request goes on."""
        return self.word == "once"

    @property
    def source(self) -> str:
        """What a record says of who has decided."""
        by = "" if self.by is None else f", by uid {self.by.uid} pid {self.by.pid}"
        return f"asked: {self.word}{by}"


NOBODY: Final = Answer("nobody", why="nobody runs `dockerproxy ask`")
TOO_MANY: Final = Answer("too_many", why="too many requests wait for an answer")
TIMEOUT: Final = Answer("timeout", why="no answer came in time")
WITHDRAWN: Final = Answer("withdrawn")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Held:
    """A question that waits: the name of its socket, what readers are told, and the answer to come."""

    socket: str
    told: Mapping[str, object]
    answer: asyncio.Future[Answer]


class Reader(asyncio.Protocol):
    """A connection of an operator, who is told first what `greet` says.

    Attributes:
        answers: Whether it has said that somebody answers here.
    """

    def __init__(self, control: "Control", greet: Callable[["Reader"], None]) -> None:
        self._control = control
        self._greet = greet
        self._rest = b""
        self._lost = self._missed = 0
        self._is_slow = False
        self.answers = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the operator, if there is room."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment] # asyncio promises a Transport
        self._transport.set_write_buffer_limits(high=_SLOW)
        self._peer = find_peer(transport.get_extra_info("socket").fileno())
        if len(self._control.readers) >= MOST_READERS:
            self._transport.abort()
            return
        self._greet(self)
        self._control.join(self)

    def data_received(self, data: bytes) -> None:
        """Take answers."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LONGEST or not all(map(self._take, lines)):
            self._rest = b""
            self.abort()

    def pause_writing(self) -> None:
        """Leave out records: the reader is slow."""
        self._is_slow = True

    def resume_writing(self) -> None:
        """Tell records again."""
        self._is_slow = False
        self._missed = 0

    def connection_lost(self, error: Exception | None) -> None:
        """Make room."""
        del error
        self._control.leave(self)

    def abort(self) -> None:
        """End the connection now."""
        self._transport.abort()

    def tell(self, kind: str, what: Mapping[str, object]) -> None:
        """Write a line that must not be left out."""
        self._write(_dump({"kind": kind, **what}))

    def tell_record(self, line: str) -> None:
        """Write a record if the reader takes what is written."""
        if self._is_slow:
            self._lost += 1
        else:
            self._write(line)

    def tell_open(self, what: Mapping[str, object]) -> None:
        """Write what is open if the reader takes what is written; cut it off if it has not for long."""
        if not self._is_slow:
            self.tell("open", {**what, "lost": self._lost})
            return
        self._missed += 1
        if self._missed > _PATIENCE:
            self.abort()

    def _write(self, line: str) -> None:
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > _TOO_SLOW:
            self.abort()
        else:
            self._transport.write(line.replace("\x7f", "\\u007f").encode() + b"\n")

    def _take(self, line: bytes) -> bool:
        """Take an answer; return whether the line is one. One that comes too late changes nothing."""
        if len(line) > _LONGEST or self._transport.is_closing():
            return False
        match read_json(line):
            case {"answers": True, **others} if not others:
                self.answers = True
            case {"id": str(id_), "answer": "once" | "deny" as word, **others} if not others:
                self._control.answer(id_, Answer(word, self._peer))
            case _:
                return False
        return True


class Control:
    """Those who read on the control socket. While there are none, nothing is told.

    Attributes:
        patience: Seconds for an answer.
    """

    def __init__(self, log: LogPort) -> None:
        self.readers: set[Reader] = set()
        self.patience = 60.0
        self._log = log
        self._held: dict[str, _Held] = {}

    def join(self, reader: Reader) -> None:
        """Have one more."""
        self.readers.add(reader)
        self._log.watch = self._tell_record
        for held in self._held.values():
            reader.tell("asked", held.told)

    def leave(self, reader: Reader) -> None:
        """Have one less."""
        self.readers.discard(reader)
        if not self.readers:
            self._log.watch = None
        if not self._is_answered:
            for held in self._held.values():
                _settle(held.answer, NOBODY)

    def tell_open(self, what: Mapping[str, object]) -> None:
        """Tell all what is open."""
        for reader in tuple(self.readers):
            reader.tell_open(what)

    def _tell_record(self, line: str) -> None:
        line = f'{{"kind":"record",{line[1:-1]}'
        for reader in tuple(self.readers):
            reader.tell_record(line)

    async def ask(self, id_: str, socket: str, peer: Peer, question: Question, journal: JournalPort) -> Answer:
        """Ask those who answer about a decision on a socket; a question that is cancelled is withdrawn."""
        answer = WITHDRAWN
        try:
            answer = await self._ask(id_, socket, peer, question)
        finally:
            journal.count_answer(answer.word)
        return answer

    async def _ask(self, id_: str, socket: str, peer: Peer, question: Question) -> Answer:
        if not self._is_answered:
            return NOBODY
        if sum(held.socket == socket for held in self._held.values()) >= MOST_HELD:
            return TOO_MANY
        future = asyncio.get_running_loop().create_future()
        told = {"id": id_, "socket": socket, **peer._asdict(), **_describe(question, time.time() + self.patience)}
        self._held[id_] = _Held(socket, told, future)
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
        """Take an answer; the first one counts."""
        held = self._held.get(id_)
        if held is not None:
            _settle(held.answer, answer)

    @property
    def _is_answered(self) -> bool:
        return any(reader.answers for reader in self.readers)

    def _tell(self, kind: str, what: Mapping[str, object]) -> None:
        for reader in tuple(self.readers):
            reader.tell(kind, what)


def _settle(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _describe(question: Question, expires: float) -> Mapping[str, object]:
    """Describe a question for those who answer it."""
    verdict = question.verdict
    return {
        **show_request(verdict),
        "operation": verdict.operation.name,
        "object": verdict.object,
        "reason": verdict.decision.reason or verdict.decision.message,
        "conditions": plain_body(question.conditions),
        "faults": question.faults,
        "bounded": question.is_bounded,
        "expires": expires,
    }
