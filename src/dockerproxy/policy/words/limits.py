"""`memory`, `cpus` and `pids`: upper limits, which also replace missing ones; and limits that need no word.

Attacks: docs/attacks.md, policy/words/limits.
"""

from collections.abc import Callable, Hashable
from typing import Final, NamedTuple

from dockerproxy.policy.claim import Claim, Object, Reading, Substitute
from dockerproxy.policy.objects import Lookup
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Condition, Constraint, Matcher
from dockerproxy.policy.words.spellings import read_billionths, read_count, read_size, write_size
from dockerproxy.text import number, upper
from dockerproxy.wire.document import Json

MISSING: Final = "missing"
"""Value of a claim without a limit."""

PERIOD: Final = 100_000
"""Default period of the scheduler in microseconds (sched-bwc)."""

LEAST: Final = 10**9 // PERIOD
"""One microsecond of that period, in billionths of a processor. Engines round less to unlimited."""

_HOUR: Final = 3600
"""Most seconds from the signal that stops a container to the one that kills it."""

_PIDS_SINCE: Final = (1, 41, 0)
"""Under older versions, the engine ignores the field (`adjustForAPIVersion` in its service router)."""

_LIMITS: Final = frozenset(
    "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NOFILE NPROC RSS SIGPENDING STACK".split()  # noqa: SIM905 (a list of words)
)
"""Limits of getrlimit(2), without `RLIMIT_`. RTPRIO, RTTIME and NICE let a process starve others on the host."""


class Swap(NamedTuple):
    """A limit of swap: bytes, negative if unlimited, and whether they include memory."""

    size: int
    with_memory: bool


class Amount(Constraint):
    """An upper limit. Values of claims are numbers in the unit that `read` returns."""

    takes = Takes.AMOUNT
    acts = True

    def __init__(
        self, name: str, summary: str, read: Callable[[str], int | None], form: str, write: Callable[[int], str] = str
    ) -> None:
        says = f"{summary}; requests without a limit get this one" if self.acts else summary
        super().__init__(name, says, narrows=self.acts)
        self._read, self._form, self._write = read, form, write

    def fault(self, item: str) -> str:
        """Return the valid form if an amount is invalid."""
        return "" if self._read(item) else self._form

    def most(self, granted: Value | None) -> int:
        """Return the limit."""
        return (isinstance(granted, str) and self._read(granted)) or 0

    def matcher(self, granted: Value) -> Matcher:
        """Match amounts up to the limit, and missing ones."""
        most = self.most(granted)
        return lambda value: most > 0 if value == MISSING else isinstance(value, int) and 0 < value <= most

    def least(self, value: Hashable) -> Value | None:
        """Write the amount."""
        text = self._write(value) if isinstance(value, int) and value > 0 else ""
        return text if text and self._read(text) == value else None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return the amount."""
        return (self.most(least),)

    def judge(self, condition: Condition, claim: Claim) -> Substitute | Lookup:
        """Set a missing limit."""
        admitted = super().judge(condition, claim)
        return admitted(self.most(condition.value)) if callable(admitted) else admitted

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare the amounts."""
        return self.most(inner) <= self.most(outer)

    def problem(self, granted: Value | None, claim: Claim) -> str:
        """Describe the allowed range."""
        most = str(self.most(granted))
        return claim.says or f"but must be from 1 to {most}{'' if granted == most else f' ({granted})'}"


class _Memory(Amount):
    def matcher(self, granted: Value) -> Matcher:
        """Match memory, and swap that does not defeat its limit."""
        matches, most = super().matcher(granted), self.most(granted)
        return lambda value: (
            0 <= value.size <= most * (1 + value.with_memory) if isinstance(value, Swap) else matches(value)
        )

    def least(self, value: Hashable) -> Value | None:
        """Write the amount; for swap, the memory limit that allows it."""
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
    """A limit of memory, and one of swap that could defeat it. 0 is the default, and no change in an update."""
    if value or not _is_update(reading):
        _claim_amount(reading, "memory", value, path)
    if isinstance(swap := parent.get("MemorySwap"), int) and swap:
        reading.claim("memory", Swap(swap, with_memory=True), f"{path}Swap", swap)


def check_swap(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Swap must not defeat a limit of memory."""
    if isinstance(value, int) and value:
        reading.claim("memory", Swap(value, with_memory=False), path, value)


def check_pids(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A limit of processes, which the engine must not ignore."""
    if reading.request.operation.section == "services":
        reading.claim_since("pids", _PIDS_SINCE, path)
    _claim_amount(reading, "pids", value, path)


def check_cpus(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """A limit of processors, in one of Docker's two forms. An update with 0 changes nothing.

    A quota depends on its period, and the period of an updated container is unknown here. A quota of -1 disables
    billionths.
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
    """Claim processors by a quota and its period."""
    if not isinstance(quota, int) or not isinstance(period, int) or quota <= 0 or period <= 0:
        reading.claim("cpus", None, path, quota, "but must be set together with its period, both above 0")
    else:
        billionths = -(-quota * 10**9 // period)
        says = f"which is {billionths} billionths of a processor, more than a rule allows"
        reading.claim("cpus", billionths, path, quota, says)


def _claim_amount(reading: Reading, word: str, value: Json, path: str) -> None:
    """Claim an amount. 0 means no limit, and gets the granted one; a negative one asks for no limit.

    An update gets none: the container may have a lower limit.

    Billionths of a processor are no limit if they round to 0 microseconds of a period (moby daemon_unix.go, NanoCPUs).
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
    """Whether a limit, by its name, cannot let a process starve others on the host."""
    return upper(limit).removeprefix("RLIMIT_") in _LIMITS


def check_limits(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Limits must not let a process starve others on the host."""
    if not is_harmless(str(value)):
        reading.violate(path, value, "not known to be harmless")


def check_oom_score(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """It must not be killed later than others. 0 is the default; rootless Podman shows a higher value."""
    if isinstance(value, int) and value < 0:
        reading.violate(path, value, "not allowed: others are killed in its place when memory is short")


def check_stop(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """The time to stop is bounded: the engine waits for it, also when it ends itself."""
    most = _HOUR * 10**9 if path.endswith("StopGracePeriod") else _HOUR
    time = number(value) if isinstance(value, str) else value
    if value != "" and not (isinstance(time, int) and 0 <= time <= most):
        reading.violate(path, value, f"but must be from 0 to {most}", "wait for an hour at most")


WORDS: Final = (
    _Memory("memory", "how much memory at most", read_size, "an amount like 512MiB or 2GiB is needed", write_size),
    Amount(
        "cpus", "how many processors at most", _read_cpus, "a number of processors like 2 or 0.5 is needed", _write_cpus
    ),
    Amount("pids", "how many processes at most", read_count, "a whole number above 0 is needed"),
)
CHECKS: Final = (check_memory, check_swap, check_cpus, check_pids, check_limits, check_oom_score, check_stop)
