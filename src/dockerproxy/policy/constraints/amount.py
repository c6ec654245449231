"""What `memory`, `cpus` and `pids` have in common: at most so much, and what has no bound gets the granted one."""

from collections.abc import Callable, Hashable
from typing import Final

from dockerproxy.policy.claim import Claim, Substitute
from dockerproxy.policy.constraints.base import Condition, Constraint, Matcher
from dockerproxy.policy.values import Takes, Value

MISSING: Final = "missing"
"""The value of a claim where nothing is bounded."""


class Amount(Constraint):
    """A bound that must be there. Values of claims are numbers in the unit that `read` returns."""

    takes = Takes.AMOUNT
    acts = True

    def __init__(
        self, name: str, summary: str, read: Callable[[str], int | None], form: str, write: Callable[[int], str] = str
    ) -> None:
        super().__init__(name, summary, narrows=True)
        self._read, self._form, self._write = read, form, write

    def fault(self, item: str) -> str:
        """Return how an amount is written, if this is none."""
        return "" if self._read(item) else self._form

    def most(self, granted: Value | None) -> int:
        """Return the bound."""
        return (isinstance(granted, str) and self._read(granted)) or 0

    def matcher(self, granted: Value) -> Matcher:
        """Match what is bounded by no more, or not at all yet."""
        most = self.most(granted)
        return lambda value: most > 0 if value == MISSING else isinstance(value, int) and 0 < value <= most

    def least(self, value: Hashable) -> Value | None:
        """Write the amount."""
        text = self._write(value) if isinstance(value, int) and value > 0 else ""
        return text if text and self._read(text) == value else None

    def judge(self, condition: Condition, claim: Claim) -> Substitute:
        """Bound what has no bound."""
        admitted = super().judge(condition, claim)
        return admitted(self.most(condition.value)) if callable(admitted) else admitted

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare the amounts."""
        return self.most(inner) <= self.most(outer)

    def problem(self, granted: Value | None, claim: Claim) -> str:
        """Say how much there may be."""
        return claim.says or f"but must be from 1 to {self.most(granted)}"
