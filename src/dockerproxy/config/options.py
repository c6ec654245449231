"""Read grants from the options of a command line: `--allow` and `--preset`.

Each option is read alone, like an item of `allow` in a policy file, so that its quotes and brackets cannot affect the
next. `$PWD` in `binds` is the current directory: shells keep it literal in single quotes.

Attacks: docs/attacks.md, config/options.
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dockerproxy.config.document import Fields, Items, Node, Text
from dockerproxy.config.grants import (
    Line,
    check_binds,
    check_lines,
    check_pulls,
    check_tagged,
    join_creates,
    read_allow,
)
from dockerproxy.config.places import is_place
from dockerproxy.config.policy_file import Remedies, make_policy
from dockerproxy.config.presets import SHELF
from dockerproxy.config.reader import Reader
from dockerproxy.policy.model import Mode, Policy, Source, values_of
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.places import NOWHERE
from dockerproxy.problems import Problem

MARK: Final = ' to "--allow": '
"""Precedes a proposed grant, which is the rest of the message. A grant cannot contain it, as quotes in a client's text
are escaped (test: test_what_a_client_says_is_never_taken_for_the_proposed_grant)."""

_REMEDIES: Final = Remedies('"--allow"', '"--deny"', f"to allow {{what}}, add{MARK}{{grant}}")
_PLACE: Final = re.compile(r":\d+:\d+$")
_HERE: Final = re.compile(r"\A\$(?:PWD(?!\w)|\{PWD\})")
_PATHS: Final = "binds"
_LINE: Final = re.compile(r"(?:; the error is)? in line \d+")


def read_grants(
    allow: Iterable[str], presets: Iterable[str], problems: list[Problem], directory: str = ""
) -> tuple[Line, ...]:
    """Read grants that were typed in a directory, and add their problems. Invalid ones are left out."""
    typed = [("--preset", name, f"preset:{name}") for name in presets]
    typed += [("--allow", text, text) for text in allow]
    lines: list[Line] = []
    for option, text, item in typed:
        reader = Reader(f"{option} {shlex.quote(text)}")
        node = reader.compose(item)
        if node is not None and is_place(directory):
            node = _put_in(node, directory)
        read = () if node is None else read_allow(reader, Items((node,), node.place), SHELF)
        if node is None and not reader.problems:
            problems.append(Problem(reader.file, "the grant is empty", f"write it like {option} {_EXAMPLES[option]}"))
        problems += map(_without_place, reader.problems)
        lines += (
            replace(line, grants=tuple(grant._replace(source=Source(line.word, option)) for grant in line.grants))
            for line in read
        )
    if not problems:
        reader = Reader("")
        check_lines(reader, lines, ())
        lines = list(join_creates(reader, lines))
        check_binds(reader, lines, NOWHERE)
        owns = any(OWN in values_of(grant.conditions) for line in lines for grant in line.grants)
        if owns:
            check_pulls(reader, lines, ())
        check_tagged(reader, lines, (), owns=owns)
        problems += map(_without_place, reader.problems)
    return tuple(lines)


def _put_in(node: Node, directory: str, *, is_path: bool = False) -> Node:
    """Replace `$PWD` at the start of paths, if it can mean nothing else."""
    if isinstance(node, Text) and is_path:
        return node._replace(text=_HERE.sub(lambda _: directory, node.text))
    if isinstance(node, Items):
        return node._replace(nodes=tuple(_put_in(each, directory, is_path=is_path) for each in node.nodes))
    if isinstance(node, Fields):
        pairs = ((key, _put_in(value, directory, is_path=key.text == _PATHS)) for key, value in node.pairs)
        return node._replace(pairs=tuple(pairs))
    return node


_EXAMPLES: Final = {"--allow": "ContainerList", "--preset": "testcontainers"}


def _without_place(problem: Problem) -> Problem:
    """Remove line and column: an option has a single line, and its text is shown."""
    where, what, hint = _PLACE.sub("", problem.where), _LINE.sub("", problem.what), _LINE.sub("", problem.hint)
    return Problem(where, what, hint)


def make_typed_policy(lines: tuple[Line, ...], mode: Mode) -> Policy:
    """Make a policy from typed lines."""
    return make_policy(Reader(""), lines, (), mode, _REMEDIES)
