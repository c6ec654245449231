"""Share the event loop and threads: tasks have an owner, busy clients take turns, and long jobs wait in lines.

A turn consists of steps: a head, a few chunks of a body or an answer, a line of a stream. It ends with the first step
after `TURN`. All data that arrives in one round of the loop shares one turn. Later data waits in a line, whose clients
share another turn. Single short heads, the most common case, are processed at once.

A thread runs one long job at a time; beside a late one, another thread runs those of other sockets. Of the waiting
sockets, the one with the least used time goes first (start-time fair queueing; Goyal, Vin and Cheng, 1996). The
interpreter switches to the loop whenever it is ready (`SWITCH`). So a job consists of small steps, none of which is a
long call into C.

Attacks: docs/attacks.md, proxy/scheduling.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Final, Protocol, TypeVar

from dockerproxy.observe.record import LogPort
from dockerproxy.proxy.failures import log_bug

_Result = TypeVar("_Result")

TURN: Final = 0.001
"""Seconds of a turn. Others wait for two or three: for their request, and for the engine's answer."""

SWITCH: Final = 0.00002
"""Seconds after which a waiting thread gets the interpreter (`sys.setswitchinterval`). While a job runs, the loop waits
about this long for each event (`host/process`). With Python's default of 5 ms, sixteen clients would share 500
requests a second. A smaller value does not speed up a ping beside a job."""

LATE: Final = 0.01
"""Seconds after which a job no longer keeps the jobs of other sockets waiting. It goes on beside them."""

MOST_LATE: Final = 4
"""Such jobs. They share the interpreter with the loop, and there are few threads."""

PASSES: Final = 10
"""Passes of the garbage collector over younger objects before one over the older ones."""

GARBAGE: Final = (2_000, PASSES, 2**31 - 1)
"""Its thresholds: new objects, and passes, before it looks at older ones; it never looks at all by itself. That holds
everybody up while a long list is in memory, so that the server does it in an idle second."""


class Tasks:
    """Tasks that end on their own. A failing one is logged and does not disturb others."""

    def __init__(self, log: LogPort) -> None:
        self._log = log
        self._running: set[asyncio.Task[None]] = set()

    def start(
        self, work: Coroutine[None, None, None], name: str, if_it_fails: Callable[[], None] | None = None
    ) -> asyncio.Task[None]:
        """Run a coroutine. Its result need not be awaited, and it may be cancelled."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(partial(self._ended, if_it_fails))
        return task

    def cancel(self) -> None:
        """Cancel all running tasks."""
        for task in self._running:
            task.cancel()

    def _ended(self, if_it_fails: Callable[[], None] | None, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log_bug(self._log, task.get_name(), error)
            if if_it_fails is not None:
                if_it_fails()


class Busy(Protocol):
    """A client that may have more work than fits into a turn."""

    def advance(self) -> None:
        """Take a turn."""


class Turns:
    """The line of clients with more work, and the time used in this round."""

    def __init__(self) -> None:
        self._line: dict[object, dict[Busy, None]] = {}
        self._spent = 0.0
        self._is_planned = False

    @property
    def is_over(self) -> bool:
        """Whether the time of this round is used up: new work waits in the line."""
        return self._spent >= TURN

    def spend(self, seconds: float) -> None:
        """Record the duration of work in this round."""
        if not self._spent:
            asyncio.get_running_loop().call_soon(self._begin_round)
        self._spent += seconds

    def _begin_round(self) -> None:
        self._spent = 0.0

    def wait(self, busy: Busy, socket: object) -> None:
        """Let a client continue at its turn: sockets alternate, and so do the clients of a socket."""
        self._line.setdefault(socket, {})[busy] = None
        self._plan()

    async def enter(self, socket: object) -> None:
        """Wait until a task may work. Others do not wait for more than its turn, which counts before it is used."""
        if self.is_over:
            task = _WaitingTask(self)
            self.wait(task, socket)
            await task.turn

    def _plan(self) -> None:
        """Plan turns for the next round if the line is not empty."""
        if self._line and not self._is_planned:
            self._is_planned = True
            asyncio.get_running_loop().call_soon(self._take_turns)

    def _take_turns(self) -> None:
        """Give turns to the clients in the line until one turn is over. New ones come later."""
        before, self._is_planned = self._spent, False
        try:
            for _ in range(sum(map(len, self._line.values()))):
                self._pop().advance()
                if self._spent - before >= TURN:
                    break
        finally:
            self._plan()

    def _pop(self) -> Busy:
        """Take the first client of the first socket. The socket's others move behind all other sockets."""
        socket = next(iter(self._line))
        those = self._line.pop(socket)
        busy = next(iter(those))
        del those[busy]
        if those:
            self._line[socket] = those
        return busy


