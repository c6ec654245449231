"""Run long work in a thread beside the event loop, so that nobody else waits for it.

There is one thread, and one job at a time. Each socket has one job in the line, so sockets take turns. The interpreter
switches to the loop whenever that has something to do (`SWITCH`). So a job is made of small steps, and none of them is
a long call into C.

Attack: start many jobs, and hang up after each -> Defence: a waiting job ends with its client, and a running one keeps
its place until it ends, so jobs do not pile up (test: test_a_job_that_was_left_alone_keeps_its_place_until_it_is_over).
Attack: fill the line with jobs of one socket -> Defence: it has one in the line (test: test_sockets_take_turns).
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

_Result = TypeVar("_Result")

SWITCH: Final = 0.00002
"""Seconds after which a waiting thread gets the interpreter (`sys.setswitchinterval`). While a job runs, the loop waits
so long for each event, and not much longer (`host/process`). With Python's default of 5 ms, sixteen clients would share
500 requests a second. With less than this, a ping beside a job takes no less time."""


class Worker:
    """The thread for long work: the running job, and those that wait for it."""

    def __init__(self) -> None:
        self._free = asyncio.Lock()

    async def run(self, line: asyncio.Lock, work: Callable[[], _Result]) -> _Result:
        """Do something there that touches nothing that changes, and return its result; what it raises is raised here.

        In the line of a socket, the next job comes when this one is done.
        """
        async with line:
            await self._free.acquire()
            job = asyncio.get_running_loop().run_in_executor(None, work)
            job.add_done_callback(self._end)
            return await asyncio.shield(job)

    def _end(self, job: asyncio.Future[_Result]) -> None:
        """Let the next job begin: not before this one is over, though its client may have gone."""
        del job
        self._free.release()
