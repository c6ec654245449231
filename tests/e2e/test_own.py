"""Two clients on one engine, each of which sees and touches what it created, and nothing else."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cli.programs import CODE
from e2e.between import relay_before
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, running_file
from e2e.starting import start_container
from e2e.talk import Answer, ask
from waiting import PATIENCE

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import OWN_GRANT
from dockerproxy.policy.objects import KINDS, Kind

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}

NAMES = ("proxy", "other")
SOCKET = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: NAME-LABEL
    allow:
      - preset:ping
      - own
      - ContainerCreate: {images: [busybox], labels: {case: LABEL}}
      - ImageInspect: {images: [busybox]}
      - NetworkCreate: {labels: {case: LABEL}}
      - VolumeCreate: {labels: {case: LABEL}}
"""

ONE = """
sockets:
  proxy: {path: FOLDER/proxy.sock, allow: ["preset:ping", {SystemEvents: {labelled: GRANT}}]}
"""
NO_NETWORK = {"NetworkMode": "none"}


class Socket:
    """One of the two sockets."""

    def __init__(self, path: Path) -> None:
        self.socket = path

    def ask(self, method: str, target: str, **body: object) -> Answer:
        content = json.dumps(body).encode() if body or method == "POST" else None
        return ask(self.socket, method, target, content, JSON if content else None)

    def make(self, what: str, **body: object) -> str:
        """Create something; return its id, or name."""
        answer = self.ask("POST", f"/v1.41/{what}", **body)
        assert answer.status in {200, 201}, answer
        made = answer.json()
        return str(made.get("Id") or made.get("Name"))

    def list(self, target: str) -> list[dict[str, Any]]:
        answer = self.ask("GET", f"/v1.41/{target}")
        assert answer.status == 200, answer
        found = answer.json()
        return list(found["Volumes"] if isinstance(found, dict) else found)


@pytest.fixture
def two(engine: Engine, label: str) -> Iterator[tuple[Socket, Socket, Proxy]]:
    """Two sockets before an engine, on each of which everything is granted that is own."""
    text = "".join(SOCKET.replace("NAME", name).replace("LABEL", label) for name in NAMES)
    with running_file(engine.socket, f"sockets:{text}") as (folder, proxy):
        yield Socket(folder / "proxy.sock"), Socket(folder / "other.sock"), proxy
    remove_containers(engine, label)
    for name in NAMES:
        filters = quote(json.dumps({"label": [f"io.dockerproxy.owner={name}-{label}"]}))
        for section, key in (("networks", "Id"), ("volumes", "Name")):
            found = ask(engine.socket, "GET", f"/v1.41/{section}?filters={filters}").json()
            for each in (found["Volumes"] if section == "volumes" else found) or ():
                ask(engine.socket, "DELETE", f"/v1.41/{section}/{each[key]}")


def make_container(socket: Socket | Engine, name: str, **options: object) -> str:
    body = {"Image": "busybox", "Cmd": ["sleep", "600"], "StopTimeout": 0, **options}
    return Socket(socket.socket).make(f"containers/create?name={name}", **body)


def test_each_sees_what_it_created_and_nothing_else(two: tuple[Socket, Socket, Proxy], label: str) -> None:
    mine, other, _ = two
    made = {
        "containers/json?all=1": make_container(mine, f"c-{label}", HostConfig={"NetworkMode": "none"}),
        "networks": mine.make("networks/create", Name=f"n-{label}"),
        "volumes": mine.make("volumes/create", Name=f"v-{label}"),
    }
    for target, identity in made.items():
        assert [each.get("Id") or each["Name"] for each in mine.list(target)] == [identity]
        assert other.list(target) == []
    for target in (f"containers/c-{label}/json", f"networks/n-{label}", f"volumes/v-{label}"):
        assert mine.ask("GET", f"/v1.41/{target}").status == 200
        there, nowhere = (other.ask("GET", f"/v1.41/{name}") for name in (target, target.replace(label, "0" * 12)))
        assert there.status == nowhere.status == 404
        assert there.told.replace(label.encode(), b"0" * 12) == nowhere.told