class _WaitingTask:
    """A task in the line, which goes on a round after its turn has come."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def advance(self) -> None:
        """Let the task go on, unless it was cancelled."""
        if not self.turn.done():
            self._turns.spend(TURN)
            self.turn.set_result(None)


class Line:
    """The long jobs of one socket.

    Attributes:
        used: Seconds of the worker that the socket has used; an idle socket is levelled with the others.
        waiting: The jobs in order.
    """

    __slots__ = ("used", "waiting")

    def __init__(self) -> None:
        self.used = 0.0
        self.waiting: dict[asyncio.Future[None], None] = {}


class Worker:
    """The thread for long jobs: the running job, and the lines of waiting sockets.

    The only source of time is the given clock.

    Attributes:
        has_worked: Whether a job has ended since the owner of this cleared it.
    """

    has_worked = False

    def __init__(self, now: Callable[[], float], late: float = LATE) -> None:
        self._now = now
        self._after = late
        self._lines: dict[Line, None] = {}
        self._late: set[Line] = set()
        self._level = 0.0
        self._is_busy = False

    async def run(self, line: Line, work: Callable[[], _Result]) -> _Result:
        """Run a job in the thread at its turn. Returns its result, or raises its exception.

        A job must not use anything that changes. Jobs of one line run in order.
        """
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        line.used = max(line.used, self._level)
        line.waiting[turn] = None
        self._lines.setdefault(line)
        if not self._is_busy:
            self._begin_next()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # It already had its turn.
                self._begin_next()
            elif turn in line.waiting:
                self._take(line, turn)
            raise
        began = self._now()
        try:
            job = loop.run_in_executor(None, work)
        except RuntimeError:  # No thread can be started.
            self._begin_next()
            raise
        job.add_done_callback(partial(self._end, line, began, loop.call_later(self._after, self._pass_by, line)))
        return await asyncio.shield(job)

    def _pass_by(self, line: Line) -> None:
        """Begin a job of another line beside a late one."""
        self._late.add(line)
        self._begin_next()

    def _end(self, line: Line, began: float, timer: asyncio.TimerHandle, job: asyncio.Future[_Result]) -> None:
        """Charge a job to its line. Chooses the next one when the waiting client has the result.

        The client gets it two rounds of the loop later, because `shield` takes one.
        """
        timer.cancel()
        line.used += self._now() - began
        self.has_worked = True
        loop = job.get_loop()
        loop.call_soon(loop.call_soon, self._go_on, line)

    def _go_on(self, line: Line) -> None:
        """Begin the next job, unless one runs that passed by this line's."""
        was_late = line in self._late
        self._late.discard(line)
        if not (was_late and self._is_busy):
            self._begin_next()

    def _begin_next(self) -> None:
        """Give the turn to the line with the least used time; of equal ones, to the one that has waited longest."""
        self._is_busy = False
        if len(self._late) > MOST_LATE:
            return
        while not self._is_busy and (ready := [line for line in self._lines if line not in self._late]):
            line = min(ready, key=lambda each: each.used)
            turn = next(iter(line.waiting))
            self._take(line, turn)
            if not turn.cancelled():
                self._is_busy, self._level = True, line.used
                turn.set_result(None)

    def _take(self, line: Line, turn: asyncio.Future[None]) -> None:
        """Take a job out of its line, which then goes behind equal ones."""
        del line.waiting[turn], self._lines[line]
        if line.waiting:
            self._lines[line] = None
