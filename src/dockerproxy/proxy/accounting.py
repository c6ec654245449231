"""Accounting: what is counted of the exchange under way, and the one record that it leaves.

Records arise here and nowhere else: `Accounting._make_record`.
"""

from typing import Final

from dockerproxy.api.catalog import HEALTH
from dockerproxy.api.secrets import redact
from dockerproxy.observe.record import MAX_TARGET, Outcome, Peer, Record, Said
from dockerproxy.policy.model import Mode
from dockerproxy.policy.phases import Judged, Verdict
from dockerproxy.proxy.sockets import SocketState
from dockerproxy.settings import Level

NO_LINE: Final[tuple[str, str]] = ("", "")

_NOBODY: Final = Peer(-1, -1, -1)

_INFO: Final = Level.INFO
_ALLOWED: Final = Outcome.ALLOWED

_REPORT_LEVELS: Final = {Mode.REPORT: Level.WARNING, Mode.LEARN: Level.INFO}
"""How grave it is that a request passes which the policy does not allow. A socket that learns has no policy yet."""


class Accounting:
    """Counts the exchanges of one connection, one after the other, and leaves one record of each. It is a `Spender`.

    Attributes, besides those of `Record`:
        begun: When the exchange under way began.
        count: How many exchanges have begun.
        held: Bytes held of its request body.
        outlasts: Whether it counts as under way until the engine is done, also if its client has gone before.
    """

    def __init__(self, socket: SocketState) -> None:
        self.peer = _NOBODY
        self._socket = socket
        self._usage = socket.usage
        self._log = socket.shared.log
        self._now = socket.shared.now
        self.held = 0
        self.count = -1
        self.spent = self.spent_until = 0
        self._decision = ""
        self.begin()

    def begin(self) -> None:
        """Start anew."""
        self.status = self.received = self.sent = 0
        self.created = ""
        self._is_noted = self.outlasts = False
        self.begun = self._now()
        self.count += 1

    @property
    def decision(self) -> str:
        """The ID of the decision, the same until the record is left."""
        self._decision = self._decision or self._socket.journal.next_id()
        return self._decision

    def hold(self, size: int) -> int:
        """Note the bytes held of this body; return the bytes held for the whole socket."""
        self._usage.held += size - self.held
        self.held = size
        return self._usage.held

    def note_start(self, judged: Judged) -> None:
        """Log the start of what may last for weeks."""
        outcome, reason = _find_outcome(judged)
        record = self._make_record(judged, outcome, reason, NO_LINE)
        self._log.start(record)
        self._note(record)

    def end(
        self,
        judged: Judged | None,
        outcome: Outcome,
        reason: str = "",
        level: Level = Level.INFO,
        line: tuple[str, str] = NO_LINE,
    ) -> None:
        """Leave the one record of the exchange; of a request that was never judged with its line: method and target.

        What was sent on is ALLOWED. The reason says why the engine gave no answer, the level how grave that is.
        """
        if outcome is _ALLOWED and judged is not None:
            outcome, would_be_denied = _find_outcome(judged)
            if outcome is _ALLOWED:
                level = Level.DEBUG if judged.request.operation is HEALTH and level is _INFO else level
            elif outcome is Outcome.REPORTED:
                reason = reason or would_be_denied
                level = max(level, _REPORT_LEVELS[judged.mode], key=lambda level: level.rank)
        record = self._make_record(judged, outcome, reason, line)
        self._decision = ""
        self._log.exchange(record, level)
        self._socket.journal.count(record, level)
        self._note(record)
        if judged is not None and not self.outlasts:
            self._usage.leave(judged.request.operation.shape)
        if self.held:
            self.hold(0)

    def _note(self, record: Record) -> None:
        """Have a socket that reports or learns take note: once, of what may last for weeks at its start."""
        if self._socket.refuses_nothing and not self._is_noted:
            self._is_noted = True
            self._socket.journal.note(record)

    def _make_record(self, judged: Judged | None, outcome: Outcome, reason: str, line: tuple[str, str]) -> Record:
        verdict = judged if isinstance(judged, Verdict) else None
        return Record(
            self._socket.name,
            self.peer,
            *(
                say(judged, outcome)
                if judged is not None
                else (redact(line[0]), redact(line[1])[:MAX_TARGET], "", "", outcome, "")
            ),
            reason,
            self.status,
            self.received,
            self.sent,
            (self._now() - self.begun) * 1000,
            verdict.needs if verdict else None,
            self.created,
            self.decision,
        )


def say(judged: Judged, outcome: Outcome) -> Said:
    """Return what a record says of a request and what became of it."""
    source = judged.decision.source if isinstance(judged, Verdict) else ""
    operation, target = judged.request.operation.name, redact(judged.target)[:MAX_TARGET]
    return judged.request.method, target, operation, judged.object, outcome, source


def _find_outcome(judged: Judged) -> tuple[Outcome, str]:
    """Say what became of a request that was not answered by us, and why it would be denied if it passes anyway.

    A socket that learns gives no reason: it has no policy yet that could be mended.
    """
    if not isinstance(judged, Verdict) or not judged.to_engine:
        return Outcome.DENIED, ""
    if judged.decision.allowed:
        return _ALLOWED, ""
    return Outcome.REPORTED, judged.decision.message if judged.mode is Mode.REPORT else ""