def test_a_hostile_client_reaches_nothing_of_another(two: tuple[Socket, Socket, Proxy], label: str) -> None:
    """Each operation of the catalog that names an object is tried on another's, by name and by id."""
    mine, other, _ = two
    container = make_container(mine, f"c-{label}", HostConfig={"NetworkMode": "none"})
    start_container(mine.socket, container)
    made = {
        Kind.CONTAINER: (container, container[:12], f"c-{label}"),
        Kind.NETWORK: (mine.make("networks/create", Name=f"n-{label}"), f"n-{label}"),
        Kind.VOLUME: (mine.make("volumes/create", Name=f"v-{label}"),),
        Kind.EXEC: (mine.make(f"containers/{container}/exec", Cmd=["true"]),),
    }
    for operation in (
        OPERATIONS[name] for name, kind in KINDS.items() if kind in made and name in OWN_GRANT.operations
    ):
        version = "v5.0.0" if operation.section.startswith("libpod") else "v1.41"
        for identity in made[KINDS[operation.name]]:
            path = re.sub(r"\{[a-z]+\}", "x", re.sub(r"\{[a-z]+\}", identity, operation.path, count=1))
            answer = other.ask(operation.method, f"/{version}{path}?signal=KILL&path=/&t=0&name=taken")
            assert answer.status in {400, 403, 404}, (operation.name, answer)
            if answer.status == 404 and answer.body:
                assert answer.json()["message"].lower().startswith("no such "), (operation.name, answer)
    assert mine.ask("GET", f"/v1.41/containers/{container}/json").json()["State"]["Running"]
    assert [len(mine.list(target)) for target in ("containers/json", "networks", "volumes")] == [1, 1, 1]


def test_the_processes_of_the_host_are_not_shown(dockerd: Engine, label: str) -> None:
    """Docker takes a word of the first process that ps shows for its number, and says so."""
    text = SOCKET.replace("NAME", NAMES[0]).replace("LABEL", label)
    with running_file(dockerd.socket, f"sockets:{text}") as (folder, _):
        mine = Socket(folder / f"{NAMES[0]}.sock")
        container = make_container(mine, f"c-{label}", HostConfig={"NetworkMode": "none"})
        start_container(mine.socket, container)
        top = f"/v1.41/containers/{container}/top"
        told = ask(dockerd.socket, "GET", f"{top}?ps_args=-p%201%20-o%20args,pid")
        assert (told.status, b"Unexpected pid" in told.body) == (500, True)
        assert mine.ask("GET", f"{top}?ps_args=-p%201%20-o%20args,pid").status == 403
        assert mine.ask("GET", f"{top}?ps_args=aux").status == mine.ask("GET", top).status == 200
    remove_containers(dockerd, label)


def test_what_another_has_cannot_be_mounted_joined_or_connected(two: tuple[Socket, Socket, Proxy], label: str) -> None:
    mine, other, _ = two
    network, volume = mine.make("networks/create", Name=f"n-{label}"), mine.make("volumes/create", Name=f"v-{label}")
    container = make_container(mine, f"c-{label}", HostConfig={"NetworkMode": network, "Binds": [f"{volume}:/data"]})
    start_container(mine.socket, container)
    uses: list[dict[str, Any]] = [
        {"HostConfig": {"NetworkMode": network}},
        {"HostConfig": {"NetworkMode": f"n-{label}"}},
        {"HostConfig": {"NetworkMode": f"container:{container}"}},
        {"HostConfig": {"PidMode": f"container:c-{label}"}},
        {"HostConfig": {"Binds": [f"v-{label}:/data"]}},
        {"HostConfig": {"Mounts": [{"Type": "volume", "Source": f"v-{label}", "Target": "/data"}]}},
        {"HostConfig": {"VolumesFrom": [container]}},
        {"HostConfig": {"Links": [f"c-{label}:x"], "NetworkMode": "bridge"}},
        {"NetworkingConfig": {"EndpointsConfig": {f"n-{label}": {}}}},
    ]
    for number, use in enumerate(uses):
        body = {"Image": "busybox", "Cmd": ["true"], **use}
        answer = other.ask("POST", f"/v1.41/containers/create?name=o{number}-{label}", **body)
        assert answer.status == 403, (use, answer)
    theirs, place = make_container(other, f"o-{label}"), other.make("networks/create", Name=f"m-{label}")
    assert other.ask("POST", f"/v1.41/networks/{network}/connect", Container=theirs).status == 404
    assert other.ask("POST", f"/v1.41/networks/{place}/connect", Container=container).status == 403
    assert other.ask("POST", f"/v1.41/networks/{place}/connect", Container=f"c-{label}").status == 403
    assert other.ask("POST", f"/v1.41/networks/{place}/connect", Container=theirs).status == 200
    again = make_container(
        mine, f"d-{label}", HostConfig={"NetworkMode": f"n-{label}", "PidMode": f"container:{container}"}
    )
    assert mine.ask("POST", f"/v1.41/containers/{again}/start").status == 204


