"""What is counted of the exchange under way, until it is a record."""

from collections.abc import Callable
from typing import Final

from dockerproxy.observe.log import Log
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.judge import Judged
from dockerproxy.settings import Level

_SHOWN: Final = 4096
"""Characters of a target that a record keeps."""

_NONE: Final = ("", "")


class Tally:
    """Counts one exchange after the other, and leaves one record of each.

    Attributes:
        peer: The client.
        judged: The request under way, or None between two of them.
        status: Of the answer, 0 before there is one.
        received: Bytes of content from the client.
        sent: Bytes to the client.
    """

    __slots__ = ("_begun", "_log", "_now", "_socket", "judged", "peer", "received", "sent", "status")

    def __init__(self, socket: str, log: Log, now: Callable[[], float]) -> None:
        self.peer = Peer(-1, -1, -1)
        self._socket = socket
        self._log = log
        self._now = now
        self.begin()

    def begin(self) -> None:
        """Start anew."""
        self.judged: Judged | None = None
        self.status = self.received = self.sent = 0
        self._begun = self._now()

    def note_start(self) -> None:
        """Log the start of what may last for weeks."""
        self._log.start(self._make_record(Outcome.ALLOWED, "", _NONE))

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
        if level is Level.INFO and self.judged is not None and self.judged.is_health_check:
            level = Level.DEBUG
        self._log.exchange(self._make_record(outcome, reason, line), level)
        self.judged = None

    def _make_record(self, outcome: Outcome, reason: str, line: tuple[str, str]) -> Record:
        judged = self.judged
        return Record(
            self._socket,
            self.peer,
            judged.method if judged else line[0],
            judged.target[:_SHOWN] if judged else line[1],
            judged.operation.name if judged and judged.operation else "",
            outcome,
            judged.decision.source if judged else "",
            reason,
            self.status,
            self.received,
            self.sent,
            (self._now() - self._begun) * 1000,
        )
