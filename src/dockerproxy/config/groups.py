"""Words for groups of operations, like `containers:read` for all reads of a section."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS, SECTIONS, Access
from dockerproxy.policy.model import Grant, Source
from dockerproxy.policy.vocabulary import UNRESTRICTED, is_of_body
from dockerproxy.policy.words.constraint import Condition

PRESET: Final = "preset:"
"""Prefix of words that name a preset."""


def without_underscore(section: str) -> str:
    """Return another spelling of a section: `ping` for `_ping`, `libpod/ping` for `libpod/_ping`."""
    return section.replace("/_", "/").removeprefix("_")


def _find_groups() -> Mapping[str, frozenset[str]]:
    groups: dict[str, set[str]] = {f"{section}:{access}": set() for section in SECTIONS for access in Access}
    for name, operation in OPERATIONS.items():
        groups[f"{operation.section}:{operation.access}"].add(name)
    return {word: frozenset(names) for group, names in groups.items() for word in (group, without_underscore(group))}


GROUPS: Final = _find_groups()
"""Operations of each word for a section; some have none."""


READS: Final = frozenset(name for name in CONTAINED if OPERATIONS[name].access is Access.READ)
"""Contained reads."""


def open_bodies(grant: Grant, names: frozenset[str] = CONTAINED) -> Iterator[Grant]:
    """Grant contained operations unrestricted, without conditions on bodies. Others are unchanged."""
    contained, others = grant.operations & names, grant.operations - names
    if contained:
        besides = (each for each in grant.conditions if not bounds_body(each.word, contained))
        yield grant._replace(operations=contained, conditions=(*besides, UNRESTRICTED))
    if others:
        yield grant._replace(operations=others)


def merge_grants(grants: Iterable[Grant], source: Source) -> tuple[Grant, ...]:
    """Merge grants with equal conditions."""
    merged: dict[tuple[Condition, ...], set[str]] = {}
    for grant in grants:
        merged.setdefault(grant.conditions, set()).update(grant.operations)
    return tuple(Grant(frozenset(names), source, conditions) for conditions, names in merged.items())


def bounds_body(condition: str, names: Iterable[str]) -> bool:
    """Whether a condition is about the body of one of some operations."""
    return any(is_of_body(OPERATIONS[name], condition) for name in names)
