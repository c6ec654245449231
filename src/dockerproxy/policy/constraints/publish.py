"""`publish`: the ports of the host that may be opened, and on which addresses."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from dockerproxy.policy.amounts import merge_ports, read_address, read_ports
from dockerproxy.policy.constraints.base import Constraint, Matcher
from dockerproxy.policy.values import Pairs, Takes, Value


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports that are opened.

    Attributes:
        text: One, or a range; 0 is any free one.
        asked: All of them.
    """

    text: str
    asked: range = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Read the text, which is one of ports."""
        object.__setattr__(self, "asked", read_ports(self.text) or range(0))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where ports are opened.

    Attributes:
        texts: Addresses, all of them.
    """

    texts: tuple[str, ...]


class _Publish(Constraint):
    takes = Takes.PORTS

    def matcher(self, granted: Value) -> Matcher:
        """Match ports and addresses, each if the value speaks of them."""
        ports, addresses = _list(granted, "ports"), _list(granted, "addresses")
        free = merge_ports(ports or ())
        known = frozenset(map(normalise_address, addresses or ()))

        def matches(value: Hashable) -> bool:
            if isinstance(value, Addresses):
                return addresses is None or known.issuperset(map(normalise_address, value.texts))
            if not isinstance(value, Ports) or not value.asked:
                return False
            first, end = value.asked.start, value.asked.stop
            return ports is None or any(each.start <= first and end <= each.stop for each in free)

        return matches

    def by_default(self, value: Hashable) -> bool:
        """Say no to ports. What is opened nowhere has no address."""
        return isinstance(value, Addresses)

    def least(self, value: Hashable) -> Value | None:
        if isinstance(value, Addresses):
            return Pairs((("addresses", value.texts),))
        return Pairs((("ports", (value.text,)),)) if isinstance(value, Ports) else None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        addresses = (Addresses((text,)) for text in _list(least, "addresses") or ())
        return (*map(Ports, _list(least, "ports") or ()), *addresses)

    def within(self, inner: Value, outer: Value) -> bool:
        matches = self.matcher(outer)
        ports, addresses = _list(inner, "ports"), _list(inner, "addresses")
        has_ports = _list(outer, "ports") is None or (ports is not None and all(map(matches, map(Ports, ports))))
        return has_ports and (
            _list(outer, "addresses") is None or (addresses is not None and matches(Addresses(addresses)))
        )


def _list(granted: Value, name: str) -> tuple[str, ...] | None:
    """Return what is said of ports or addresses; None if nothing is."""
    value = dict(granted.items).get(name) if isinstance(granted, Pairs) else None
    return value if isinstance(value, tuple) else None


def normalise_address(text: str) -> str:
    """Return an address in its one spelling; what is none stays as it is."""
    return str(read_address(text) or text)


CONSTRAINT = _Publish("publish", "which ports of the host may be opened, and on which addresses")
