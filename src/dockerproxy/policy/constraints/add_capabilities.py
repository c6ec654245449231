"""`add_capabilities`: the capabilities that a container may be given besides the engine's."""

import re

from dockerproxy.policy.constraints.base import Items
from dockerproxy.text import upper


class _Capabilities(Items):
    def fault(self, item: str) -> str:
        return "" if re.fullmatch(r"[A-Z_]+", capability_name(item)) else "not a capability, like NET_BIND_SERVICE"

    def spell(self, item: str) -> str:
        """Return its name; `ALL` is one word more."""
        return capability_name(item)


def capability_name(text: str) -> str:
    """Return a capability as a policy file writes it: engines take it in any case, with or without `CAP_`."""
    return upper(text).removeprefix("CAP_")


CONSTRAINT = _Capabilities("add_capabilities", "which capabilities may be added")
