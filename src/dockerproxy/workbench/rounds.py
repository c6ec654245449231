"""Recognise a client that lists objects and then asks for each of them by its id.

Such a client asks for new objects tomorrow, so the names that it saw today say nothing.

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
"""Operations that read one object, and the list that shows its id."""

_FEWEST: Final = 3
"""Objects of a round: two may be the ones that a client knows."""

_PATIENCE: Final = 60
"""Seconds from a list, or from the last object of a round, to the next one."""

_MOST: Final = 256
"""Rounds under way that are remembered."""

_STATES: Final = frozenset({"status", "health", "exited", "dangling"})
"""Filters of a list that name no object and nobody's label."""


class Rounds:
    """The rounds of the clients of a socket."""

    def __init__(self) -> None:
        self._ends: dict[tuple[object, str], float] = {}
        self._ids: dict[tuple[object, str], set[str]] = {}

    def note(self, record: Record, need: Need, when: float, *, is_own: bool) -> bool:
        """Note a request, at so many seconds since 1970, and return whether it is part of a round."""
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
    """Say what a client does that makes rounds."""
    return f"asks for each of the {WORDS[KINDS[operation]]} that it listed"


def _lists_all(record: Record) -> bool:
    """Whether a list is not of objects that the client knows already, such as those of its project."""
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
