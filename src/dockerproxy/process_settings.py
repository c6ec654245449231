"""The settings of one running proxy."""

from enum import StrEnum
from typing import NamedTuple

from dockerproxy.settings import Level, SocketSettings


class LogFormat(StrEnum):
    """The format of log lines."""

    TEXT = "text"
    JSON = "json"


class LogPolls(StrEnum):
    """What the log has of the same read that comes again and again."""

    EACH = "each"
    COLLAPSE = "collapse"


class Sandbox(StrEnum):
    """Whether the process locks itself in."""

    OFF = "off"
    BEST_EFFORT = "best-effort"
    REQUIRED = "required"


class Settings(NamedTuple):
    """Everything `serve` needs.

    Attributes:
        engines: Paths where the engine's socket may be; the first that exists when a client connects is used.
        sockets: Our own.
        shutdown_grace: Seconds for exchanges to finish after SIGTERM.
        log_level: Lines below this level are not written.
        log_format: Of each line.
        log_polls: Whether repeated reads are one line a minute.
        learn_directory: Where sockets that learn write their policies; empty if nowhere.
        metrics_socket: Where metrics can be asked for; empty if nowhere.
        metrics_file: Where they are written for node_exporter; empty if nowhere.
        ask_timeout: Seconds for a person to answer.
        control_socket: Where operators see what is going on, and answer what is asked; empty if nowhere.
        sandbox: Whether the process locks itself in.
        takes_over: Whether it replaces the sockets of another proxy that still runs.
    """

    engines: tuple[str, ...]
    sockets: tuple[SocketSettings, ...]
    shutdown_grace: float
    log_level: Level
    log_format: LogFormat
    log_polls: LogPolls = LogPolls.EACH
    learn_directory: str = ""
    metrics_socket: str = ""
    metrics_file: str = ""
    control_socket: str = ""
    ask_timeout: float = 60
    sandbox: Sandbox = Sandbox.BEST_EFFORT
    takes_over: bool = False
