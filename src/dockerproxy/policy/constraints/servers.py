"""`servers`: the registries to which credentials may be sent. Without it, Docker Hub."""

from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.amounts import is_server
from dockerproxy.policy.constraints.base import Constraint, Matcher
from dockerproxy.policy.values import Value, items_of
from dockerproxy.text import lower

HUB: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")
"""Docker Hub, which engines ask where nobody names a server."""


class _Servers(Constraint):
    unspoken = HUB[:1]

    def fault(self, item: str) -> str:
        """Return why an item is no host."""
        return "" if is_server(item) else "the host of a registry is needed, like registry.example:5000"

    def matcher(self, granted: Value) -> Matcher:
        """Match a host; Docker Hub's names mean the same."""
        return _spell_out(granted).__contains__

    def by_default(self, value: Hashable) -> bool:
        """Whether it is Docker Hub."""
        return value in HUB

    def least(self, value: Hashable) -> Value | None:
        """List the host."""
        return (value,) if isinstance(value, str) else None

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare the hosts."""
        return _spell_out(inner) <= _spell_out(outer)


def _spell_out(granted: Value) -> frozenset[str]:
    hosts = frozenset(map(lower, items_of(granted)))
    return hosts if hosts.isdisjoint(HUB) else hosts.union(HUB)


CONSTRAINT = _Servers("servers", "to which registries credentials may be sent")
