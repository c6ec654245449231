"""`add_capabilities` and `drop_capabilities`: capabilities that a container may add, and must drop.

The proxy drops those that the client does not, and `MKNOD` unless the client adds it by name. With it, a container
could make its `/etc/passwd` a device of the host, which Docker opens from outside at a start, or an exec with a user.
Podman does not grant it by default.

Attacks: docs/attacks.md, policy/words/capabilities.
"""

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Final, NamedTuple

from dockerproxy.api.request import read_version
from dockerproxy.policy.claim import Claim, Object, Reading, Substitute, items_at
from dockerproxy.policy.objects import Lookup
from dockerproxy.policy.values import Value, items_of
from dockerproxy.policy.words.constraint import Condition, Items, Matcher
from dockerproxy.text import upper
from dockerproxy.wire.document import Json, list_of

_ALL: Final = "ALL"
NODES: Final = "MKNOD"
_SINCE: Final = (1, 41, 0)
"""Under older versions, the engine ignores the field of a service (`adjustForAPIVersion` in its service router)."""


def capability_name(text: str) -> str:
    """Return a capability's canonical name. Engines accept any case, with or without `CAP_`."""
    return upper(text).removeprefix("CAP_")


class _Added(Items):
    example = "NET_BIND_SERVICE"

    def fault(self, item: str) -> str:
        return "" if re.fullmatch(r"[A-Z_]+", capability_name(item)) else f"not a capability, like {self.example}"

    def spell(self, item: str) -> str:
        """Return its name; `ALL` is one more."""
        return capability_name(item)


class Capabilities(NamedTuple):
    """The capabilities that a request drops, as written, and the names of those that it adds."""

    dropped: tuple[str, ...]
    added: frozenset[str] = frozenset()


class _Dropped(_Added):
    example = "NET_RAW"
    is_learned = False
    acts = True

    def matcher(self, granted: Value) -> Matcher:
        """Match requests that add none of them: the others are dropped."""
        dropped = {_ALL, *map(capability_name, items_of(granted))}
        return lambda value: isinstance(value, Capabilities) and dropped.isdisjoint(value.added)

    def judge(self, condition: Condition, claim: Claim) -> Substitute | Lookup:
        """Add missing drops."""
        admitted = super().judge(condition, claim)
        value = claim.options[0][0] if claim.options else None
        if admitted is None or not isinstance(value, Capabilities):
            return None
        names = set(map(capability_name, value.dropped))
        missing = [name for name in map(capability_name, items_of(condition.value)) if name not in names]
        return [*value.dropped, *missing] if missing and _ALL not in names else admitted

    def record(self, value: Hashable) -> Value | None:
        """Keep the added capabilities: missing drops are filled in."""
        return tuple(sorted(value.added)) if isinstance(value, Capabilities) else None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        return (Capabilities((), frozenset(items_of(least))),)

    def within(self, inner: Value, outer: Value) -> bool:
        """Whether the inner value contains all of the outer one: its capabilities cannot be added."""
        return {*map(capability_name, items_of(outer))} <= {*map(capability_name, items_of(inner))}


def check_capabilities(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Capabilities to add."""
    for where, added in items_at(value, path):
        reading.claim("add_capabilities", capability_name(str(added)), where, added, "a capability that no rule allows")


def check_dropped(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """Capabilities to drop, with those that the grant requires."""
    version = read_version(reading.request.version)
    if reading.request.operation.section == "services" and version is not None and version < _SINCE:
        reading.violate(
            path, None, f"is ignored by the engine under {reading.request.version}", "use API 1.41 or newer"
        )
    added = parent.get(path.rpartition(".")[2].replace("Drop", "Add"))
    names = frozenset(map(capability_name, map(str, list_of(added))))
    dropped = Capabilities(tuple(map(str, list_of(value))), names)
    says = "conflicts with a capability that is added"
    reading.claim("drop_capabilities", dropped, path, value if names else None, says, target=path)


def drop_nodes(claims: Iterable[Claim], substitutes: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return substitutes by path, with the capability to make devices dropped."""
    left = dict(substitutes)
    for claim in claims:
        value = claim.options[0][0] if claim.options else None
        if isinstance(value, Capabilities):
            put = list_of(left.get(claim.target, list[Json](value.dropped)))
            names = {*map(capability_name, map(str, put)), *(value.added - {_ALL})}
            if NODES not in names and (_ALL not in names or _ALL in value.added):
                left[claim.target] = [*put, NODES]
    return left


_DROPPED: Final = "which capabilities must be dropped; the proxy adds missing ones"
WORDS: Final = (
    _Added("add_capabilities", "which capabilities may be added"),
    _Dropped("drop_capabilities", _DROPPED, narrows=True),
)
CHECKS: Final = (check_capabilities, check_dropped)
