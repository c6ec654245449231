"""How much happens in a second, and how long it takes: of the last minute only, whatever comes."""

from collections import deque
from typing import Final

SECONDS: Final = 60
"""For which counts are kept."""

_AVERAGED: Final = 5
"""Whole seconds of which the average is the rate: one would jump, and more would be late."""

_SAMPLES: Final = 128
"""Durations that are kept, the last ones."""


class Rate:
    """Counts, second by second. Time never runs backwards."""

    __slots__ = ("_counts", "_second")

    def __init__(self) -> None:
        self._counts = [0] * (SECONDS + 1)
        self._second = 0

    def add(self, now: float, number: int = 1) -> None:
        """Count so many more."""
        self._move(now)
        self._counts[self._second % (SECONDS + 1)] += number

    def list_seconds(self, now: float) -> tuple[int, ...]:
        """Return the counts of the last whole seconds, the oldest first."""
        self._move(now)
        return tuple(self._counts[(self._second + each) % (SECONDS + 1)] for each in range(1, SECONDS + 1))

    def per_second(self, now: float) -> float:
        """Return how many there are in a second."""
        self._move(now)
        last = range(self._second - _AVERAGED, self._second)
        return sum(self._counts[second % (SECONDS + 1)] for second in last) / _AVERAGED

    def _move(self, now: float) -> None:
        """Forget what is too old."""
        second = max(int(now), self._second)
        for passed in range(self._second + 1, min(second, self._second + SECONDS + 1) + 1):
            self._counts[passed % (SECONDS + 1)] = 0
        if second - self._second > SECONDS:
            self._counts = [0] * (SECONDS + 1)
        self._second = second


class Durations:
    """The last durations, in milliseconds."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=_SAMPLES)

    def add(self, milliseconds: float) -> None:
        """Note one more."""
        self._last.append(milliseconds)

    def find_quantile(self, share: float) -> float | None:
        """Return the duration that such a share of all do not exceed; None if there is none."""
        ordered = sorted(self._last)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None
