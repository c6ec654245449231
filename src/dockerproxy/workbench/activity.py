"""Count what clients did, from the records of a log, in bounded memory.

A client is a user and group on one socket. Processes are not told apart, because they change from day to day.

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
"""Objects, and reasons of denials, that are kept for each client."""

_LONGEST: Final = 400
"""Characters that are kept of a text."""

_VERSION: Final = re.compile(r"/v[0-9.]+(?=/)")
_ENDED: Final = frozenset({Outcome.DENIED, Outcome.REFUSED})
"""Outcomes of requests that the policy does not allow, or that were refused."""

_KNOWN: Final = {**OPERATIONS, HEALTH.name: HEALTH}

_EPOCH: Final = date(1970, 1, 1).toordinal()
EARLIER: Final = date.min
"""Collects all days beyond the limit."""


class Client(NamedTuple):
    """A client: its socket, and its user and group as the kernel reports them."""

    socket: str
    uid: int
    gid: int


OTHERS: Final = Client("", -1, -1)
"""Collects all clients beyond the limit."""


class Thing(NamedTuple):
    """An object that requests named: its kind, like `containers`, and its name."""

    kind: str
    name: str


class Denial(NamedTuple):
    """Requests that were not allowed, or were ambiguous, for the same reason."""

    outcome: Outcome
    operation: str
    reason: str


class Done:
    """The activity of one client, by operation, object and reason of a denial."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.uses: dict[str, Counter[Outcome]] = {}
        self.things: Top[Thing] = Top(_MOST_KEPT)
        self.denials: Top[Denial] = Top(_MOST_KEPT)

    def note(self, record: Record, when: float, times: int) -> None:
        """Count a request that came `times` times."""
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
    """The activity of all clients in a log, in the order of their first requests."""

    def __init__(self) -> None:
        self.clients: dict[Client, Done] = {}
        self.days = {outcome: Counter[date]() for outcome in Outcome}
        self._days: dict[int, date] = {}

    def note(self, record: Record, when: float, times: int) -> None:
        """Count a request that came `times` times, at `when` in seconds since 1970."""
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
        """The times of the first and the last request."""
        tallies = [done.tally for done in self.clients.values()]
        return min(each.first for each in tallies), max(each.last for each in tallies)

    def _find_day(self, when: float) -> date:
        """Return the day of a time, in UTC; days beyond the limit count as one."""
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
    """Return the object that a request named: by its name in the engine, or else as the client wrote it."""
    if operation.name not in KINDS or record.decision is Outcome.REFUSED:
        return None
    path = record.target.partition("?")[0]
    version = _VERSION.match(path)
    name = record.object or unquote(name_in(path[version.end() :] if version else path, operation))
    return Thing(WORDS[KINDS[operation.name]], _cut(name))


def _cut(text: str) -> str:
    """Shorten a text to keep: first its IDs, as engines show them, then the whole text."""
    if len(text) > 4 * _LONGEST:
        text = text[: 4 * _LONGEST]
    text = shorten_ids(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
