"""Child processes: one that serves beside a program, and the program itself in the foreground.

The program has the terminal and our process group, so the terminal's own signals reach it without us. We wait for
signals with sigwaitinfo(2), which says where each comes from: what somebody sends to us alone is passed on, and what
the terminal sends to the whole group is not, so that Ctrl-C arrives once. When the program stops, we stop too: a shell
looks at us to tell that a job has stopped. What another process sends to the whole group may arrive twice: nothing
tells it from what is sent to us alone.
"""

import errno
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import BinaryIO, Final, NamedTuple, NoReturn

from dockerproxy.host.libc import call

_PASSED_ON: Final = (*(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM), *(signal.SIGUSR1, signal.SIGUSR2))
_WAITED_FOR: Final = frozenset({*_PASSED_ON, signal.SIGCHLD})
_HELD: Final = _WAITED_FOR | {signal.SIGTSTP}
"""Signals that do not interrupt us. SIGTSTP stops us only after the program, which may ignore it."""

_STOPS: Final = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
"""Signals of job control that stop a program. SIGSTOP is not: who sends it to one process knows nothing of us."""

_FROM_KERNEL: Final = 1
"""The least si_code of a signal that no process sent (siginfo.h)."""

_PR_SET_PDEATHSIG: Final = 1
_FIRST_FREE: Final = 3
_PATIENCE: Final = 5.0
"""Seconds for the serving process to end by itself."""


class Serving(NamedTuple):
    """A process that serves beside us, and its log, which ends with it. If it is not ready, it ends or has ended."""

    process: int
    log: BinaryIO
    is_ready: bool


def hold_signals() -> frozenset[signal.Signals]:
    """Hold back signals from now on, to be waited for; return those that were held before, for the program."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # Whoever ignores it cannot wait for a child.
    return frozenset(map(signal.Signals, signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)))


def find_pending() -> int:
    """Return a signal that ends us and is waiting, 0 if there is none."""
    return next((number for number in _PASSED_ON if number in signal.sigpending()), 0)


def fork_serving(serve: Callable[[int, Callable[[], None]], int]) -> Serving:
    """Fork a process that serves until SIGTERM, or until we are gone; wait until it is ready or has failed.

    It is in a session of its own, out of reach of the terminal's signals, and no signal is held back there. Of our
    descriptors it keeps only standard error.

    Args:
        serve: Gets a descriptor for its log, and what to call when it is ready; returns the exit status.
    """
    parent, (ready, tell), (log, write) = os.getpid(), os.pipe(), os.pipe()
    process = os.fork()
    if not process:
        _be_child(lambda: serve(write, lambda: _tell(tell)), parent, {tell, write})
    os.close(tell)
    os.close(write)
    is_ready = bool(os.read(ready, 1))
    os.close(ready)
    return Serving(process, os.fdopen(log, "rb"), is_ready)


def _tell(descriptor: int) -> None:
    os.write(descriptor, b".")
    os.close(descriptor)


def _be_child(serve: Callable[[], int], parent: int, kept: set[int]) -> NoReturn:
    """Serve, and end without going back into what the parent does."""
    status = 70
    try:
        os.setsid()
        call("prctl", _PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        for descriptor in map(int, os.listdir("/proc/self/fd")):
            if descriptor >= _FIRST_FREE and descriptor not in kept:
                with suppress(OSError):  # The one that listed them.
                    os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if os.getppid() == parent:
            status = serve()
    except BaseException:  # noqa: BLE001 (nothing may go back into what the parent does)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def start_program(command: tuple[str, ...], environment: Mapping[str, str], held: Iterable[int]) -> int:
    """Start a program with our descriptors, in our process group; return its process id, or raise an `OSError`."""
    spawn = partial(os.posix_spawnp, setsigmask=held, setsigdef=(signal.SIGPIPE, signal.SIGXFSZ))  # Python ignores two.
    try:
        return spawn(command[0], command, environment)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        # A script whose first line names no interpreter is one of the shell (execvp(3)).
        script = ("/bin/sh", shutil.which(command[0]) or command[0], *command[1:])
        return spawn(script[0], script, environment)


def attend(program: int, serving: int, tell: Callable[[int], None]) -> tuple[int, int | None]:
    """Pass signals on until a program ends; return its exit status, as a shell has it.

    If the serving process ends first, the program gets SIGTERM, since it can do nothing any more. Its exit status is
    told, and returned, too.
    """
    served: int | None = None
    while True:
        info = signal.sigwaitinfo(_WAITED_FOR)
        if info.si_signo != signal.SIGCHLD:
            if _is_ours_alone(info, program):
                _send(program, info.si_signo)
            continue
        if served is None and (served := _find_end(serving)) is not None:
            tell(served)
            _send(program, signal.SIGTERM)
        ended = _find_end(program, stop=lambda: _stop_with(program))
        if ended is not None:
            return ended, served


def _send(program: int, number: int) -> None:
    with suppress(PermissionError):  # It is setuid, like sudo(8), and belongs to another user now.
        os.kill(program, number)


def _is_ours_alone(info: signal.struct_siginfo, program: int) -> bool:
    """Whether the program does not get a signal by itself: it comes from a process, or it is in another group.

    On a hangup the terminal tells only the leader of the session.
    """
    if info.si_code < _FROM_KERNEL:
        return info.si_pid != program
    if info.si_signo == signal.SIGHUP and os.getsid(0) == os.getpid():
        return True
    return os.getpgid(program) != os.getpgrp()


def _find_end(process: int, stop: Callable[[], None] = lambda: None) -> int | None:
    """Return the exit status of a child as a shell has it, None if it has not ended; call `stop` if it has stopped."""
    found, status = os.waitpid(process, os.WNOHANG | os.WUNTRACED)
    if not found:
        return None
    if os.WIFSTOPPED(status):
        if os.WSTOPSIG(status) in _STOPS:
            stop()
        return None
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _stop_with(program: int) -> None:
    """Stop as the program did, and go on with it. Where nobody controls jobs, the kernel does not stop us."""
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
    _send(program, signal.SIGCONT)


def stop_serving(serving: int) -> int:
    """Have the serving process end, and return its exit status. A second signal cuts, a long wait kills it."""
    os.kill(serving, signal.SIGTERM)
    while (status := _find_end(serving)) is None:
        info = signal.sigtimedwait(_WAITED_FOR, _PATIENCE)
        if info is None or info.si_signo != signal.SIGCHLD:
            os.kill(serving, signal.SIGTERM if info else signal.SIGKILL)
    return status
