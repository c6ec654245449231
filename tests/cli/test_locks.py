"""Whoever runs the proxy reads which locks are on, which are off and why, and what is to be done about it."""

from dockerproxy.cli.locks import find_problems, list_locks, sum_up
from dockerproxy.host.sandbox import Lock
from dockerproxy.process_settings import Sandbox
from dockerproxy.settings import Level

ON = Lock("memory", "no core dump")
PARTLY = Lock("files", "none but those", lacks=("one thing (needs Linux 7.1)", "another (needs Linux 7.2)"))
OFF = Lock("system calls", "none but those", obstacle="this kernel has no seccomp")


def test_each_lock_is_said_and_what_is_off_is_a_warning() -> None:
    assert list(list_locks((ON, PARTLY, OFF))) == [
        (Level.NOTICE, "sandboxed: memory: no core dump"),
        (Level.NOTICE, "sandboxed: files: none but those"),
        (Level.NOTICE, "  this kernel cannot restrict one thing (needs Linux 7.1) or another (needs Linux 7.2)"),
        (Level.WARNING, "not sandboxed: system calls: this kernel has no seccomp"),
    ]


def test_in_short_only_what_is_off_is_named() -> None:
    assert sum_up((ON, PARTLY)) == "sandboxed"
    assert sum_up((ON, OFF)) == "not sandboxed: system calls"


def test_what_is_off_is_a_problem_where_it_is_required() -> None:
    assert find_problems((ON, PARTLY, OFF), Sandbox.BEST_EFFORT) == ()
    (problem,) = find_problems((ON, PARTLY, OFF), Sandbox.REQUIRED)
    assert (problem.where, problem.what) == ("sandbox, system calls", "this kernel has no seccomp")
    assert problem.hint == "SANDBOX=best-effort starts without it"
