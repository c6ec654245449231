"""Describe the locks of the sandbox: in the log, for health checks, and for `check`."""

from collections.abc import Iterable, Iterator

from dockerproxy.host.sandbox import Lock
from dockerproxy.policy.values import list_names
from dockerproxy.problems import Problem
from dockerproxy.process_settings import Sandbox
from dockerproxy.settings import Level

OFF = "not sandboxed: SANDBOX=off"


def list_locks(locks: Iterable[Lock]) -> Iterator[tuple[Level, str]]:
    """Yield whether each lock is on, with the level for the log."""
    for lock in locks:
        if lock.obstacle:
            yield Level.WARNING, f"not sandboxed: {lock.name}: {lock.obstacle}"
            continue
        yield Level.NOTICE, f"sandboxed: {lock.name}: {lock.says}"
        if lock.lacks:
            yield Level.NOTICE, f"  this kernel cannot restrict {list_names(lock.lacks)}"


def sum_up(locks: Iterable[Lock]) -> str:
    """Return a summary that names the locks that are off."""
    missing = [lock.name for lock in locks if lock.obstacle]
    return f"not sandboxed: {', '.join(missing)}" if missing else "sandboxed"


def find_problems(locks: Iterable[Lock], sandbox: Sandbox) -> tuple[Problem, ...]:
    """Return required locks that are off, which prevent the start."""
    if sandbox is not Sandbox.REQUIRED:
        return ()
    hint = "SANDBOX=best-effort starts without it"
    return tuple(Problem(f"sandbox, {lock.name}", lock.obstacle, hint) for lock in locks if lock.obstacle)
