"""`servers`: the registries to which credentials may be sent. Without it, Docker Hub."""

import re
from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.amounts import is_server
from dockerproxy.policy.constraints.base import Items, Matcher
from dockerproxy.policy.values import Value
from dockerproxy.text import lower

HUB: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")
"""Docker Hub, which engines ask where nobody names a server."""

_HOST: Final = re.compile(r"(?:https?://)?([^/]*)(?:/.*)?", re.DOTALL)


class Servers(Items):
    """A list of hosts, of which Docker Hub has several names."""

    def fault(self, item: str) -> str:
        """Return why an item is no host."""
        return "" if is_server(item) else "the host of a registry is needed, like registry.example:5000"

    def spell(self, item: str) -> str:
        """Return a host by its first name, without what stands around it in an address."""
        found = _HOST.fullmatch(lower(item))
        host = found[1] if found is not None else ""
        return HUB[0] if host in HUB else host

    def matcher(self, granted: Value) -> Matcher:
        """Match a host by any of its names."""
        matches = super().matcher(granted)
        return lambda value: isinstance(value, str) and matches(self.spell(value))


class _Servers(Servers):
    unspoken = HUB[:1]

    def by_default(self, value: Hashable) -> bool:
        return value in HUB


CONSTRAINT = _Servers("servers", "to which registries credentials may be sent")
