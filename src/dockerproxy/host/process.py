"""What the kernel does for this process and says of it, also after it has locked itself in."""

import os
import time
from contextlib import suppress
from typing import Final

from dockerproxy.host.libc import call

_PR_SET_TIMERSLACK: Final = 29
_SLACK: Final = 1_000
"""Nanoseconds that a wait may be longer than asked (prctl(2)). By default they are 50,000."""

_STATM: Final = "/proc/self/statm"
_RESIDENT: Final = 1
"""Where in it the pages in memory are (proc_pid_statm(5))."""


def wait_precisely() -> None:
    """Have this thread, and those that it starts from now on, wait as long as asked and hardly longer."""
    with suppress(OSError):  # Whatever runs us may forbid it.
        call("prctl", _PR_SET_TIMERSLACK, _SLACK, 0, 0, 0)


class Process:
    """This process, since when it runs; its file in /proc is opened before the sandbox closes."""

    def __init__(self, statm: str = _STATM) -> None:
        self.started = time.time()
        try:
            self._statm = os.open(statm, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # /proc is not mounted.
            self._statm = -1

    def find_memory(self) -> int:
        """Return the bytes that it has in memory; 0 if that is unknown."""
        if self._statm < 0:
            return 0
        return int(os.pread(self._statm, 200, 0).split()[_RESIDENT]) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """Close what is open."""
        if self._statm >= 0:
            os.close(self._statm)
            self._statm = -1
