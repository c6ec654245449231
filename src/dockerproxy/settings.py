"""What one running proxy is configured to be."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Mode

MAX_SOCKET_PATH: Final = 107
"""Bytes of a unix socket's path that fit `sockaddr_un.sun_path` with its final NUL (unix(7))."""

MAX_BODY: Final = 1024 * 1024
"""Bytes of a body that is held, if nothing else is said. What makes a container is some kilobytes."""


class Level(StrEnum):
    """How grave a log line is, in syslog's words; from the least to the most."""

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
        """0 for `DEBUG`, rising."""
        return _RANKS[self]


_RANKS: Final = {level: rank for rank, level in enumerate(Level)}


class LogFormat(StrEnum):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


class Sandbox(StrEnum):
    """Whether the process locks itself in."""

    OFF = "off"
    BEST_EFFORT = "best-effort"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSettings:
    """A socket of ours.

    Attributes:
        name: What the log calls it.
        path: Where it is; absolute, at most `MAX_SOCKET_PATH` bytes.
        permissions: Of its file, as chmod(1) has them.
        uid: Its owner; None leaves our own.
        gid: Its group; None leaves our own.
        policy: What its clients may do.
        max_body: Bytes of a body that is held to be looked at.
    """

    name: str
    path: str
    permissions: int
    uid: int | None
    gid: int | None
    policy: CompiledPolicy
    max_body: int = MAX_BODY

    @property
    def remark(self) -> str:
        """What whoever looks after the proxy must know of a socket that refuses nothing; empty if it does."""
        mode = self.policy.mode
        return "" if mode is Mode.ENFORCE else f"the mode of the socket {self.name} is {mode}: it refuses nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that no honest client meets. Times are in seconds.

    Attributes:
        connections: Clients at one time, over all sockets.
        header_timeout: For a request head to be complete, from the connection or its first byte on.
        idle_timeout: For a client between two requests. Long, so that no client meets a closed connection.
        shutdown_grace: For exchanges to finish after SIGTERM.
    """

    connections: int = 4096
    header_timeout: float = 10
    idle_timeout: float = 900
    shutdown_grace: float = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything `serve` needs.

    Attributes:
        engines: Paths where the engine's socket may be; the first that exists when a client connects is taken.
        sockets: Ours.
        limits: Bounds.
        log_level: Lines below it are not written.
        log_format: How lines are written.
        learn_directory: Where sockets that learn write their policies; empty if nowhere.
        sandbox: Whether the process locks itself in.
    """

    engines: tuple[str, ...]
    sockets: tuple[SocketSettings, ...]
    limits: Limits
    log_level: Level
    log_format: LogFormat
    learn_directory: str = ""
    sandbox: Sandbox = Sandbox.BEST_EFFORT
