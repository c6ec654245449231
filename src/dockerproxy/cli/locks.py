"""The locks of the sandbox in words: at the start, for health checks, and for `check`."""

from collections.abc import Iterable, Iterator

from dockerproxy.host.sandbox import Lock
from dockerproxy.policy.values import list_names
from dockerproxy.problems import Problem
from dockerproxy.process_settings import Sandbox
from dockerproxy.settings import Level

OFF = "not locked in: SANDBOX=off"


def list_locks(locks: Iterable[Lock]) -> Iterator[tuple[Level, str]]:
    """Say of each lock whether it is on, with how grave that is."""
    for lock in locks:
        if lock.obstacle:
            yield Level.WARNING, f"not locked in: {lock.name}: {lock.obstacle}"
            continue
        yield Level.NOTICE, f"locked in: {lock.name}: {lock.says}"
        if lock.lacks:
            yield Level.NOTICE, f"  this kernel cannot restrict {list_names(lock.lacks)}"


def sum_up(locks: Iterable[Lock]) -> str:
    """Say in short which locks are off."""
    missing = [lock.name for lock in locks if lock.obstacle]
    return f"not locked in: {', '.join(missing)}" if missing else "locked in"


def find_problems(locks: Iterable[Lock], sandbox: Sandbox) -> tuple[Problem, ...]:
    """Return what keeps the proxy from starting: locks that are off though they are required."""
    if sandbox is not Sandbox.REQUIRED:
        return ()
    hint = "SANDBOX=best-effort goes on without it"
    return tuple(Problem(f"sandbox, {lock.name}", lock.obstacle, hint) for lock in locks if lock.obstacle)
