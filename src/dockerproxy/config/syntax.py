"""Explain YAML syntax errors in words that do not depend on which of PyYAML's two parsers found them."""

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

import yaml

_HIDDEN: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)"
)
"""Characters that end a line only for YAML, or that make an editor show others in another order.

Text behind one in a comment would be an invisible line of the policy (CVE-2021-42574)."""

_DIRECTIVE: Final = re.compile(r"^%", re.MULTILINE)

_TAB: Final = re.compile(r"^[^#\t\n]*(\t)", re.MULTILINE)
"""Outside of comments: PyYAML's two parsers disagree about them, and people see spaces."""


_MOST: Final = 10


@dataclass(frozen=True, slots=True)
class Flaw:
    """One mistake in the syntax.

    Attributes:
        line: From 1 on.
        column: From 1 on.
        what: What is wrong there.
        hint: What to do about it.
    """

    line: int
    column: int
    what: str
    hint: str


def find_hidden(text: str) -> list[Flaw]:
    """Find what a person would not see, or what would change how the rest is read."""
    found = [
        (match, f"a character that cannot be seen, {match[0]!a}", _advise(match)) for match in _first(_HIDDEN, text)
    ]
    found += [(match, "a tab", "write blanks") for match in _first(_TAB, text)]
    found += [(match, "a directive", "take the line out") for match in _first(_DIRECTIVE, text)]
    return [Flaw(*_place_of(text, match.end() - 1), what, hint) for match, what, hint in found]


def _first(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """Return the first few places: who sees these finds the others."""
    return list(islice(pattern.finditer(text), _MOST))


def _advise(match: re.Match[str]) -> str:
    return "save the file without a byte order mark" if match[0] == "\ufeff" and not match.start() else "take it out"


def _place_of(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


_QUOTE: Final = ("a quote is opened here and never closed", "close it")
_ESCAPE: Final = ("a backslash in double quotes that is no escape", "write it twice, or use single quotes")
_LIST: Final = ("the list that begins here is not closed, or lacks a comma", "what does not fit is in line {line}")
_BRACES: Final = ("the braces that open here are not closed, or lack a comma", "what does not fit is in line {line}")
_INDENTATION: Final = (
    "this fits nothing above it",
    "is it indented like the lines it belongs to? They begin in line {other}",
)
_COLON: Final = (
    "a colon that belongs to nothing",
    "is the line indented too far, or must a text with a colon be in quotes?",
)
_NO_COLON: Final = ("a colon and a value are missing after this", "write NAME: VALUE, or - ITEM for an item of a list")
_ITEM: Final = ("an item cannot begin here", "begin it on a line of its own, or write the list as [a, b]")
_KEY: Final = ("a key cannot begin here", "write it without a question mark")
_MISFIT: Final = ("this belongs to nothing", "is a comma missing, or must the text be in quotes?")
_ALIAS: Final = ("a * or & without a name", 'a pattern is written in quotes, like "*" or "*-db"')
_NOTHING: Final = ("a value is missing here", "write one, or take the comma out")
_REST: Final = ("this comes after the end", "is it indented like the lines it belongs to?")
TAG: Final = ("tags, words that begin with !, mean nothing here", "write it in quotes, or take it out")
LINES: Final = ("a text goes over several lines", "write it in one; or is the second indented too far?")
DEPTH: Final = ("lists within lists, deeper than any policy", "write fewer brackets")

_BY_PROBLEM: Final = (
    ("unexpected end of stream|unexpected document", "context", _QUOTE),
    ("escape|hexa?decimal", "context", _ESCAPE),
    ("mapping values are not allowed", "problem", _COLON),
    ("sequence entries are not allowed", "problem", _ITEM),
    ("mapping keys are not allowed", "problem", _KEY),
    ("expected '?<document start>", "problem", _REST),
)
"""A pattern of PyYAML's message, which of its two marks counts, and our message."""

_BY_CONTEXT: Final = (
    ("parsing a flow sequence", "context", _LIST),
    ("parsing a flow mapping", "context", _BRACES),
    ("parsing a (flow|block) node", "problem", _NOTHING),
    ("parsing a block", "problem", _INDENTATION),
    ("scanning a simple key", "context", _NO_COLON),
    ("scanning an (alias|anchor)", "context", _ALIAS),
    ("(parsing|scanning) a (tag|node)", "context", TAG),
    ("scanning a block scalar", "context", LINES),
    ("increasing flow level", "problem", DEPTH),
)


def explain(error: yaml.MarkedYAMLError, text: str) -> Flaw:
    """Say what a parser stumbled over."""
    problem, context = error.problem or "", error.context or ""
    seen = error.problem_mark or error.context_mark
    begun = error.context_mark or seen
    if seen is None or begun is None:
        return Flaw(1, 1, f"no YAML: {problem}", "")
    rows = [row for row in _BY_PROBLEM if re.search(row[0], problem)]
    rows += [row for row in _BY_CONTEXT if re.search(row[0], context)]
    if context == "while scanning for the next token":
        return _explain_character(seen.line, seen.column, text)
    if not rows:
        return Flaw(seen.line + 1, seen.column + 1, f"no YAML: {problem}", "")
    _, which, said = rows[0]
    what, hint = _MISFIT if said is _INDENTATION and seen.line == begun.line else said
    mark = begun if which == "context" else seen
    return Flaw(mark.line + 1, mark.column + 1, what, hint.format(line=seen.line + 1, other=begun.line + 1))


def _explain_character(line: int, column: int, text: str) -> Flaw:
    character = text.split("\n")[line][column : column + 1]
    return Flaw(line + 1, column + 1, f"no text begins with {character}", "write it in quotes")
