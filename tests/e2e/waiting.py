"""Waiting for something to become true, with a deadline that fails the test."""

import threading
from collections.abc import Callable
from typing import TypeVar

from cli.programs import PATIENCE

PAUSE = 0.02
Answer = TypeVar("Answer")


def wait_until(look: Callable[[], Answer], promise: str, *, seconds: float = PATIENCE) -> Answer:
    """Look again and again until the answer is true, and return that answer."""
    never = threading.Event()
    for _ in range(max(1, round(seconds / PAUSE))):
        if answer := look():
            return answer
        never.wait(PAUSE)
    message = f"not within {seconds} s: {promise}"
    raise AssertionError(message)
