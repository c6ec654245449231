"""Cut the JSON of the engine's answers. Only this module does so, and the rest stays byte for byte.

`cut` walks an answer along a tree that says what happens to each field (`api/answers`). Hiding, paths and counts are
such trees. A `Cutter` splits a list into elements while it arrives. It limits the size of an element, not of the list.

Both call into C for a window of the text at a time, and walk along longer values in small steps. Their text has a
character for each byte: one wide character would make all others as wide, four bytes each.

Attacks: docs/attacks.md, response_filters/json_filter.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Generic, Self, TypeAlias, TypeVar

from dockerproxy.api.answers import REST, Node
from dockerproxy.owner_labels import STAMP
from dockerproxy.wire.document import MOST_LEVELS, read_value, skip_blanks, takes_long

MOST_OF_ELEMENT: Final = 1536 * 1024
"""Bytes of an element of a long list. Longer ones are left out. A swarm's config may have 1,000 KiB, in base64."""

_WINDOW: Final = 256 * 1024
"""Bytes of a value, other than a text, that one call into C reads: twice as many take some milliseconds."""

_BELOW: Final = {"VolumeList": "Volumes"}
"""Keys of lists that are inside an object."""

Edits: TypeAlias = Mapping[str, Callable[[str], str | None]]
"""Edits of a value's JSON, as `widen` returns it, by their name in a tree. They return None to remove the value."""

OBJECT: Final = "{}"
"""Name of the edit for a value where the tree expects an object."""

AS_IT_CAME: Final[Edits] = {"": str, OBJECT: str}
"""Edits for a tree with few changes and `*` for all other fields."""

_SHORTER: Final[Edits] = {**AS_IT_CAME, "gone": lambda _: None}
_STAMPS: Final[Node] = dict.fromkeys(sorted(STAMP), "")
_SHORT: Final[Mapping[str, Node]] = {REST: "", "Labels": _STAMPS, "labels": _STAMPS, "Ports": "gone"}
"""An element that would take long, without what grows with its image."""

_BYTES: Final = "latin-1"

_Kept = TypeVar("_Kept")

_MEMBER: Final = re.compile(
    r'"([^"\\\x00-\x1f]*)":("[^"\\\x00-\x1f]*"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|true|false|null)(?:,(?=")|(?=}))'
).match
"""A typical field: without escapes, whitespace or nested object. Reading these at once takes a third of the time."""

_NOTHING: Final[Mapping[str, Node]] = {}
_SIMPLE: Final = ("", None)
"""Nodes below which nothing is checked: the value is kept or removed."""

_SIGNS: Final = re.compile(
    rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+(?:([{}\[\]])|(?:"(?:[^"\\]++|\\.)*+(\\?))?\Z)', re.DOTALL
).finditer
"""The next bracket; or the end, with a trailing backslash of an unfinished string. Whole strings are skipped at once,
since labels are many short ones."""


def widen(text: str) -> str:
    """Return the characters that a text with a character for each byte stands for."""
    return text if text.isascii() else text.encode(_BYTES).decode(errors="surrogateescape")


def _narrow(text: str) -> str:
    """Return a text with a character for each byte."""
    return text if text.isascii() else text.encode(errors="surrogateescape").decode(_BYTES)


def cut(content: bytes, node: Node, edits: Edits) -> bytes | None:
    """Return an answer's JSON reduced to a tree; None if it is invalid, too deep, or does not match the tree."""
    text = content.decode(_BYTES)
    try:
        start = skip_blanks(text, 0)
        left, stop = Walk(text, edits).reduce(start, node, 0)
        is_whole = left is not None and skip_blanks(text, stop) == len(text)
        written = f"{text[:start]}{left}{text[stop:]}".encode(_BYTES)
    except (ValueError, IndexError, RecursionError):
        return None
    return written if is_whole else None


