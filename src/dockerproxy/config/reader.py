"""Read a document's nodes by type, and collect all problems.

Each method returns the valid parts, so that reading continues.
"""

import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from dockerproxy.config.document import Broken, Fields, Items, Node, Place, Text, compose
from dockerproxy.config.near import hint_at, show
from dockerproxy.config.values import Fault
from dockerproxy.policy.model import Source
from dockerproxy.problems import Problem, UserError

_Value = TypeVar("_Value")

MOST_PROBLEMS: Final = 100
"""Mistakes after which reading stops. Operators do not fix more at once, and near misses take time to find."""

MOST_GRANTED: Final = 100_000
"""Operations that all words of a file may grant. A mebibyte of presets could grant millions: a reload would take a
minute and 1.6 GB. With this limit, 1,200 sockets take 7 s and 190 MB."""

_FLAG: Final = "write true or false, in lower case and without quotes"


class Reader:
    """Reads a document, and collects problems with the name of its file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._granted = 0

    def compose(self, text: str) -> Node | None:
        """Parse the document; None if it is empty."""
        return compose(text, self.file, self.problems)

    def problem(self, place: Place, what: str, hint: str = "") -> None:
        """Add a mistake, once even if aliases repeat it. Raises a `UserError` after too many."""
        problem = Problem(str(place), what, hint)
        if problem in self.problems:
            return
        if len(self.problems) >= MOST_PROBLEMS:
            self.problems.append(Problem(self.file, f"more than {MOST_PROBLEMS} mistakes", "fix those above first"))
            self.finish()
        self.problems.append(problem)

    def count(self, operations: int) -> None:
        """Count granted operations. Raises a `UserError` after too many."""
        self._granted += operations
        if self._granted > MOST_GRANTED:
            what = f"grants more than {MOST_GRANTED:,} operations in total"
            self.problems.append(Problem(self.file, what, "use one socket for each client, and write each grant once"))
            self.finish()

    def finish(self) -> None:
        """Raise a `UserError` with every problem, in document order, if there is any."""
        if self.problems:
            raise UserError(*sorted(self.problems, key=_position))

    def source(self, word: str, place: Place) -> Source:
        """Return a word with its place, as a source of grants and denials."""
        return Source(word, os.path.basename(self.file), place.line)

    def entries(self, node: Node, what: str, example: str) -> list[tuple[Text, Node]]:
        """Read a mapping. Of repeated keys, the first counts."""
        if not isinstance(node, Fields):
            self._wrong(node, what, "be a mapping", example)
            return []
        found: dict[str, tuple[Text, Node]] = {}
        for key, value in node.pairs:
            first = found.setdefault(key.text, (key, value))[0]
            if first is not key:
                self.problem(
                    key.place, f"duplicate key {show(key.text)}", f"remove one; the first is in line {first.place.line}"
                )
        return list(found.values())

    def fields(
        self, node: Node, what: str, known: tuple[str, ...], example: str, meant: Mapping[str, str] | None = None
    ) -> dict[str, Node]:
        """Read a mapping with known keys; `meant` has hints for likely mistakes."""
        found = {}
        for key, value in self.entries(node, what, example):
            if key.text in known:
                found[key.text] = value
                continue
            hint = (meant or {}).get(key.text.lower()) or hint_at(key.text, known, f"use one of {', '.join(known)}")
            self.problem(key.place, f"unknown key {show(key.text)} of {what}", hint)
        return found

    def items(self, node: Node, what: str) -> tuple[Node, ...]:
        """Read a list."""
        if isinstance(node, Items):
            return node.nodes
        example = f"[{node.text}]" if isinstance(node, Text) and not node.is_nothing else "[a, b]"
        self._wrong(node, what, "be a list", f"{what}: {example}")
        return ()

    def text(self, node: Node | None, what: str, example: str = "") -> Text | None:
        """Read a single word, if present."""
        if isinstance(node, Text) and not node.is_nothing:
            return node
        if node is not None:
            self._wrong(node, what, "be a single value", example)
        return None

    def value(
        self, node: Node | None, what: str, read: Callable[[str], _Value | Fault], example: str = ""
    ) -> _Value | None:
        """Read a single word as a value, if present."""
        text = self.text(node, what, example)
        value = read(text.text) if text is not None else None
        if text is not None and isinstance(value, Fault):
            self.problem(text.place, value.what, value.hint)
        return None if isinstance(value, Fault) else value

    def words(self, node: Node, what: str, hint: str, check: Callable[[str], Fault | None]) -> tuple[str, ...] | None:
        """Read a list of checked words; None if it is empty, or one is invalid."""
        items = self.items(node, what)
        if isinstance(node, Items) and not items:
            self.problem(node.place, f"{what} is an empty list, which no request can meet", hint)
        read = [self.value(item, f"an item of {what}", lambda text: check(text) or text) for item in items]
        words = tuple(word for word in read if word is not None)
        return words if words and len(words) == len(items) else None

    def flag(self, node: Node, what: str) -> bool | None:
        """Read true or false, each with one spelling."""
        word = node.text if isinstance(node, Text) and node.plain else ""
        if word in {"true", "false"}:
            return word == "true"
        if isinstance(node, Text) and not node.is_nothing:
            self.problem(node.place, f"{show(node.text)} is not true or false", _FLAG)
        else:
            self._wrong(node, what, "be true or false", _FLAG)
        return None

    def _wrong(self, node: Node, what: str, must: str, hint: str) -> None:
        match node:
            case Broken():
                return
            case Text() if node.is_nothing and node.text:
                given = f"is {node.text}, which means null in YAML"
                hint = f'if it is a name, write it in quotes: "{node.text}"'
            case Text():
                given = "is empty" if node.is_nothing else "is a single value"
            case Items():
                given = "is a list"
            case Fields():
                given = "is a mapping"
        self.problem(node.place, f"{what} must {must}, but {given}", hint)


def _position(problem: Problem) -> tuple[float, int]:
    """Return line and column. Problems of the whole document come last."""
    found = re.search(r":(\d+):(\d+)$", problem.where)
    return (int(found[1]), int(found[2])) if found else (math.inf, 0)
