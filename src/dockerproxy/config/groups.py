"""Words for groups of operations: `containers:read` is every read of a section."""

from collections.abc import Mapping
from typing import Final

from dockerproxy.api.catalog import OPERATIONS, SECTIONS, Access

PRESET: Final = "preset:"
"""Prefix of words that name a preset."""


def without_underscore(section: str) -> str:
    """Return how a section may also be written: `ping` for `_ping`, `libpod/ping` for `libpod/_ping`."""
    return section.replace("/_", "/").removeprefix("_")


def _find_groups() -> Mapping[str, frozenset[str]]:
    groups = {}
    for section in SECTIONS:
        for access in Access:
            names = (name for name, found in OPERATIONS.items() if (found.section, found.access) == (section, access))
            word = f":{access}"
            groups[section + word] = groups[without_underscore(section) + word] = frozenset(names)
    return groups


GROUPS: Final = _find_groups()
"""Operations of a section by their word; some are empty."""
