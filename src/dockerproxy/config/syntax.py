"""Explain YAML syntax errors independently of PyYAML's parser, of which there are two."""

import re
from itertools import islice
from typing import Final, NamedTuple

import yaml

_HIDDEN: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)"
)
"""Characters that end a line only for YAML, or that make editors reorder others.

After such a character, text in a comment would be an invisible line of the policy (CVE-2021-42574)."""

_DIRECTIVE: Final = re.compile(r"^%", re.MULTILINE)

_TAB: Final = re.compile(r"^[^#\t\n]*(\t)", re.MULTILINE)
"""Outside comments: PyYAML's two parsers disagree about tabs, and people see spaces."""


_MOST: Final = 10


class Flaw(NamedTuple):
    """A syntax error at a line and column, counted from 1, and how to fix it."""

    line: int
    column: int
    what: str
    hint: str


def find_hidden(text: str) -> list[Flaw]:
    """Find characters that are invisible, or change how the rest is read."""
    found = [(match, f"invisible character {match[0]!a}", _advise(match)) for match in _first(_HIDDEN, text)]
    found += [(match, "unsupported tab", "use spaces") for match in _first(_TAB, text)]
    found += [(match, "unsupported directive", "remove the line") for match in _first(_DIRECTIVE, text)]
    return [Flaw(*_place_of(text, match.end() - 1), what, hint) for match, what, hint in found]


def _first(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """Return the first few matches. The others are easy to find then."""
    return list(islice(pattern.finditer(text), _MOST))


def _advise(match: re.Match[str]) -> str:
    return "save the file without a byte order mark" if match[0] == "\ufeff" and not match.start() else "remove it"


def _place_of(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


_QUOTE: Final = ("missing end of the quoted text", "close the quotes")
_ESCAPE: Final = ("invalid escape in double quotes", "write the backslash twice, or use single quotes")
_LIST: Final = ("missing ] or comma in this list", "add it; the error is in line {line}")
_BRACES: Final = ("missing } or comma in these braces", "add it; the error is in line {line}")
_INDENTATION: Final = (
    "unexpected indentation",
    "indent it like the lines that it belongs to, which begin in line {other}",
)
_COLON: Final = ("unexpected colon", "indent the line less, or write a text with a colon in quotes")
_NO_COLON: Final = ("missing colon and value", "write NAME: VALUE, or - ITEM for an item of a list")
_ITEM: Final = ("unexpected list item", "begin it on a line of its own, or write the list as [a, b]")
_KEY: Final = ("unexpected key", "write it without a question mark")
_MISFIT: Final = ("unexpected text", "add a comma before it, or write the text in quotes")
_ALIAS: Final = ("missing name after * or &", 'write a pattern in quotes, like "*" or "*-db"')
_NOTHING: Final = ("missing value", "write one, or remove the comma")
_REST: Final = ("unexpected text after the end", "indent it like the lines that it belongs to")
TAG: Final = ("unsupported tag, a word that begins with !", "write it in quotes, or remove it")
LINES: Final = ("unsupported text of several lines", "write it in one line, or indent the second line less")
DEPTH: Final = ("nested too deep", "write fewer brackets")

_BY_PROBLEM: Final = (
    ("unexpected end of stream|unexpected document", "context", _QUOTE),
    ("escape|hexa?decimal", "context", _ESCAPE),
    ("mapping values are not allowed|unexpected ':'", "problem", _COLON),
    ("sequence entries are not allowed", "problem", _ITEM),
    ("mapping keys are not allowed", "problem", _KEY),
    ("expected '?<document start>", "problem", _REST),
)
"""A pattern of PyYAML's message, the relevant one of its two positions, and our message."""

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
    """Explain a parser's error."""
    problem, context = error.problem or "", error.context or ""
    seen = error.problem_mark or error.context_mark
    begun = error.context_mark or seen
    if seen is None or begun is None:
        return Flaw(1, 1, f"invalid YAML: {problem}", "")
    rows = [row for row in _BY_PROBLEM if re.search(row[0], problem)]
    rows += [row for row in _BY_CONTEXT if re.search(row[0], context)]
    if context == "while scanning for the next token":
        character = text.split("\n")[seen.line][seen.column : seen.column + 1]
        return Flaw(seen.line + 1, seen.column + 1, f'unexpected character "{character}"', "write it in quotes")
    if not rows:
        return Flaw(seen.line + 1, seen.column + 1, f"invalid YAML: {problem}", "")
    _, which, said = rows[0]
    what, hint = _MISFIT if said is _INDENTATION and seen.line == begun.line else said
    mark = begun if which == "context" else seen
    return Flaw(mark.line + 1, mark.column + 1, what, hint.format(line=seen.line + 1, other=begun.line + 1))
