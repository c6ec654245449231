"""`subnets`: networks that must contain the addresses of a new network; and its driver options.

Attacks: docs/attacks.md, policy/words/subnets.
"""

import re
from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.claim import Object, Reading, objects_at, pairs_at
from dockerproxy.policy.values import Value, items_of
from dockerproxy.policy.words.constraint import Items, Matcher
from dockerproxy.policy.words.spellings import Network, read_address, read_network
from dockerproxy.wire.document import Json

_OPTIONS: Final = {
    "com.docker.network.driver.mtu": re.compile("[0-9]{1,5}"),
    "com.docker.network.bridge.enable_icc": re.compile("true|false"),
    "com.docker.network.bridge.enable_ip_masquerade": re.compile("true"),
}
"""Harmless options with their harmless values: packet size, and whether containers can reach each other."""

_OUTSIDE: Final = "not in the subnet"


class _Subnets(Items):
    def fault(self, item: str) -> str:
        return "" if read_network(item) else "a network like 10.9.0.0/16 is needed"

    def spell(self, item: str) -> Network | None:
        return read_network(item)

    def matcher(self, granted: Value) -> Matcher:
        nets = tuple(net for net in map(read_network, items_of(granted)) if net is not None)
        return lambda value: any(_is_within(value, net) for net in nets)

    def least(self, value: Hashable) -> Value | None:
        return (str(value),) if isinstance(value, Network) else None


def _is_within(inner: object, outer: Network) -> bool:
    """Whether a network is inside another."""
    return isinstance(inner, type(outer)) and inner.subnet_of(outer)  # type: ignore[arg-type] # of the same version


def check_subnets(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each subnet must be inside a granted one, and all other addresses inside the subnet."""
    for where, config in objects_at(value, path):
        if any(config.values()):
            others = pairs_at(config.get("AuxiliaryAddresses"), f"{where}.AuxiliaryAddresses")
            addresses = {f"{where}.Gateway": config.get("Gateway") or None, **{at: each for at, _, each in others}}
            text, part = str(config.get("Subnet") or ""), config.get("IPRange")
            subnet = read_network(text)
            if subnet is None:
                reading.violate(f"{where}.Subnet", text, "not a valid subnet, like 172.30.0.0/24")
                continue
            says = "a subnet that no rule allows, where the host may know other machines"
            reading.claim("subnets", subnet, f"{where}.Subnet", text, says)
            for at, address in addresses.items():
                known = read_address(str(address))
                if address is not None and (known is None or known not in subnet):
                    reading.violate(at, address, _OUTSIDE)
            if part and not _is_within(read_network(str(part)), subnet):
                reading.violate(f"{where}.IPRange", part, _OUTSIDE)


def check_network_options(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Driver options must be harmless."""
    for where, name, option in pairs_at(value, path):
        if name not in _OPTIONS or _OPTIONS[name].fullmatch(str(option)) is None:
            reading.violate(where, option, "not allowed: it could open the network to the host or its neighbours")


WORDS: Final = (_Subnets("subnets", "within which networks its addresses may be"),)
CHECKS: Final = (check_subnets, check_network_options)
