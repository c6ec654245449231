"""The one place that cuts the JSON of an engine's answer. All that it does not touch stays byte for byte.

`cut` walks an answer along a tree, which says what becomes of each field (`api/answers`). A `Cutter` takes a list apart
into its elements while it comes, and bounds each element, never the whole.

Attacks: docs/attacks.md, views/cutter.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Generic, Self, TypeAlias, TypeVar

from dockerproxy.api.answers import REST, Node
from dockerproxy.wire.document import MOST_LEVELS, read_value, skip_blanks

MOST_OF_ELEMENT: Final = 1536 * 1024
"""Characters of an element of a long list; longer ones are left out. A swarm's config may have 1,000 KiB, in base64."""

_BELOW: Final = {"VolumeList": "Volumes"}
"""Where a list stands that is not the whole answer."""

Edits: TypeAlias = Mapping[str, Callable[[str], str | None]]
"""What becomes of the JSON of a value, by the name that a tree has at its place; None leaves it out."""

OBJECT: Final = "{}"
"""Names the edit of a value that stands in place of an object."""

AS_IT_CAME: Final[Edits] = {"": str, OBJECT: str}
"""For a tree that has all fields, and changes few."""

_Kept = TypeVar("_Kept")

_MEMBER: Final = re.compile(
    r'"([^"\\\x00-\x1f]*)":("[^"\\\x00-\x1f]*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|true|false|null)(?:,(?=")|(?=}))'
).match
"""A field as most are: no escapes, no blanks, no object. Reading these at once takes a third of the time."""

_SIMPLE: Final = ("", None)
"""What may be below a name where nothing must be looked at: a value goes on as it came, or not at all."""

_SIGNS: Final = re.compile(
    rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+(?:([{}\[\]])|(?:"(?:[^"\\]++|\\.)*+(\\?))?\Z)', re.DOTALL
).finditer
"""The next bracket; or the end, with the backslash at the end of an open text. Whole texts are skipped at once, since
labels are many short ones."""


def cut(content: bytes, node: Node, edits: Edits) -> bytes | None:
    """Return what is left of JSON; None if it is invalid, too deep, or no object or list of such."""
    text = content.decode(errors="surrogateescape")
    try:
        start = skip_blanks(text, 0)
        left, stop = Walk(text, edits).reduce(start, node, 0)
        is_whole = skip_blanks(text, stop) == len(text)
    except (ValueError, IndexError, RecursionError):
        return None
    if left is None or not is_whole:
        return None
    return f"{text[:start]}{left}{text[stop:]}".encode(errors="surrogateescape")


class Walk:
    """A walk along the text of an answer. Each method returns what is left at a place, and where that stops.

    Raises:
        ValueError, IndexError: The text is invalid JSON, or too deep.
    """

    def __init__(self, text: str, edits: Edits) -> None:
        self._text = text
        self._edits = edits

    def reduce(self, place: int, node: Node, level: int) -> tuple[str | None, int]:
        """Reduce the value at a place; None says that it does not fit there."""
        text = self._text
        if isinstance(node, str) or text[place] not in "{[":
            stop, edit = read_value(text, place)[1], self._edits[node if isinstance(node, str) else OBJECT]
            return edit(text[place:stop]), stop
        if level > MOST_LEVELS:
            raise ValueError(level)
        return (self._reduce_object if text[place] == "{" else self._reduce_list)(place, node, level)

    def _reduce_object(self, place: int, node: Mapping[str, Node], level: int) -> tuple[str | None, int]:
        """Keep the fields that the tree has."""
        text, parts, rest = self._text, list[str](), node.get(REST)
        stop = skip_blanks(text, place + 1)
        while text[stop] != "}":
            member = _MEMBER(text, stop)
            below = None if member is None else node.get(member[1], rest)
            if member is None or below not in _SIMPLE:
                part, stop = self._reduce_field(stop, node, level)
                if part:
                    parts.append(part)
                stop = _go_on(text, stop, "}")
            else:
                if below is not None:
                    parts.append(text[stop : member.end(2)])
                stop = member.end()
        return f"{{{','.join(parts)}}}", stop + 1

    def _reduce_field(self, start: int, node: Mapping[str, Node], level: int) -> tuple[str, int]:
        """Reduce a field with its key."""
        text = self._text
        key, stop = read_value(text, start)
        stop = skip_blanks(text, stop)
        if not isinstance(key, str) or text[stop] != ":":
            raise ValueError(stop)
        place, below = skip_blanks(text, stop + 1), node.get(key, node.get(REST))
        if below is None:
            return "", read_value(text, place)[1]
        left, stop = self.reduce(place, below, level + 1)
        return "" if left is None else f"{text[start:place]}{left}", stop

    def _reduce_list(self, place: int, node: Mapping[str, Node], level: int) -> tuple[str | None, int]:
        """Reduce each element. They are not left out: a list of which one does not fit does not fit itself."""
        text, parts = self._text, list[str | None]()
        stop = skip_blanks(text, place + 1)
        while text[stop] != "]":
            left, stop = self.reduce(stop, node, level + 1)
            parts.append(left)
            stop = _go_on(text, stop, "]")
        fits = [each for each in parts if each is not None]
        return f"[{','.join(fits)}]" if len(fits) == len(parts) else None, stop + 1


