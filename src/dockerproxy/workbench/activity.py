"""What clients did, counted from the records of a log in bounded memory.

A client is whoever has the same user and group on the same socket: a process is another one tomorrow.

Attacks: docs/attacks.md, workbench/activity.
"""

import re
from collections import Counter
from datetime import date
from typing import Final, NamedTuple

from dockerproxy.api.catalog import HEALTH, OPERATIONS, UNKNOWN, Access, Operation
from dockerproxy.config.policy_file import NAME
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.policy.objects import KINDS, WORDS, name_in
from dockerproxy.text import shorten_ids, unquote
from dockerproxy.workbench.tallies import Tally, Top

_MOST_CLIENTS: Final = 32
_MOST_DAYS: Final = 100
_MOST_KEPT: Final = 500
"""Objects, and reasons of denials, of a client."""

_LONGEST: Final = 400
"""Characters of a text that is kept."""

_VERSION: Final = re.compile(r"/v[0-9.]+(?=/)")
_ENDED: Final = frozenset({Outcome.DENIED, Outcome.REFUSED})
"""What came of requests that did not pass."""

_KNOWN: Final = {**OPERATIONS, HEALTH.name: HEALTH}

_EPOCH: Final = date(1970, 1, 1).toordinal()
EARLIER: Final = date.min
"""Stands for all days that there was no room for."""


class Client(NamedTuple):
    """A client: by which socket it comes, and as whom the kernel knows it."""

    socket: str
    uid: int
    gid: int


OTHERS: Final = Client("", -1, -1)
"""All clients that there was no room for."""


class Thing(NamedTuple):
    """An object that requests named: of which kind, like `containers`, and its name."""

    kind: str
    name: str


class Denial(NamedTuple):
    """Requests that a policy does not allow, or that had no reading, for the same reason."""

    outcome: Outcome
    operation: str
    reason: str


class Done:
    """What one client did, by operation, object and reason of a denial."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.uses: dict[str, Counter[Outcome]] = {}
        self.things: Top[Thing] = Top(_MOST_KEPT)
        self.denials: Top[Denial] = Top(_MOST_KEPT)

    def note(self, record: Record, when: float, times: int) -> None:
        """Count a request so many times."""
        operation = _KNOWN.get(record.operation, UNKNOWN)
        stopped = record.decision is not Outcome.ALLOWED
        changes = operation.access is Access.WRITE and record.decision not in _ENDED
        self.uses.setdefault(operation.name, Counter())[record.decision] += times
        self.tally.note(when, times, changes=changes, stopped=stopped)
        thing = _find_thing(record, operation)
        if thing is not None:
            self.things.find(thing).note(when, times, changes=changes, stopped=stopped)
        if stopped:
            denial = Denial(record.decision, operation.name, _cut(record.reason))
            tally = self.denials.find(denial)
            tally.note(when, times, stopped=True)
            tally.example = tally.example or _cut(f"{record.method} {record.target}")


class Activity:
    """What all clients of a log did, in the order in which they came."""

    def __init__(self) -> None:
        self.clients: dict[Client, Done] = {}
        self.days = {outcome: Counter[date]() for outcome in Outcome}
        self._days: dict[int, date] = {}

    def note(self, record: Record, when: float, times: int) -> None:
        """Count a request, at so many seconds since 1970, so many times."""
        client = Client(record.socket, record.peer.uid, record.peer.gid)
        done = self.clients.get(client)
        if done is None:
            is_new = len(self.clients) < _MOST_CLIENTS and NAME.fullmatch(record.socket)
            done = self.clients.setdefault(client if is_new else OTHERS, Done())
        day = self._find_day(when)
        done.note(record, when, times)
        self.days[record.decision][day] += times

    @property
    def span(self) -> tuple[float, float]:
        """When the first request came, and when the last."""
        tallies = [done.tally for done in self.clients.values()]
        return min(each.first for each in tallies), max(each.last for each in tallies)

    def _find_day(self, when: float) -> date:
        """Return the day of a time, in UTC; those that are too old to be kept apart are one."""
        number = int(when // 86_400)
        day = self._days.get(number)
        if day is None:
            day = self._days[number] = date.fromordinal(_EPOCH + number)
            if len(self._days) > 2 * _MOST_DAYS:
                old = {self._days.pop(number) for number in sorted(self._days)[:-_MOST_DAYS]}
                for days in self.days.values():
                    for day in days.keys() & old:
                        days[EARLIER] += days.pop(day)
        return day if number in self._days else EARLIER


def _find_thing(record: Record, operation: Operation) -> Thing | None:
    """Return the object that a request named: as the engine knows it, or else as the client called it."""
    if operation.name not in KINDS or record.decision is Outcome.REFUSED:
        return None
    path = record.target.partition("?")[0]
    version = _VERSION.match(path)
    name = record.object or unquote(name_in(path[version.end() :] if version else path, operation))
    return Thing(WORDS[KINDS[operation.name]], _cut(name))


def _cut(text: str) -> str:
    """Shorten a text that is kept: IDs as engines show them, and all else to what a person may read."""
    if len(text) > 4 * _LONGEST:
        text = text[: 4 * _LONGEST]
    text = shorten_ids(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