def test_a_volume_that_a_create_makes_is_its_clients(two: tuple[Socket, Socket, Proxy], label: str) -> None:
    mine, other, _ = two
    make_container(mine, f"c-{label}", HostConfig={"Binds": [f"w-{label}:/data"]})
    assert [each["Name"] for each in mine.list("volumes")] == [f"w-{label}"]
    assert other.list("volumes") == []
    binds = {"Image": "busybox", "HostConfig": {"Binds": [f"w-{label}:/data"]}}
    assert other.ask("POST", f"/v1.41/containers/create?name=o-{label}", **binds).status == 403


def test_a_stamp_that_the_image_has_is_worth_nothing(
    two: tuple[Socket, Socket, Proxy], label: str, engine: Engine
) -> None:
    """An operator runs an image that a client committed from its own container, with the stamp on it."""
    mine, _, _ = two
    container, raw = make_container(mine, f"c-{label}"), Socket(engine.socket)
    assert raw.ask("POST", f"/v1.41/commit?container={container}&repo=forged-{label}").status == 201
    image = raw.ask("GET", f"/v1.41/images/forged-{label}/json").json()
    assert "io.dockerproxy.nonce" in image["Config"]["Labels"]
    victim = make_container(raw, f"raw-{label}", Image=f"forged-{label}", Labels={"case": label})
    assert raw.ask("GET", f"/v1.41/containers/{victim}/json").json()["Config"]["Labels"].keys() >= {
        "io.dockerproxy.nonce"
    }
    assert [each["Id"] for each in mine.list("containers/json?all=1")] == [container]
    for name in (victim, f"raw-{label}"):
        assert mine.ask("GET", f"/v1.41/containers/{name}/json").status == 404
        assert mine.ask("DELETE", f"/v1.41/containers/{name}?force=1").status == 404
    raw.ask("DELETE", f"/v1.41/containers/{victim}?force=1")
    raw.ask("DELETE", f"/v1.41/images/forged-{label}?force=1")
    assert mine.ask("GET", f"/v1.41/containers/{container}/json").status == 200


def test_nobody_sends_a_label_of_ours(two: tuple[Socket, Socket, Proxy], label: str) -> None:
    mine, _, _ = two
    for labels in ({"io.dockerproxy.owner": "other"}, {"io.dockerproxy.x": "y"}, {"io.dockerproxy.owner=other": ""}):
        bodies: list[tuple[str, dict[str, Any]]] = [
            (f"containers/create?name=c-{label}", {"Image": "busybox", "Labels": labels}),
            ("networks/create", {"Name": f"n-{label}", "Labels": labels}),
            ("volumes/create", {"Name": f"v-{label}", "Labels": labels}),
        ]
        for target, body in bodies:
            answer = mine.ask("POST", f"/v1.41/{target}", **body)
            assert (answer.status, b"io.dockerproxy." in answer.body) == (403, True)


def test_a_list_is_cut_after_others_are_left_out(two: tuple[Socket, Socket, Proxy], label: str) -> None:
    mine, other, _ = two
    made = [make_container(mine, f"c{number}-{label}") for number in range(3)]
    make_container(other, f"o-{label}")
    assert [each["Id"] for each in mine.list("containers/json?limit=2")] == [made[2], made[1]]
    assert len(mine.list("containers/json?limit=-1")) == 0
    assert len(mine.list("containers/json")) == 0
    filters = quote(json.dumps({"before": [f"o-{label}"]}))
    answer = mine.ask("GET", f"/v1.41/containers/json?all=1&filters={filters}")
    assert (answer.status, b"before" in answer.body) == (403, True)


