"""Recognise clients that list objects and then request each of them by its ID.

Such a client will request new objects tomorrow, so today's names predict nothing.

Attacks: docs/attacks.md, workbench/rounds.
"""

import json
from typing import Final

from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.observe.record import Record
from dockerproxy.policy.objects import KINDS, WORDS
from dockerproxy.workbench.needs import Need
from dockerproxy.workbench.owned import forget_oldest
from dockerproxy.workbench.patterns import is_id

LISTED_BY: Final = {
    "ContainerInspect": "ContainerList",
    "ContainerStats": "ContainerList",
    "ContainerTop": "ContainerList",
    "NetworkInspect": "NetworkList",
    "ContainerInspectLibpod": "ContainerListLibpod",
    "ContainerTopLibpod": "ContainerListLibpod",
    "NetworkInspectLibpod": "NetworkListLibpod",
}
"""Operations that read one object, and the list that shows its ID."""

_FEWEST: Final = 3
"""The fewest objects of a round: a client may know two by name."""

_PATIENCE: Final = 60
"""Seconds from a list, or from one object of a round, to the next object."""

_MOST: Final = 256
"""Current rounds that are remembered."""

_STATES: Final = frozenset({"status", "health", "exited", "dangling"})
"""Filters of a list that name neither an object nor a label."""


class Rounds:
    """The rounds of the clients of a socket."""

    def __init__(self) -> None:
        self._ends: dict[tuple[object, str], float] = {}
        self._ids: dict[tuple[object, str], set[str]] = {}

    def note(self, record: Record, need: Need, when: float, *, is_own: bool) -> bool:
        """Note a request at `when`, in seconds since 1970, and return whether it is part of a round."""
        name = need.operation.name
        if name in LISTED_BY.values() and _lists_all(record):
            self._ends[record.peer, name] = when + _PATIENCE
            forget_oldest(self._ends, _MOST)
        if name not in LISTED_BY or need.is_doubtful or is_own or not is_id(need.named):
            return False
        begun = (record.peer, LISTED_BY[name])
        if self._ends.get(begun, 0.0) < when:
            return False
        self._ends[begun] = when + _PATIENCE
        ids = self._ids.setdefault((record.peer, name), set())
        forget_oldest(self._ids, _MOST)
        if len(ids) < _FEWEST:
            ids.add(need.named)
        return len(ids) >= _FEWEST


def describe(operation: str) -> str:
    """Describe the behaviour of a client that makes rounds."""
    return f"requests each of the {WORDS[KINDS[operation]]} that it listed"


def _lists_all(record: Record) -> bool:
    """Whether a list is not limited to known objects, such as those of a project."""
    request = canonicalise(record.method, record.target)
    if not isinstance(request, CanonicalRequest):
        return False
    for text in request.values("filters"):
        try:
            filters = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            return False
        if not isinstance(filters, dict) or not filters.keys() <= _STATES:
            return False
    return True
