"""What serving needs of a learner: the port through which records reach the workbench, which serving never imports."""

from collections.abc import Callable
from typing import Protocol

from dockerproxy.observe.record import Record
from dockerproxy.settings import SocketSettings


class Learner(Protocol):
    """Learns the policy of one socket from its records.

    Attributes:
        changed: Whether anything came since the text was last asked for.
    """

    changed: bool

    def note(self, record: Record, when: float) -> None:
        """Learn from an exchange; `when` is in seconds since 1970."""

    def text(self) -> str:
        """Return what was learned, as a policy file."""

    def resume_from(self, path: str) -> None:
        """Continue from the policy file of an earlier run.

        Raises:
            UserError: The file is not one that a learner wrote.
        """


LearnerFactory = Callable[[SocketSettings], Learner]