def _go_on(text: str, place: int, closing: str) -> int:
    """Return where the next member begins, or where the last one is followed by the end."""
    stop = skip_blanks(text, place)
    if text[stop] == ",":
        stop = skip_blanks(text, stop + 1)
        if text[stop] == closing:
            raise ValueError(stop)
    elif text[stop] != closing:
        raise ValueError(stop)
    return stop


class Cutter(Generic[_Kept]):
    """Takes the list of an answer apart into its elements, while it comes.

    Attributes:
        elements: What `read` returned of those that are kept.
        left_out: How many were too long.
    """

    def __init__(self, name: str, read: Callable[[str, int], tuple[_Kept | None, int]]) -> None:
        """Cut the answer to an operation of this name.

        `read` returns what is kept of the element at a place of a text, None to leave it out, and where it stops.
        """
        self.elements: list[_Kept] = []
        self.left_out = 0
        self._key, self._read = _BELOW.get(name, ""), read
        self._before = self._after = ""
        self._closing = "]"
        self._done = 0
        self._skip: _Skip | None = None

    def take(self, content: bytes) -> bytes:
        """Return the beginning of an answer without the elements that are left out.

        The content begins with what this returned last. It stays as it is if it has no list.
        """
        parts, rest = self._advance(content[self._done :], MOST_OF_ELEMENT)
        done = content[: self._done] + "".join(parts).encode(errors="surrogateescape")
        self._done = len(done)
        return done + rest.encode(errors="surrogateescape")

    def finish(self, content: bytes) -> Self | None:
        """Take all that is left of an answer, however long its elements are; return None if its list is not whole."""
        self._advance(content[self._done :], len(content))
        return self if self._after else None

    def write(self, texts: Iterable[str]) -> bytes:
        """Write a whole answer with these elements."""
        return f"{self._before}{','.join(texts)}{self._after}".encode(errors="surrogateescape")

    def _advance(self, content: bytes, longest: int) -> tuple[list[str], str]:
        """Return what is kept of the next part of an answer, and what must wait for more."""
        if self._skip is not None:
            stop = self._skip.feed(content)
            if stop is None:
                return [], ""
            self._skip, content = None, content[stop:]
        text, place, parts = content.decode(errors="surrogateescape"), 0, list[str]()
        try:
            if not self._done:
                place = self._begin(text)
                parts.append(self._before)
            place = skip_blanks(text, place)
            while text[place] != self._closing:
                part, place = self._take_element(text, place, longest)
                parts.append(part)
            self._after = text[place:]
        except (ValueError, IndexError, RecursionError):  # The next element is not there yet, or cannot be read.
            start = skip_blanks(text, place + text.startswith(",", place))
            if self._before and len(text) - start > longest and text[start] in "{[":
                skip = _Skip()
                if skip.feed(text[start:].encode(errors="surrogateescape")) is None:
                    self.left_out += 1
                    self._skip, text = skip, text[:place]
        return parts, text[place:]

    def _begin(self, text: str) -> int:
        """Find the list; return where its first element begins."""
        place, name = skip_blanks(text, 0), ""
        while name != self._key:  # `{` stands before the first key, `,` before the others.
            name, place = read_value(text, skip_blanks(text, place + 1))
            place = skip_blanks(text, skip_blanks(text, place) + 1)
            if name != self._key:
                place = skip_blanks(text, read_value(text, place)[1])
        if text.startswith("null", place):
            self._closing = "n"
        elif text[place] == "[":
            place += 1
        else:
            raise ValueError(place)
        self._before = text[:place]
        return place

    def _take_element(self, text: str, place: int, longest: int) -> tuple[str, int]:
        """Return what is kept of an element, which a comma may precede, and where the next comma or the end stands."""
        start = skip_blanks(text, place + 1) if text[place] == "," else place
        element, stop = self._read(text, start)
        after = skip_blanks(text, stop)
        if text[after] not in ",]":
            raise ValueError(after)
        self.left_out += stop - start > longest
        if element is None or stop - start > longest:
            return "", after
        self.elements.append(element)
        return f"{',' if len(self.elements) > 1 else ''}{text[start:stop]}", after


def keep(text: str, place: int) -> tuple[bool, int]:
    """Keep an element, whatever it is."""
    return True, read_value(text, place)[1]


class _Skip:
    """Looks for the end of an element that is not kept, and that comes in pieces."""

    def __init__(self) -> None:
        self._levels = 0
        self._open = b""

    def feed(self, piece: bytes) -> int | None:
        """Return where the element ends in a piece; None if it does not."""
        before = self._open  # The quote of a text that has not ended, and a backslash that escapes what comes next.
        for found in _SIGNS(before + piece):
            sign, escape = found.groups()
            if sign is None:
                self._open = b"" if escape is None else b'"' + escape
                break
            self._levels += 1 if sign in b"{[" else -1
            if not self._levels:
                return found.end() - len(before)
        return None
