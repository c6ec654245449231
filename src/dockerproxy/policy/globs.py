"""Globs: patterns over names, paths and references that no name makes slow.

`*` is any characters but `/`, `**` (or more stars) any at all, `?` one that is no `/`; everything else is itself. A
`/**` at the end takes in the directory too: `/data/**` is `/data` and all that is below.

A client chooses the names. So a glob becomes a regular expression that does not try again what has matched (atomic
groups): behind a `*` the first place where the next piece fits is as good as any later one, since the star that follows
takes in the difference. `**` skips as few whole segments as it can and goes on like `*`; what fails behind it goes back
to that skipping and no further. A name is read at most once for each piece of the glob.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_SEGMENTS: Final = "(?:[^/]*+/)*?"
"""As few whole segments as will do."""


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern over names.

    Attributes:
        text: As it is written.
    """

    text: str

    @property
    def is_literal(self) -> bool:
        """Whether it matches nothing but its own text."""
        return "*" not in self.text and "?" not in self.text

    def matches(self, name: str) -> bool:
        """Whether the whole name is what the glob says."""
        return fits(self.text, name)


def fits(text: str, name: str) -> bool:
    """Whether the whole name is what the text of a glob says."""
    return _compile(text).fullmatch(name) is not None


@lru_cache(maxsize=4096)
def _compile(text: str) -> re.Pattern[str]:
    written = _write(text)
    directory = text.rstrip("*")
    if text.endswith("**") and directory.endswith("/") and directory != "/":
        written = f"{_write(directory.removesuffix('/'))}|{written}"
    return re.compile(written)


def _write(text: str) -> str:
    """Write a glob as a regular expression that ends where a name ends."""
    first, *others = re.split(r"\*\*+", text)
    chunks = [first, *(f"*{chunk}" for chunk in others)]
    written = [_write_chunk(chunk, "") for chunk in chunks[:-1]] + [_write_chunk(chunks[-1], r"\Z")]
    return written[0] + "".join(f"(?>{_SEGMENTS}{chunk})" for chunk in written[1:])


def _write_chunk(chunk: str, end: str) -> str:
    """Write what stands between two `**`: a piece, and after each `*` another one."""
    pieces = [_write_piece(piece) for piece in chunk.split("*")]
    pieces[-1] += end  # Within the group: only there the piece is looked for where the name ends.
    return pieces[0] + "".join(f"(?>[^/]*?{piece})" for piece in pieces[1:])


def _write_piece(piece: str) -> str:
    return "".join("[^/]" if character == "?" else re.escape(character) for character in piece)
