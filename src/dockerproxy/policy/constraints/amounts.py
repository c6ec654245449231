"""`memory`, `cpus` and `pids`: at most so much, and what has no bound gets the granted one."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from dockerproxy.policy.amounts import read_billionths, read_count, read_size, write_size
from dockerproxy.policy.claim import Claim, Substitute
from dockerproxy.policy.constraints.base import Condition, Constraint, Matcher
from dockerproxy.policy.values import Takes, Value

MISSING: Final = "missing"
"""The value of a claim where nothing is bounded."""

PERIOD: Final = 100_000
"""Microseconds of a period of the scheduler where none is given (sched-bwc)."""

LEAST: Final = 10**9 // PERIOD
"""Billionths of a processor that are a microsecond of that period. Engines round fewer to no bound at all."""


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

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return the amount."""
        return (self.most(least),)

    def judge(self, condition: Condition, claim: Claim) -> Substitute:
        """Bound what has no bound."""
        admitted = super().judge(condition, claim)
        return admitted(self.most(condition.value)) if callable(admitted) else admitted

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare the amounts."""
        return self.most(inner) <= self.most(outer)

    def problem(self, granted: Value | None, claim: Claim) -> str:
        """Say how much there may be."""
        most = str(self.most(granted))
        return claim.says or f"but must be from 1 to {most}{'' if granted == most else f' ({granted})'}"


@dataclass(frozen=True, slots=True)
class Swap:
    """Swap beside memory: bytes, below 0 without a bound, and whether memory is counted in them."""

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


def _read_cpus(text: str) -> int | None:
    billionths = read_billionths(text)
    return billionths if billionths is not None and billionths >= LEAST else None


def _write_cpus(billionths: int) -> str:
    whole, rest = divmod(billionths, 10**9)
    return f"{whole}.{rest:09}".rstrip("0").rstrip(".")


_GIVEN: Final = "what has no bound gets this one"

CONSTRAINTS: Final = (
    _Memory(
        "memory", f"how much memory at most; {_GIVEN}", read_size, "an amount like 512MiB or 2GiB is needed", write_size
    ),
    Amount(
        "cpus",
        f"how many processors at most; {_GIVEN}",
        _read_cpus,
        "a number of processors like 2 or 0.5 is needed",
        _write_cpus,
    ),
    Amount("pids", f"how many processes at most; {_GIVEN}", read_count, "a whole number above 0 is needed"),
)
