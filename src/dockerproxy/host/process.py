"""Timer precision and memory use of this process, available in the sandbox too."""

import os
import time
from contextlib import suppress
from typing import Final

from dockerproxy.host.libc import call

_PR_SET_TIMERSLACK: Final = 29
_SLACK: Final = 1_000
"""Nanoseconds by which a wait may be late (prctl(2)). The default is 50,000."""

_STATM: Final = "/proc/self/statm"
_RESIDENT: Final = 1
"""The field with the number of pages in memory (proc_pid_statm(5))."""


def wait_precisely() -> None:
    """Minimise the timer slack of this thread, and of those that it starts from now on."""
    with suppress(OSError):  # A container runtime may forbid it.
        call("prctl", _PR_SET_TIMERSLACK, _SLACK, 0, 0, 0)


def give_back_memory() -> None:
    """Return free memory to the kernel, of which glibc keeps what long answers took. Other C libraries keep less."""
    with suppress(AttributeError):
        call("malloc_trim", 0)


class Process:
    """This process, with its start time; its file in /proc is opened before the sandbox closes."""

    def __init__(self, statm: str = _STATM) -> None:
        self.started = time.time()
        try:
            self._statm = os.open(statm, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # /proc is not mounted.
            self._statm = -1

    def find_memory(self) -> int:
        """Return the bytes in memory; 0 if unknown."""
        if self._statm < 0:
            return 0
        return int(os.pread(self._statm, 200, 0).split()[_RESIDENT]) * os.sysconf("SC_PAGE_SIZE")

    def close(self) -> None:
        """Close the file."""
        if self._statm >= 0:
            os.close(self._statm)
            self._statm = -1
