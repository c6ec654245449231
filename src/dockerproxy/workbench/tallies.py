"""Counters in bounded memory, for any number of different keys in a log.

Attacks: docs/attacks.md, workbench/tallies.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from heapq import nlargest
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(slots=True)
class Tally:
    """Counts of requests, writes and stopped requests, first and last time in seconds since 1970, and an example."""

    count: int = 0
    changes: int = 0
    stopped: int = 0
    first: float = float("inf")
    last: float = float("-inf")
    example: str = ""

    def note(self, when: float, times: int, *, changes: bool = False, stopped: bool = False) -> None:
        """Add `times` to the counts."""
        self.count += times
        self.changes += times * changes
        self.stopped += times * stopped
        self.first = min(self.first, when)
        self.last = max(self.last, when)


class Top(Generic[_Key]):
    """Tallies of the most frequent keys. Rarer keys may be forgotten, and then count as `others`."""

    def __init__(self, most: int) -> None:
        self.others = 0
        self._most = most
        self._tallies: dict[_Key, Tally] = {}

    def find(self, key: _Key) -> Tally:
        """Return the tally of a key; create it if necessary."""
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
        """Return the most frequent keys, with their tallies."""
        return nlargest(number, self._tallies.items(), key=lambda each: each[1].count)

    def count_rest(self, number: int) -> int:
        """Return the total count of all but the most frequent keys."""
        shown = sum(tally.count for _, tally in self.list_most(number))
        return self.others + sum(tally.count for tally in self._tallies.values()) - shown