class Walk:
    """Walks along the text of an answer. Each method returns what is left of a value, and where the value ends.

    Raises:
        ValueError, IndexError: The text is invalid JSON, or too deep.
    """

    def __init__(self, text: str, edits: Edits) -> None:
        self._text = text
        self._edits = edits
        self._window = _Window(text)

    def _find_end(self, place: int, level: int) -> int:
        """Return where a value ends. Long ones are walked along, since one call into C would keep others waiting."""
        try:
            return self._window.read(place, read_value)[1]
        except (ValueError, IndexError, RecursionError):
            if not self._window.is_cut or self._text[place] not in "{[":
                raise
        return self.reduce(place, _NOTHING, level)[1]

    def reduce(self, place: int, node: Node, level: int) -> tuple[str | None, int]:
        """Reduce the value at a position; None if it does not match."""
        text = self._text
        if isinstance(node, str) or text[place] not in "{[":
            stop = self._find_end(place, level)
            if text[place] == "[" and stop - place > MOST_OF_ELEMENT:
                raise ValueError(place)
            left = self._edits[node if isinstance(node, str) else OBJECT](widen(text[place:stop]))
            return None if left is None else _narrow(left), stop
        if level > MOST_LEVELS:
            raise ValueError(level)
        return (self._reduce_object if text[place] == "{" else self._reduce_list)(place, node, level)

    def _reduce_object(self, place: int, node: Mapping[str, Node], level: int) -> tuple[str | None, int]:
        """Keep the fields that are in the tree."""
        parts: list[str] = []
        text, rest = self._text, node.get(REST)
        start = skip_blanks(text, place + 1)
        while text[start] != "}":
            member = _MEMBER(text, start)
            if member is not None and (below := node.get(member[1], rest)) in _SIMPLE:
                if below is not None:
                    parts.append(text[start : member.end(2)])
                start = member.end()
                continue
            key, stop = read_value(text, start)
            colon = skip_blanks(text, stop)
            if not isinstance(key, str) or text[colon] != ":":
                raise ValueError(colon)
            place, below = skip_blanks(text, colon + 1), node.get(key, rest)
            if below is None:
                left, stop = None, self._find_end(place, level + 1)
            else:
                left, stop = self.reduce(place, below, level + 1)
            if left is not None:
                parts.append(f"{text[start:place]}{left}")
            start = _go_on(text, stop, "}")
        return f"{{{','.join(parts)}}}", start + 1

    def _reduce_list(self, place: int, node: Mapping[str, Node], level: int) -> tuple[str | None, int]:
        """Reduce each element. If one does not match, the whole list does not: no element is left out."""
        parts: list[str] = []
        text, fits = self._text, True
        stop = skip_blanks(text, place + 1)
        while text[stop] != "]":
            left, stop = self.reduce(stop, node, level + 1)
            parts.append(left or "")
            fits = fits and left is not None
            stop = _go_on(text, stop, "]")
        return f"[{','.join(parts)}]" if fits else None, stop + 1


