"""Read single environment variables by type, and collect all problems."""

from collections.abc import Mapping
from typing import TypeVar

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.near import find_near
from dockerproxy.config.switches import WORDS
from dockerproxy.config.values import (
    Fault,
    find_directory_fault,
    find_path_fault,
    read_limit,
    read_mode,
    read_seconds,
    read_whole,
)
from dockerproxy.errors import Problem
from dockerproxy.settings import Level, Limit, LogFormat, Sandbox

_Word = TypeVar("_Word", Level, LogFormat, Sandbox)
_Value = TypeVar("_Value")


class Variables:
    """Reads single variables and collects problems."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        # An empty value counts as unset: compose passes `POST=` for a variable that it lacks.
        self.environment = {name: value for name, value in environment.items() if value}
        self.problems: list[Problem] = []

    def problem(self, name: str, what: str, hint: str = "") -> None:
        """Note a mistake."""
        self.problems.append(Problem(f"environment variable {name}", what, hint))

    def switch(self, name: str, *, default: bool) -> bool:
        """Read a switch."""
        value = self.environment.get(name)
        if value is None:
            return default
        if value.strip().lower() not in WORDS:
            self.problem(name, f"invalid value {value!r}", "use 0 or 1")
        return WORDS.get(value.strip().lower(), default)

    def operations(self, name: str) -> frozenset[str]:
        """Read names of operations, with commas between them."""
        names = [word.strip() for word in self.environment.get(name, "").split(",") if word.strip()]
        for unknown in (word for word in names if word not in OPERATIONS):
            near = find_near(unknown, OPERATIONS)
            hint = f"did you mean {near}?" if near else "run `dockerproxy operations` to list them"
            self.problem(name, f"unknown operation {unknown!r}", hint)
        return frozenset(names) & OPERATIONS.keys()

    def path(self, name: str, default: str) -> str:
        """Read the path of a socket."""
        return self.check_path(name, self.environment.get(name, default))

    def check_path(self, name: str, path: str) -> str:
        """Look at a path of a socket that a variable names."""
        return self._judge(name, path, find_path_fault(path))

    def directory(self, name: str) -> str:
        """Read the path of a directory; empty if there is none."""
        path = self.environment.get(name, "")
        return self._judge(name, path, find_directory_fault(path) if path else None)

    def mode(self, name: str, default: int) -> int:
        """Read permission bits."""
        value = self.environment.get(name)
        mode = default if value is None else read_mode(value)
        return self._judge(name, default, mode) if isinstance(mode, Fault) else mode

    def whole(self, name: str, least: int, most: int) -> int | None:
        """Read a whole number."""
        value = self.environment.get(name)
        number = None if value is None else read_whole(value, least, most)
        return self._judge(name, None, number) if isinstance(number, Fault) else number

    def limit(self, limit: Limit, default: float) -> float:
        """Read a limit."""
        value = self.environment.get(limit.variable)
        found = default if value is None else read_limit(limit, value)
        return self._judge(limit.variable, default, found) if isinstance(found, Fault) else found

    def seconds(self, name: str, default: float) -> float:
        """Read a duration."""
        value = self.environment.get(name)
        seconds = default if value is None else read_seconds(value)
        return self._judge(name, default, seconds) if isinstance(seconds, Fault) else seconds

    def word(self, name: str, default: _Word) -> _Word:
        """Read one of some words."""
        value = self.environment.get(name, default.value)
        words = {word.value: word for word in type(default)}
        if value.lower() not in words:
            self.problem(name, f"invalid value {value!r}", f"use one of {', '.join(words)}")
        return words.get(value.lower(), default)

    def _judge(self, name: str, value: _Value, fault: Fault | None) -> _Value:
        """Return a value, and note what is wrong with it."""
        if fault is not None:
            self.problem(name, fault.what, fault.hint)
        return value
