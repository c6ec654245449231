"""`publish`: the ports of the host that may be opened, and on which addresses.

Values of claims are a range of ports, 0 for any free one, or a tuple of addresses.
"""

from collections.abc import Hashable

from dockerproxy.policy.amounts import merge_ports, read_address, read_ports
from dockerproxy.policy.values import Pairs, Takes, Value
from dockerproxy.policy.words.constraint import Constraint, Matcher


class _Publish(Constraint):
    takes = Takes.PORTS

    def matcher(self, granted: Value) -> Matcher:
        """Match ports and addresses, each if the value speaks of them."""
        ports, addresses = _list(granted, "ports"), _list(granted, "addresses")
        free = merge_ports(ports or ())
        known = frozenset(map(normalise_address, addresses or ()))

        def matches(value: Hashable) -> bool:
            if isinstance(value, tuple):
                return addresses is None or known.issuperset(map(normalise_address, value))
            if not isinstance(value, range):
                return False
            return ports is None or any(each.start <= value.start and value.stop <= each.stop for each in free)

        return matches

    def by_default(self, value: Hashable) -> bool:
        """Say no to ports. What is opened nowhere has no address."""
        return isinstance(value, tuple)

    def least(self, value: Hashable) -> Value | None:
        if isinstance(value, range):
            last = value.stop - 1
            return Pairs((("ports", (f"{value.start}-{last}" if value[1:] else f"{last}",)),))
        return Pairs((("addresses", value),)) if isinstance(value, tuple) else None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        addresses = ((text,) for text in _list(least, "addresses") or ())
        return (*map(read_ports, _list(least, "ports") or ()), *addresses)

    def within(self, inner: Value, outer: Value) -> bool:
        matches = self.matcher(outer)
        ports, addresses = _list(inner, "ports"), _list(inner, "addresses")
        has_ports = _list(outer, "ports") is None or (ports is not None and all(map(matches, map(read_ports, ports))))
        return has_ports and (_list(outer, "addresses") is None or matches(addresses))


def _list(granted: Value, name: str) -> tuple[str, ...] | None:
    """Return what is said of ports or addresses; None if nothing is."""
    value = dict(granted.items).get(name) if isinstance(granted, Pairs) else None
    return value if isinstance(value, tuple) else None


def normalise_address(text: str) -> str:
    """Return an address in its one spelling; what is none stays as it is."""
    return str(read_address(text) or text)


CONSTRAINT = _Publish("publish", "which ports of the host may be opened, and on which addresses")
