"""The journal of a socket: metrics, reported requests and learning, from the records of its exchanges."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from dockerproxy.observe.decisions import choose_start, make_ids
from dockerproxy.observe.metrics import Counts
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.policy.model import Mode
from dockerproxy.settings import SocketSettings


class Learner(Protocol):
    """Learns the policy of one socket. The implementation is in the workbench, which serving never imports.

    `changed` is true if a record came since the last call of `text`.
    """

    changed: bool

    def note(self, record: Record, when: float) -> None:
        """Learn from an exchange; `when` is in seconds since 1970."""

    def text(self) -> str:
        """Return the learned policy, as a policy file."""

    def resume_from(self, path: str) -> None:
        """Continue from the policy file of an earlier run. Raises `UserError` if no learner wrote this file."""


LearnerFactory = Callable[[SocketSettings], Learner]


class Journal:
    """Counts and learns from the records of one socket, and makes the IDs of its decisions.

    `reported` counts requests by operation that passed although the policy does not allow them.
    """

    def __init__(self, settings: SocketSettings, make_learner: LearnerFactory | None = None) -> None:
        self._make_learner = make_learner
        self._settings = settings
        self.next_id: Callable[[], str] = make_ids(choose_start()).__next__
        self.counts = Counts()
        self.count = self.counts.note
        self.reported: Counter[str] = Counter()
        self.learner: Learner | None = None
        self.replace(settings)

    def replace(self, settings: SocketSettings) -> None:
        """Continue with other settings of the socket. If it keeps learning, it keeps its learner."""
        if settings.policy.mode is not Mode.LEARN or self._make_learner is None:
            self.learner = None
        elif self.learner is None or self._settings.name != settings.name:
            self.learner = self._make_learner(settings)
        self._settings = settings

    def count_answer(self, answer: str) -> None:
        """Count the outcome of a question to an operator."""
        self.counts.asked[answer] += 1

    def note(self, record: Record) -> None:
        """Note a request that report or learn mode let pass."""
        if record.decision is Outcome.REPORTED and self._settings.policy.mode is Mode.REPORT:
            self.reported[record.operation] += 1
        if self.learner is not None:
            self.learner.note(record, time.time())
