"""`memory`: how much memory a container has at most, and that it is bounded; what has no bound gets this one."""

from collections.abc import Hashable
from dataclasses import dataclass

from dockerproxy.policy.amounts import read_size, write_size
from dockerproxy.policy.claim import Claim
from dockerproxy.policy.constraints.amount import Amount
from dockerproxy.policy.constraints.base import Matcher
from dockerproxy.policy.values import Value


@dataclass(frozen=True, slots=True)
class Swap:
    """Swap beside memory.

    Attributes:
        size: In bytes; below 0 it has no bound.
        with_memory: Whether memory is counted in it.
    """

    size: int
    with_memory: bool


class _Memory(Amount):
    def matcher(self, granted: Value) -> Matcher:
        """Match memory, and swap that does not make its bound worthless."""
        matches = super().matcher(granted)

        def admits(value: Hashable) -> bool:
            return 0 <= value.size <= self._most_swap(granted, value) if isinstance(value, Swap) else matches(value)

        return admits

    def least(self, value: Hashable) -> Value | None:
        """Write the amount; of swap what memory it needs beside it."""
        if isinstance(value, Swap):
            value = -(-value.size // 2) if value.with_memory else value.size
        return super().least(value)

    def _most_swap(self, granted: Value | None, swap: Swap) -> int:
        return self.most(granted) * (2 if swap.with_memory else 1)

    def problem(self, granted: Value | None, claim: Claim) -> str:
        value = claim.options[0][0] if claim.options else None
        if not isinstance(value, Swap):
            return super().problem(granted, claim)
        of = "twice the memory of the rule" if value.with_memory else "the memory of the rule"
        return f"but must be from 0 to {self._most_swap(granted, value)}, {of}"


CONSTRAINT = _Memory(
    "memory",
    "how much memory at most; what has no bound gets this one",
    read_size,
    "an amount like 512MiB or 2GiB is needed",
    write_size,
)
