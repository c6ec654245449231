"""The ports through which the data path leaves what it did. Nothing behind them decides what passes."""

from collections.abc import Callable
from typing import Protocol

from dockerproxy.observe.record import Outcome, Record
from dockerproxy.settings import Level, SocketSettings


class LogPort(Protocol):
    """Takes lines, and never waits. Who watches gets each record as a line of JSON, whatever is written."""

    watch: Callable[[str], None] | None

    def exchange(self, record: Record, level: Level = Level.INFO) -> None:
        """Write the line of a finished exchange."""

    def start(self, record: Record) -> None:
        """Write the line of a stream or tunnel that has begun."""

    def message(self, level: Level, text: str) -> None:
        """Write a message."""


class JournalPort(Protocol):
    """Takes what the exchanges of one socket leave besides lines, and has the ID of the next decision."""

    next_id: Callable[[], str]

    def find_count(self, operation: str, decision: Outcome) -> Callable[[float, int], None]:
        """Return what counts such exchanges, each by the milliseconds that it took and the bytes that it sent."""

    def count(self, record: Record, level: Level) -> None:
        """Count an exchange that is over."""

    def count_answer(self, answer: str) -> None:
        """Count what came of a question to a person."""

    def read_created(self, operation: str, status: int, answer: bytes) -> str:
        """Return the ID of what an operation has created, or nothing; only for records."""

    def note(self, record: Record) -> None:
        """Note what a socket that reports or learns has let through."""

    def replace(self, settings: SocketSettings) -> None:
        """Go on under other settings of the socket."""
