"""What a policy does not allow does not happen, and the person at the client reads why."""

import json
from contextlib import closing

import pytest
from e2e.conftest import DockerBefore, StartProxy
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, running_policy
from e2e.starting import start_container
from e2e.talk import ask
from e2e.websocket import WebSocket

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}
ATTACH = "/containers/{container}/attach/ws?stream=1&stdin=1&stdout=1"
# fmt: off
REFUSED = [
    ("ContainerCreate", ("run", "--rm", "busybox", "true")),
    ("ContainerExec",   ("exec", "{container}", "true")),
    ("ContainerKill",   ("kill", "{container}")),
    ("ContainerRename", ("rename", "{container}", "other")),
    ("ContainerDelete", ("rm", "--force", "{container}")),
    ("ImageCreate",     ("pull", "busybox")),
    ("ImageDelete",     ("rmi", "busybox")),
    ("SystemInfo",      ("info",)),
    ("VolumeList",      ("volume", "ls")),
]
# fmt: on


@pytest.fixture
def cat(docker: Client) -> str:
    """A container with its input open, started past the policies under test."""
    return docker.start_container("cat", options=("-i",))


@pytest.mark.parametrize(("operation", "words"), REFUSED, ids=[operation for operation, _ in REFUSED])
def test_what_writes_or_is_closed_is_refused_and_says_so(
    docker_before: DockerBefore, docker: Client, cat: str, operation: str, words: tuple[str, ...]
) -> None:
    proxy, reader = docker_before(CONTAINERS="1", IMAGES="1")
    assert cat in reader.text("ps", "--quiet", "--no-trunc")
    complaint = reader.refused(*(word.format(container=cat) for word in words))
    assert f"{operation} denied" in complaint
    record = proxy.wait_for_record(operation=operation, decision="denied", status=403)
    assert record["reason"] in complaint
    assert docker.text("inspect", "--format={{.State.Status}}", cat) == "running"


def test_a_refused_tunnel_is_refused_before_it_begins(docker_before: DockerBefore, cat: str) -> None:
    proxy, reader = docker_before(CONTAINERS="1")
    assert "received 403" in reader.refused("attach", cat)
    proxy.wait_for_record(operation="ContainerAttach", decision="denied", status=403)


def test_a_stop_alone_can_be_allowed(docker_before: DockerBefore, docker: Client, cat: str) -> None:
    _, stopper = docker_before(ALLOW_STOP="1")
    assert "ContainerList denied" in stopper.refused("ps")
    stopper.run("stop", "--time=0", cat)
    assert docker.text("inspect", "--format={{.State.Status}}", cat) == "exited"
    assert "ContainerStart denied" in stopper.refused("start", cat)


def test_what_no_switch_names_stays_closed(open_dockerd: Proxy, dockerd: Engine) -> None:
    assert ask(dockerd.socket, "GET", "/debug/vars").status == 200
    assert ask(open_dockerd.socket, "GET", "/debug/vars").status == 403


def test_a_websocket_needs_leave_to_write(start_proxy: StartProxy, dockerd: Engine, cat: str) -> None:
    proxy = start_proxy(dockerd, CONTAINERS="1", POST="0")
    websocket = WebSocket(proxy.socket, ATTACH.format(container=cat))
    websocket.socket.close()
    assert websocket.answer.startswith(b"HTTP/1.1 403 ")
    proxy.wait_for_record(operation="ContainerAttachWebsocket", decision="denied", status=403)


def test_a_websocket_with_leave_to_write_speaks_with_the_container(
    start_proxy: StartProxy, dockerd: Engine, cat: str
) -> None:
    proxy = start_proxy(dockerd, CONTAINERS="1", POST="1")
    websocket = WebSocket(proxy.socket, ATTACH.format(container=cat))
    with closing(websocket.socket):
        assert websocket.answer.startswith(b"HTTP/1.1 101 ")
        for line in (b"one\n", b"two\n"):
            websocket.send(line)
            assert websocket.receive(len(line)) == line


def test_the_list_of_networks_has_a_slash_at_its_end_for_those_who_want_one(engine: Engine) -> None:
    with running_policy(engine.socket, "[NetworkList]") as proxy:
        plain, slashed = (ask(proxy.socket, "GET", path) for path in ("/v1.41/networks", "/v1.41/networks/"))
        assert {each["Id"] for each in slashed.json()} == {each["Id"] for each in plain.json()} != set()
        assert ask(proxy.socket, "GET", "/networks/nothing/").status == 400
    with running_policy(engine.socket, "[SystemPing]") as proxy:
        assert ask(proxy.socket, "GET", "/networks/").status == 403


def make(engine: Engine, path: str, **body: object) -> str:
    """Make something past every proxy, and return its id."""
    return str(ask(engine.socket, "POST", path, json.dumps(body).encode(), JSON).json()["Id"])


def make_waiting(engine: Engine, name: str) -> str:
    """Start a container that sleeps, and return its id."""
    config = {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": {"NetworkMode": "none"}}
    identity = make(engine, f"/v1.41/containers/create?name={name}", **config)
    start_container(engine.socket, identity)
    return identity


def test_a_denial_does_not_name_what_another_has(engine: Engine, label: str) -> None:
    secret, other = f"secret-{label}", make_waiting(engine, f"other-{label}")
    network = make(engine, "/networks/create", Name=secret)
    with running_policy(engine.socket, "[{ContainerCreate: {joins: [ours-*]}}]") as proxy:
        for spelled, field, form in ((network, "NetworkMode", "{}"), (other, "PidMode", "container:{}")):
            answers = []
            for name in (spelled[:11], spelled[:10] + "10"[spelled[10] == "1"]):
                body = json.dumps({"Image": "busybox", "HostConfig": {field: form.format(name)}}).encode()
                answer = ask(proxy.socket, "POST", "/v1.41/containers/create", body, JSON)
                answers.append((answer.status, answer.told.replace(name.encode(), b"NAME")))
            assert [status for status, _ in answers] == [403, 403]
            assert not any(label.encode() in told for _, told in answers)
        record = proxy.wait_for_record(operation="ContainerCreate", decision="denied")
        assert secret in record["reason"]
    ask(engine.socket, "DELETE", f"/containers/{other}?force=1")
    ask(engine.socket, "DELETE", f"/networks/{network}")
