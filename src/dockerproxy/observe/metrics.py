"""Counts of a socket's exchanges, for metrics. Each record is counted once, with the record's own words.

Attacks: docs/attacks.md, observe/metrics.
"""

from bisect import bisect_left
from collections import Counter
from typing import Final

from dockerproxy.observe.record import Outcome, Record
from dockerproxy.settings import Level

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0, 600.0, 3600.0)
"""Seconds: most answers take milliseconds, and streams may last for weeks."""

_BOUNDS: Final = tuple(bound * 1000 for bound in BOUNDS)

TURNED_AWAY: Final = {
    400: "malformed",
    403: "policy",
    404: "no_object",
    408: "timeout",
    413: "body_size",
    417: "expectation",
    429: "rate",
    431: "head_size",
    503: "limit",
}
"""Why a request did not pass, by the status of the answer."""

ENGINE_ERRORS: Final = {502: "failed", 503: "unreachable", 504: "timeout"}
"""What was wrong with the engine, by the status of the answer."""

OTHER: Final = "other"
CUT: Final = "cut"
"""Of an answer that had begun."""

_ENDED: Final = frozenset({Outcome.DENIED, Outcome.REFUSED})


class Count:
    """Exchanges of one operation with one decision: how many took at most each of `BOUNDS`, or longer than all."""

    __slots__ = ("buckets", "milliseconds", "received", "sent")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.milliseconds = 0.0
        self.received = self.sent = 0

    def note(self, milliseconds: float, sent: int) -> None:
        """Count one more, of which nothing was received: most requests have no body."""
        self.buckets[bisect_left(_BOUNDS, milliseconds)] += 1
        self.milliseconds += milliseconds
        self.sent += sent


class Counts:
    """What is counted for one socket: exchanges, why requests did not pass, errors, and answers of persons."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, Outcome], Count] = {}
        self.turned_away = Counter[str]()
        self.engine_errors = Counter[str]()
        self.asked = Counter[str]()

    def find(self, operation: str, decision: Outcome) -> Count:
        """Return what counts such exchanges."""
        found = self.counts.get((operation, decision))
        if found is None:
            found = self.counts[operation, decision] = Count()
        return found

    def note(self, record: Record, level: Level) -> None:
        """Count an exchange that is over."""
        count = self.find(record.operation, record.decision)
        count.note(record.milliseconds, record.sent)
        count.received += record.received
        if record.decision in _ENDED:
            self.turned_away[TURNED_AWAY.get(record.status, OTHER)] += 1
        elif level is Level.ERR:
            self.engine_errors[ENGINE_ERRORS.get(record.status, CUT)] += 1
