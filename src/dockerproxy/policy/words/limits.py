"""`memory`, `cpus` and `pids`: at most so much, and what has no bound gets the granted one; and limits without a word.

Attacks: docs/attacks.md, policy/words/limits.
"""

from collections.abc import Callable, Hashable
from typing import Final, NamedTuple

from dockerproxy.policy.claim import Claim, Object, Reading, Substitute
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Condition, Constraint, Matcher
from dockerproxy.policy.words.spellings import read_billionths, read_count, read_size, write_size
from dockerproxy.text import upper
from dockerproxy.wire.document import Json

MISSING: Final = "missing"
"""The value of a claim where nothing is bounded."""

PERIOD: Final = 100_000
"""Microseconds of a period of the scheduler where none is given (sched-bwc)."""

LEAST: Final = 10**9 // PERIOD
"""Billionths of a processor that are a microsecond of that period. Engines round fewer to no bound at all."""

_PIDS_SINCE: Final = (1, 41, 0)
"""Under older versions the engine leaves the field out (`adjustForAPIVersion` in its service router)."""

_LIMITS: Final = frozenset(
    "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NOFILE NPROC RSS SIGPENDING STACK".split()  # noqa: SIM905 (a list of words)
)
"""Of getrlimit(2), without `RLIMIT_`. RTPRIO, RTTIME and NICE let a process go before all others on the host."""


class Swap(NamedTuple):
    """Swap beside memory: bytes, below 0 without a bound, and whether memory is counted in them."""

    size: int
    with_memory: bool


class Amount(Constraint):
    """At most so much. Values of claims are numbers in the unit that `read` returns."""

    takes = Takes.AMOUNT
    acts = True

    def __init__(
        self, name: str, summary: str, read: Callable[[str], int | None], form: str, write: Callable[[int], str] = str
    ) -> None:
        says = f"{summary}; what has no bound gets this one" if self.acts else summary
        super().__init__(name, says, narrows=self.acts)
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


class _Memory(Amount):
    def matcher(self, granted: Value) -> Matcher:
        """Match memory, and swap that does not make its bound worthless."""
        matches, most = super().matcher(granted), self.most(granted)
        return lambda value: (
            0 <= value.size <= most * (1 + value.with_memory) if isinstance(value, Swap) else matches(value)
        )

    def least(self, value: Hashable) -> Value | None:
        """Write the amount; of swap what memory it needs beside it."""
        return super().least(-(-value.size // (1 + value.with_memory)) if isinstance(value, Swap) else value)

    def problem(self, granted: Value | None, claim: Claim) -> str:
        value = claim.options[0][0] if claim.options else None
        if not isinstance(value, Swap):
            return super().problem(granted, claim)
        of = "twice the memory of the rule" if value.with_memory else "the memory of the rule"
        return f"but must be from 0 to {self.most(granted) * (1 + value.with_memory)}, {of}"


def _read_cpus(text: str) -> int | None:
    billionths = read_billionths(text)
    return billionths if billionths is not None and billionths >= LEAST else None


def _write_cpus(billionths: int) -> str:
    return f"{billionths // 10**9}.{billionths % 10**9:09}".rstrip("0").rstrip(".")


def check_memory(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """A bound of memory, and one of swap that could make it worthless; an update with 0 leaves it as it is."""
    if value or not _is_update(reading):
        _claim_amount(reading, "memory", value, path)
    if isinstance(swap := parent.get("MemorySwap"), int):
        reading.claim("memory", Swap(swap, with_memory=True), f"{path}Swap", swap)


def check_swap(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Swap does not make a bound of memory worthless."""
    if isinstance(value, int):
        reading.claim("memory", Swap(value, with_memory=False), path, value)


def check_pids(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A bound of processes, which the engine must read."""
    if reading.request.operation.section == "services":
        reading.claim_since("pids", _PIDS_SINCE, path)
    _claim_amount(reading, "pids", value, path)


def check_cpus(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """A bound of processors, in one of Docker's two ways to say it; an update with 0 leaves it as it is.

    A quota means nothing without its period, and the period of a container that is updated is not known here. A quota
    of -1 takes the place of billionths.
    """
    quota, period, is_update = parent.get("CpuQuota") or 0, parent.get("CpuPeriod") or 0, _is_update(reading)
    if not value and ((quota or period) if is_update else isinstance(quota, int) and quota > 0):
        _claim_quota(reading, quota, period or (0 if is_update else PERIOD), path.replace("NanoCpus", "CpuQuota"))
    elif value or not is_update:
        _claim_amount(reading, "cpus", value, path)
        for name, other in (("CpuQuota", quota), ("CpuPeriod", period)):
            if other:
                where = path.replace("NanoCpus", name)
                reading.claim("cpus", None, where, other, "not allowed together with NanoCpus")


def _claim_quota(reading: Reading, quota: Json, period: Json, path: str) -> None:
    """Claim processors by microseconds of a period."""
    if not isinstance(quota, int) or not isinstance(period, int) or quota <= 0 or period <= 0:
        reading.claim("cpus", None, path, quota, "but must be set together with its period, both above 0")
    else:
        billionths = -(-quota * 10**9 // period)
        says = f"which is {billionths} billionths of a processor, more than a rule allows"
        reading.claim("cpus", billionths, path, quota, says)


def _claim_amount(reading: Reading, word: str, value: Json, path: str) -> None:
    """Claim an amount. 0 is no bound at all, and gets the granted one; less than 0 is a wish for none.

    What is changed gets none: the container may have less.

    Nor are billionths of a processor a bound of which none is left in microseconds of a period (moby daemon_unix.go,
    NanoCPUs).
    """
    if not value and _is_update(reading):
        reading.claim(word, None, path, value, "must be set" if value is None else "not a limit")
    elif not value:
        reading.claims.append(Claim(word, ((MISSING, int),), path, None, "", target=path))
    elif word == "cpus" and isinstance(value, int) and 0 < value < LEAST:
        says = f"but must be at least {LEAST}: engines round it to no limit"
        reading.claim(word, None, path, value, says)
    else:
        reading.claim(word, value if isinstance(value, int) else None, path, value)


def _is_update(reading: Reading) -> bool:
    return reading.request.operation.name == "ContainerUpdate"


def is_harmless(limit: str) -> bool:
    """Whether a limit, by its name, lets no process go before others on the host."""
    return upper(limit).removeprefix("RLIMIT_") in _LIMITS


def check_limits(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """No limit lets a process go before others on the host."""
    if not is_harmless(str(value)):
        reading.violate(path, value, "not known to be harmless")


def check_oom_score(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """It is killed no later than others: 0 is the default, and rootless Podman shows more than that."""
    if isinstance(value, int) and value < 0:
        reading.violate(path, value, "not allowed: others are killed in its place when memory is short")


WORDS: Final = (
    _Memory("memory", "how much memory at most", read_size, "an amount like 512MiB or 2GiB is needed", write_size),
    Amount(
        "cpus", "how many processors at most", _read_cpus, "a number of processors like 2 or 0.5 is needed", _write_cpus
    ),
    Amount("pids", "how many processes at most", read_count, "a whole number above 0 is needed"),
)
CHECKS: Final = (check_memory, check_swap, check_cpus, check_pids, check_limits, check_oom_score)
