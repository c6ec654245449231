"""Networks that ordinary clients make pass, and none that is of the host."""

import pytest
from policy.words.looking import faults, look
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.wire.document import Json

FROM_CLIENTS: dict[str, dict[str, Json]] = {
    "docker network create": {
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Scope": "",
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Options": {}, "Config": []},
        "Internal": False,
        "Attachable": False,
        "Ingress": False,
        "ConfigOnly": False,
        "ConfigFrom": None,
        "Options": {},
        "Labels": {},
        "Name": "front",
    },
    "docker compose up": {
        "CheckDuplicate": True,
        "Labels": {"com.docker.compose.network": "default"},
        "Driver": "",
        "Scope": "",
        "EnableIPv4": None,
        "EnableIPv6": None,
        "IPAM": None,
        "Internal": False,
        "Attachable": False,
        "Ingress": False,
        "ConfigOnly": False,
        "ConfigFrom": None,
        "Options": None,
        "Name": "web_default",
    },
    "docker-py": {
        "Name": "front",
        "Driver": None,
        "Options": None,
        "IPAM": None,
        "CheckDuplicate": None,
    },
    "Testcontainers for Java": {
        "CheckDuplicate": True,
        "Name": "b5a1",
        "Labels": {"org.testcontainers": "true"},
    },
}


@pytest.mark.parametrize("body", FROM_CLIENTS.values(), ids=FROM_CLIENTS)
def test_what_clients_send_for_an_ordinary_network_passes_whole(body: dict[str, Json]) -> None:
    seen = look("NetworkCreate", content=body)
    assert (seen.faults, seen.content) == ((), {**body, "CheckDuplicate": True})


def test_names_and_labels_are_those_of_the_grant() -> None:
    assert faults("NetworkCreate", "", {"Name": "ci_a"}, names=("ci_*",)) == []
    assert len(faults("NetworkCreate", "", {"Name": "web"}, names=("ci_*",))) == 1
    assert len(faults("NetworkCreate", "", {}, names=("ci_*",))) == 1
    assert len(faults("NetworkCreate", "", {"Name": 8 * "deadbeef"})) == 1


@for_each(
    "more",
    [
        {"Driver": "macvlan"},
        {"Driver": "ipvlan"},
        {"Driver": "host"},
        {"driver": "overlay"},
        {"Driver": "some/plugin"},
        {"Scope": "swarm"},
        {"Ingress": True},
        {"ConfigOnly": True},
        {"ConfigFrom": {"Network": "macvlan-of-the-host"}},
        {"IPAM": {"Driver": "some/plugin"}},
        {"IPAM": {"Options": {"host": "eth0"}}},
        {"Driver": "bridge", "driver": "macvlan"},
        {"Parent": "eth0"},
    ],
)
def test_a_network_of_the_host_s_own_is_not_made(more: dict[str, Json]) -> None:
    assert len(faults("NetworkCreate", "", {"Name": "front", **more})) == 1


def test_an_endpoint_has_the_fields_that_it_has_where_a_container_is_created() -> None:
    paths = {each.path for each in BODIES["NetworkConnect"].fields}
    created, joined = "NetworkingConfig.EndpointsConfig.*.", "EndpointConfig."
    of_container = {each.path for each in BODIES["ContainerCreate"].fields if each.path.startswith(created)}
    assert of_container
    assert {path.replace(created, joined) for path in of_container} < paths
