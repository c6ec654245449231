"""Ports of the host that a container opens.

Attack: a list without bindings, which Docker fills in -> Defence: it claims any free port on all addresses.
Attack: a range of which only the ends are granted -> Defence: all of it is claimed.
Attack: an address that Go cannot read, and takes for any, or reads otherwise than Podman's netavark -> Defence: no list
of addresses has it.
"""

from typing import Final

from dockerproxy.policy.amounts import read_address, read_ports
from dockerproxy.policy.claim import Object, Reading
from dockerproxy.wire.document import Json, list_of, object_of, show

_ANY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104 (what an empty HostIp means, nothing is bound here)


def check_publish(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each port of the host is granted, on an address that is."""
    opened: dict[tuple[str, str], tuple[str, int]] = {}  # Each port at each address, and where it stands first.
    for port, bindings in object_of(value).items():
        for number, binding in enumerate(
            list_of(bindings) or [{}]
        ):  # Docker fills in what is empty: a free port, any address.
            fields = object_of(binding)
            opened.setdefault((str(fields.get("HostPort") or "0"), str(fields.get("HostIp") or "")), (port, number))
    for (free, address), (port, number) in opened.items():
        where = f"{path}[{show(port)}][{number}]"
        claim_port(reading, free, f"{where}.HostPort")
        claim_address(reading, address, f"{where}.HostIp", address)


def check_publish_all(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Ports that the engine picks, on all addresses."""
    if value is True:
        claim_port(reading, "0", path)
        claim_address(reading, "", path, "")


def claim_port(reading: Reading, port: int | str, path: str) -> None:
    """Claim a port of the host, or a range; 0 is any free one."""
    ports = read_ports(str(port))
    if ports is None:
        reading.violate(path, port, "not a valid port or range of ports")
        return
    shown = "any free port" if port == "0" else port
    reading.claim("publish", ports, path, shown, "a host port that no rule allows")


def claim_address(reading: Reading, address: str, path: str, shown: Json) -> None:
    """Claim the address on which a port is opened; none named is all."""
    if address and read_address(address) is None:
        says = "not an IP address that all engines read alike"
        reading.claim("publish", None, path, shown, says, without=True)
        return
    addresses = (address,) if address else _ANY_ADDRESS
    reading.claim("publish", addresses, path, shown, "an address that no rule allows")
