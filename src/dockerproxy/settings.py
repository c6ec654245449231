"""The settings of the sockets that clients use."""

from enum import StrEnum
from typing import Final, NamedTuple

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Mode

MAX_SOCKET_PATH: Final = 107
"""The longest path of a unix socket, in bytes: `sockaddr_un.sun_path` without its final NUL (unix(7))."""


class Level(StrEnum):
    """The severity of a log line, in syslog's words, from lowest to highest."""

    DEBUG = "debug"
    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"
    ERR = "err"
    CRIT = "crit"
    ALERT = "alert"
    EMERG = "emerg"

    @property
    def rank(self) -> int:
        """The position in this list, from 0 for `DEBUG`."""
        return tuple(Level).index(self)


class Sweep(StrEnum):
    """When the objects of a socket's clients are removed automatically."""

    NEVER = "never"
    AT_EXIT = "at-exit"
    IDLE = "idle"


class Limits(NamedTuple):
    """Limits for the clients of one socket, which honest clients do not reach. Sizes are in bytes, times in seconds.

    Attributes:
        connections: Connected clients.
        requests: Running requests, without streams and tunnels.
        rate: Requests per second; each 4 KiB of a head count as one more.
        streams: Open streams: events, logs, progress.
        tunnels: Open tunnels: attach, exec, BuildKit.
        head: Size of a request head. Credentials can take 20 kB, and filters 40 kB.
        body: Size of a body that is held to be judged. Creating a container takes some kilobytes.
        buffered: Everything held for these clients: partial heads, bodies, and what a slow reader has not taken yet.
        header_timeout: Until a request head is complete, from the connection or its first byte.
        body_timeout: Until a JSON body is complete.
        engine_timeout: Until the engine answers. Streams, tunnels and operations that wait have none.
    """

    connections: int = 2048
    requests: int = 512
    rate: int = 5000
    streams: int = 1024
    tunnels: int = 256
    head: int = 256 * 1024
    body: int = 1024 * 1024
    buffered: int = 64 * 1024 * 1024
    header_timeout: float = 10
    body_timeout: float = 30
    engine_timeout: float = 600


DEFAULTS: Final = Limits()


class SocketFile(NamedTuple):
    """The file of one of the proxy's sockets.

    Attributes:
        path: Absolute, at most `MAX_SOCKET_PATH` bytes.
        permissions: Mode of its file, as chmod(1) takes it.
        uid: Its owner; None leaves our own.
        gid: Its group; None leaves our own.
    """

    path: str
    permissions: int
    uid: int | None
    gid: int | None


class SocketSettings(NamedTuple):
    """One of the proxy's sockets for clients.

    Attributes:
        path, permissions, uid, gid: As in `SocketFile`.
        name: Its name in the log.
        policy: What its clients may do.
        limits: How much its clients may use.
        notes_created: Whether its records have the created objects, which report and learn need.
        sweep: When the objects of its clients are removed.
        idle_after: Seconds without clients after which it is idle.
    """

    path: str
    permissions: int
    uid: int | None
    gid: int | None
    name: str
    policy: CompiledPolicy
    limits: Limits = DEFAULTS
    notes_created: bool = False
    sweep: Sweep = Sweep.NEVER
    idle_after: float = 60

    @property
    def remark(self) -> str:
        """A warning for the operator if this socket denies nothing; otherwise empty."""
        mode = self.policy.mode
        return "" if mode is Mode.ENFORCE else f"the mode of the socket {self.name} is {mode}: it denies nothing"
