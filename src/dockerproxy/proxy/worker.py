"""Run what takes long beside the event loop, so that nobody else waits for it.

There is one thread for it, and one job at a time. Of each socket one job stands in the line of all, so the sockets take
turns. The interpreter lets go of the job whenever the loop has something to do (`SWITCH`): what runs here is made of
many small steps, none of which is a long call into C.

Attack: many jobs, each left alone by a client that hangs up -> Defence: a job that waits goes with its client, and one
that runs keeps its place until it ends, so none piles up (test: test_a_job_that_was_left_alone_keeps_its_place).
Attack: all jobs of one socket first -> Defence: it has one in the line (test: test_sockets_take_turns).
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

_Result = TypeVar("_Result")

SWITCH: Final = 0.0001
"""Seconds after which a thread that waits for the interpreter gets it (`sys.setswitchinterval`). The loop waits so long
for each event while a job runs. With Python's own 5 ms, sixteen clients would share 500 requests a second."""


class Worker:
    """The thread."""

    def __init__(self) -> None:
        self._free = asyncio.Lock()

    async def run(self, line: asyncio.Lock, work: Callable[[], _Result]) -> _Result:
        """Do something there, and return its result; what it raises is raised here.

        Args:
            line: Of the socket that it is for: the next job of it comes when this one is done.
            work: It touches nothing that changes.
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
