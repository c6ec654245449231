"""Error messages: why the engine cannot be reached and how to fix it, and bugs of the proxy."""

import errno
import grp
import os
import pwd
import stat
import traceback
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

from dockerproxy.observe.record import LogPort, Outcome
from dockerproxy.settings import Level

TOO_MUCH_ASKED: Final = (Outcome.DENIED, Level.WARNING)
"""Outcome and log level of a request that exceeds a limit."""


def find_blame(status: int) -> tuple[Outcome, Level]:
    """Return who is to blame for a failed exchange: the client below 500, otherwise the engine."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome.ALLOWED, Level.ERR
    return Outcome.DENIED if status == HTTPStatus.FORBIDDEN else Outcome.REFUSED, Level.WARNING


def choose_engine(paths: Sequence[str]) -> str:
    """Return the first existing path, or the first one if none exists."""
    if len(paths) == 1:
        return paths[0]
    return next((path for path in paths if os.path.lexists(path)), paths[0])


def explain_unreachable(paths: Sequence[str], path: str, error: OSError) -> str:
    """Explain why connecting to one of the engine's paths failed, and what to do."""
    if error.errno == errno.ENOENT:
        return (
            f"the engine's socket is not there: {', '.join(paths)}; is the path right, the engine running, and its"
            " socket mounted?"
        )
    if error.errno == errno.ECONNREFUSED and os.path.isdir(path):
        return f"{path} is a directory: Docker creates one if the host has no socket to mount; check the path there"
    if error.errno == errno.ECONNREFUSED:
        return (
            f"nothing listens on {path}; is the engine running? If it was restarted while only its socket file was"
            " mounted, mount the directory of the socket instead, or restart this container"
        )
    if error.errno == errno.EACCES:
        return f"permission denied on {path}{_explain_permission(path)}"
    return f"the engine at {path} cannot be reached: {error.strerror or error}"


def _explain_permission(path: str) -> str:
    """Explain who may open the socket, and which setting gives the proxy access."""
    try:
        status = os.stat(path)
    except OSError as error:
        return f" ({error.strerror}); this process runs as uid {os.geteuid()} and cannot enter its directory"
    mode = stat.S_IMODE(status.st_mode)
    mend = (
        f'in group {status.st_gid}; in compose, with group_add: ["{status.st_gid}"]'
        if mode & stat.S_IWGRP and status.st_gid
        else f'as uid {status.st_uid}; in compose, with user: "{status.st_uid}", or cap_add: [DAC_OVERRIDE] for root'
    )
    return (
        f": it belongs to {_name('user', status.st_uid, pwd.getpwuid)} and"
        f" {_name('group', status.st_gid, grp.getgrgid)} with mode {mode:04o}, and this process"
        f" runs as uid {os.geteuid()} gid {os.getegid()}; run it {mend}"
    )


def _name(kind: str, number: int, find: Callable[[int], pwd.struct_passwd | grp.struct_group]) -> str:
    """Describe a user or group. The name is the first field of both tables."""
    try:
        return f"{kind} {find(number)[0]} ({number})"
    except KeyError:
        return f"{kind} {number}"


def log_bug(log: LogPort, where: str, error: BaseException) -> None:
    """Log the traceback of a bug in the proxy, which ended only one exchange."""
    lines = "".join(traceback.format_exception(error))
    log.message(Level.CRIT, f"a bug in dockerproxy, in {where}; please report it\n{lines}")
