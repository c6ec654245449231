"""A container asks for an address in a network that its client made, and in no shared one."""

import json
from pathlib import Path

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.proxies import running_policy
from e2e.talk import ask

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}


def test_an_address_is_given_in_an_own_network_only(engine: Engine, label: str) -> None:
    name, shared = f"own-{label}", f"shared-{label}"
    allow = [
        "own",
        {"ContainerCreate": {"images": ["busybox"], "networks": [shared]}},
        {"NetworkCreate": {"subnets": ["10.97.0.0/16"]}},
    ]

    def network(socket: Path, called: str, third: int) -> None:
        body = {"Name": called, "IPAM": {"Config": [{"Subnet": f"10.97.{third}.0/24"}]}}
        assert ask(socket, "POST", "/v1.41/networks/create", json.dumps(body).encode(), JSON).status == 201

    with running_policy(engine.socket, json.dumps(allow)) as proxy:
        network(proxy.socket, name, 1)
        network(engine.socket, shared, 2)
        for called, third, status in ((name, 1, 201), (shared, 2, 403)):
            end = {"IPAMConfig": {"IPv4Address": f"10.97.{third}.9"}}
            body = {
                "Image": "busybox",
                "Cmd": ["true"],
                "Labels": {"case": label},
                "HostConfig": {"NetworkMode": called},
                "NetworkingConfig": {"EndpointsConfig": {called: end}},
            }
            made = ask(proxy.socket, "POST", "/v1.41/containers/create", json.dumps(body).encode(), JSON)
            assert made.status == status, made
    remove_containers(engine, label)
    for called in (name, shared):
        ask(engine.socket, "DELETE", f"/networks/{called}")
