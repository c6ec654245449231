"""What a grant demands of a container or a build holds in a real engine."""

import json
from collections.abc import Iterator

import pytest
from e2e.archives import build, has_image, remove_image
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.proxies import Proxy, running_policy
from e2e.talk import Answer, ask
from wire.tars import archive_of, item

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}
DEMANDS = {"read_only": "required", "drop_capabilities": ["ALL"]}
SHOWS = ["sh", "-c", "grep CapEff /proc/self/status; touch /written || echo kept"]


@pytest.fixture
def proxy(engine: Engine, label: str) -> Iterator[Proxy]:
    """A proxy before each of the engines that demands something of containers and builds."""
    allowed = [
        {"ContainerCreate": DEMANDS},
        {"ImageBuild": {"tags": ["granted/*:*"], "instructions": ["FROM", "COPY", "LABEL"]}},
    ]
    with running_policy(engine.socket, json.dumps(allowed)) as running:
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
    identity = made.json()["Id"]
    assert ask(engine.socket, "POST", f"/containers/{identity}/start").status == 204
    ask(engine.socket, "POST", f"/containers/{identity}/wait")
    printed = ask(engine.socket, "GET", f"/containers/{identity}/logs?stdout=1&stderr=1").body
    assert b"CapEff:\t0000000000000000" in printed
    assert b"kept" in printed


def test_a_build_runs_nothing(engine: Engine, proxy: Proxy, label: str) -> None:
    copies, runs = (f"granted/{kind}-{label}:1" for kind in ("copies", "runs"))
    steps = b"FROM busybox\nCOPY file \\\n  /file\nlabel case=x\n"
    refused = build(proxy.socket, f"t={runs}", archive_of(item("Dockerfile", steps + b"RU\\\nN true\n"), item("file")))
    assert refused.status == 403
    assert b"RUN" in refused.body
    assert b"an instruction that no rule allows" in refused.body
    assert not has_image(engine, runs)
    assert build(proxy.socket, f"t={copies}", archive_of(item("file"), item("Dockerfile", steps))).status == 200
    assert has_image(engine, copies)
    remove_image(engine, copies)
