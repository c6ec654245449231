"""Which addresses a new network has, and what its driver makes of it.

How one would reach the host or its neighbours with a network, and what stops it: a subnet where the host expects
another machine, whose traffic is then drawn into the network (subnets are granted, by `subnets`, or picked by the
engine); a gateway or a range outside the subnet; an address of IPv4 in the guise of one of IPv6, which Go takes for the
former; an option that takes over a bridge of the host or opens the network to its neighbours (all but a few that do
nothing of the kind are refused).
"""

import ipaddress
import re
from typing import Final, TypeAlias

from dockerproxy.policy.bodies.amounts import read_address
from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.bodies.naming import items
from dockerproxy.wire.document import Json, show

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_OPTIONS: Final = {
    "com.docker.network.driver.mtu": re.compile("[0-9]{1,5}"),
    "com.docker.network.bridge.enable_icc": re.compile("true|false"),
    "com.docker.network.bridge.enable_ip_masquerade": re.compile("true"),
}
"""Options that are harmless, with the values that are: the size of packets, whether containers reach each other."""

_IS_LENGTH: Final = re.compile("0|[1-9][0-9]{0,2}").fullmatch
"""Of the part of an address that is the network's. Python takes masks as well."""

_OUTSIDE: Final = "which is not in the subnet"


def check_subnets(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each subnet is within one that is granted, and all other addresses are in it."""
    del around
    for number, config in enumerate(value if isinstance(value, list) else ()):
        if isinstance(config, dict) and any(config.values()):
            _check_config(seen, config, f"{path}[{number}]")
    return value


def _check_config(seen: Inspection, config: Object, path: str) -> None:
    text = str(config.get("Subnet") or "")
    subnet = read_network(text)
    if subnet is None:
        seen.fault(f"{path}.Subnet", text, "which is no subnet, like 172.30.0.0/24")
        return
    granted = map(read_network, items(seen.bounds.get("subnets")))
    if not any(each is not None and _is_within(subnet, each) for each in granted):
        says = "and that subnet is not granted: the host may know other machines there"
        seen.fault(f"{path}.Subnet", text, says, "subnets", (str(subnet),))
    part = config.get("IPRange")
    if part and not _is_within(read_network(str(part)), subnet):
        seen.fault(f"{path}.IPRange", part, _OUTSIDE)
    if config.get("Gateway") and not _is_in(config["Gateway"], subnet):
        seen.fault(f"{path}.Gateway", config["Gateway"], _OUTSIDE)
    others = config.get("AuxiliaryAddresses")
    for name, address in others.items() if isinstance(others, dict) else ():
        if not _is_in(address, subnet):
            seen.fault(f"{path}.AuxiliaryAddresses[{show(name)}]", address, _OUTSIDE)


def read_network(text: str) -> Network | None:
    """Return the network of an address with a length behind a slash; None if it is not one for every engine."""
    address, _, length = text.partition("/")
    if read_address(address) is None or not _IS_LENGTH(length):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_within(inner: Network | None, outer: Network) -> bool:
    if inner is None or inner.version != outer.version:
        return False
    return inner.subnet_of(outer)  # type: ignore[arg-type] # they are of one version


def _is_in(text: Json, network: Network) -> bool:
    address = read_address(str(text))
    return address is not None and address in network


def check_network_options(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Options of the driver are among those that are harmless."""
    del around
    for name, option in value.items() if isinstance(value, dict) else ():
        known = _OPTIONS.get(name)
        if known is None or known.fullmatch(str(option)) is None:
            seen.fault(f"{path}[{show(name)}]", option, "and it could open the network to the host or its neighbours")
    return value
