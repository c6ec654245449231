"""Shorten a long list while it comes from the engine, so that what a client does not see costs it nothing.

Attacks: docs/attacks.md, views/long_lists.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from dockerproxy.api.catalog import Operation
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.policy.stamps import find_owner
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.views.lists import BELOW, LISTS, admits, find_list, read_element
from dockerproxy.wire.document import read_value, skip_blanks

MOST_OF_ELEMENT: Final = 1536 * 1024
"""Characters of an element of a long list; longer ones are left out. A swarm's config may have 1,000 KiB, in base64."""

_IN_TEXT: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL).match
_OUTSIDE: Final = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL).match
"""What ends no text, and no object or list. Whole texts are skipped at once, since labels are many short ones."""


class Sieve:
    """Takes out of a long list, while it comes, what its client does not see, and elements that are too long.

    It only shortens: all that it leaves is judged as if it had come so.

    Attributes:
        left_out: How many elements were too long.
    """

    def __init__(self, operation: Operation, shows: Sequence[Mapping[str, Condition]]) -> None:
        self.left_out = 0
        self._lookup = Lookup(LISTS[operation.name], "", "", operation)
        self._key = BELOW.get(operation.name, "")
        self._shows = shows
        self._sifted = 0
        self._skip: _Skip | None = None

    def take(self, content: bytes) -> bytes:
        """Return the beginning of a list without what need not be held: of what was left last, and all that came since.

        It returns as much as it got if it cannot read it.
        """
        if self._skip is not None:
            stop = self._skip.feed(content[self._sifted :])
            if stop is None:
                return content[: self._sifted]
            content = content[: self._sifted] + content[self._sifted + stop :]
            self._skip = None
        text = content.decode(errors="surrogateescape")
        try:
            start = find_list(text, self._key)
            if text[start] != "[":
                return content
            kept, rest = self._sift(text, start + 1)
        except (ValueError, IndexError, RecursionError):
            return content
        if len(text) - rest > MOST_OF_ELEMENT and text[rest] in "{[":
            skip = _Skip()
            if skip.feed(text[rest:].encode(errors="surrogateescape")) is None:
                self.left_out += 1
                self._skip, rest = skip, len(text)
        comma = "," if kept and not text.startswith("]", rest) else ""
        left = f"{text[: start + 1]}{','.join(kept)}{comma}{text[rest:]}".encode(errors="surrogateescape")
        self._sifted = len(left)
        return left

    def _sift(self, text: str, place: int) -> tuple[list[str], int]:
        """Return the elements that are kept, and where the first one begins that is not whole, or the list ends."""
        kept: list[str] = []
        while (place := skip_blanks(text, place)) < len(text) and text[place] != "]":
            if text[place] == ",":
                place += 1
                continue
            try:
                value, stop = read_value(text, place)
            except (ValueError, RecursionError):
                break
            if stop == len(text):
                break
            if stop - place > MOST_OF_ELEMENT:
                self.left_out += 1
            elif self._may_show(value):
                kept.append(text[place:stop])
            place = stop
        return kept, place

    def _may_show(self, value: object) -> bool:
        """Whether a client may see an element, as far as it is known now; one that cannot be read is kept.

        Whose a container is depends on the labels of its image, which are not known yet. Until then its own labels
        count, so that none of its owner's is left out.
        """
        try:
            found = read_element(self._lookup, value, "")
        except ValueError:
            return True
        if isinstance(found, ResolvedObject):
            one: ResolvedObject | None = found
        else:
            one = found.of and replace(found.of, belongs_to=find_owner(found.of.labels, {}))
        return not self._shows or one is None or any(admits(conditions, one) for conditions in self._shows)


class _Skip:
    """Looks for the end of an element that is not kept, and that comes in pieces."""

    def __init__(self) -> None:
        self._levels = self._over = 0
        self._in_text = False

    def feed(self, piece: bytes) -> int | None:
        """Return where the element ends in a piece; None if it does not."""
        at = self._over
        while at < len(piece):
            found = (_IN_TEXT if self._in_text else _OUTSIDE)(piece, at)
            at = at if found is None else found.end()
            sign = piece[at : at + 1]
            if sign == b'"':
                self._in_text = not self._in_text
            elif sign == b"\\":  # What it escapes comes with the next piece.
                at += 1
            elif sign:
                self._levels += 1 if sign in b"{[" else -1
                if not self._levels:
                    return at + 1
            at += len(sign)
        self._over = at - len(piece)
        return None
