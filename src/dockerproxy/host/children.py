"""Child processes of `run`: the proxy that serves, and the program in the foreground.

The program has the terminal and our process group, so it gets the terminal's signals directly. We wait for signals with
sigwaitinfo(2), which returns the sender. A signal that a process sends to us is passed on; a signal that the terminal
sends to the whole group is not, so Ctrl-C arrives once. When the program stops, we stop too, because the shell watches
us. A signal that another process sends to the whole group may arrive twice: it looks like one sent to us alone.
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
"""Signals that we handle by waiting. SIGTSTP stops us only after the program, which may ignore it."""

_STOPS: Final = frozenset({signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})
"""Signals of job control that stop a program, except SIGSTOP, whose sender means that process alone."""

_FROM_KERNEL: Final = 1
"""The lowest si_code of a signal that the kernel sent (siginfo.h)."""

_PR_SET_PDEATHSIG: Final = 1
_FIRST_FREE: Final = 3
_PATIENCE: Final = 5.0
"""Seconds for the serving process to end before it is killed."""


class Serving(NamedTuple):
    """The serving process, and its log, which ends with it. If it is not ready, it has failed."""

    process: int
    log: BinaryIO
    is_ready: bool


def hold_signals() -> frozenset[signal.Signals]:
    """Block signals, to wait for them; return those that were blocked before, for the program."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # A process that ignores it cannot wait for a child.
    return frozenset(map(signal.Signals, signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)))


def find_pending() -> int:
    """Return a pending signal that ends us, 0 if there is none."""
    return next((number for number in _PASSED_ON if number in signal.sigpending()), 0)


def fork_serving(serve: Callable[[int, Callable[[], None]], int]) -> Serving:
    """Fork a process that serves until SIGTERM, or until we end; wait until it is ready or has failed.

    It gets its own session, which the terminal's signals do not reach, and blocks no signals. It keeps only standard
    error of our descriptors.

    Args:
        serve: Gets a descriptor for its log, and a function to call when it is ready; returns the exit status.
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
    """Serve, and end without returning into the parent's code."""
    status = 70
    try:
        os.setsid()
        call("prctl", _PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        for descriptor in map(int, os.listdir("/proc/self/fd")):
            if descriptor >= _FIRST_FREE and descriptor not in kept:
                with suppress(OSError):  # The descriptor of the listing itself is closed.
                    os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if os.getppid() == parent:
            status = serve()
    except BaseException:  # noqa: BLE001 (nothing may return into the parent's code)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def start_program(command: tuple[str, ...], environment: Mapping[str, str], held: Iterable[int]) -> int:
    """Start a program with our descriptors, in our process group; return its process ID, or raise an `OSError`."""
    spawn = partial(
        os.posix_spawnp, setsigmask=held, setsigdef=(signal.SIGPIPE, signal.SIGXFSZ)
    )  # Python ignores these two.
    try:
        return spawn(command[0], command, environment)
    except OSError as error:
        if error.errno == errno.EACCES and "/" not in command[0] and not shutil.which(command[0], os.F_OK):
            # execvp(3) says so of a directory in PATH that may not be searched; for a shell, nothing was found.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
        if error.errno != errno.ENOEXEC:
            raise
        # A script without an interpreter line is run by the shell (execvp(3)).
        script = ("/bin/sh", shutil.which(command[0]) or command[0], *command[1:])
        return spawn(script[0], script, environment)


def attend(program: int, serving: int, tell: Callable[[int], None]) -> tuple[int, int | None]:
    """Pass signals on until a program ends; return its exit status, in the form of a shell.

    If the serving process ends first, the program gets SIGTERM, because it can no longer reach the engine. The exit
    status of the serving process is then passed to `tell`, and returned too.
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
    with suppress(PermissionError):  # A setuid program, like sudo(8), now belongs to another user.
        os.kill(program, number)


def _is_ours_alone(info: signal.struct_siginfo, program: int) -> bool:
    """Whether only we got a signal: a process sent it, or the program is in another process group.

    On a hangup, the terminal signals only the leader of the session.
    """
    if info.si_code < _FROM_KERNEL:
        return info.si_pid != program
    if info.si_signo == signal.SIGHUP and os.getsid(0) == os.getpid():
        return True
    return os.getpgid(program) != os.getpgrp()


def _find_end(process: int, stop: Callable[[], None] = lambda: None) -> int | None:
    """Return the exit status of a child in the form of a shell, None if it runs; call `stop` if it has stopped."""
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
    """Stop like the program, and continue it afterwards. Without job control, the kernel does not stop us."""
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
    _send(program, signal.SIGCONT)


def stop_serving(serving: int) -> int:
    """End the serving process, and return its exit status. A second signal cuts requests, a timeout kills it."""
    os.kill(serving, signal.SIGTERM)
    while (status := _find_end(serving)) is None:
        info = signal.sigtimedwait(_WAITED_FOR, _PATIENCE)
        if info is None or info.si_signo != signal.SIGCHLD:
            os.kill(serving, signal.SIGTERM if info else signal.SIGKILL)
    return status