def test_the_command_line_works_with_what_is_its_own(
    two: tuple[Socket, Socket, Proxy], make_client: partial[Client], label: str
) -> None:
    mine, other, _ = two
    docker, others = make_client(socket=mine.socket), make_client(socket=other.socket)
    docker.run("network", "create", f"n-{label}")
    place = ("--network=none", "-v", f"v-{label}:/data")
    docker.run("run", "-d", "--stop-timeout=0", "--name", f"c-{label}", *place, "busybox", "sleep", "600")
    assert docker.run("exec", f"c-{label}", "echo", "inside") == b"inside\n"
    assert f"c-{label}".encode() in docker.run("ps")
    assert label.encode() not in others.run("ps", "-a") + others.run("network", "ls") + others.run("volume", "ls")
    assert b"No such container" in others.refused("exec", f"c-{label}", "true").encode()
    docker.run("rm", "-f", f"c-{label}")
    docker.run("volume", "rm", f"v-{label}")
    docker.run("network", "rm", f"n-{label}")


def test_a_sweep_removes_what_is_own_and_nothing_else(two: tuple[Socket, Socket, Proxy], label: str) -> None:
    mine, other, _ = two
    network, volume = mine.make("networks/create", Name=f"n-{label}"), mine.make("volumes/create", Name=f"v-{label}")
    container = make_container(mine, f"c-{label}", HostConfig={"NetworkMode": "none", "Binds": [f"{volume}:/data"]})
    start_container(mine.socket, container)
    theirs = make_container(other, f"o-{label}")
    words = (sys.executable, "-m", "dockerproxy", "sweep", "--policy", str(mine.socket.parent / "policy.yaml"), "proxy")
    removed = f"removed  container c-{label}\nremoved  network n-{label}\nremoved  volume v-{label}\n"
    for expected in (removed, "nothing to remove\n"):
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env={**os.environ, **CODE}, timeout=PATIENCE
        )
        assert (done.returncode, done.stdout) == (0, expected), done.stderr
    assert network
    assert [each["Id"] for each in other.list("containers/json?all=1")] == [theirs]


PROJECT = """
services:
  web:
    image: busybox
    command: sh -c 'ping -c 1 db && echo reached; exec sleep 600'
    stop_grace_period: 0s
    networks: [inner]
    volumes: ["kept:/kept"]
    depends_on: [db]
  db: {image: busybox, command: sleep 600, stop_grace_period: 0s, networks: [inner]}
  job: {image: busybox, command: "true", network_mode: none}
volumes: {kept: {}}
networks: {inner: {}}
"""


