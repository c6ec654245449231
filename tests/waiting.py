"""Waiting for something to become true, with one deadline for all tests, which fails the test."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

PATIENCE: Final = 60
"""Seconds for what happens at once, unless the machine is busy. Set-up that is long by itself has a multiple."""

_PAUSE: Final = 0.02
Answer = TypeVar("Answer")


def wait_until(look: Callable[[], Answer], promise: str, *, seconds: float = PATIENCE) -> Answer:
    """Look again and again until the answer is true, and return that answer."""
    never = threading.Event()
    for _ in range(max(1, round(seconds / _PAUSE))):
        if answer := look():
            return answer
        never.wait(_PAUSE)
    message = f"not within {seconds} s: {promise}"
    raise AssertionError(message)


def wait_asleep(pid: int) -> None:
    """Wait until a process sleeps in a system call. Python heeds a signal that came just before only when it wakes."""
    state = Path(f"/proc/{pid}/stat")
    wait_until(lambda: state.read_text().rpartition(") ")[2].startswith("S"), "the process waits")
