"""A container has only those addresses that it may ask for."""

import ipaddress
from collections.abc import Callable

import pytest
from policy.claims.looking import faults, look
from policy.inspecting import admits

from dockerproxy.policy.constraints.addresses import CONSTRAINT
from dockerproxy.wire.document import Json

SAMPLES = (
    ipaddress.ip_network("10.9.0.2"),
    ipaddress.ip_network("10.10.0.2"),
    ipaddress.ip_network("fd00::2"),
    "02:42:0a:00:00:02",
    "02:43:0a:00:00:02",
    "gateway-priority",
)
VALUES: tuple[tuple[str, ...], ...] = (
    (),
    ("10.9.0.0/16",),
    ("10.9.0.2", "gateway-priority"),
    ("02:42:*",),
    ("02:*", "::/0"),
)

Made = Callable[..., Json]

MAC = "02:42:ac:11:00:02"
DOCKER: list[tuple[str, Made]] = [
    ("ContainerCreate", lambda end: {"Image": "web", "NetworkingConfig": {"EndpointsConfig": {"front": end}}}),
    ("NetworkConnect", lambda end: {"Container": "web", "EndpointConfig": end}),
]
MARKS = ("IPv", "LinkLocal", "Mac", "GwPriority")


def problems(operation: str, content: Json, *granted: str, is_said: bool = True) -> list[str]:
    bounds = {"addresses": granted} if is_said else {}
    found = faults(operation, "", content, None, **bounds)
    return [each for each in found if any(mark in each for mark in MARKS)]


@pytest.mark.parametrize(("operation", "made"), DOCKER)
def test_an_address_is_within_a_granted_network(operation: str, made: Made) -> None:
    for field in ({"IPv4Address": "10.9.0.5"}, {"LinkLocalIPs": ["10.9.0.5"]}, {"IPv6Address": "fd00::5"}):
        content = made({"IPAMConfig": field})
        assert not problems(operation, content, "10.9.0.0/16", "fd00::/16")
        assert not problems(operation, content, "10.9.0.5", "fd00:0::5")
        assert problems(operation, content, "10.8.0.0/16", "fd01::/16", MAC)
        assert problems(operation, content)
        assert not problems(operation, content, is_said=False)
    assert not problems(operation, made({"IPAMConfig": {"IPv4Address": ""}, "GwPriority": 0, "MacAddress": ""}))


@pytest.mark.parametrize(("operation", "made"), DOCKER)
def test_which_network_leads_outside_is_said_only_if_it_may_be(operation: str, made: Made) -> None:
    assert not problems(operation, made({"GwPriority": 1}), "gateway-priority")
    assert not problems(operation, made({"GwPriority": 1}), is_said=False)
    assert problems(operation, made({"GwPriority": -1}), "10.9.0.0/16")


@pytest.mark.parametrize(
    ("operation", "field", "made"),
    [
        *((operation, "MacAddress", made) for operation, made in DOCKER),
        ("ContainerCreate", "MacAddress", lambda end: {"Image": "web", **end}),
    ],
)
def test_an_address_on_the_link_is_granted_wherever_it_stands(operation: str, field: str, made: Made) -> None:
    content = made({field: MAC})
    assert not problems(operation, content, "02:42:*")
    assert problems(operation, content, "02:43:*")
    (fault,) = problems(operation, content, is_said=False)
    assert "a MAC address that no rule allows" in fault
    denied = look(operation, "", content).faults
    (value,) = [each.value for each in denied if each.word == "addresses"]
    assert admits("addresses", value, MAC)


def test_the_engine_s_own_address_is_left_out() -> None:
    end: Json = {"MacAddress": MAC, "NetworkID": "x"}
    looked = look("NetworkConnect", "", {"Container": "web", "EndpointConfig": end})
    assert isinstance(looked.content, dict)
    assert not (looked.content["EndpointConfig"] or {}).get("MacAddress")  # type: ignore[union-attr] # an object
    assert not problems("NetworkConnect", {"Container": "web", "EndpointConfig": end})


@pytest.mark.parametrize("text", [MAC, MAC.upper(), MAC.replace(":", "-"), "0242.ac11.0002", "0242.AC11.0002"])
def test_an_address_on_the_link_has_one_spelling(text: str) -> None:
    assert not problems("ContainerCreate", {"Image": "web", "MacAddress": text}, MAC)
    assert problems("ContainerCreate", {"Image": "web", "MacAddress": text}, "02:42:ac:11:00:03")


@pytest.mark.parametrize("text", ["02:42", f"{MAC}:00", "02-42:ac:11:00:02", "AkKsEQAC", f" {MAC}"])
def test_what_is_no_address_on_the_link_is_denied(text: str) -> None:
    assert problems("ContainerCreate", {"Image": "web", "MacAddress": text}, "**:*", "*:**", "02:42:*")


@pytest.mark.parametrize("text", ["010.9.0.5", "10.9.0.5/16", "::ffff:10.9.0.5", "fd00::5%eth0", "10.9", "x"])
def test_what_engines_read_differently_is_no_address(text: str) -> None:
    content: Json = {"Container": "web", "EndpointConfig": {"IPAMConfig": {"IPv4Address": text}}}
    assert problems("NetworkConnect", content, "0.0.0.0/0", "::/0")
    assert not problems("NetworkConnect", content, is_said=False)


def test_items_are_addresses_networks_and_patterns() -> None:
    for item in ("10.9.0.5", "10.9.0.0/16", "fd00::/16", "02:42:*", MAC, "gateway-priority", "*:*"):
        assert not CONSTRAINT.fault(item)
    for item in ("", "10.9.*", "web", "02:42", "*", "gateway"):
        assert CONSTRAINT.fault(item)
    assert CONSTRAINT.within(("10.9.0.5", MAC), ("10.9.0.0/16", "02:*"))
    assert not CONSTRAINT.within(("02:*",), ("02:42:*", "10.0.0.0/8"))
    assert not CONSTRAINT.within(("gateway-priority",), ("10.0.0.0/8",))
    for value in (MAC, "gateway-priority", *CONSTRAINT.read_back(("10.9.0.0/16", "10.9.0.5"))):
        least = CONSTRAINT.least(value)
        assert isinstance(least, tuple)
        assert value in CONSTRAINT.read_back(least)
        assert admits("addresses", least, value)
