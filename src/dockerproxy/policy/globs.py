"""Globs: patterns over names, paths and references that no name makes slow.

`*` is any characters but `/`, `**` (or more stars) any at all, `?` one that is no `/`; everything else is itself. A
`/**` at the end takes in the directory too: `/data/**` is `/data` and all that is below.

A client chooses the names. So a glob becomes a regular expression that does not try again what has matched (atomic
groups): behind a `*` the first place where the next piece fits is as good as any later one, since the star that follows
takes in the difference. `**` skips as few whole segments as it can and goes on like `*`; what fails behind it goes back
to that skipping and no further. A name is read at most once for each piece of the glob.
"""

import re
from functools import lru_cache
from itertools import count
from typing import Final, TypeAlias

_SEGMENTS: Final = "(?:[^/]*+/)*?"
"""As few whole segments as will do."""


def fits(text: str, name: str) -> bool:
    """Whether the whole name is what the text of a glob says."""
    return _compile(text).fullmatch(name) is not None


_MOST_STEPS: Final = 4096
"""After which it is not said that one glob covers another: globs of operators need a few dozen."""

_States: TypeAlias = frozenset[tuple[int, int]]
"""Places in the ways to write a glob: which way, and how many of its tokens have matched."""


def covers(wide: str, narrow: str) -> bool:
    """Whether one glob certainly matches every name that another one matches."""
    if wide == narrow or not {"*", "?"} & set(narrow):
        return wide == narrow or fits(wide, narrow)
    outer, inner = _list_ways(wide), _list_ways(narrow)
    other = next(letter for letter in map(chr, count(0x100)) if letter not in wide + narrow)
    letters = {"/", other, *(token for way in (*outer, *inner) for token in way if len(token) == 1)} - {"*", "?"}
    begin = (
        _skip(inner, {(way, 0) for way in range(len(inner))}),
        _skip(outer, {(way, 0) for way in range(len(outer))}),
    )
    seen, left = {begin}, [begin]
    while left:
        of_inner, of_outer = left.pop()
        if _ends(inner, of_inner) and not _ends(outer, of_outer):
            return False
        for letter in letters:
            after = (_step(inner, of_inner, letter), _step(outer, of_outer, letter))
            if after[0] and after not in seen:
                seen.add(after)
                left.append(after)
        if len(seen) > _MOST_STEPS:
            return False
    return True


def _list_ways(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the tokens of a glob; with those of the directory itself where that matches, too."""
    ways = [tuple(re.findall(r"\*\*|\*|\?|[^*?]", re.sub(r"\*\*+", "**", text), re.DOTALL))]
    if text.endswith("**") and len(text.rstrip("*")) > 1 and text.rstrip("*").endswith("/"):
        ways.append(ways[0][:-2])
    return tuple(ways)


def _skip(ways: tuple[tuple[str, ...], ...], states: set[tuple[int, int]]) -> _States:
    """Add the places behind stars, which may match nothing."""
    found = set(states)
    for way, place in states:
        while place < len(ways[way]) and ways[way][place] in {"*", "**"}:
            place += 1  # noqa: PLW2901 (walks on from there)
            found.add((way, place))
    return frozenset(found)


def _step(ways: tuple[tuple[str, ...], ...], states: _States, letter: str) -> _States:
    """Return the places after one more letter."""
    after: set[tuple[int, int]] = set()
    for way, place in states:
        sign = ways[way][place] if place < len(ways[way]) else ""
        if sign == "**" or (sign == "*" and letter != "/"):
            after.add((way, place))
        elif sign == letter or (sign == "?" and letter != "/"):
            after.add((way, place + 1))
    return _skip(ways, after)


def _ends(ways: tuple[tuple[str, ...], ...], states: _States) -> bool:
    return any(place == len(ways[way]) for way, place in states)


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
