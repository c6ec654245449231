"""Run long jobs in a thread beside the event loop, and share its time fairly between sockets.

There is one thread, and it runs one job at a time. Of the sockets that wait, the one that has used the least time goes
first (start-time fair queueing; Goyal, Vin and Cheng, 1996). The interpreter switches to the loop whenever that has
something to do (`SWITCH`). So a job is made of small steps, and none of them is a long call into C.

Attacks: docs/attacks.md, proxy/worker.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

_Result = TypeVar("_Result")

SWITCH: Final = 0.00002
"""Seconds after which a waiting thread gets the interpreter (`sys.setswitchinterval`). While a job runs, the loop waits
so long for each event, and not much longer (`host/process`). With Python's default of 5 ms, sixteen clients would share
500 requests a second. With less than this, a ping beside a job takes no less time."""


class Line:
    """The jobs of one socket.

    Attributes:
        used: Seconds of the worker that the socket has used; an idle socket is put level with the others.
        waiting: The jobs, in the order in which they came.
    """

    __slots__ = ("used", "waiting")

    def __init__(self) -> None:
        self.used = 0.0
        self.waiting: dict[asyncio.Future[None], None] = {}


class Worker:
    """The thread for long jobs: the running job, and the lines of sockets that wait for it.

    Time is only taken from the clock that it is given.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lines: dict[Line, None] = {}
        self._level = 0.0
        self._is_busy = False

    async def run(self, line: Line, work: Callable[[], _Result]) -> _Result:
        """Run a job in the thread when it is its turn; return its result, or raise what it raises.

        A job must not touch anything that changes. Jobs of one line run in the order in which they came.
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
            if not turn.cancelled():  # Its turn had come already.
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
        job.add_done_callback(partial(self._end, line, began))
        return await asyncio.shield(job)

    def _end(self, line: Line, began: float, job: asyncio.Future[_Result]) -> None:
        """Charge a job to its line; choose the next one when the waiting client has heard of the result.

        The client hears of it two rounds of the loop later, because `shield` takes one.
        """
        line.used += self._now() - began
        loop = job.get_loop()
        loop.call_soon(loop.call_soon, self._begin_next)

    def _begin_next(self) -> None:
        """Give the turn to the line that has used the least; of equal ones, to the one that has waited longest."""
        self._is_busy = False
        while self._lines and not self._is_busy:
            line = min(self._lines, key=lambda each: each.used)
            turn = next(iter(line.waiting))
            self._take(line, turn)
            if not turn.cancelled():
                self._is_busy, self._level = True, line.used
                turn.set_result(None)

    def _take(self, line: Line, turn: asyncio.Future[None]) -> None:
        """Take a job out of its line, which then stands behind equal ones."""
        del line.waiting[turn], self._lines[line]
        if line.waiting:
            self._lines[line] = None
