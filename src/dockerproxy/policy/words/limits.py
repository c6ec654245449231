"""Limits of a container: memory, processors, processes, and what getrlimit(2) has.

Attack: a limit of 0 or below, which is none -> Defence: 0 gets the granted limit, less than 0 is denied.
Attack: a limit in the other of two fields that mean the same (swap beside memory, a quota beside billionths, which wins
over them), or one of which a later change touches only one -> Defence: both fields are claims.
Attack: a limit of the other kind, by which a process goes before all others on the host -> Defence: a list of those
that are harmless.
"""

from typing import Final

from dockerproxy.policy.claim import Claim, Object, Reading
from dockerproxy.policy.words.amounts import LEAST, MISSING, PERIOD, Swap
from dockerproxy.text import upper
from dockerproxy.wire.document import Json

_LIMITS: Final = frozenset(
    "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NOFILE NPROC RSS SIGPENDING STACK".split()  # noqa: SIM905 (a list of words)
)
"""Of getrlimit(2), without `RLIMIT_`. RTPRIO, RTTIME and NICE let a process go before all others on the host."""


def check_memory(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """A bound of memory, and one of swap that could make it worthless."""
    claim_amount(reading, "memory", value, path)
    claim_swap(reading, parent.get("MemorySwap"), f"{path}Swap")


def check_new_memory(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """What memory is changed to; 0 leaves it as it is."""
    if value:
        claim_amount(reading, "memory", value, path)
    claim_swap(reading, parent.get("MemorySwap"), f"{path}Swap")


def claim_swap(reading: Reading, swap: Json, path: str, *, with_memory: bool = True) -> None:
    """Claim swap, in which memory may be counted."""
    if isinstance(swap, int):
        reading.claim("memory", Swap(swap, with_memory), path, swap)


def check_pids(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A bound of processes."""
    claim_amount(reading, "pids", value, path)


def check_cpus(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """A bound of processors, in one of Docker's two ways to say it."""
    quota, period = parent.get("CpuQuota") or 0, parent.get("CpuPeriod") or 0
    if not value and isinstance(quota, int) and quota > 0:
        _claim_quota(reading, quota, period or PERIOD, path.replace("NanoCpus", "CpuQuota"))
    else:
        claim_amount(reading, "cpus", value, path)
        _claim_no_quota(reading, quota, period, path)


def check_new_cpus(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """What processors are changed to; 0 leaves them as they are.

    A quota means nothing without its period, and the period that the container has is not known here.
    """
    quota, period = parent.get("CpuQuota") or 0, parent.get("CpuPeriod") or 0
    if value:
        claim_amount(reading, "cpus", value, path)
        _claim_no_quota(reading, quota, period, path)
    elif quota or period:
        _claim_quota(reading, quota, period, path.replace("NanoCpus", "CpuQuota"))


def _claim_no_quota(reading: Reading, quota: Json, period: Json, path: str) -> None:
    """Look whether nothing stands beside billionths: a quota of -1 takes their place."""
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


def claim_amount(reading: Reading, word: str, value: Json, path: str) -> None:
    """Claim an amount. 0 is no bound at all, and gets the granted one; less than 0 is a wish for none.

    What is changed gets none: the container may have less.

    Nor are billionths of a processor a bound of which none is left in microseconds of a period (moby daemon_unix.go,
    NanoCPUs).
    """
    if not value and reading.request.operation.name == "ContainerUpdate":
        reading.claim(word, None, path, value, "must be set" if value is None else "not a limit")
    elif not value:
        reading.claims.append(Claim((word,), ((MISSING, int),), path, None, "", target=path))
    elif word == "cpus" and isinstance(value, int) and 0 < value < LEAST:
        says = f"but must be at least {LEAST}: engines round it to no limit"
        reading.claim(word, None, path, value, says)
    else:
        reading.claim(word, value if isinstance(value, int) else None, path, value)


def check_limits(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """No limit lets a process go before others on the host."""
    if upper(str(value)).removeprefix("RLIMIT_") not in _LIMITS:
        reading.violate(path, value, "not known to be harmless")


def check_oom_score(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """It is killed no later than others: 0 is the default, and rootless Podman shows more than that."""
    if isinstance(value, int) and value < 0:
        reading.violate(path, value, "not allowed: others are killed in its place when memory is short")
