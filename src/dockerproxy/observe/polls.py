"""Collapse polls: if a client repeats a read, the log has one line a minute, with a count.

The first request of a minute is written at once. Denials, writes, streams and different answers are never collapsed.
The count is written with the next exchange after the minute, or at the end.

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
"""The longest target and object whose repetitions are counted."""

_SAME: Final = 10
"""Leading fields of a record that are equal in a repetition: the client, the request and the outcome."""

_READS: Final = frozenset(
    name for name, each in OPERATIONS.items() if each.access is Access.READ and each.shape is Shape.REPLY
)


class Repeated(NamedTuple):
    """How often a record was repeated, and since when, in seconds since 1970."""

    times: int
    since: float


@dataclass(slots=True, eq=False, repr=False)
class _Poll:
    """Repetitions of a written record: the count, the time of the first, and the last record."""

    begin: float
    times: int = 0
    since: float = 0.0
    last: Record | None = None

    def tell(self) -> Iterator["Line"]:
        """Yield the line for the repetitions, if there are any."""
        if self.last is not None:
            yield self.last, Repeated(self.times, self.since)


Line = tuple[Record, Repeated | None]


class Polls:
    """Decides which records are written, and when."""

    def __init__(self) -> None:
        self._polls: dict[tuple[object, ...], _Poll] = {}  # In the order of their first lines.

    def take(self, record: Record, now: float) -> Iterator[Line]:
        """Take a record; yield the lines to write now: its own unless it is a repetition, and others that are due."""
        while self._polls:
            key, oldest = next(iter(self._polls.items()))
            if oldest.begin <= now < oldest.begin + EVERY:  # The clock may have been set back.
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
        """Yield the remaining lines, and forget everything."""
        for poll in self._polls.values():
            yield from poll.tell()
        self._polls.clear()


def _is_poll(record: Record) -> bool:
    is_plain = record.body is None and not record.created and record.decision is Outcome.ALLOWED
    return is_plain and record.operation in _READS and len(record.target) + len(record.object) <= _LONGEST
