"""Count the exchanges of a socket for metrics. Each record is counted once, with its own terms as labels.

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
"""The engine's fault, by the status of the answer."""

OTHER: Final = "other"
CUT: Final = "cut"
"""The error of an answer that had begun."""

_ENDED: Final = frozenset({Outcome.DENIED, Outcome.REFUSED})


class Count:
    """Exchanges of one operation with one decision, counted in buckets of `BOUNDS`, and one for longer ones."""

    __slots__ = ("buckets", "milliseconds", "received", "sent")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.milliseconds = 0.0
        self.received = self.sent = 0

    def note(self, milliseconds: float, sent: int) -> None:
        """Count an exchange without a request body, as most are."""
        self.buckets[bisect_left(_BOUNDS, milliseconds)] += 1
        self.milliseconds += milliseconds
        self.sent += sent


class Counts:
    """The counts of one socket: exchanges, reasons of refusals, errors, and answers of operators."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, Outcome], Count] = {}
        self.turned_away = Counter[str]()
        self.engine_errors = Counter[str]()
        self.asked = Counter[str]()

    def find(self, operation: str, decision: Outcome) -> Count:
        """Return the counter for such exchanges."""
        found = self.counts.get((operation, decision))
        if found is None:
            found = self.counts[operation, decision] = Count()
        return found

    def note(self, record: Record, level: Level) -> None:
        """Count a finished exchange."""
        count = self.find(record.operation, record.decision)
        count.note(record.milliseconds, record.sent)
        count.received += record.received
        if record.decision in _ENDED:
            self.turned_away[TURNED_AWAY.get(record.status, OTHER)] += 1
        elif level is Level.ERR:
            self.engine_errors[ENGINE_ERRORS.get(record.status, CUT)] += 1
