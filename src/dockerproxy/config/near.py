"""Guess the intended word: the nearest known one, or a hint for a common mistake."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from dockerproxy.api.rows import read_tables

_LONGEST: Final = 60
"""Characters of a word in a message."""


HINTS: Final[Mapping[str, Mapping[str, str]]] = {
    place: {word: hint for words, _, hint in (row.partition(" | ") for row in rows) for word in words.split()}
    for place, rows in read_tables("hints", __file__).items()
}
"""Hints for wrong words, by their place in a file or the environment."""


def find_near(word: str, words: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the nearest known word, ignoring case; empty if none is near."""
    spellings = {spelling.casefold(): spelling for spelling in words}
    typed = word[:_LONGEST].casefold()
    near = difflib.get_close_matches(typed, spellings, 3, cutoff)
    # Swapped letters are one slip; difflib counts two.
    swapped = (spelling for spelling in near if sorted(spelling) == sorted(typed))
    return spellings[next(swapped, near[0])] if near else ""


def hint_at(word: str, words: Iterable[str], otherwise: str = "", cutoff: float = 0.6) -> str:
    """Suggest a near word, or return another text if none is near."""
    near = find_near(word, words, cutoff)
    return f"did you mean {near}?" if near else otherwise


def likeness(word: str, other: str) -> float:
    """Return the similarity of two words, ignoring case: 0 to 1."""
    return difflib.SequenceMatcher(None, word[:_LONGEST].casefold(), other.casefold()).ratio()


def show(word: str) -> str:
    """Quote a word for a message: shortened, and in ASCII, so that look-alike letters show."""
    return ascii(word if len(word) <= _LONGEST else f"{word[:_LONGEST]}...")
