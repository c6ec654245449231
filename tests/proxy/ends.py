"""Both ends of a connection without sockets: they note what an exchange says, and do what it waits for when asked."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dockerproxy.advice.questions import propose
from dockerproxy.errors import Refusal
from dockerproxy.observe.decisions import make_ids
from dockerproxy.observe.journal import Journal
from dockerproxy.observe.log import Log
from dockerproxy.observe.record import Record
from dockerproxy.policy.asking import Question
from dockerproxy.policy.judge import judge_object
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.phases import Judged, NeedsLookup, Verdict
from dockerproxy.process_settings import LogFormat
from dockerproxy.proxy.accounting import Accounting
from dockerproxy.proxy.answers import AnswerReader
from dockerproxy.proxy.connections import Waiting
from dockerproxy.proxy.control import NOBODY, Answer
from dockerproxy.proxy.exchange import Exchange
from dockerproxy.proxy.scheduling import Tasks
from dockerproxy.proxy.sockets import Shared, SocketState
from dockerproxy.settings import Level, SocketSettings
from dockerproxy.wire.exchange import State
from dockerproxy.wire.incoming import Inbox


class Records(Log):
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__(Level.DEBUG, LogFormat.TEXT)
        self.records: list[Record] = []
        self.messages: list[tuple[Level, str]] = []

    def exchange(self, record: Record, level: Level = Level.INFO) -> None:
        del level
        self.records.append(record)

    def message(self, level: Level, text: str) -> None:
        self.messages.append((level, text))


class EngineEnd:
    """What the engine got."""

    def __init__(self) -> None:
        self.is_slow = False
        self.reader = AnswerReader()
        self.got = bytearray()

    def write(self, data: bytes) -> None:
        self.got += data

    def writelines(self, pieces: list[bytes | memoryview]) -> None:
        self.got += b"".join(pieces)

    def end_writing(self) -> None:
        pass


class Ends:
    """The client's end of a connection, and the engine's.

    Attributes:
        exchange: The one under way, or the next one.
        engine: What the engine of this connection got, if there is one now.
        engines: All that there were.
        answered: What the client got.
        is_gone: Whether nothing more is written to the client.
        now: The time.
        waiting: What the exchange has started: a connection to the engine, a lookup.
        found: What all names mean; None if they mean nothing.
    """

    def __init__(self, settings: SocketSettings) -> None:
        self.log = Records()
        self.journal = Journal(settings)
        self.journal.next_id = make_ids("TESTS").__next__
        self.now = 0.0
        self._shared = Shared(("/none",), Tasks(self.log), self.log, lambda: self.now, propose)
        self.socket = SocketState(settings, self.journal, self._shared)
        self.inbox = Inbox()
        self.engine: EngineEnd | None = None
        self.engines: list[EngineEnd] = []
        self.answered = bytearray()
        self.waits_in: Waiting | None = None
        self.waits_since = 0.0
        self.waiting: deque[Callable[[], None]] = deque()
        self.is_gone = self.has_ended = self.finishes = False
        self.found: ResolvedObject | None = None
        self.account = Accounting(self.socket)
        self.renew()

    # What a test does

    def receive(self, data: bytes) -> None:
        if not self.is_gone and self.exchange.state not in {State.CLOSING, State.TUNNEL}:
            is_free = self.exchange.state is State.IDLE and not self.inbox.data
            if not is_free or not self.exchange.begin_at_once(data):
                self.inbox.put(data)
                self.advance()

    def answer(self, data: bytes) -> None:
        if self.engine is not None:
            self.engine.reader.feed(self.exchange.answering, data)

    def lose_engine(self) -> None:
        if self.engine is not None:
            reader, self.engine = self.engine.reader, None
            reader.end(self.exchange.answering, None)

    def lack_engine(self) -> None:
        """Have the connection to the engine fail that is being opened."""
        if self.waiting:
            self.waiting.clear()
            self.exchange.answering.fail(503, "nothing listens")

    def lose_client(self) -> None:
        self.is_gone = True
        self.waiting.clear()
        self.engine = None
        self.exchange.answering.lose_client()

    def end_input(self) -> None:
        if not self.is_gone and not self.has_ended and self.exchange.state not in {State.IDLE, State.CLOSING}:
            self.has_ended = True
            self.exchange.end_input()

    def finish(self) -> None:
        self.finishes = True
        if self.exchange.state in {State.IDLE, State.CLOSING}:
            self.close()

    def work(self) -> None:
        if self.waiting:
            self.waiting.popleft()()

    # What the exchange asks for

    def write(self, data: bytes) -> None:
        self.answered += data

    def send_on(self, first: bytes) -> None:
        if self.engine is None:
            self.waiting.append(lambda: self._connect(first))
        else:
            self.engine.write(first)

    def _connect(self, first: bytes) -> None:
        if self.exchange.answering.awaits_answer and not self.is_gone:
            self.engine = EngineEnd()
            self.engines.append(self.engine)
            self.engine.write(first)
            self.go_on()

    async def drain(self) -> None:
        pass

    def drop_engine(self) -> None:
        self.engine = None

    def advance(self) -> None:
        while not self.is_gone:
            exchange = self.exchange
            if exchange.state is State.IDLE and self.inbox.data:
                head = self.inbox.take_head(4096)
                if head is None:
                    return
                if isinstance(head, Refusal):
                    exchange.refuse(head)
                else:
                    exchange.begin(head)
            elif self.inbox.data and exchange.takes_body:
                self.inbox.take(exchange.take_body(self.inbox.peek()))
            else:
                return

    def go_on(self) -> None:
        self.advance()
        if self.has_ended:
            self.exchange.end_input()

    def update_reading(self) -> None:
        pass

    def wait(self, waiting: Waiting) -> None:
        self.waits_in, self.waits_since = waiting, self.now

    def judge_aside(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        self.waiting.append(lambda: then(work()))

    async def find_docker(self) -> bool:
        """Have an engine that says that it is Docker."""
        return True

    def look_up(self, judged: NeedsLookup | Verdict) -> None:
        def find() -> None:
            decided: Judged = judged
            while isinstance(decided, NeedsLookup):
                decided = judge_object(decided, self.found)
            self.exchange.go_on(replace(decided, plan=None) if isinstance(decided, Verdict) else decided)

        self.waiting.append(find)

    def ask(self, question: Question, then: Callable[[Answer], None]) -> None:
        """Have nobody who answers."""
        del question
        self.waiting.append(lambda: then(NOBODY))

    def cancel(self) -> None:
        self.waiting.clear()

    def detach(self) -> None:
        pass

    def renew(self) -> None:
        self.exchange = Exchange(self, self.socket, self.account)
        self.wait(self.socket.connections.idle)

    def open_tunnel(self) -> None:
        self.engine = None
        self.inbox.clear()

    def open_builds(self, data: bytes, *, is_session: bool) -> None:
        del data, is_session
        self.open_tunnel()

    def deny_http2(self, came: bytes, says: str) -> None:
        pass

    def linger(self) -> None:
        self.inbox.clear()

    def close(self) -> None:
        self.is_gone = True

    abort = close
