"""What a grant demands of a container holds in a real engine."""

import json
from collections.abc import Iterator

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.proxies import Proxy, running_policy
from e2e.starting import run_container
from e2e.talk import Answer, ask

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}
DEMANDS = {"read_only": "required", "drop_capabilities": ["ALL"]}
SHOWS = ["sh", "-c", "grep CapEff /proc/self/status; touch /written || echo kept"]


@pytest.fixture
def proxy(engine: Engine, label: str) -> Iterator[Proxy]:
    """A proxy before each of the engines that demands something of containers."""
    with running_policy(engine.socket, json.dumps([{"ContainerCreate": DEMANDS}])) as running:
        yield running
    remove_containers(engine, label)


def create(proxy: Proxy, label: str, **said: object) -> Answer:
    host = {"NetworkMode": "none", "ReadonlyRootfs": True, **said}
    body = {"Image": "busybox", "Tty": True, "Cmd": SHOWS, "Labels": {"case": label}, "HostConfig": host}
    return ask(proxy.socket, "POST", "/v1.41/containers/create", json.dumps(body).encode(), JSON)


def test_a_container_is_made_as_it_is_demanded(engine: Engine, proxy: Proxy, label: str) -> None:
    for said in (
        {"ReadonlyRootfs": False},
        {"ExtraHosts": ["db:10.9.0.2\n10.9.0.3 evil"]},
        {"CapAdd": ["ALL"]},
    ):
        assert create(proxy, label, **said).status == 403, said
    made = create(proxy, label, CapDrop=["MKNOD"], RestartPolicy={"Name": "on-failure"})
    assert made.status == 201, made
    printed = run_container(engine.socket, made.json()["Id"])
    assert "CapEff:\t0000000000000000" in printed
    assert "kept" in printed
