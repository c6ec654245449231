"""The client's end of a connection: moves bytes, and owns the engine's end.

Its `Exchange` decides about a request; a connection has one after the other. Rules for later changes: nothing here
awaits, and slow work is a task; only `update_reading` decides whether the client is read.

Attacks: docs/attacks.md, proxy/client.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final, TypeVar

from dockerproxy.errors import Refusal
from dockerproxy.policy.asking import Question
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.proxy.accounting import Accounting
from dockerproxy.proxy.connections import Waiting, find_peer, has_hung_up, stop_receiving
from dockerproxy.proxy.control import Answer
from dockerproxy.proxy.engine import Engine, connect, find_docker
from dockerproxy.proxy.exchange import Exchange
from dockerproxy.proxy.running import settle
from dockerproxy.proxy.scheduling import TURN
from dockerproxy.proxy.sockets import SocketState
from dockerproxy.proxy.tunnel import DeniedEnd, open_tunnel
from dockerproxy.proxy.usage import Buffers
from dockerproxy.wire.exchange import State
from dockerproxy.wire.incoming import Inbox

_Result = TypeVar("_Result")

_IDLE, _CLOSING = State.IDLE, State.CLOSING  # Looking up a member of an enum takes 0.1 µs in Python 3.11.

_BETWEEN: Final = frozenset({State.IDLE, State.CLOSING})
"""States without an exchange in progress."""

_ENDING: Final = _BETWEEN | {State.SKIPPING}
"""States in which a client that has ended its side needs nothing more."""


class Client(asyncio.Protocol):
    """One client connection and, while it has one, its engine connection.

    It is the `ClientPort` of its exchanges, and a `Connection` of the registry.

    Attributes:
        exchange: The current or next exchange.
        is_slow: Whether the client does not read what was written.
        has_ended: Whether the client sends no more.
        finishes: Whether the connection ends with the current exchange.
        waits_in: What the connection waits for; None while it is busy.
        waits_since: When it began to wait.
        number: Number of the connection on its socket, from 1.
    """

    transport: asyncio.Transport
    _drained: asyncio.Future[None] | None = None

    def __init__(self, socket: SocketState) -> None:
        self.socket = socket
        self.shared = socket.shared
        self.engine: Engine | None = None
        self.inbox = Inbox()
        self.buffers = Buffers(socket.usage, socket.shed_soon, lambda: len(self.inbox.data))
        self.account = Accounting(socket)
        self.exchange = Exchange(self, socket, self.account)
        self.waits_in: Waiting | None = None
        self.waits_since = 0.0
        self.is_slow = self.has_ended = self.finishes = False
        self.number = 0
        self._connections = socket.connections
        self._task: asyncio.Task[None] | None = None
        self._is_read = True

    # Calls of the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Identify the peer, and wait for a request."""
        self.transport = transport  # type: ignore[assignment] # asyncio promises a Transport to a stream protocol
        self.write = self.transport.write
        self.account.peer = find_peer(self.fileno())
        if self._connections.admit(self):
            self.number = self._connections.admitted
            self.buffers.open(self.transport)
            self.wait(self._connections.heads)
            if self.socket.is_gone:
                self.close()
            return
        self.exchange.answering.turn_off("too many connections are busy; MAX_CONNECTIONS sets this limit")
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client, of a head or a body."""
        exchange, turns = self.exchange, self.shared.turns
        state = exchange.answering.state  # Not a property, for speed: each request runs this.
        if state is _CLOSING:
            return
        if not self.inbox.data:
            if state is _IDLE:
                if not self.is_slow and exchange.begin_at_once(data):
                    return
            elif exchange.takes_body and not turns.is_over:
                began = self.shared.now()
                data = data[exchange.take_body(data) :]  # Not a copy of possible gigabytes.
                turns.spend(self.shared.now() - began)
        self.inbox.put(data)
        if turns.is_over:
            turns.wait(self, self.socket)
            self.update_reading()
        else:
            self.advance()

    def eof_received(self) -> bool:
        """Pass on that the client sends no more, or end everything if it is gone."""
        self.has_ended = True
        if self.exchange.state in _ENDING:
            return False
        if has_hung_up(self.fileno()):
            self.abort()
            return False
        self.watch(is_read=False)
        self.exchange.end_input()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """Cut the engine's side at once, and write the record of the current exchange."""
        del error
        self._connections.forget(self)
        self.exchange.body = None
        self.inbox.clear()
        self.buffers.clear()
        self.cancel()
        self.drop_engine()
        self.exchange.answering.lose_client()

    def pause_writing(self) -> None:
        """Stop reading from the engine, and take no more requests: the client does not read."""
        self.is_slow = True
        self.buffers.stall(self.transport)
        if self.engine is not None and not self.engine.transport.is_closing():
            self.engine.transport.pause_reading()

    def resume_writing(self) -> None:
        """Continue reading."""
        self.is_slow = False
        self.buffers.flow(self.transport)
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self.engine is not None and not self.engine.transport.is_closing():
            self.engine.transport.resume_reading()
        self.advance()

    async def drain(self) -> None:
        """Wait until the client has read what was written."""
        while self.is_slow:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained

    # Calls of the registry of connections

    def fileno(self) -> int:
        """Return the descriptor, or -1 if it is closed."""
        return -1 if self.transport.is_closing() else self.transport.get_extra_info("socket").fileno()

    def abort(self) -> None:
        """End the connection now, and its engine connection with it."""
        self._connections.vacate(self)
        self.exchange.body = None
        self.inbox.clear()
        self.buffers.clear()
        self.transport.abort()

    def cut(self) -> None:
        """End the connection now: the proxy stops."""
        self.exchange.answering.cut_by = "the proxy stopped"
        self.abort()

    def time_out(self) -> None:
        """End the connection: it waited too long."""
        self.exchange.time_out()

    def give_way(self) -> None:
        """End the connection: too much is buffered for the clients of its socket, most of it for this one."""
        self.exchange.give_way()
        if self.buffers.size:  # It does not read.
            self.abort()

    def finish(self) -> None:
        """End the connection as soon as it has no exchange in progress."""
        self.finishes = True
        if self.exchange.state is _IDLE and not self.has_ended and self.fileno() >= 0:
            self.drop_engine()
            stop_receiving(self.fileno())
        elif self.exchange.state in _BETWEEN:
            self.close()

    # Processing of received bytes

    def advance(self) -> None:
        """Process received bytes for one turn, so that others do not wait."""
        if self.transport.is_closing():
            return
        began = now = self.shared.now()
        while self._take_step():
            now = self.shared.now()
            if now >= began + TURN:
                self.shared.turns.wait(self, self.socket)
                break
        if now > began:
            self.shared.turns.spend(now - began)
        self.update_reading()

    def _take_step(self) -> bool:
        """Take a head or a piece of a body from the inbox. Returns whether there was one."""
        exchange, inbox = self.exchange, self.inbox
        if exchange.state is _IDLE and inbox.data and not self.is_slow:
            head = inbox.take_head(self.socket.limits.head)
            if head is None:
                if self.waits_in is not self._connections.heads:  # The time counts from its first byte.
                    self.wait(self._connections.heads)
                return False
            if isinstance(head, Refusal):
                exchange.refuse(head)
            else:
                exchange.begin(head)
        elif inbox.data and exchange.takes_body:
            inbox.take(exchange.take_body(inbox.peek()))
        else:
            return False
        return True

    def go_on(self) -> None:
        """Continue with waiting bytes."""
        self.advance()
        if self.has_ended:
            self.exchange.end_input()

    def update_reading(self) -> None:
        """Read the client, unless the engine is slow or bytes wait for their turn."""
        self.buffers.count()
        state, inbox = self.exchange.answering.state, self.inbox
        if state is _IDLE:
            reads = not self.is_slow and (not inbox.data or inbox.holds_part_of_a_head)
        elif self.engine is not None and self.engine.is_slow:
            reads = False
        else:
            reads = state is _CLOSING or not inbox.data
        if reads is self._is_read or self.transport.is_closing():
            return
        self._is_read = reads
        if reads:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()
        self.watch(is_read=reads and not self.has_ended)

    # Calls of the exchange

    @property
    def is_gone(self) -> bool:
        """Whether nothing more can be written to the client."""
        return self.transport.is_closing()

    def wait(self, waiting: Waiting) -> None:
        """Start waiting for something that must come soon."""
        self.waits_in, self.waits_since = waiting, self.shared.now()

    def send_on(self, first: bytes) -> None:
        """Write a request, or its beginning, to the engine. Opens a connection if there is none."""
        if self.engine is None:
            self._start(self._connect(first), "opening an engine connection")
        else:
            self.engine.write(first)

    async def _connect(self, first: bytes) -> None:
        engine = await connect(self, self.shared.engines)
        if engine is None:
            return
        if self.is_gone or not self.exchange.answering.awaits_answer:  # The client, or the engine, has gone.
            engine.drop()
        else:
            self.take_engine(engine)
            engine.write(first)
            self.go_on()

    def take_engine(self, engine: Engine) -> None:
        """Use this engine connection."""
        self.engine = engine
        self.buffers.open(engine.transport)
        if self.is_slow:
            engine.transport.pause_reading()

    def drop_engine(self) -> None:
        """Close the engine connection, if any."""
        done = self.exchange.answering.take_done()
        if self.engine is not None:
            self.engine.drop(done)
            self.engine = None
        elif done is not None:
            done.set()

    def judge_aside(self, work: Callable[[], _Result], then: Callable[[_Result], None]) -> None:
        """Run long work in the worker's thread, then continue with its result."""

        async def judge() -> None:
            then(await self.shared.worker.run(self.socket.judging, work))

        self._start(judge(), "judging in the worker")

    def ask(self, question: Question, then: Callable[[Answer], None]) -> None:
        """Ask a person, then continue with the answer. If the client disconnects, the question is withdrawn."""
        account, socket = self.account, self.socket

        async def ask() -> None:
            then(await self.shared.control.ask(account.decision, socket.name, account.peer, question, socket.journal))

        self._start(ask(), "asking a person")

    async def find_docker(self) -> bool | None:
        """Open an engine connection, and ask whether the engine is Docker; None if the client already got an answer."""
        self.drop_engine()
        engine, is_docker = await find_docker(self, self.shared.engines)
        if self.exchange.answering.is_held:
            self.take_engine(engine)
            return is_docker
        engine.drop()
        return None

    def look_up(self, judged: NeedsLookup | Verdict) -> None:
        """Look up what the request names, then continue with the verdict."""
        self._start(settle(self.exchange, judged), "resolving a name")

    def cancel(self) -> None:
        """Cancel the task of the exchange, which has its answer, and forget it: its traceback keeps this client."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def detach(self) -> None:
        """Let the task of the exchange outlive it."""
        self._task = None

    def open_tunnel(self) -> None:
        """Pass on all bytes from now on, both ways."""
        engine, self.engine = self.engine, None
        early = self.inbox.clear()
        self.update_reading()
        if engine is not None:
            open_tunnel(self, engine.transport, early, self.exchange.answering.take_done())

    def open_builds(self, data: bytes, *, is_session: bool) -> None:
        """Judge each call from now on. `data` came from the engine after its answer."""
        from dockerproxy.proxy.building import BuildTunnel, SessionTunnel  # noqa: PLC0415 (only what builds needs h2)

        engine, self.engine = self.engine, None
        early = self.inbox.clear()
        self.update_reading()
        if engine is not None:
            (SessionTunnel if is_session else BuildTunnel)(self, self.socket, engine.transport).begin(data, early)

    def deny_http2(self, came: bytes, says: str) -> None:
        """Deny HTTP/2 in HTTP/2. `came` is what has already arrived of it."""
        end, early = DeniedEnd(self, self.exchange.answering.linger, says), self.inbox.clear()
        self.transport.set_protocol(end)
        end.data_received(came + early)
        if self.has_ended:
            self.close()

    def renew(self) -> None:
        """Be ready for the next request."""
        self.exchange = Exchange(self, self.socket, self.account)
        self.wait(self._connections.idle)
        if self.finishes:
            self.finish()

    def linger(self) -> None:
        """End the connection, once the client could read its answer."""
        self.exchange.body = None
        self.inbox.clear()
        if self.has_ended:
            self.close()
            return
        self.transport.write_eof()
        self.wait(self._connections.lingering)
        self.update_reading()

    def close(self) -> None:
        """End the connection when the client has read everything. One that does not may have to make room."""
        self.exchange.body = None
        self.transport.close()
        self.wait(self._connections.idle)

    def watch(self, *, is_read: bool) -> None:
        """Record whether hanging up causes an event: not if the client is not read, or has ended its side."""
        if is_read:
            self._connections.unwatched.discard(self)
        else:
            self._connections.unwatched.add(self)

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        self._task = self.shared.tasks.start(work, name, self.abort)
