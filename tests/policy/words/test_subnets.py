"""A new network takes no addresses that the host knows elsewhere, and no interface of the host."""

import pytest
from policy.words.looking import faults, look
from rows import for_each

from dockerproxy.wire.document import Json

SUBNETS = ("172.30.0.0/16", "fd00:30::/48")


def config_faults(config: Json, *, granted: bool = True) -> list[str]:
    bounds = {"subnets": SUBNETS} if granted else {}
    content: Json = {"Name": "x", "IPAM": {"Config": [config]}}
    return list(map(str, look("NetworkCreate", content=content, bounds=bounds).faults))


@pytest.mark.parametrize(
    "ipam", [None, {}, {"Driver": "default", "Options": {}, "Config": []}, {"Config": None}, {"Config": [{}]}]
)
def test_addresses_that_the_engine_picks_need_no_grant(ipam: Json) -> None:
    assert faults("NetworkCreate", "", {"Name": "x", "IPAM": ipam}) == []


@pytest.mark.parametrize(
    "config",
    [
        {"Subnet": "172.30.0.0/16"},
        {"Subnet": "172.30.7.0/24", "Gateway": "172.30.7.1", "IPRange": "172.30.7.128/25"},
        {"Subnet": "172.30.7.0/24", "AuxiliaryAddresses": {"router": "172.30.7.2"}},
        {"Subnet": "172.30.7.1/24"},
        {"Subnet": "fd00:30:0:1::/64", "Gateway": "fd00:30:0:1::1"},
    ],
)
def test_a_subnet_is_within_one_that_is_granted(config: Json) -> None:
    assert config_faults(config) == []
    (fault,) = config_faults(config, granted=False)
    assert fault.endswith("a subnet that no rule allows, where the host may know other machines")


@for_each(
    ("config", "fault"),
    [
        ({"Subnet": "192.168.1.0/24"}, 'Subnet is "192.168.1.0/24", a subnet that no rule allows'),
        ({"Subnet": "172.16.0.0/12"}, 'Subnet is "172.16.0.0/12", a subnet that no rule allows'),
        ({"Subnet": "0.0.0.0/0"}, 'Subnet is "0.0.0.0/0", a subnet that no rule allows'),
        ({"Subnet": "fd00:31::/64"}, 'Subnet is "fd00:31::/64", a subnet that no rule allows'),
        # Go takes it for the IPv4 it stands for.
        ({"Subnet": "::ffff:192.168.1.0/120"}, 'Subnet is "::ffff:192.168.1.0/120", not a valid subnet'),
        ({"Subnet": "172.30.7.0"}, 'Subnet is "172.30.7.0", not a valid subnet'),
        ({"Subnet": "172.30.7.0/x"}, 'Subnet is "172.30.7.0/x", not a valid subnet'),
        ({"Subnet": "172.30.7.0/255.255.255.0"}, 'Subnet is "172.30.7.0/255.255.255.0", not a valid subnet'),
        ({"Subnet": "172.30.7.0/024"}, 'Subnet is "172.30.7.0/024", not a valid subnet'),
        ({"Subnet": "172.30.7.0/33"}, 'Subnet is "172.30.7.0/33", not a valid subnet'),
        ({"Subnet": "fd00::1%1/64"}, 'Subnet is "fd00::1%1/64", not a valid subnet'),
        ({"Gateway": "192.168.1.1"}, 'Subnet is "", not a valid subnet'),
        ({"Subnet": "172.30.7.0/24", "Gateway": "172.30.8.1"}, 'Gateway is "172.30.8.1", not in the subnet'),
        ({"Subnet": "172.30.7.0/24", "Gateway": "gate"}, 'Gateway is "gate", not in the subnet'),
        ({"Subnet": "172.30.7.0/24", "Gateway": "fd00:30::1"}, 'Gateway is "fd00:30::1", not in the subnet'),
        (
            {"Subnet": "172.30.7.0/24", "IPRange": "172.30.0.0/16"},
            'IPRange is "172.30.0.0/16", not in the subnet',
        ),
        ({"Subnet": "172.30.7.0/24", "IPRange": "fd00::/64"}, 'IPRange is "fd00::/64", not in the subnet'),
        ({"Subnet": "172.30.7.0/24", "IPRange": "all"}, 'IPRange is "all", not in the subnet'),
        (
            {"Subnet": "172.30.7.0/24", "AuxiliaryAddresses": {"dns": "1.1.1.1"}},
            'AuxiliaryAddresses["dns"] is "1.1.1.1", not in the subnet',
        ),
    ],
)
def test_no_network_stands_where_another_one_is(config: Json, fault: str) -> None:
    (found,) = config_faults(config)
    assert found.startswith(f"IPAM.Config[0].{fault}")


def test_every_subnet_of_a_network_is_looked_at() -> None:
    configs: Json = [{"Subnet": "172.30.7.0/24"}, {"Subnet": "10.0.0.0/8"}]
    seen = look("NetworkCreate", content={"Name": "x", "IPAM": {"Config": configs}}, bounds={"subnets": SUBNETS})
    assert [(fault.path, fault.word, fault.value) for fault in seen.faults] == [
        ("IPAM.Config[1].Subnet", "subnets", ("10.0.0.0/8",))
    ]


@pytest.mark.parametrize(
    "options",
    [
        None,
        {},
        {"com.docker.network.driver.mtu": "1400"},
        {"com.docker.network.bridge.enable_icc": "false"},
        {"com.docker.network.bridge.enable_ip_masquerade": "true"},
    ],
)
def test_harmless_options_of_a_network_pass(options: Json) -> None:
    assert faults("NetworkCreate", "", {"Name": "x", "Options": options}) == []


@for_each(
    ("name", "value"),
    [
        ("parent", "eth0"),
        ("com.docker.network.bridge.name", "docker0"),
        ("com.docker.network.bridge.default_bridge", "true"),
        ("com.docker.network.bridge.host_binding_ipv4", "192.168.1.2"),
        ("com.docker.network.bridge.gateway_mode_ipv4", "routed"),
        ("com.docker.network.bridge.trusted_host_interfaces", "eth0"),
        ("com.docker.network.bridge.enable_ip_masquerade", "false"),
        ("com.docker.network.bridge.inhibit_ipv4", "true"),
        ("com.docker.network.driver.mtu", "1400,vlan=2"),
        ("COM.DOCKER.NETWORK.DRIVER.MTU", "1400"),
        ("vlan", "2"),
        ("mode", "unmanaged"),
    ],
)
def test_options_that_reach_the_host_s_interfaces_are_refused(name: str, value: str) -> None:
    assert len(faults("NetworkCreate", "", {"Name": "x", "Options": {name: value}}, subnets=SUBNETS)) == 1
