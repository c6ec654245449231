"""The ports through which the data path leaves what it did. Nothing behind them decides what passes.

`Log` and `Journal` say what each of these does.
"""
# ruff: noqa: D102

from collections.abc import Callable
from typing import Protocol

from dockerproxy.observe.record import Outcome, Record
from dockerproxy.settings import Level, SocketSettings


class LogPort(Protocol):
    """Takes lines, and never waits. Who watches gets each record as a line of JSON, whatever is written."""

    watch: Callable[[str], None] | None

    def exchange(self, record: Record, level: Level = Level.INFO) -> None: ...
    def start(self, record: Record) -> None: ...
    def message(self, level: Level, text: str) -> None: ...


class JournalPort(Protocol):
    """Takes what the exchanges of one socket leave besides lines, and has the ID of the next decision."""

    next_id: Callable[[], str]

    def find_count(self, operation: str, decision: Outcome) -> Callable[[float, int], None]: ...
    def count(self, record: Record, level: Level) -> None: ...
    def count_answer(self, answer: str) -> None: ...
    def note(self, record: Record) -> None: ...
    def replace(self, settings: SocketSettings) -> None: ...
