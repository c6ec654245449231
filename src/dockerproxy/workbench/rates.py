"""Rates and durations over the last minute, in bounded memory."""

from collections import deque
from typing import Final

SECONDS: Final = 60
"""Seconds for which counts are kept."""

_AVERAGED: Final = 5
"""Seconds over which a rate is averaged: one would be jumpy, more would lag."""

_SAMPLES: Final = 128
"""Recent durations that are kept."""


class Rate:
    """Counts per second, by a monotonic clock."""

    __slots__ = ("_counts", "_second")

    def __init__(self) -> None:
        self._counts = [0] * (SECONDS + 1)
        self._second = 0

    def add(self, now: float, number: int = 1) -> None:
        """Add a number to the count."""
        self._move(now)
        self._counts[self._second % (SECONDS + 1)] += number

    def list_seconds(self, now: float) -> tuple[int, ...]:
        """Return the counts of the last complete seconds, the oldest first."""
        self._move(now)
        return tuple(self._counts[(self._second + each) % (SECONDS + 1)] for each in range(1, SECONDS + 1))

    def per_second(self, now: float) -> float:
        """Return the rate per second."""
        self._move(now)
        last = range(self._second - _AVERAGED, self._second)
        return sum(self._counts[second % (SECONDS + 1)] for second in last) / _AVERAGED

    def _move(self, now: float) -> None:
        """Forget old seconds."""
        second = max(int(now), self._second)
        for passed in range(self._second + 1, min(second, self._second + SECONDS + 1) + 1):
            self._counts[passed % (SECONDS + 1)] = 0
        if second - self._second > SECONDS:
            self._counts = [0] * (SECONDS + 1)
        self._second = second


class Durations:
    """Recent durations, in milliseconds."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=_SAMPLES)

    def add(self, milliseconds: float) -> None:
        """Add a duration."""
        self._last.append(milliseconds)

    def find_quantile(self, share: float) -> float | None:
        """Return a quantile of the durations; None without durations."""
        ordered = sorted(self._last)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None
