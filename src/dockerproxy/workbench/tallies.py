"""Counters whose memory is bounded, however many different things a log has.

Attack: ever new names, so that memory grows without end -> Defence: `Top` forgets those that came least, and counts
what it forgot (test: test_what_comes_most_stays_and_the_rest_is_counted).
Attack: durations that are not numbers, or larger than any -> Defence: `Durations` has buckets, of which the last takes
all that is longer; the reader of a log lets no others pass (test: test_any_duration_has_a_bucket).
"""

from array import array
from bisect import bisect_left
from collections.abc import Hashable
from dataclasses import dataclass
from heapq import nlargest
from itertools import accumulate
from typing import Final, Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)

_STEPS: Final = 20
"""Buckets for a factor of ten: each is an eighth longer than the one before."""

_BOUNDS: Final = tuple(10 ** (step / _STEPS) / 10 for step in range(9 * _STEPS))
"""Milliseconds, from a tenth of one to a day."""


class Durations:
    """How long something took: counts in buckets, from which quantiles can be read."""

    def __init__(self) -> None:
        self._buckets = array("Q", bytes(8 * (len(_BOUNDS) + 1)))
        self.longest = 0.0

    def note(self, milliseconds: float, times: int) -> None:
        """Count a duration so many times."""
        self._buckets[bisect_left(_BOUNDS, milliseconds)] += times
        self.longest = max(self.longest, milliseconds)

    def quantile(self, share: float) -> float:
        """Return milliseconds that a share of all did not exceed, an eighth too many at most; 0 if there are none."""
        needed = share * sum(self._buckets)
        for index, count in enumerate(accumulate(self._buckets)):
            if count >= needed > 0:
                return min((*_BOUNDS, self.longest)[index], self.longest)
        return 0.0


@dataclass(slots=True)
class Tally:
    """How often something came, changed something or was stopped, when, in seconds since 1970, and one of them."""

    count: int = 0
    changes: int = 0
    stopped: int = 0
    first: float = float("inf")
    last: float = float("-inf")
    example: str = ""

    def note(self, when: float, times: int, *, changes: bool = False, stopped: bool = False) -> None:
        """Count something so many times."""
        self.count += times
        self.changes += times * changes
        self.stopped += times * stopped
        self.first = min(self.first, when)
        self.last = max(self.last, when)


class Top(Generic[_Key]):
    """Tallies of what came most. What came less may be forgotten, and is then counted as `others`."""

    def __init__(self, most: int) -> None:
        self.others = 0
        self._most = most
        self._tallies: dict[_Key, Tally] = {}

    def find(self, key: _Key) -> Tally:
        """Return the tally of a key, a new one if there is none."""
        found = self._tallies.get(key)
        if found is None:
            if len(self._tallies) >= 2 * self._most:
                self._forget()
            found = self._tallies[key] = Tally()
        return found

    def _forget(self) -> None:
        kept = dict(self.list_most(self._most))
        self.others += sum(tally.count for key, tally in self._tallies.items() if key not in kept)
        self._tallies = kept

    def list_most(self, number: int) -> list[tuple[_Key, Tally]]:
        """Return those that came most, with their tallies."""
        return nlargest(number, self._tallies.items(), key=lambda each: each[1].count)

    def count_rest(self, number: int) -> int:
        """Return how often all came that are not among those that came most."""
        shown = sum(tally.count for _, tally in self.list_most(number))
        return self.others + sum(tally.count for tally in self._tallies.values()) - shown
