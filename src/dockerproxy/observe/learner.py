"""The port of a learner: through it records reach the workbench, which serving never imports."""

from collections.abc import Callable
from typing import Protocol

from dockerproxy.observe.record import Record
from dockerproxy.settings import SocketSettings


class Learner(Protocol):
    """Learns the policy of one socket; it has changed if a record came since the last call of `text`."""

    changed: bool

    def note(self, record: Record, when: float) -> None:
        """Learn from an exchange; `when` is in seconds since 1970."""

    def text(self) -> str:
        """Return the learned policy, as a policy file."""

    def resume_from(self, path: str) -> None:
        """Continue from the policy file of an earlier run; a `UserError` says that no learner wrote this file."""


LearnerFactory = Callable[[SocketSettings], Learner]
