"""Find the word that was meant: the nearest known one, or what a table says of a common mistake."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from dockerproxy.api.rows import read_tables

_LONGEST: Final = 60
"""Characters of a word that a message shows."""


HINTS: Final[Mapping[str, Mapping[str, str]]] = {
    place: {word: hint for words, _, hint in (row.partition(" | ") for row in rows) for word in words.split()}
    for place, rows in read_tables("hints", __file__).items()
}
"""By the place in a file or the environment: words that are no good there, each with what to write instead."""


def find_near(word: str, words: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the word that is nearest to another, whatever its capitals; empty if none is near."""
    spellings = {spelling.casefold(): spelling for spelling in words}
    typed = word[:_LONGEST].casefold()
    near = difflib.get_close_matches(typed, spellings, 3, cutoff)
    # Two swapped letters are one slip; difflib counts two.
    swapped = (spelling for spelling in near if sorted(spelling) == sorted(typed))
    return spellings[next(swapped, near[0])] if near else ""


def hint_at(word: str, words: Iterable[str], otherwise: str = "", cutoff: float = 0.6) -> str:
    """Ask whether a near word was meant; say something else if none is near."""
    near = find_near(word, words, cutoff)
    return f"did you mean {near}?" if near else otherwise


def likeness(word: str, other: str) -> float:
    """Return how near a word is to another, whatever their capitals: 0 to 1."""
    return difflib.SequenceMatcher(None, word[:_LONGEST].casefold(), other.casefold()).ratio()


def show(word: str) -> str:
    """Return a word as a message shows it: in quotes, not too long, and without letters that only look like others."""
    return ascii(word if len(word) <= _LONGEST else f"{word[:_LONGEST]}...")
