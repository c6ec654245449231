"""Replace the parts of names that programs generate, such as UUIDs, by question marks.

One name is enough, because people do not choose UUIDs. The next one has the same length, so the pattern is nearly as
narrow as the name. `workbench/patterns` needs three names, and finds what they have in common.

Attacks: docs/attacks.md, workbench/generated.
"""

import re
from collections.abc import Callable
from typing import Final

from dockerproxy.policy.values import is_literal

_GENERATED: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    r"|(?=[a-f]*[0-9])[0-9a-f]{12,64}"
    r"|(?=[a-z]*[0-9])(?=[0-9]*[a-z])[0-9a-z]{25}"
    r"|(?<=[^/]/)tmp[a-z0-9_]{8}"
    r")(?![A-Za-z0-9])"
)
"""UUIDs, hexadecimal numbers as long as a short ID, IDs of a swarm, and directories of Python's `tempfile`."""

_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_./:=@%+,~-]+")
"""A word of a command without special characters of shells."""

_LONG: Final = 32
"""Characters of a generated part that no program has in its name."""

_SIGNS: Final = re.compile(r"[*?]")
_MOST_SIGNS: Final = 3
"""Stars and question marks of a command: scripts have few of them, and not in a row."""

_SHORTEST_STEM: Final = 3
"""Characters of a word besides its generated part: with fewer, `*` would match nearly any word."""


def mask(name: str) -> str:
    """Return the pattern of a name, with a question mark for each generated character."""
    return _GENERATED.sub(_count_out, name) if is_literal(name) else name


def mask_image(reference: str) -> str:
    """Return the pattern of a normalised reference, which keeps registry, tag and digest."""
    name, rest = split_reference(reference)
    host, slash, path = name.partition("/")
    return f"{host}{slash}{mask(path)}{rest}"


def split_reference(reference: str) -> tuple[str, str]:
    """Split a normalised reference before its tag or digest. The colon of a port stands before a slash."""
    end = re.search(r"[:@][^/]*\Z", reference)
    return (reference[: end.start()], end[0]) if end else (reference, "")


def mask_command(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the pattern of a command. Stars in it become question marks, since `*` is a wildcard."""
    words = without_stars(words)
    masks = (_choose_mask(words, place) for place in range(len(words)))
    return tuple(_GENERATED.sub(masked, word) for masked, word in zip(masks, words, strict=True))


def can_be_listed(words: tuple[str, ...]) -> bool:
    """Whether the pattern of a command with stars or question marks still identifies the command."""
    signs = [len(_SIGNS.findall(word)) for word in words]
    lone = all(re.search(r"[*?]{2}", word) is None and word not in {"*", "?"} for word in words)
    return lone and sum(signs) <= _MOST_SIGNS and not any(signs[:1])


def is_script(words: tuple[str, ...], place: int) -> bool:
    """Whether a word of a command is most likely a script, and not a name."""
    follows = place > 0 and words[place - 1].startswith("-") and words[place - 1].endswith("c")
    return place > 0 and (follows or _PLAIN_WORD.fullmatch(words[place]) is None)


def without_stars(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return a pattern that matches a command, in which a question mark replaces each of its stars."""
    return tuple(word.replace("*", "?") for word in words)


def takes_star(words: tuple[str, ...], place: int) -> bool:
    """Whether a `*` may replace a part of a word: not in the program, and not where a shell may expand it."""
    if not place or is_script(words, place) or words[place - 1].startswith("-"):
        return False
    return len(_GENERATED.sub("", words[place])) >= _SHORTEST_STEM


def _choose_mask(words: tuple[str, ...], place: int) -> str | Callable[[re.Match[str]], str]:
    if not place:  # Shorter parts could make the pattern match another program.
        return lambda found: _count_out(found) if len(found[0]) >= _LONG else found[0]
    return "*" if takes_star(words, place) else _count_out


def _count_out(found: re.Match[str]) -> str:
    prefix = "tmp" if found[0].startswith("tmp") else ""
    return prefix + re.sub("[^-]", "?", found[0].removeprefix(prefix))
