"""Which addresses a new network has, and what its driver makes of it.

Attack: a subnet where the host expects others, whose traffic it then draws -> Defence: granted, or the engine's choice.
Attack: a gateway or a range outside the subnet -> Defence: refused.
Attack: an IPv4 address in the guise of an IPv6 one, which Go takes for the former -> Defence: refused.
Attack: an option that takes over a bridge of the host, or opens the network -> Defence: a short list of harmless ones.
"""

import re
from typing import Final

from dockerproxy.policy.amounts import Network, read_address, read_network
from dockerproxy.policy.claim import Object, Reading
from dockerproxy.policy.constraints.subnets import is_within
from dockerproxy.wire.document import Json, show

_OPTIONS: Final = {
    "com.docker.network.driver.mtu": re.compile("[0-9]{1,5}"),
    "com.docker.network.bridge.enable_icc": re.compile("true|false"),
    "com.docker.network.bridge.enable_ip_masquerade": re.compile("true"),
}
"""Options that are harmless, with the values that are: the size of packets, whether containers reach each other."""

_OUTSIDE: Final = "not in the subnet"


def check_subnets(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each subnet is within one that is granted, and all other addresses are in it."""
    for number, config in enumerate(value if isinstance(value, list) else ()):
        if isinstance(config, dict) and any(config.values()):
            _check_config(reading, config, f"{path}[{number}]")
    return value


def _check_config(reading: Reading, config: Object, path: str) -> None:
    text = str(config.get("Subnet") or "")
    subnet = read_network(text)
    if subnet is None:
        reading.violate(f"{path}.Subnet", text, "not a valid subnet, like 172.30.0.0/24")
        return
    says = "a subnet that no rule allows, where the host may know other machines"
    reading.claim("subnets", subnet, f"{path}.Subnet", text, says)
    part = config.get("IPRange")
    if part and not is_within(read_network(str(part)), subnet):
        reading.violate(f"{path}.IPRange", part, _OUTSIDE)
    if config.get("Gateway") and not _is_in(config["Gateway"], subnet):
        reading.violate(f"{path}.Gateway", config["Gateway"], _OUTSIDE)
    others = config.get("AuxiliaryAddresses")
    for name, address in others.items() if isinstance(others, dict) else ():
        if not _is_in(address, subnet):
            reading.violate(f"{path}.AuxiliaryAddresses[{show(name)}]", address, _OUTSIDE)


def _is_in(text: Json, network: Network) -> bool:
    address = read_address(str(text))
    return address is not None and address in network


def check_network_options(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Options of the driver are among those that are harmless."""
    for name, option in value.items() if isinstance(value, dict) else ():
        known = _OPTIONS.get(name)
        if known is None or known.fullmatch(str(option)) is None:
            reading.violate(
                f"{path}[{show(name)}]", option, "not allowed: it could open the network to the host or its neighbours"
            )
    return value
