"""Polls: the same read of the same client again and again, which the log then has once a minute, with a count.

The first of a minute is written at once. What is denied, changes something, streams, or had another answer is never
left out: it is another line. What has no more repetitions is written with the next exchange after the minute, or at the
end.

Attacks: docs/attacks.md, observe/polls.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from dockerproxy.api.catalog import OPERATIONS, Access, Shape
from dockerproxy.observe.record import Outcome, Record

EVERY: Final = 60.0
"""Seconds for which repetitions are counted."""

MOST: Final = 1024
_LONGEST: Final = 1024
"""Characters of a target and an object of which repetitions are counted."""

_SAME: Final = 10
"""Fields of a record, from the first on, that are equal in a repetition: who asked, what, and what came of it."""

_READS: Final = frozenset(
    name for name, each in OPERATIONS.items() if each.access is Access.READ and each.shape is Shape.REPLY
)


class Repeated(NamedTuple):
    """How often a record came, and when first, in seconds since 1970."""

    times: int
    since: float


@dataclass(slots=True, eq=False, repr=False)
class _Poll:
    """Repetitions of a record that was written: how many, when the first of them came, and the last one."""

    begin: float
    times: int = 0
    since: float = 0.0
    last: Record | None = None

    def tell(self) -> Iterator["Line"]:
        """Yield the line of the repetitions, if there are any."""
        if self.last is not None:
            yield self.last, Repeated(self.times, self.since)


Line = tuple[Record, Repeated | None]


class Polls:
    """Decides which records are written, and when."""

    def __init__(self) -> None:
        self._polls: dict[tuple[object, ...], _Poll] = {}  # The one that was written first is the first.

    def take(self, record: Record, now: float) -> Iterator[Line]:
        """Take a record; yield what is written now: it, if it is no repetition, and others that are due."""
        while self._polls:
            key, oldest = next(iter(self._polls.items()))
            if oldest.begin + EVERY > now:
                break
            del self._polls[key]
            yield from oldest.tell()
            if oldest.last is not None:
                self._polls[key] = _Poll(now)
        key = record[:_SAME]
        poll = self._polls.get(key)
        if not _is_poll(record):
            yield record, None
        elif poll is not None:
            poll.since = poll.since or now
            poll.times, poll.last = poll.times + 1, record
        else:
            if len(self._polls) >= MOST:
                yield from self._polls.pop(next(iter(self._polls))).tell()
            self._polls[key] = _Poll(now)
            yield record, None

    def finish(self) -> Iterator[Line]:
        """Yield what is left, and forget all."""
        for poll in self._polls.values():
            yield from poll.tell()
        self._polls.clear()


def _is_poll(record: Record) -> bool:
    is_plain = record.body is None and not record.created and record.decision is Outcome.ALLOWED
    return is_plain and record.operation in _READS and len(record.target) + len(record.object) <= _LONGEST
