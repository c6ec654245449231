"""Parse YAML into values with their positions. No objects are constructed (test: test_document.py).

Attacks: docs/attacks.md, config/document.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import yaml

from dockerproxy.config.files import open_file, open_input, read_bytes
from dockerproxy.config.near import show
from dockerproxy.config.syntax import DEPTH, LINES, TAG, explain, find_hidden
from dockerproxy.problems import Problem, UserError

MOST_BYTES: Final = 1 << 20
MOST_VALUES: Final = 100_000
"""Values in a document. An alias counts each time."""

DEEPEST: Final = 32

Loader = type[yaml.CSafeLoader] | type[yaml.SafeLoader]

LOADER: Final[Loader] = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
"""Only its parser is used. Measured on 2,000 grants: 9 ms with libyaml, 110 ms without."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


class Place(NamedTuple):
    """A line and column, counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Text(NamedTuple):
    """A scalar as written, uninterpreted; `plain` if it has no quotes."""

    text: str
    plain: bool
    place: Place

    @property
    def is_nothing(self) -> bool:
        """Whether YAML reads null here: an empty value, or one of its words for null."""
        return self.plain and self.text in _NULLS


class Items(NamedTuple):
    """A list."""

    nodes: tuple["Node", ...]
    place: Place


class Fields(NamedTuple):
    """A mapping. A key may be repeated."""

    pairs: tuple[tuple[Text, "Node"], ...]
    place: Place


class Broken(NamedTuple):
    """An invalid node whose problem was reported."""

    place: Place


Node = Text | Items | Fields | Broken


def read_file(path: str, *, or_stdin: bool = False) -> str:
    """Read a file; `-` is standard input if allowed. A `UserError` says why it cannot be read."""
    content = read_bytes(open_input(path) if or_stdin else open_file(path), path, MOST_BYTES)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(path, before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        raise UserError(Problem(str(place), "invalid UTF-8", "save the file as UTF-8")) from None


def compose(text: str, file: str, problems: list[Problem], loader: Loader = LOADER) -> Node | None:
    """Parse a document, and add its problems; None if it is empty, or cannot be parsed to its end."""
    flaws = find_hidden(text)
    composer = _Composer(file, problems)
    if not flaws:
        try:
            for event in yaml.parse(text, Loader=loader):
                if not composer.take(event):
                    return None
        except yaml.MarkedYAMLError as error:
            flaws = [explain(error, text)]
    problems += [Problem(str(Place(file, flaw.line, flaw.column)), flaw.what, flaw.hint) for flaw in flaws]
    return None if flaws else composer.root


@dataclass(slots=True)
class _Collection:
    """An incomplete list or mapping."""

    place: Place
    anchor: str | None
    is_list: bool
    visited: int
    nodes: list[Node]


class _Composer:
    """Builds a document from events, without recursion."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.root: Node | None = None
        self._file = file
        self._problems = problems
        self._open: list[_Collection] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._visited = 0

    def take(self, event: yaml.Event) -> bool:
        """Process an event; False if parsing cannot continue."""
        place = self._place_of(event.start_mark)
        match event:
            case yaml.ScalarEvent():
                self._add(self._read_text(event, place), event.anchor, 1)
            case yaml.AliasEvent():
                self._follow(event.anchor or "", place)
            case yaml.CollectionStartEvent():
                if event.tag is not None:
                    self._problem(place, *TAG)
                self._visited += 1
                is_list = isinstance(event, yaml.SequenceStartEvent)
                self._open.append(_Collection(place, event.anchor, is_list, self._visited, []))
            case yaml.CollectionEndEvent():
                closed = self._open.pop()
                node = Items(tuple(closed.nodes), closed.place) if closed.is_list else self._read_fields(closed)
                self._add(node, closed.anchor, 0, self._visited - closed.visited + 1)
            case yaml.DocumentStartEvent() if self.root is not None:
                return self._problem(place, "unsupported second document", "remove the ---; a file holds one policy")
        if len(self._open) > DEEPEST:
            return self._problem(place, *DEPTH)
        if self._visited > MOST_VALUES:
            return self._problem(place, f"more than {MOST_VALUES:,} values, including those that aliases repeat")
        return True

    def _problem(self, place: Place, what: str, hint: str = "") -> bool:
        self._problems.append(Problem(str(place), what, hint))
        return False

    def _place_of(self, mark: object) -> Place:
        line, column = getattr(mark, "line", 0), getattr(mark, "column", 0)
        return Place(self._file, line + 1, column + 1)

    def _add(self, node: Node, anchor: str | None, weight: int, size: int = 1) -> None:
        self._visited += weight
        if anchor is not None:
            if anchor in self._anchors:
                first = self._anchors[anchor][0].place
                self._problem(
                    node.place, f"duplicate anchor &{anchor}", f"rename it; the first is in line {first.line}"
                )
            self._anchors.setdefault(anchor, (node, size))
        if self._open:
            self._open[-1].nodes.append(node)
        else:
            self.root = node

    def _read_text(self, event: yaml.ScalarEvent, place: Place) -> Node:
        if event.tag is not None:
            self._problem(place, *TAG)
        elif getattr(event.end_mark, "line", 0) + 1 != place.line:
            self._problem(place, *LINES)
        elif not event.value.isprintable():
            self._problem(place, f"{show(event.value)} has an invisible character", "remove it")
        else:
            return Text(event.value, not event.style, place)
        return Broken(place)

    def _follow(self, name: str, place: Place) -> None:
        """Replace an alias by its value."""
        node, size = self._anchors.get(name, (Broken(place), 1))
        parent = self._open[-1] if self._open else None
        if parent is not None and not parent.is_list and len(parent.nodes) % 2 == 0:
            self._problem(place, f"unsupported alias *{name} in place of a key", "write the key itself")
            node, size = Broken(place), 1
        elif any(collection.anchor == name for collection in self._open):
            self._problem(place, f"the alias *{name} contains itself", "remove it")
        elif name not in self._anchors:
            self._problem(place, f"unknown alias *{name}", f'if it is a pattern, write it in quotes: "*{name}"')
        self._add(node, None, size)

    def _read_fields(self, closed: _Collection) -> Node:
        pairs = []
        for key, value in zip(closed.nodes[::2], closed.nodes[1::2], strict=True):
            if isinstance(key, Text) and key.plain and key.text == "<<":
                self._problem(
                    key.place, "unsupported merge key", "write the keys out; an alias can stand for a whole list"
                )
            elif isinstance(key, Text) and key.text:
                pairs.append((key, value))
            elif not isinstance(key, Broken):
                self._problem(key.place, "invalid key", "write one word, without ? and brackets")
        return Fields(tuple(pairs), closed.place) if pairs or not closed.nodes else Broken(closed.place)
