"""`subnets`: within which networks the addresses of a new network may be."""

from collections.abc import Hashable

from dockerproxy.policy.amounts import Network, read_network
from dockerproxy.policy.values import Value, items_of
from dockerproxy.policy.words.constraint import Items, Matcher


class _Subnets(Items):
    def fault(self, item: str) -> str:
        return "" if read_network(item) else "a network like 10.9.0.0/16 is needed"

    def spell(self, item: str) -> Network | None:
        return read_network(item)

    def matcher(self, granted: Value) -> Matcher:
        nets = tuple(net for net in map(read_network, items_of(granted)) if net is not None)
        return lambda value: any(is_within(value, net) for net in nets)

    def least(self, value: Hashable) -> Value | None:
        return (str(value),) if isinstance(value, Network) else None


def is_within(inner: object, outer: Network) -> bool:
    """Whether all addresses of a network are in another one."""
    return isinstance(inner, type(outer)) and inner.subnet_of(outer)  # type: ignore[arg-type] # of the same version


CONSTRAINT = _Subnets("subnets", "within which networks its addresses may be")