class _Window:
    """Reads values of a text in order. A call into C gets a part of it, in which a value is whole unless it is long.

    Attributes:
        is_cut: Whether the text goes on behind this part.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._begin(0)

    def _begin(self, start: int) -> None:
        self._start, self._part = start, self._text[start : start + 2 * _WINDOW]
        self.is_cut = start + 2 * _WINDOW < len(self._text)

    def read(self, place: int, read: Callable[[str, int], tuple[_Kept, int]]) -> tuple[_Kept, int]:
        """Read the value at a position. Returns it, and where it ends. Texts are quick, however long they are."""
        if self.is_cut and place - self._start > _WINDOW:
            self._begin(place)
        if self._text[place] == '"':
            return read(self._text, place)
        value, stop = read(self._part, place - self._start)
        return value, stop + self._start


def _go_on(text: str, place: int, closing: str) -> int:
    """Return where the next member begins after a comma, or where the object or list ends."""
    stop = skip_blanks(text, place)
    after = skip_blanks(text, stop + 1) if text[stop] == "," else stop
    if (text[stop] == ",") is (text[after] == closing):
        raise ValueError(stop)
    return after


class Cutter(Generic[_Kept]):
    """Splits the list in an answer into its elements, while it arrives.

    Attributes:
        elements: The kept ones, as `read` returned them.
        left_out: The number of elements that were too long.
    """

    def __init__(self, name: str, read: Callable[[str, int], tuple[_Kept | None, int]]) -> None:
        """Cut the answer to an operation of this name.

        `read` gets a text and a position. It returns the element to keep, or None to leave it out, and where it ends.
        """
        self.elements: list[_Kept] = []
        self.left_out = 0
        self._key, self._read = _BELOW.get(name, ""), read
        self._before = self._after = ""
        self._closing = "]"
        self._done = 0
        self._skip: _Skip | None = None
        self._window = _Window("")
        self._is_behind = False  # After a skipped element.

    def take(self, content: bytes) -> bytes:
        """Return the received part of an answer without the elements that are left out.

        Each time, the content must begin with the bytes that this returned before. Without a list, it is unchanged.
        """
        parts, rest = self._advance(content[self._done :], MOST_OF_ELEMENT)
        done = content[: self._done] + "".join(parts).encode(_BYTES)
        self._done = len(done)
        return done + rest.encode(_BYTES)

    def finish(self, content: bytes) -> Self | None:
        """Take the rest of an answer, with elements of any length; None if its list is incomplete."""
        self._advance(content[self._done :], len(content))
        return self if self._after else None

    def write(self, texts: Iterable[str]) -> bytes:
        """Write a complete answer with these elements."""
        return f"{self._before}{','.join(texts)}{self._after}".encode(_BYTES)

    def _advance(self, content: bytes, longest: int) -> tuple[list[str], str]:
        """Return the kept elements of the next part of an answer, and the rest that needs more bytes."""
        if self._skip is not None:
            stop = self._skip.feed(content)
            if stop is None:
                return [], ""
            self._skip, self._is_behind, content = None, True, content[stop:]
        text, place, parts = content.decode(_BYTES), 0, list[str]()
        self._window = _Window(text)
        try:
            if not self._done:
                place = self._begin(text)
                parts.append(self._before)
            place = skip_blanks(text, place)
            if self._is_behind:
                place, self._is_behind = _go_on(text, place, "]"), False
            while text[place] != self._closing:
                place = self._take_element(text, place, longest, parts)
            self._after = text[place:]
        except (ValueError, IndexError, RecursionError):  # The next element is incomplete or invalid.
            if self._skip is not None:
                text = text[:place]
        return parts, text[place:]

    def _begin(self, text: str) -> int:
        """Find the list. Returns where its first element begins."""
        place, name = skip_blanks(text, 0), ""
        while name != self._key:  # `{` comes before the first key, `,` before the others.
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

    def _take_element(self, text: str, place: int, longest: int, parts: list[str]) -> int:
        """Read an element, and keep it unless it is too long. Returns where the next one begins, or the list ends."""
        try:
            element, stop = self._window.read(place, self._read)
            kept = text[place:stop]
        except (ValueError, IndexError, RecursionError):
            if not self._window.is_cut or text[place] not in "{[":
                raise
            kept, stop = self._measure(text, place, longest)
            element = self._read(kept, 0)[0] if kept else None
        after = _go_on(text, stop, "]")
        if element is not None:
            parts.append(f"{',' if self.elements else ''}{kept}")
            self.elements.append(element)
        return after

    def _measure(self, text: str, place: int, longest: int) -> tuple[str, int]:
        """Return a long element, and where it ends; shortened if reading it would take long, empty if it is left out.

        Raises:
            ValueError, IndexError: It is incomplete, or invalid.
        """
        skip, content = _Skip(), text[place:].encode(_BYTES)
        end = skip.feed(content)
        if end is None:
            if skip.size > longest:
                self.left_out += 1
                self._skip = skip
            raise ValueError(place)
        kept, stop = text[place : place + end], place + end
        if end <= longest and takes_long(content[:end]):
            kept = Walk(kept, _SHORTER).reduce(0, _SHORT, 0)[0] or ""
        if end > longest or takes_long(kept.encode(_BYTES)):
            self.left_out += 1
            kept = ""
        return kept, stop


def keep(text: str, place: int) -> tuple[bool, int]:
    """Keep every element."""
    return True, read_value(text, place)[1]


class _Skip:
    """Finds the end of a skipped element that arrives in pieces."""

    def __init__(self) -> None:
        self.size = self._levels = 0
        self._open = b""

    def feed(self, piece: bytes) -> int | None:
        """Return where the element ends in a piece; None if it goes on."""
        for start in range(0, len(piece), _WINDOW):
            stop = self._feed(piece[start : start + _WINDOW])
            if stop is not None:
                return start + stop
        return None

    def _feed(self, piece: bytes) -> int | None:
        self.size += len(piece)
        before = self._open  # The quote of an unfinished string, and a backslash that escapes the next character.
        for found in _SIGNS(before + piece):
            sign, escape = found.groups()
            if sign is None:
                self._open = b"" if escape is None else b'"' + escape
                break
            self._levels += 1 if sign in b"{[" else -1
            if not self._levels:
                return found.end() - len(before)
        return None
