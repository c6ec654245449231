"""Read single environment variables by type, and collect all problems."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.advice import advise_variable
from dockerproxy.config.switches import WORDS
from dockerproxy.config.values import Fault
from dockerproxy.problems import Problem
from dockerproxy.process_settings import LogFormat, LogPolls, Sandbox
from dockerproxy.settings import Level

_Word = TypeVar("_Word", Level, LogFormat, LogPolls, Sandbox)
_Value = TypeVar("_Value")
_Default = TypeVar("_Default")


class Variables:
    """Reads single variables and collects problems."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        # An empty value counts as unset: compose passes `POST=` for a missing variable.
        self.environment = {name: value for name, value in environment.items() if value}
        self.problems: list[Problem] = []

    def problem(self, name: str, what: str, hint: str = "") -> None:
        """Add a mistake."""
        self.problems.append(Problem(f"environment variable {name}", what, hint))

    def switch(self, name: str, *, default: bool) -> bool:
        """Read a switch."""
        return self.value(
            name, default, lambda text: WORDS.get(text.strip().lower(), Fault(f"invalid value {text!r}", "use 0 or 1"))
        )

    def operations(self, name: str) -> frozenset[str]:
        """Read names of operations, separated by commas."""
        names = [word.strip() for word in self.environment.get(name, "").split(",") if word.strip()]
        for unknown in (word for word in names if word not in OPERATIONS):
            self.problem(name, f"unknown operation {unknown!r}", advise_variable(unknown))
        return frozenset(names) & OPERATIONS.keys()

    def value(self, name: str, default: _Default, read: Callable[[str], _Value | Fault]) -> _Value | _Default:
        """Read a value; the default if it is missing or invalid."""
        text = self.environment.get(name)
        value = default if text is None else read(text)
        if isinstance(value, Fault):
            self.problem(name, value.what, value.hint)
            return default
        return value

    def word(self, name: str, default: _Word, others: Mapping[str, _Word] = MappingProxyType({})) -> _Word:
        """Read one of some words, or another spelling of one."""
        words = {word.value: word for word in type(default)}

        def read(text: str) -> _Word | Fault:
            return {**others, **words}.get(text.lower()) or Fault(
                f"invalid value {text!r}", f"use one of {', '.join(words)}"
            )

        return self.value(name, default, read)
