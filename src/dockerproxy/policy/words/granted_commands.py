"""`commands`: the commands that may run, word for word with globs."""

from collections.abc import Hashable

from dockerproxy.policy.globs import covers, fits
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Constraint, Matcher

_ANY_MORE = "**"


class _Commands(Constraint):
    takes = Takes.LISTS

    def matcher(self, granted: Value) -> Matcher:
        commands = _lists(granted)
        return lambda value: isinstance(value, tuple) and any(fits_command(command, value) for command in commands)

    def least(self, value: Hashable) -> Value | None:
        return (tuple(map(str, value)),) if isinstance(value, tuple) and value else None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        return _lists(least)

    def within(self, inner: Value, outer: Value) -> bool:
        return all(any(_covers(wide, narrow) for wide in _lists(outer)) for narrow in _lists(inner))


def _lists(granted: Value) -> tuple[tuple[str, ...], ...]:
    return tuple(item for item in granted if isinstance(item, tuple)) if isinstance(granted, tuple) else ()


def fits_command(command: tuple[str, ...], words: tuple[str, ...]) -> bool:
    """Whether the words of a command line fit those of a policy; `**` at the end is any more words."""
    if command[-1:] == (_ANY_MORE,):
        command, words = command[:-1], words[: len(command) - 1]
    return len(words) == len(command) and all(
        glob == word or fits(glob, word) for glob, word in zip(command, words, strict=True)
    )


def _covers(wide: tuple[str, ...], narrow: tuple[str, ...]) -> bool:
    """Whether a command of a policy admits all that another one does."""
    ends = narrow[-1:] == (_ANY_MORE,)
    narrow = narrow[:-1] if ends else narrow
    if wide[-1:] == (_ANY_MORE,):
        wide, narrow = wide[:-1], narrow[: len(wide) - 1]
    elif ends:
        return False
    return len(wide) == len(narrow) and all(map(covers, wide, narrow))


CONSTRAINT = _Commands(
    "commands",
    "which commands may run, word for word with globs; ** at the end is any more words; no variables and no directory"
    " may be set besides",
    narrows=True,
)
