"""The one owner of tasks: each has a name, and none dies unheard."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial

from dockerproxy.observe.record import LogPort
from dockerproxy.proxy.failures import log_bug


class Tasks:
    """Tasks that end by themselves. One that fails is logged and disturbs no other."""

    def __init__(self, log: LogPort) -> None:
        self._log = log
        self._running: set[asyncio.Task[None]] = set()

    def start(
        self, work: Coroutine[None, None, None], name: str, if_it_fails: Callable[[], None] | None = None
    ) -> asyncio.Task[None]:
        """Run a coroutine; its result need not be waited for, and it may be cancelled."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(partial(self._ended, if_it_fails))
        return task

    def cancel(self) -> None:
        """End all that still run."""
        for task in self._running:
            task.cancel()

    def _ended(self, if_it_fails: Callable[[], None] | None, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log_bug(self._log, task.get_name(), error)
            if if_it_fails is not None:
                if_it_fails()
