"""Devices, variables and addresses that a grant gives reach the container in a real engine."""

import json
from collections.abc import Iterator

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.proxies import Proxy, running_policy
from e2e.starting import start_container
from e2e.talk import Answer, ask

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}
VARIABLES = {"environment": {"HTTPS_PROXY": "http://egress:3128"}}
GRANT = {"devices": ["/dev/fuse", "/dev/nul?"], "publish": {"addresses": ["127.0.0.9"]}, **VARIABLES}
ALLOW = [{"ContainerCreate": GRANT}, {"ContainerExec": VARIABLES}]


@pytest.fixture
def proxy(engine: Engine, label: str) -> Iterator[Proxy]:
    """A proxy before each of the engines that gives containers devices, variables and an address."""
    with running_policy(engine.socket, json.dumps(ALLOW)) as running:
        yield running
    remove_containers(engine, label)


def create(proxy: Proxy, label: str, host: dict[str, object], **said: object) -> Answer:
    body = {"Image": "busybox", "Cmd": ["sleep", "60"], "Labels": {"case": label}, "HostConfig": host, **said}
    return ask(proxy.socket, "POST", "/v1.41/containers/create", json.dumps(body).encode(), JSON)


def start(engine: Engine, made: Answer) -> str:
    assert made.status == 201, made
    identity: str = made.json()["Id"]
    start_container(engine.socket, identity)
    return identity


def run(engine: Engine, target: Proxy, identity: str, command: str, **said: object) -> str:
    """Have a command of the client's run; return what it printed."""
    body = {"Cmd": ["sh", "-c", command], "AttachStdout": True, "AttachStderr": True, "Tty": True, **said}
    prepared = ask(target.socket, "POST", f"/v1.41/containers/{identity}/exec", json.dumps(body).encode(), JSON)
    assert prepared.status == 201, prepared
    started = ask(
        engine.socket, "POST", f"/v1.41/exec/{prepared.json()['Id']}/start", b'{"Tty":true,"Detach":false}', JSON
    )
    return started.body.decode()


def device(on_host: str, inside: str) -> dict[str, str]:
    return {"PathOnHost": on_host, "PathInContainer": inside, "CgroupPermissions": "rwm"}


def test_a_container_gets_the_devices_that_are_granted(engine: Engine, proxy: Proxy, label: str) -> None:
    for path in ("/dev/zero", "/dev", "/dev/shm", "/dev/../etc/passwd", "/dev/nulll"):
        refused = create(proxy, label, {"NetworkMode": "none", "Devices": [device(path, "/dev/x")]})
        assert refused.status == 403, refused
    devices = [device("/dev/fuse", "/dev/given"), device("/dev/null", "/dev/nothing")]
    identity = start(engine, create(proxy, label, {"NetworkMode": "none", "Devices": devices}))
    printed = run(engine, proxy, identity, "ls -l /dev/given /dev/nothing; echo gone >/dev/nothing && echo written")
    assert "10, 229" in printed
    assert "1,   3" in printed
    assert "written" in printed


def test_containers_and_commands_get_the_variables(engine: Engine, proxy: Proxy, label: str) -> None:
    mine = ["https_proxy=http://evil", "Https_Proxy=http://evil", "OTHER=mine"]
    made = create(proxy, label, {"NetworkMode": "none"}, Env=mine)
    identity = start(engine, made)
    shown = ask(engine.socket, "GET", f"/containers/{identity}/json").json()["Config"]["Env"]
    assert {"HTTPS_PROXY=http://egress:3128", "https_proxy=http://egress:3128", "OTHER=mine"} <= {*shown}
    assert not [each for each in shown if "evil" in each]
    printed = run(engine, proxy, identity, "env", Env=["HTTPS_PROXY=http://evil", "https_proxy", "ANOTHER=mine"])
    said = {line.strip() for line in printed.splitlines()}
    assert {"HTTPS_PROXY=http://egress:3128", "https_proxy=http://egress:3128", "ANOTHER=mine"} <= said
    assert "evil" not in printed


def test_a_port_without_an_address_is_opened_on_the_granted_one(engine: Engine, proxy: Proxy, label: str) -> None:
    for binding in ({"HostIp": "0.0.0.0"}, {"HostIp": "127.0.0.1"}):  # noqa: S104 (it is refused)
        assert create(proxy, label, {"PortBindings": {"80/tcp": [binding]}}).status == 403
    made = create(proxy, label, {"PortBindings": {"80/tcp": [{"HostPort": "0"}]}})
    assert made.status == 201, made
    shown = ask(engine.socket, "GET", f"/containers/{made.json()['Id']}/json").json()["HostConfig"]["PortBindings"]
    assert [each["HostIp"] for each in shown["80/tcp"]] == ["127.0.0.9"]
