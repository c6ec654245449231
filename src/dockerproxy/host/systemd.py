"""The interface to systemd: inherited sockets, and notifications of the state of the service.

See sd_listen_fds(3) and sd_notify(3).

Attacks: docs/attacks.md, host/systemd.
"""

import contextlib
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from dockerproxy.problems import Problem, UserError

_FIRST: Final = 3
"""The first inherited descriptor; the others follow it."""

READY: Final = "READY=1\nSTATUS=serving"
UNCHANGED: Final = "READY=1\nSTATUS=serving; the last reload failed, and nothing changed"
ALIVE: Final = "WATCHDOG=1"
STOPPING: Final = "STOPPING=1"


class Service(NamedTuple):
    """What systemd passed to this process; empty if it is not a systemd service.

    Attributes:
        sockets: The sockets on which systemd listens, by real path.
        watchdog: Seconds of silence after which systemd restarts us; 0 for never.
        tell: Sends a state to systemd, like `READY`; if it would block, the state is lost.
    """

    sockets: Mapping[str, socket.socket]
    watchdog: float
    tell: Callable[[str], None]

    def check(self, paths: Iterable[str]) -> None:
        """Check that the policy has each inherited socket, because clients of a missing one would wait forever.

        Raises `UserError` if no socket, or more than one, has the path of an inherited one.
        """
        known = Counter(map(find_real, paths))
        twice = [path for path in self.sockets if known[path] > 1]
        if twice:
            text = "several sockets of the policy have this path, through symbolic links"
            raise UserError(*(Problem(path, text, "keep one of them") for path in sorted(twice)))
        unknown = self.sockets.keys() - known.keys()
        if unknown:
            hint = "add it to the policy, or remove it from the .socket unit and restart the service"
            text = "systemd listens here, but no socket of the policy has this path"
            raise UserError(*(Problem(path, text, hint) for path in sorted(unknown)))


NO_SERVICE: Final = Service({}, 0, lambda _: None)


def find_real(path: str) -> str:
    """Return the path of a socket with links in its directories resolved."""
    directory, name = os.path.split(path)
    return os.path.join(os.path.realpath(directory), name)


def read_service(environment: Mapping[str, str]) -> Service:
    """Read what systemd passed to this process, from environment variables.

    Raises `UserError` if a descriptor is not a listening unix socket with a path, or the notify socket is unreachable.
    """
    us = str(os.getpid())
    sockets: dict[str, socket.socket] = {}
    if environment.get("LISTEN_PID") == us:
        for number in range(_FIRST, _FIRST + int(environment.get("LISTEN_FDS", "0"))):
            taken = _take(number)
            sockets[find_real(taken.getsockname())] = taken
    watched = environment.get("WATCHDOG_PID", us) == us
    watchdog = int(environment.get("WATCHDOG_USEC", "0")) / 1e6 if watched else 0
    return Service(sockets, watchdog, _connect(environment.get("NOTIFY_SOCKET", "")))


def _take(number: int) -> socket.socket:
    try:
        taken = socket.socket(fileno=number)
    except OSError as error:
        raise UserError(Problem("LISTEN_FDS", f"descriptor {number} is not a socket")) from error
    kind = taken.family, taken.type, taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if kind != (socket.AF_UNIX, socket.SOCK_STREAM, 1) or not str(taken.getsockname()).startswith("/"):
        hint = "write ListenStream=/a/path in the .socket unit, and Accept=no"
        raise UserError(Problem("LISTEN_FDS", f"descriptor {number} is not a unix socket that listens on a path", hint))
    os.set_inheritable(number, False)  # noqa: FBT003 (its only form)
    taken.setblocking(False)  # noqa: FBT003 (its only form)
    return taken


def _connect(path: str) -> Callable[[str], None]:
    if not path:
        return NO_SERVICE.tell
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        systemd.connect(f"\0{path[1:]}" if path.startswith("@") else path)
    except OSError as error:
        systemd.close()
        raise UserError(Problem("NOTIFY_SOCKET", f"cannot connect to {path}: {error.strerror}")) from error

    def tell(state: str) -> None:
        with contextlib.suppress(OSError):
            systemd.send(state.encode())

    return tell
