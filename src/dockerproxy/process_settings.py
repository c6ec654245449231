"""The settings of one running proxy."""

from enum import StrEnum
from typing import NamedTuple

from dockerproxy.settings import Level, SocketSettings


class LogFormat(StrEnum):
    """The format of log lines."""

    TEXT = "text"
    JSON = "json"


class LogPolls(StrEnum):
    """How the log treats repeated reads."""

    EACH = "each"
    COLLAPSE = "collapse"


class Sandbox(StrEnum):
    """Whether the process sandboxes itself."""

    OFF = "off"
    BEST_EFFORT = "best-effort"
    REQUIRED = "required"


class Settings(NamedTuple):
    """Everything `serve` needs.

    Attributes:
        engines: Paths where the engine's socket may be; the first that exists when a client connects is used.
        sockets: The sockets for clients.
        shutdown_grace: Seconds for exchanges to finish after SIGTERM.
        log_level: Lines below this level are not written.
        log_format: Format of each line.
        log_polls: Whether repeated reads are one line a minute.
        learn_directory: Directory for learned policies; empty for none.
        metrics_socket: Path of the socket for metrics; empty for none.
        metrics_file: Path of the metrics file for node_exporter; empty for none.
        ask_timeout: Seconds for an operator to answer.
        control_socket: Path of the control socket; empty for none.
        sandbox: Whether the process sandboxes itself.
        takes_over: Whether it replaces the sockets of another running proxy.
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
