"""Generalise names that programs generate, like `ci-3f9a2b` and `ci-77c01d`, to patterns.

Three or more names that differ only in parts that look generated become one pattern, which keeps their common parts. So
separate families never become one `*`. Other names do not change.

Attacks: docs/attacks.md, workbench/patterns.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from dockerproxy.advice.dangers import gives_away
from dockerproxy.api.rows import list_rows, read_table
from dockerproxy.policy.values import is_literal
from dockerproxy.workbench.generated import split_reference, takes_star

_FAMILY: Final = 3
"""Names that make a family: two may be similar by chance."""

_TAGS: Final = 5
"""Tags of an image that make the pattern match any tag: a program that follows releases soon uses so many."""

_SHORTEST_STEM: Final = 3
"""Characters before the first generated part: a shorter prefix does not identify the owner."""

_OFFICIAL: Final = "library/"
"""The namespace of official images on Docker Hub, which does not identify an owner."""

_WHOLE_ID: Final = re.compile(r"(?=[a-f]*[0-9])[0-9a-f]{64}")
"""IDs that are too long to be chosen as names."""

_ID: Final = re.compile(r"(?=[a-z]*[0-9])(?:[0-9a-f]{12,64}|[0-9a-z]{25})")
"""IDs as Docker writes them, short and full; those of a swarm are 25 digits in base 36."""

_HEX: Final = "(?=[a-f]*[0-9])[0-9a-f]{6,}"
"""At least one digit: `facade` and `decade` are words."""

_MADE_UP: Final = re.compile(
    r"(?<![A-Za-z0-9])"
    rf"([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}|{_HEX}|[0-9]+|(?=[a-z]*[0-9])(?=[0-9]*[a-z])[0-9a-z]{{10,}})"
    r"(?![A-Za-z0-9])"
)
"""Parts between separators: UUIDs, hexadecimal and plain numbers, long mixes of letters and digits."""

_MADE_UP_END: Final = re.compile(r"((?<![0-9a-f])(?=[a-f]*+[0-9])[0-9a-f]{6,}+|(?<![0-9])[0-9]++)\Z")
"""A generated suffix without a separator, as in `job4711`. Searched once per part: the first version took 300 ms for
300 hostile names of 300 characters."""

_ADJECTIVES: Final = " ".join(list_rows(read_table("adjectives", __file__)))
_GENERATED: Final = re.compile(rf"(?:{'|'.join(_ADJECTIVES.split())})_[a-z]+[0-9]?")

Families = Mapping[str, tuple[str, ...]]
"""For each pattern, the names that it replaces, sorted."""


def is_id(name: str) -> bool:
    """Whether a name is probably an ID, or as random as one."""
    return _ID.fullmatch(name.removeprefix("sha256:")) is not None


def is_generated(name: str) -> bool:
    """Whether Docker or Podman generate such names for unnamed containers."""
    return "_" in name and _GENERATED.fullmatch(name) is not None


def find_families(names: Iterable[str]) -> Families:
    """Find the families among names of objects, or among paths."""
    return _find(names, _group_ids, _group_parts, _group_ends)


def _find(names: Iterable[str], *groups: Callable[[list[str]], Mapping[str, list[str]]]) -> Families:
    """Find families by each grouping in turn, among the names that are left."""
    left = {name for name in names if is_literal(name)}
    families: dict[str, tuple[str, ...]] = {}
    for group in groups:
        for pattern, members in group(sorted(left)).items():
            if _tells_a_directory(pattern):
                families[pattern] = tuple(sorted({*families.get(pattern, ()), *members}))
                left -= set(members)
    return families


def find_bind_families(binds: Iterable[str]) -> Families:
    """Find the families among binds."""
    return {pattern: members for pattern, members in find_families(binds).items() if not gives_away(pattern)}


def find_command_families(commands: Iterable[tuple[str, ...]]) -> Mapping[tuple[str, ...], list[tuple[str, ...]]]:
    """Find the families among commands: those that differ in parts of their arguments."""
    lines = sorted("\0".join(words) for words in commands if all(map(is_literal, words)))
    families = {}
    for pattern, members in _group_parts(lines).items():
        words, known = tuple(pattern.split("\0")), [tuple(line.split("\0")) for line in members]
        stars = [place for place, word in enumerate(words) if "*" in word]
        if all(words[place] != "*" and takes_star(each, place) for place in stars for each in known):
            families[words] = known
    return families


def _tells_a_directory(pattern: str) -> bool:
    """Whether a pattern for paths begins with a complete directory; true for patterns that are not paths."""
    if not pattern.startswith("/"):
        return True
    stem = pattern.partition("*")[0]
    return stem.rfind("/") > 0 and (stem.endswith(("/", "-", "_", ".")) or "*" not in pattern)


def find_image_families(references: Iterable[str]) -> Families:
    """Find the families among normalised references of images."""
    return _find(references, _group_tags, _group_image_names)


def _group_ids(names: list[str]) -> dict[str, list[str]]:
    """Group full IDs under as many question marks, which also match the next ID and hardly anything else."""
    members = list(filter(_WHOLE_ID.fullmatch, names))
    return {"?" * len(members[0]): members} if members else {}


def _group_parts(names: list[str]) -> dict[str, list[str]]:
    return _group_by_parts(("", name, "") for name in names)


def _group_image_names(references: list[str]) -> dict[str, list[str]]:
    """Group images whose names have generated parts; registry, tag and digest stay."""
    parts = []
    for reference in references:
        name, rest = split_reference(reference)
        host, slash, path = name.partition("/")
        namespace = _OFFICIAL if path.startswith(_OFFICIAL) else ""
        parts.append((f"{host}{slash}{namespace}", path.removeprefix(namespace), rest))
    return _group_by_parts(parts)


def _group_by_parts(names: Iterable[tuple[str, str, str]]) -> dict[str, list[str]]:
    """Group names by what is left without their generated parts; a part that is equal in all of them stays.

    The text before and after each name stays, too.
    """
    groups: dict[tuple[str, ...], list[list[str]]] = defaultdict(list)
    for before, name, rest in names:
        pieces = _MADE_UP.split(name)  # Every second piece is generated.
        groups[before, *pieces[::2], rest].append(pieces)
    families = {}
    for (before, *_, rest), members in groups.items():
        pattern = "".join(same[0] if len(set(same)) == 1 else "*" for same in zip(*members, strict=True))
        if len(members) >= _FAMILY and pattern.find("*") >= _SHORTEST_STEM:
            families[f"{before}{pattern}{rest}"] = [f"{before}{''.join(pieces)}{rest}" for pieces in members]
    return families


def _group_ends(names: list[str]) -> dict[str, list[str]]:
    """Group names by the text before a suffix that looks generated, without a separator."""
    groups = defaultdict(list)
    for name in names:
        if end := _MADE_UP_END.search(name):
            groups[name[: end.start()]].append(name)
    families = {}
    for start, members in groups.items():
        # A common letter does not count as a hexadecimal digit: `cache` ends with four that could be.
        common = os.path.commonprefix((members[0], members[-1]))  # noqa: RUF071 (of names)
        stem = max(start, common.rstrip("0123456789"), key=len)
        if len(members) >= _FAMILY and len(stem) >= _SHORTEST_STEM and "*" not in stem:
            families[f"{stem}*"] = members
    return families


def _group_tags(references: list[str]) -> dict[str, list[str]]:
    """Group images with many tags or several digests by name."""
    groups = defaultdict(list)
    for reference in references:
        name, rest = split_reference(reference)
        if rest:
            groups[f"{name}{rest[0]}*"].append(reference)
    return {
        pattern: members
        for pattern, members in groups.items()
        if len(members) >= (_FAMILY if pattern.endswith("@*") else _TAGS)
    }
