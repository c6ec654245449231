"""`cpus`: how many processors a container has at most, and that it is bounded; what has no bound gets this one."""

from typing import Final

from dockerproxy.policy.amounts import read_billionths
from dockerproxy.policy.constraints.amount import Amount

PERIOD: Final = 100_000
"""Microseconds of a period of the scheduler where none is given (sched-bwc)."""

LEAST: Final = 10**9 // PERIOD
"""Billionths of a processor that are a microsecond of that period. Engines round fewer to no bound at all."""


def _read(text: str) -> int | None:
    billionths = read_billionths(text)
    return billionths if billionths is not None and billionths >= LEAST else None


def _write(billionths: int) -> str:
    whole, rest = divmod(billionths, 10**9)
    return f"{whole}.{rest:09}".rstrip("0").rstrip(".")


CONSTRAINT = Amount(
    "cpus",
    "how many processors at most; what has no bound gets this one",
    _read,
    "a number of processors like 2 or 0.5 is needed",
    _write,
)
