"""`addresses` that a container may ask for in a network, and `subnets` that a new network may have.

A container may also be granted to say which network leads outside. Without `addresses`, it may have any address of a
network that it joins, but none of its own on the link (MAC).

Attack: the address on the link of another host, in a notation of dots or dashes, or in capitals -> Defence: it is
compared in one spelling (test: test_an_address_on_the_link_has_one_spelling).
Attack: an address that Go cannot read, or in a form of base64 that old Podman takes -> Defence: it is none
(test: test_what_engines_read_differently_is_no_address).
Attack: the address on the link in the field of the container, or that of the endpoint -> Defence: each is judged
 (test: test_an_address_on_the_link_is_granted_wherever_it_stands).
"""

import ipaddress
import re
from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.amounts import Network, read_address, read_network
from dockerproxy.policy.claim import LEAVE_OUT, Check, LeaveOut, Object, Reading, items_at
from dockerproxy.policy.constraints.base import Items, Matcher
from dockerproxy.policy.globs import covers
from dockerproxy.policy.values import Value, items_of
from dockerproxy.text import lower
from dockerproxy.wire.document import Json

_WORD: Final = "addresses"
_PRIORITY: Final = "gateway-priority"
_IS_MAC: Final = re.compile(
    r"[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}"
).fullmatch
_IS_PATTERN: Final = re.compile(r"[0-9a-f?*]+(?::[0-9a-f?*]+){1,5}").fullmatch


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


class _Addresses(Items):
    may_be_empty = True
    unspoken = ("0.0.0.0/0", "::/0", _PRIORITY)

    def fault(self, item: str) -> str:
        known = item == _PRIORITY or read_network(item) or read_address(item) or _is_mac_pattern(item)
        return "" if known else f"an address, a network like 10.9.0.0/16, a MAC like 02:42:* or {_PRIORITY} is needed"

    def spell(self, item: str) -> Hashable:
        """Return an address, in a network of its own; one on the link, in lower case with colons; or the wish."""
        return _read_network(item) or lower(item)

    def matcher(self, granted: Value) -> Matcher:
        """Match an address, or the wish to say which network leads outside."""
        spelled = self.read_back(granted)
        return lambda value: any(_includes(each, value) for each in spelled)

    def by_default(self, value: Hashable) -> bool:
        """Whether it is no address on the link."""
        return value == _PRIORITY or not isinstance(value, str)

    def admits_unspoken(self, _value: Value) -> bool:
        """Say no: without the word the engine reads what is no address, and with it nobody may send that."""
        return False

    def least(self, value: Hashable) -> Value | None:
        if isinstance(value, Network):
            return (str(value.network_address) if value.num_addresses == 1 else str(value),)
        return (value,) if isinstance(value, str) else None


def _includes(granted: object, value: object) -> bool:
    """Whether a network has all addresses of another one, or a pattern all that a text stands for."""
    if isinstance(granted, str):
        return isinstance(value, str) and covers(granted, value)
    return isinstance(granted, Network) and is_within(value, granted)


def _read_network(text: str) -> Network | None:
    """Return a network, or an address as one; None if it is neither."""
    address = read_address(text)
    return read_network(text) if address is None else ipaddress.ip_network(address)


def _is_mac_pattern(item: str) -> bool:
    """Whether an item could only be an address on the link, or a pattern of some."""
    text = lower(item)
    whole = len(text.split(":")) == 6 or "*" in text or "?" in text  # noqa: PLR2004 (parts of a MAC)
    return whole and _IS_PATTERN(text) is not None


def _check_address(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """An address in the network."""
    for where, item in items_at(value, path) or ([(path, value)] if value else []):
        network = _read_network(str(item)) if read_address(str(item)) is not None else None
        says = "which no rule allows" if network is not None else "not an IP address that all engines read alike"
        reading.claim(_WORD, network, where, item, says, without=True)


def _check_mac(reading: Reading, value: Json, path: str, parent: Object) -> LeaveOut | None:
    """The engine's own address on the link, which is left out, or one that is granted.

    The engine's is one beside the id of the network, as an inspection shows it.
    """
    if value and parent.get("NetworkID"):
        return LEAVE_OUT
    if value:
        text = lower(str(value))
        plain = re.sub(r"[^0-9a-f]", "", text)
        mac = ":".join(plain[at : at + 2] for at in range(0, 12, 2)) if _IS_MAC(text) else None
        reading.claim(_WORD, mac, path, value, "a MAC address that no rule allows")
    return None


def _check_priority(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Which network leads outside, if that may be said."""
    if value:
        reading.claim(_WORD, _PRIORITY, path, value, "which no rule allows")


CONSTRAINTS: Final = (_Subnets("subnets", "within which networks its addresses may be"),)
CONSTRAINT = _Addresses(
    _WORD,
    "which addresses it may ask for in its networks: networks, addresses, MACs as globs, and gateway-priority; without"
    " it all but MACs",
)

_ENDPOINT: Final = "NetworkingConfig.EndpointsConfig.*."

READS: Final[dict[tuple[str, str], Check]] = {
    ("ContainerCreate", f"{_ENDPOINT}IPAMConfig.IPv4Address"): _check_address,
    ("ContainerCreate", f"{_ENDPOINT}IPAMConfig.IPv6Address"): _check_address,
    ("ContainerCreate", f"{_ENDPOINT}IPAMConfig.LinkLocalIPs[]"): _check_address,
    ("ContainerCreate", f"{_ENDPOINT}MacAddress"): _check_mac,
    ("ContainerCreate", f"{_ENDPOINT}GwPriority"): _check_priority,
    ("ContainerCreate", "MacAddress"): _check_mac,
    ("NetworkConnect", "EndpointConfig.IPAMConfig.IPv4Address"): _check_address,
    ("NetworkConnect", "EndpointConfig.IPAMConfig.IPv6Address"): _check_address,
    ("NetworkConnect", "EndpointConfig.IPAMConfig.LinkLocalIPs[]"): _check_address,
    ("NetworkConnect", "EndpointConfig.MacAddress"): _check_mac,
    ("NetworkConnect", "EndpointConfig.GwPriority"): _check_priority,
}
