"""Seccomp: restrict the process to the system calls that serving needs, with libseccomp.

Calls not in `NEEDED` fail as unknown, because C libraries try newer calls first and continue without. Calls in
`FORBIDDEN` raise SIGSYS instead, so that the process can log a last line and end. libseccomp knows the numbers for each
processor; calls with the numbers of another processor kill the process.
"""

import ctypes
import errno
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from dockerproxy.api.rows import read_tables
from dockerproxy.host.libc import call

_ALLOW: Final = 0x7FFF0000
_TRAP: Final = 0x00030000
_FAIL: Final = 0x00050000 | errno.ENOSYS
_KILL_PROCESS: Final = 0x80000000

_LIBRARY: Final = "libseccomp.so.2"
_PR_GET_SECCOMP: Final = 21
_UNKNOWN: Final = -1
"""Number of a call unknown to this version of the library; it fails like any unlisted call."""

_ALL_THREADS: Final = (4, 1)
"""All threads get the filter (SCMP_FLTATR_CTL_TSYNC)."""

_WISHES: Final = ((8, 2), (2, _KILL_PROCESS))
"""The filter is a tree and not a list (SCMP_FLTATR_CTL_OPTIMIZE). A call with another processor's numbers ends the
whole process, not a thread (SCMP_FLTATR_ACT_BADARCH). Older versions of the library lack these."""

_NOT_EQUAL, _LESS, _EQUAL, _MASKED_EQUAL = 1, 2, 4, 7
"""How an argument is compared (seccomp.h, enum scmp_compare)."""

_CALLS: Final = {kind: tuple(" ".join(rows).split()) for kind, rows in read_tables("calls", __file__).items()}
NEEDED: Final = _CALLS["needed"]
FORBIDDEN: Final = _CALLS["forbidden"]

_PRCTL: Final = (15, 16, 0x53564D41)
"""Allowed for prctl(2): names of threads and memory, which C libraries and Python set."""

_IOCTL: Final = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""Allowed for ioctl(2): terminal attributes and width, readable bytes, and flags of a descriptor. Not TIOCSTI, which
types into the terminal that started us."""

_FCNTL: Final = (0, 1, 2, 3, 4, 1030)
"""Allowed for fcntl(2): copies of descriptors and their flags. Not F_SETOWN, which signals other processes."""

_OTHER_SIGNALS: Final = (32, 33, 34)
"""Used by C libraries between threads."""

_PROGRAMS: Final = frozenset({"os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"})
"""Audit events of Python before it creates a process."""

_AF_UNIX: Final = 1
_THREAD: Final = 0x00010000
"""CLONE_THREAD: clone(2) creates a thread of this process."""


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("how", ctypes.c_int),
        ("one", ctypes.c_uint64),
        ("other", ctypes.c_uint64),
    )


Rule = tuple[str, int, tuple[_Comparison, ...]]
"""The name of a call, its action, and conditions on its arguments, all of which must hold."""


def rules(process: int) -> Iterator[Rule]:
    """Yield the allowed and forbidden calls for the process with this id.

    If no rule matches, a call fails as if the kernel did not have it.
    """
    yield from ((name, _ALLOW, ()) for name in NEEDED)
    yield from ((name, _TRAP, ()) for name in FORBIDDEN)
    for name in ("socket", "socketpair"):
        yield name, _ALLOW, (_Comparison(0, _EQUAL, _AF_UNIX),)
        yield name, _TRAP, (_Comparison(0, _NOT_EQUAL, _AF_UNIX),)
    yield "clone", _ALLOW, (_Comparison(0, _MASKED_EQUAL, _THREAD, _THREAD),)
    yield "clone", _TRAP, (_Comparison(0, _MASKED_EQUAL, _THREAD, 0),)
    for name in ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
        yield name, _ALLOW, (_Comparison(0, _EQUAL, process),)
        yield name, _TRAP, (_Comparison(0, _NOT_EQUAL, process),)
    yield "tkill", _TRAP, ()
    yield "prlimit64", _ALLOW, (_Comparison(0, _EQUAL, 0),)
    for name, argument in (("open", 1), ("openat", 2)):  # Landlock restricts O_TRUNC only since version 3.
        yield name, _ALLOW, (_Comparison(argument, _MASKED_EQUAL, os.O_TRUNC, 0),)
    yield "rt_sigaction", _ALLOW, (_Comparison(0, _LESS, signal.SIGSYS),)  # The handler of SIGSYS cannot be replaced.
    for name, argument, values in (
        ("prctl", 0, _PRCTL),
        ("ioctl", 1, _IOCTL),
        ("fcntl", 1, _FCNTL),
        ("fcntl64", 1, _FCNTL),
        ("rt_sigaction", 0, _OTHER_SIGNALS),
    ):
        yield from ((name, _ALLOW, (_Comparison(argument, _EQUAL, value),)) for value in values)


def find_obstacle() -> str:
    """Explain why system calls cannot be restricted here; empty if they can."""
    try:
        call("prctl", _PR_GET_SECCOMP, 0, 0, 0, 0)
    except OSError:
        return "this kernel has no seccomp"
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return f"missing library {_LIBRARY}; on Debian, install libseccomp2"
    try:
        with _building(library, _FAIL):
            return ""
    except OSError as error:
        return f"this kernel cannot filter system calls: {error.strerror}"


def forbid_rings() -> None:
    """Block io_uring from now on, because its calls bypass the later filter, or raise an `OSError`.

    Libuv creates a ring with each event loop, if it can.
    """
    _filter(_ALLOW, [("io_uring_setup", _FAIL, ())])


def forbid_all_but_needed() -> None:
    """Restrict all threads to the system calls that `rules` allow, for good, or raise an `OSError`."""
    _filter(_FAIL, rules(os.getpid()))


def _filter(otherwise: int, rules: Iterable[Rule]) -> None:
    library = ctypes.CDLL(_LIBRARY)
    with _building(library, otherwise) as context:
        _add(library, context, rules)
        _check(library.seccomp_load(context))


def _add(library: ctypes.CDLL, context: ctypes.c_void_p, rules: Iterable[Rule]) -> None:
    for name, action, compared in rules:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number != _UNKNOWN:
            array, size = (_Comparison * len(compared))(*compared), len(compared)
            _check(library.seccomp_rule_add_array(context, ctypes.c_uint32(action), number, size, array))


@contextmanager
def _building(library: ctypes.CDLL, otherwise: int) -> Iterator[ctypes.c_void_p]:
    """Create a filter without rules; an `OSError` says that this kernel cannot apply one to all threads."""
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(otherwise)))
    try:
        _check(_set(library, context, *_ALL_THREADS))
        for attribute, value in _WISHES:
            _set(library, context, attribute, value)
        yield context
    finally:
        library.seccomp_release(context)


def _set(library: ctypes.CDLL, context: ctypes.c_void_p, attribute: int, value: int) -> int:
    return int(library.seccomp_attr_set(context, attribute, ctypes.c_uint32(value)))


def _check(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))


def watch(tell: Callable[[str], None]) -> None:
    """Call `tell` in the main thread, with what is known, after a forbidden call.

    While the C library creates a process it blocks all signals, and the kernel would end us without a log line. So an
    audit event of Python reports these attempts.
    """
    signal.signal(signal.SIGSYS, lambda *_: tell("a forbidden system call"))

    def hear(event: str, _: object) -> None:
        if event in _PROGRAMS:
            tell(event)

    sys.addaudithook(hear)
