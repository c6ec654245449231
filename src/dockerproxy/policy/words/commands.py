"""`commands`: commands that may run; and checks of programs, prepared commands and checkpoints.

Attacks: docs/attacks.md, policy/words/commands.
"""

import re
from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.claim import Object, Reading
from dockerproxy.policy.globs import covers, fits
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Constraint, Matcher
from dockerproxy.policy.words.names import IS_NAME
from dockerproxy.text import base_name
from dockerproxy.wire.document import Json, list_of, object_of

_ANY_MORE: Final = "**"

_SHELL: Final = frozenset({"", "/bin/sh", "-c"})
"""Words that Podman skips to find the program, and an empty entrypoint."""

_IS_JSON: Final = re.compile(r"[ \t\r\n]*(\[|null[ \t\r\n]*$)").match
"""Single words of an entrypoint that Podman splits, or drops for the image's (FillOutSpecGen)."""


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
    """Whether a command line matches a policy's command. `**` at the end matches any further words."""
    if command[-1:] == (_ANY_MORE,):
        command, words = command[:-1], words[: len(command) - 1]
    return len(words) == len(command) and all(
        glob == word or fits(glob, word) for glob, word in zip(command, words, strict=True)
    )


def _covers(wide: tuple[str, ...], narrow: tuple[str, ...]) -> bool:
    """Whether a policy's command admits everything that another admits."""
    ends = narrow[-1:] == (_ANY_MORE,)
    narrow = narrow[:-1] if ends else narrow
    if wide[-1:] == (_ANY_MORE,):
        wide, narrow = wide[:-1], narrow[: len(wide) - 1]
    elif ends:
        return False
    return len(wide) == len(narrow) and all(map(covers, wide, narrow))


def check_program(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """The program must not be one for which Podman makes control groups writable, including the host's.

    Podman uses the first word of entrypoint and command, or the third after `/bin/sh -c`. Without an entrypoint of the
    client, the image's may be the shell (createContainerOptions in its specgen).
    """
    entrypoint = parent.get("Entrypoint")
    given = (("Entrypoint", entrypoint), (path, value))
    words = [(where, str(word)) for where, part in given for word in list_of(part)]
    if isinstance(entrypoint, list) and len(entrypoint) == 1 and _IS_JSON(words[0][1]):
        reading.violate("Entrypoint", entrypoint[0], "not allowed: Podman reads it as JSON")
    where, program = next((each for each in words if each[1] not in _SHELL), (path, ""))
    if base_name(program) == "systemd" or program.rstrip("/").endswith("/sbin/init"):
        reading.violate(where, program, "not allowed: Podman makes control groups writable for it")


def check_commands(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """The command, word for word."""
    words = tuple(map(str, list_of(value)))
    says = "a command that no rule allows" if words else "is missing, but must be a command that a rule allows"
    reading.claim("commands", words or None, path, value if words else None, says)


def check_surroundings(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Variables and directory must not change a granted command."""
    if value:
        says = "not allowed where a rule lists commands: it changes what a command does"
        reading.claim("commands", None, path, value, says)


def check_prepared(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """A prepared command must be granted."""
    config = object_of(value)
    words = [config.get("entrypoint"), *list_of(config.get("arguments"))]
    check_commands(reading, words if config else [], path, parent)


def check_checkpoint(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A checkpoint's name must not be a path."""
    if value and not (isinstance(value, str) and IS_NAME(value)):
        reading.violate(path, value, "not a valid checkpoint name")


_SUMMARY: Final = (
    "which commands may run, a glob for each word, ** at the end for any more; without variables or directory"
)
WORDS: Final = (_Commands("commands", _SUMMARY, narrows=True),)
CHECKS: Final = (check_commands, check_surroundings, check_prepared, check_program, check_checkpoint)
