"""What one running proxy is configured to be."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Mode

MAX_SOCKET_PATH: Final = 107
"""Bytes of a unix socket's path that fit `sockaddr_un.sun_path` with its final NUL (unix(7))."""


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


class Measure(StrEnum):
    """What a limit is counted in."""

    NUMBER = "number"
    BYTES = "bytes"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds for the clients of one socket, which honest ones do not meet. Sizes are in bytes, times in seconds.

    Attributes:
        connections: Clients that are connected.
        requests: Under way at one time, streams and tunnels apart.
        rate: Requests in a second, each 4 KiB of a head counting as another one.
        streams: Open at one time: events, logs, progress.
        tunnels: Open at one time: attach, exec, BuildKit.
        head: Of a request. A credential has 20 kB at times, a filter 40.
        body: Of a request whose body is held to be looked at. What makes a container is some kilobytes.
        buffered: Held for all of them: parts of heads, bodies, and what a slow reader has not taken yet.
        header_timeout: For a request head to be complete, from the connection or its first byte on.
        body_timeout: For a body in JSON to be complete.
        engine_timeout: For an answer to begin that comes at once. Streams, tunnels and what waits have none.
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


@dataclass(frozen=True, slots=True)
class Limit:
    """How one of the limits is said.

    Attributes:
        name: Of the attribute of `Limits`, and of the key below `limits` in a policy file.
        variable: Of the environment, for sockets that do not say it.
        measure: What it is counted in.
        says: What it bounds.
    """

    name: str
    variable: str
    measure: Measure
    says: str


# fmt: off
LIMITS: Final = (
    Limit("connections",    "MAX_CONNECTIONS", Measure.NUMBER,  "clients connected at one time"),
    Limit("requests",       "MAX_REQUESTS",    Measure.NUMBER,  "requests under way at one time, streams apart"),
    Limit("rate",           "MAX_RATE",        Measure.NUMBER,  "requests in a second, 4 KiB of a head for each"),
    Limit("streams",        "MAX_STREAMS",     Measure.NUMBER,  "streams open at one time: events, logs, progress"),
    Limit("tunnels",        "MAX_TUNNELS",     Measure.NUMBER,  "tunnels open at one time: attach, exec, BuildKit"),
    Limit("head",           "MAX_HEAD",        Measure.BYTES,   "a request head"),
    Limit("body",           "MAX_BODY",        Measure.BYTES,   "a body that is held to be looked at"),
    Limit("buffered",       "MAX_BUFFERED",    Measure.BYTES,   "all that is held for the socket's clients"),
    Limit("header_timeout", "HEADER_TIMEOUT",  Measure.SECONDS, "for a request head to be complete"),
    Limit("body_timeout",   "BODY_TIMEOUT",    Measure.SECONDS, "for a body in JSON to be complete"),
    Limit("engine_timeout", "ENGINE_TIMEOUT",  Measure.SECONDS, "for the engine to begin an answer that comes at once"),
)
# fmt: on
"""Every limit. What a client that meets one is told names its variable."""


def with_limits(limits: Limits, said: Mapping[str, float]) -> Limits:
    """Return limits of which some are as is said, by their names; numbers and bytes are whole."""
    return replace(limits, **said)  # type: ignore[arg-type] # mypy cannot see which of them are whole


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
        limits: What its clients may use up.
    """

    name: str
    path: str
    permissions: int
    uid: int | None
    gid: int | None
    policy: CompiledPolicy
    limits: Limits = DEFAULTS

    @property
    def remark(self) -> str:
        """What whoever looks after the proxy must know of a socket that refuses nothing; empty if it does."""
        mode = self.policy.mode
        return "" if mode is Mode.ENFORCE else f"the mode of the socket {self.name} is {mode}: it refuses nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything `serve` needs.

    Attributes:
        engines: Paths where the engine's socket may be; the first that exists when a client connects is taken.
        sockets: Ours.
        shutdown_grace: Seconds for exchanges to finish after SIGTERM.
        log_level: Lines below it are not written.
        log_format: How lines are written.
        learn_directory: Where sockets that learn write their policies; empty if nowhere.
        sandbox: Whether the process locks itself in.
    """

    engines: tuple[str, ...]
    sockets: tuple[SocketSettings, ...]
    shutdown_grace: float
    log_level: Level
    log_format: LogFormat
    learn_directory: str = ""
    sandbox: Sandbox = Sandbox.BEST_EFFORT
