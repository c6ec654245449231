"""`add_capabilities`: the capabilities that a container may be given besides the engine's."""

import re
from collections.abc import Hashable

from dockerproxy.policy.constraints.base import Constraint, Matcher
from dockerproxy.policy.values import Value, items_of
from dockerproxy.text import upper


class _Capabilities(Constraint):
    def fault(self, item: str) -> str:
        """Return why an item is no capability."""
        return "" if re.fullmatch(r"[A-Z_]+", capability_name(item)) else "not a capability, like NET_BIND_SERVICE"

    def matcher(self, granted: Value) -> Matcher:
        """Match a capability; `ALL` is one word more."""
        return frozenset(map(capability_name, items_of(granted))).__contains__

    def least(self, value: Hashable) -> Value | None:
        """List the capability."""
        return (value,) if isinstance(value, str) else None

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare the names."""
        return all(map(self.matcher(outer), map(capability_name, items_of(inner))))


def capability_name(text: str) -> str:
    """Return a capability as a policy file writes it: engines take it in any case, with or without `CAP_`."""
    return upper(text).removeprefix("CAP_")


CONSTRAINT = _Capabilities("add_capabilities", "which capabilities may be added")
