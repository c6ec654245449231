"""Accounting: counts the current exchange, and writes its single record.

Only `Accounting._make_record` makes records.
"""

from typing import Final

from dockerproxy.api.catalog import HEALTH
from dockerproxy.api.secrets import redact
from dockerproxy.observe.record import MAX_TARGET, Outcome, Peer, Record, Said
from dockerproxy.policy.model import Mode
from dockerproxy.policy.phases import Judged, Verdict
from dockerproxy.policy.words.user import name_client
from dockerproxy.proxy.sockets import SocketState
from dockerproxy.settings import Level

NO_LINE: Final[tuple[str, str]] = ("", "")

_NOBODY: Final = Peer(-1, -1, -1)

_INFO: Final = Level.INFO
_ALLOWED: Final = Outcome.ALLOWED

_REPORT_LEVELS: Final = {Mode.REPORT: Level.WARNING, Mode.LEARN: Level.INFO}
"""Log level of a request that passes although the policy does not allow it. A learning socket has no policy yet."""


class Accounting:
    """Counts the exchanges of a connection in turn, and writes a record of each. It is a `Spender`.

    Attributes, besides those of `Record`:
        begun: When the current exchange began.
        count: The number of exchanges so far.
        held: Bytes of its held request body.
        outlasts: It counts as in progress until the engine is done, even if its client leaves first.
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
        """Reset the counters."""
        self.status = self.received = self.sent = 0
        self.created = ""
        self._is_noted = self.outlasts = False
        self.begun = self._now()
        self.count += 1

    @property
    def client(self) -> str:
        """The client's user and group that a container may have; empty if there are none."""
        return name_client(self.peer.uid, self.peer.gid)

    @property
    def decision(self) -> str:
        """The ID of the decision, constant until the record is written."""
        self._decision = self._decision or self._socket.journal.next_id()
        return self._decision

    def hold(self, size: int) -> int:
        """Record the held bytes of this body. Returns those of the whole socket."""
        self._usage.held += size - self.held
        self.held = size
        return self._usage.held

    def note_start(self, judged: Judged) -> None:
        """Log the start of an exchange that may last for weeks."""
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
        """Write the record of the exchange. If the request was never judged, `line` has its method and target.

        A forwarded request is ALLOWED. The reason says why the engine gave no answer, the level how serious that is.
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
        """Pass a record to the journal of a socket that reports or learns: once, at the start of a long exchange."""
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
    """Return a record's description of a request and its outcome."""
    source = judged.decision.source if isinstance(judged, Verdict) else ""
    operation, target = judged.request.operation.name, redact(judged.target)[:MAX_TARGET]
    return judged.request.method, target, operation, judged.object, outcome, source


def _find_outcome(judged: Judged) -> tuple[Outcome, str]:
    """Return the outcome of a forwarded or denied request, and why it would be denied if it only passed by its mode.

    A learning socket gives no reason: it has no policy yet to correct.
    """
    if not isinstance(judged, Verdict) or not judged.to_engine:
        return Outcome.DENIED, ""
    if judged.decision.allowed:
        return _ALLOWED, ""
    return Outcome.REPORTED, judged.decision.message if judged.mode is Mode.REPORT else ""
