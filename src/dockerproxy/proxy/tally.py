"""What is counted of the exchange under way, until it is a record."""

import time
from collections.abc import Callable
from typing import Final

from dockerproxy.observe.log import Log
from dockerproxy.observe.record import MAX_TARGET, Outcome, Peer, Record
from dockerproxy.policy.judge import Judged
from dockerproxy.policy.model import Mode
from dockerproxy.proxy.served import Served
from dockerproxy.settings import Level

_NONE: Final = ("", "")

_REPORT_LEVELS: Final = {Mode.REPORT: Level.WARNING, Mode.LEARN: Level.INFO}
"""How grave it is that a request passes which the policy does not allow. A socket that learns has no policy yet."""


class Tally:
    """Counts one exchange after the other, and leaves one record of each.

    Attributes:
        peer: The client.
        begun: When it began.
        judged: The request under way, or None between two of them.
        status: Of the answer, 0 before there is one.
        received: Bytes of content from the client.
        sent: Bytes to the client.
        count: How many have begun.
        when_over: Called once, when the exchange under way has left its record.
    """

    __slots__ = (
        "_log",
        "_noted",
        "_now",
        "_served",
        "begun",
        "count",
        "judged",
        "peer",
        "received",
        "sent",
        "status",
        "when_over",
    )

    def __init__(self, served: Served, log: Log, now: Callable[[], float]) -> None:
        self.peer = Peer(-1, -1, -1)
        self._served = served
        self._log = log
        self._now = now
        self.when_over: Callable[[], None] | None = None
        self.count = -1
        self.begin()

    def begin(self) -> None:
        """Start anew."""
        self.judged: Judged | None = None
        self.status = self.received = self.sent = 0
        self.begun = self._now()
        self.count += 1
        self._noted = False

    def note_start(self) -> None:
        """Log the start of what may last for weeks."""
        if self.judged is not None:
            outcome = self._outcome(self.judged)
            reason = _explain(self.judged) if outcome is Outcome.REPORTED else ""
            record = self._make_record(outcome, reason, _NONE)
            self._log.start(record)
            self._note(record)

    def end(
        self,
        outcome: Outcome,
        reason: str = "",
        level: Level = Level.INFO,
        line: tuple[str, str] = _NONE,
    ) -> None:
        """Leave the one record of the exchange.

        Args:
            outcome: What became of it.
            reason: Why it got no answer from the engine, if so.
            level: How grave that is.
            line: Method and target of a request that was never judged.
        """
        judged = self.judged
        if outcome is Outcome.ALLOWED and judged is not None:
            outcome = self._outcome(judged)
            if outcome is Outcome.REPORTED:
                reason = reason or _explain(judged)
                level = max(level, _REPORT_LEVELS[judged.mode], key=lambda level: level.rank)
            elif judged.is_health_check and level is Level.INFO:
                level = Level.DEBUG
        record = self._make_record(outcome, reason, line)
        self._log.exchange(record, level)
        self._note(record)
        if judged is not None:
            self._served.usage.leave(judged.shape)
        self.judged = None
        if self.when_over is not None:
            self.when_over()
            self.when_over = None

    def _note(self, record: Record) -> None:
        """Have a socket that reports or learns take note: once, of what may last for weeks at its start."""
        if self._served.refuses_nothing and not self._noted:
            self._noted = True
            self._served.note(record, time.time())

    @staticmethod
    def _outcome(judged: Judged) -> Outcome:
        """Say what became of a request that was not answered by us."""
        if judged.decision.allowed:
            return Outcome.ALLOWED
        return Outcome.REPORTED if judged.passes else Outcome.DENIED

    def _make_record(self, outcome: Outcome, reason: str, line: tuple[str, str]) -> Record:
        judged = self.judged
        return Record(
            self._served.name,
            self.peer,
            judged.method if judged else self._served.redact(line[0]),
            self._served.redact(judged.target if judged else line[1])[:MAX_TARGET],
            judged.operation.name if judged and judged.operation else "",
            judged.object if judged else "",
            outcome,
            judged.decision.source if judged else "",
            reason,
            self.status,
            self.received,
            self.sent,
            (self._now() - self.begun) * 1000,
            judged.needs if judged else None,
        )


def _explain(judged: Judged) -> str:
    """Say why a request that passes would be denied. A socket that learns has no policy yet that could be mended."""
    return judged.decision.message if judged.mode is Mode.REPORT else ""
