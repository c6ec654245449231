"""Globs: patterns for names, paths and references, with bounded matching time for any name.

`*` matches characters except `/`, `**` (or more stars) any characters, `?` one character except `/`. Other characters
match themselves. A `/**` at the end also matches the directory: `/data/**` is `/data` and everything below, as is
`/data/**/**`.

Clients choose the names. So a glob becomes a regular expression with atomic groups, which does not retry a match. After
a `*`, the first place where the next piece fits is as good as any later one, since the next star covers the difference.
`**` skips as few whole segments as possible and continues like `*`; a failure after it goes back to that skipping and
no further. A name is read at most once for each piece of the glob.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Final, TypeAlias

_SEGMENTS: Final = "(?:[^/]*+/)*?"
"""As few whole segments as possible."""


def fits(text: str, name: str) -> bool:
    """Whether a glob matches the whole name."""
    return _compile(text).fullmatch(name) is not None


_States: TypeAlias = frozenset[tuple[int, int]]
"""Positions in the ways to write a glob: the way, and how many of its tokens matched."""

_STARS: Final = frozenset({"*", "**"})
_SIGNS: Final = frozenset({"?", "*"})
"""Signs that match characters other than `/`."""

_RUN: Final = re.compile(r"[*?]+")
_TREE: Final = re.compile(r"(?:/\*\*+)+\Z")


def covers(wide: str, narrow: str) -> bool:
    """Whether one glob certainly matches every name that another matches.

    The narrow glob is read like a name: its signs match only the same or wider signs.
    So `?*`, which matches all that `*a` does, does not cover it here.
    """
    outer = _list_ways(wide)
    for way in _list_ways(narrow):
        states = _skip(outer, {(number, 0) for number in range(len(outer))})
        for token in way:
            states = _step(outer, states, token)
        if not any(place == len(outer[number]) for number, place in states):
            return False
    return True


def reaches_below(inner: str, outer: str) -> bool:
    """Whether a path that one glob matches can lie strictly below a path that another matches."""
    stem, outer_stem = map(find_stem, (inner, outer))
    if not (stem.startswith(outer_stem) or outer_stem.startswith(stem)):
        return False
    below = [(*way, "/", "?", "**") for way in _list_ways(outer)]
    below += [("/", "?", "**")] if fits(outer, "/") else []
    return any(_meet(*ways) for ways in product(_list_ways(inner), below))


def overlap(one: str, other: str) -> bool:
    """Whether some text matches both globs."""
    return any(_meet(*ways) for ways in product(_list_ways(one), _list_ways(other)))


def find_tree(text: str) -> str:
    """Return the directory of a glob that matches it and all below, like `/data/**`; empty for others, and for `/`."""
    directory = _TREE.sub("", text)
    return "" if directory == text or _RUN.search(directory) else directory


def find_stem(text: str) -> str:
    """Return the part of a glob before its first sign."""
    return _RUN.split(text, maxsplit=1)[0]


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two token lists have a common text. Walks both at once, as automata."""
    seen: set[tuple[int, int]] = set()
    left = [(0, 0)]
    while left:
        place = left.pop()
        if place in seen:
            continue
        seen.add(place)
        if place == (len(one), len(other)):
            return True
        mine, theirs = (way[at] if at < len(way) else "" for way, at in zip((one, other), place, strict=True))
        is_star, is_their_star = mine in _STARS, theirs in _STARS
        left += [(place[0] + 1, place[1])] if is_star else []
        left += [(place[0], place[1] + 1)] if is_their_star else []
        if _share_a_letter(mine, theirs):
            left.append((place[0] + (not is_star), place[1] + (not is_their_star)))
    return False


def _share_a_letter(one: str, other: str) -> bool:
    if not one or not other:
        return False
    if "**" in {one, other}:
        return True
    if one in _SIGNS:
        return other != "/"
    return one != "/" if other in _SIGNS else one == other


def list_rests(text: str, directory: str) -> Iterator[str]:
    """Yield globs for the paths that a glob matches in a directory, relative to it; empty for the directory."""
    if fits(text, directory):
        yield ""
    ways = _list_ways(text)
    states = _skip(ways, {(number, 0) for number in range(len(ways))})
    for letter in f"{directory.removesuffix('/')}/":
        states = _step(ways, states, letter)
    yield from dict.fromkeys("".join(ways[way][place:]) for way, place in sorted(states) if place < len(ways[way]))


def _list_ways(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the tokens of a glob; also those of the directory, if it matches that."""
    plain = _RUN.sub(_sort_run, _TREE.sub("/**", text))
    ways = [tuple(re.findall(r"\*\*|\*|\?|[^*?]", plain, re.DOTALL))]
    if plain.endswith("/**") and plain != "/**":
        ways.append(ways[0][:-2])
    return tuple(ways)


def _sort_run(run: re.Match[str]) -> str:
    """Return a run of signs in canonical order, if order makes no difference."""
    return re.sub(r"\*\*+", "**", run[0]) if "**" in run[0] else "?" * run[0].count("?") + "*" * ("*" in run[0])


def _skip(ways: tuple[tuple[str, ...], ...], states: set[tuple[int, int]]) -> _States:
    """Add the positions after stars, which may match nothing."""
    found = set(states)
    for way, place in states:
        while place < len(ways[way]) and ways[way][place] in _STARS:
            place += 1  # noqa: PLW2901 (walks on from there)
            found.add((way, place))
    return frozenset(found)


def _step(ways: tuple[tuple[str, ...], ...], states: _States, token: str) -> _States:
    """Return the positions after one more character, or sign of the other glob."""
    after: set[tuple[int, int]] = set()
    for way, place in states:
        sign = ways[way][place] if place < len(ways[way]) else ""
        if sign == "**" or (sign == "*" and token not in {"/", "**"}):
            after.add((way, place))
        elif sign == token or (sign == "?" and token not in {"/", "*", "**"}):
            after.add((way, place + 1))
    return _skip(ways, after)


@lru_cache(maxsize=1024)
def _compile(text: str) -> re.Pattern[str]:
    directory = _TREE.sub("", text)
    written = _write(text if directory == text else f"{directory}/**")
    if directory not in {"", text}:
        written = f"{_write(directory)}|{written}"
    return re.compile(written)


def _write(text: str) -> str:
    """Compile a glob to a regular expression for a whole name."""
    first, *others = re.split(r"\*\*+", text)
    chunks = [first, *(f"*{chunk}" for chunk in others)]
    written = [_write_chunk(chunk, "") for chunk in chunks[:-1]] + [_write_chunk(chunks[-1], r"\Z")]
    return written[0] + "".join(f"(?>{_SEGMENTS}{chunk})" for chunk in written[1:])


def _write_chunk(chunk: str, end: str) -> str:
    """Compile the part between two `**`: a piece, and another after each `*`."""
    pieces = [re.escape(piece).replace(r"\?", "[^/]") for piece in chunk.split("*")]
    pieces[-1] += end  # Inside the group, so that only there a piece is searched for at the end of the name.
    return pieces[0] + "".join(f"(?>[^/]*?{piece})" for piece in pieces[1:])
