"""Read grants from the options of a command line: `--allow` and `--preset`.

Each option is read by itself, as an item of `allow` in a policy file is, so that no quote or bracket of one reaches
into the next.
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dockerproxy.config.document import Items
from dockerproxy.config.grants import Line, check_lines, read_allow
from dockerproxy.config.policy_file import Remedies, make_policy
from dockerproxy.config.presets import SHELF
from dockerproxy.config.reader import Reader
from dockerproxy.policy.model import Mode, Policy
from dockerproxy.problems import Problem

MARK: Final = ' to "--allow": '
"""Stands before a proposed grant, which is the rest of the message. A grant cannot have it: there, quotes of a client's
text are escaped (test: test_what_a_client_says_is_never_taken_for_the_proposed_grant)."""

_REMEDIES: Final = Remedies('"--allow"', '"--deny"', f"to allow {{what}}, add{MARK}{{grant}}")
_PLACE: Final = re.compile(r":\d+:\d+$")
_LINE: Final = re.compile(r"(?:; the error is)? in line \d+")


def read_grants(allow: Iterable[str], presets: Iterable[str], problems: list[Problem]) -> tuple[Line, ...]:
    """Read grants as they were typed, and add their problems; those that are wrong are left out."""
    typed = [("--preset", name, f"preset:{name}") for name in presets]
    typed += [("--allow", text, text) for text in allow]
    lines: list[Line] = []
    for option, text, item in typed:
        reader = Reader(f"{option} {shlex.quote(text)}")
        node = reader.compose(item)
        read = () if node is None else read_allow(reader, Items((node,), node.place), SHELF)
        if node is None and not reader.problems:
            problems.append(Problem(reader.file, "the grant is empty", f"write it like {option} {_EXAMPLES[option]}"))
        problems += map(_without_place, reader.problems)
        source = f"{{}} ({option})".format
        lines += (
            replace(line, grants=tuple(grant._replace(source=source(line.word)) for grant in line.grants))
            for line in read
        )
    if not problems:
        reader = Reader("")
        check_lines(reader, lines, ())
        problems += map(_without_place, reader.problems)
    return tuple(lines)


_EXAMPLES: Final = {"--allow": "ContainerList", "--preset": "testcontainers"}


def _without_place(problem: Problem) -> Problem:
    """Leave out line and column: an option has one line, and its text is shown."""
    where, what, hint = _PLACE.sub("", problem.where), _LINE.sub("", problem.what), _LINE.sub("", problem.hint)
    return Problem(where, what, hint)


def make_typed_policy(lines: tuple[Line, ...], mode: Mode) -> Policy:
    """Make a policy of lines that were typed."""
    return make_policy(Reader(""), lines, (), mode, _REMEDIES)
