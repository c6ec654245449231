"""Variables of an image without a value: Podman gives its containers those of its own process that are called so.

A star behind the name means all that begin with it. So what no container has (`containing.py`) no image of an archive
brings either; one that is pulled says what its registry says. Instructions always give a value.

Attack: a list that comes in pieces, or with any number of blanks between two signs -> Defence: of what came before only
a state is kept (test: test_pieces_and_blanks_make_no_difference).
Attack: a name with an escape in it -> Defence: no such name passes; a key with one does not either (`labels.py`).
Attack: lists without end, each of which takes time -> Defence: they are counted (test: test_there_are_few_lists).
"""

import re
from enum import Enum
from typing import Final


class _At(Enum):
    """Where in a file one is."""

    OUTSIDE = "outside of a list"
    KEY = "behind its key"
    COLON = "behind the colon of it"
    LIST = "in it, between two variables"
    NAME = "in the name of one"
    VALUE = "in the value of one"
    ESCAPE = "behind an escape character in that"


_SKIPPED: Final = {
    _At.KEY: rb"[ \t\r\n]*",
    _At.COLON: rb"[ \t\r\n]*",
    _At.LIST: rb'(?:[ \t\r\n,nul]*"[^"\\=]*=[^"\\]*(?:\\.[^"\\]*)*")*[ \t\r\n,nul]*',
    _At.NAME: rb'[^"\\=]*',
    _At.VALUE: rb'[^"\\]*(?:\\.[^"\\]*)*',
    _At.ESCAPE: rb"",
}
"""What changes nothing there; of a list whole variables, and `null`, which is none."""

_SKIP: Final = {at: re.compile(skipped, re.DOTALL).match for at, skipped in _SKIPPED.items()}
_NEXT: Final = {
    (_At.KEY, b":"): _At.COLON,
    (_At.COLON, b"["): _At.LIST,
    (_At.LIST, b'"'): _At.NAME,
    (_At.NAME, b"="): _At.VALUE,
    (_At.VALUE, b'"'): _At.LIST,
    (_At.VALUE, b"\\"): _At.ESCAPE,
}
"""By the sign behind that. With any other a name has no value, and what else is no list of texts, no engine reads."""

_KEY: Final = re.compile(rb'"[eE][nN][vV]"').search
_KEPT: Final = 4
"""Bytes of a key that may stand at the end of a piece."""

_MOST_LISTS: Final = 64
"""In one file: a configuration has one or two."""


class VariableScan:
    """Looks through one file of JSON as it passes."""

    def __init__(self) -> None:
        self._at = _At.OUTSIDE
        self._begun = b""
        self._lists = 0

    def find(self, piece: bytes | memoryview) -> bool:
        """Whether the name of a variable without a value ends in this piece, or a list too many begins."""
        text, at = self._begun + piece, 0
        self._begun = b""
        while at < len(text):
            if self._at is _At.OUTSIDE:
                found = _KEY(text, at)
                if found is None:
                    self._begun = text[max(at, len(text) - _KEPT) :]
                    break
                self._at, at, self._lists = _At.KEY, found.end(), self._lists + 1
                if self._lists > _MOST_LISTS:
                    return True
                continue
            before = self._at
            skipped = _SKIP[before](text, at)
            at = skipped.end() if skipped is not None else at
            sign = text[at : at + 1]
            after = _NEXT.get((before, sign), _At.VALUE if before is _At.ESCAPE else _At.OUTSIDE) if sign else before
            if before is _At.NAME and after is _At.OUTSIDE:
                return True
            self._at, at = after, at + (after is not _At.OUTSIDE)
        return False