def test_two_projects_do_not_meet(dockerd: Engine, make_client: partial[Client], label: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(PROJECT)
    text = "".join(SOCKET.replace("NAME", name).replace("LABEL", label) for name in NAMES)
    with running_file(dockerd.socket, f"sockets:{text}") as (folder, _):
        words = [
            ("compose", "--project-name", f"case{label}{name}", "--file", str(tmp_path / "compose.yaml"))
            for name in NAMES
        ]
        clients = [make_client(socket=folder / f"{name}.sock") for name in NAMES]
        for client, project in zip(clients, words, strict=True):
            client.run(*project, "up", "--detach")
            client.run(*project, "up", "--detach")
        for client, project in zip(clients, words, strict=True):
            assert len(client.run("ps", "-a", "-q").split()) == 3
            with client.watch(*project, "logs", "--follow", "web") as logs:
                logs.wait_for("reached")
            assert len(client.run(*project, "ps", "-a", "-q").split()) == 3
            client.run(*project, "down", "--volumes", "--timeout=0")
            assert client.run("ps", "-aq") + client.run("network", "ls", "-q") + client.run("volume", "ls", "-q") == b""


def test_each_follows_the_events_of_its_own(two: tuple[Socket, Socket, Proxy], label: str) -> None:
    mine, other, _ = two
    began = int(time.time())
    for socket, letter in ((mine, "c"), (other, "o")):
        socket.make("networks/create", Name=f"{letter}n-{label}")
        socket.make("volumes/create", Name=f"{letter}v-{label}")
        container = make_container(socket, f"{letter}-{label}", HostConfig={"NetworkMode": "none"})
        start_container(socket.socket, container)
    for socket, letter, hidden in ((mine, "c", "o"), (other, "o", "c")):
        answer = socket.ask("GET", f"/v1.41/events?since={began}&until={int(time.time()) + 2}")
        assert answer.status == 200
        events = [json.loads(line) for line in answer.body.splitlines()]
        told = {(each["Type"], each["Action"]) for each in events}
        assert {*((kind, "create") for kind in ("container", "network", "volume")), ("container", "start")} <= told
        text = answer.body.decode()
        assert f"{letter}-{label}" in text
        assert not any(name in text for name in (f"{hidden}-{label}", f"{hidden}n-{label}", f"{hidden}v-{label}"))


def test_events_of_a_volume_alone_tell_name_and_driver(engine: Engine, label: str) -> None:
    """They may reach the client that makes the next volume of that name in the same second."""
    raw, name, began = Socket(engine.socket), f"v-{label}", int(time.time())
    raw.make("volumes/create", Name=name, Labels={"secret": "x"})
    assert raw.ask("DELETE", f"/v1.41/volumes/{name}").status == 204
    answer = raw.ask("GET", f"/v1.41/events?since={began}&until={int(time.time()) + 2}")
    events = [each for each in map(json.loads, answer.body.splitlines()) if name in json.dumps(each)]
    assert [each["Type"] for each in events] == ["volume", "volume"]
    told = {key: value for each in events for key, value in each["Actor"]["Attributes"].items() if value}
    assert told.items() <= {"driver": "local", "name": name}.items()


def test_the_engine_is_not_asked_about_containers_of_others_whose_events_come(engine: Engine, label: str) -> None:
    sockets = "".join(SOCKET.replace("NAME", name).replace("LABEL", label) for name in NAMES)
    with (
        relay_before(engine.socket) as relay,
        running_file(relay.socket, f"sockets:{sockets}") as (folder, _),
        running_file(engine.socket, f"sockets:{sockets}") as (beside, _),
    ):
        mine, other = Socket(folder / "proxy.sock"), Socket(beside / "other.sock")
        began = int(time.time())
        stranger = make_container(other, f"o-{label}", HostConfig={"NetworkMode": "none"})
        own = make_container(Socket(beside / "proxy.sock"), f"p-{label}", HostConfig={"NetworkMode": "none"})
        start_container(other.socket, stranger)
        answer = mine.ask("GET", f"/v1.41/events?since={began}&until={int(time.time()) + 2}")
        assert own in answer.body.decode()
        assert stranger not in answer.body.decode()
        asked = [line for line in relay.lookups if "/containers/" in line]
        assert len([line for line in asked if own in line]) == 1
        assert not any(stranger in line for line in asked)
    remove_containers(engine, label)


PUT_OVER = {"image": "mine", "name": "mine", "podId": "mine", "exitCode": "mine", "com.example.team": "blue"}


@pytest.mark.parametrize("name", sorted(PUT_OVER))
def test_no_event_is_hidden_since_the_engine_puts_something_over_a_label(engine: Engine, label: str, name: str) -> None:
    grant = f"{{{name}: {PUT_OVER[name]}, case: {label}}}"
    with running_file(engine.socket, ONE.replace("GRANT", grant)) as (folder, _):
        began = int(time.time())
        body = {"Image": "busybox", "Cmd": ["true"], "Labels": PUT_OVER | {"case": label}, "HostConfig": NO_NETWORK}
        own = Socket(engine.socket).make(f"containers/create?name=l-{label}", **body)
        start_container(engine.socket, own)
        assert Socket(engine.socket).ask("POST", f"/v1.41/containers/{own}/wait").status == 200
        answer = Socket(folder / "proxy.sock").ask("GET", f"/v1.41/events?since={began}&until={int(time.time()) + 2}")
        events = [json.loads(line) for line in answer.body.splitlines()]
        assert {"create", "start", "die"} <= {each["Action"] for each in events if each["Actor"]["ID"] == own}
    remove_containers(engine, label)
