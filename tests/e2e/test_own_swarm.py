"""Two clients on one swarm: services, tasks, secrets and configs of one do not exist for the other."""

import json
import os
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cli.programs import CODE
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import running_file
from e2e.starting import start_container
from e2e.talk import Answer
from e2e.test_own import Socket
from waiting import PATIENCE, wait_until

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import OWN_GRANT
from dockerproxy.policy.objects import KINDS, Kind

pytestmark = pytest.mark.engine

SOCKET = """
  NAME:
    path: FOLDER/NAME.sock
    allow:
      - preset:ping
      - own
      - SystemInfo
      - ServiceCreate: {images: [busybox], networks: [front], publish: {ports: [8123]}}
      - ServiceUpdate: {services: [shared], images: [busybox]}
      - NetworkInspect: {networks: [front]}
      - SecretCreate
      - ConfigCreate
"""
NAMES = ("proxy", "other")
STAMP = ("io.dockerproxy.owner", "io.dockerproxy.nonce")


@dataclass(frozen=True, slots=True)
class Swarm:
    """A swarm of one with two sockets before it."""

    raw: Socket
    mine: Socket
    other: Socket
    folder: Path


@pytest.fixture(scope="module")
def made(dockerd: Engine) -> Iterator[Swarm]:
    """Make a swarm, and leave it with the last test."""
    raw = Socket(dockerd.socket)
    assert raw.ask("POST", "/v1.41/swarm/init", AdvertiseAddr="127.0.0.1", ListenAddr="127.0.0.1:2377").status == 200
    raw.make("networks/create", Name="front", Driver="overlay")
    text = "".join(SOCKET.replace("NAME", name) for name in NAMES)
    with running_file(dockerd.socket, f"sockets:{text}") as (folder, _):
        mine, other = (Socket(folder / f"{name}.sock") for name in NAMES)
        yield Swarm(raw, mine, other, folder)
    assert raw.ask("POST", "/v1.41/swarm/leave?force=1").status == 200


@pytest.fixture
def swarm(made: Swarm) -> Iterator[Swarm]:
    """Give each test a swarm in which there is nothing."""
    yield made
    for what in ("services", "secrets", "configs"):
        for identity in list_ids(made.raw, what):
            assert made.raw.ask("DELETE", f"/v1.41/{what}/{identity}").status in {200, 204}


PUBLISHED = {"PublishedPort": 8123, "TargetPort": 80}


def create(
    socket: Socket, name: str, *, container: dict[str, Any] | None = None, publish: str = "", **more: Any
) -> Answer:
    spec = {"Image": "busybox:latest", "Command": ["sh", "-c", "echo inside; exec sleep 600"], **(container or {})}
    task = {"ContainerSpec": {"StopGracePeriod": 0, **spec}, **more}
    endpoint = {"Ports": [{**PUBLISHED, "PublishMode": publish}]} if publish else {"Mode": "dnsrr"}
    return socket.ask("POST", "/v1.44/services/create", Name=name, TaskTemplate=task, EndpointSpec=endpoint)


def make(socket: Socket, what: str, name: str, **body: object) -> str:
    content = {"Data": b64encode(name.encode()).decode()} if what in {"secrets", "configs"} else {}
    answer = socket.ask("POST", f"/v1.41/{what}/create", Name=name, **content, **body)
    assert answer.status in {200, 201}, answer
    return str(answer.json().get("ID") or answer.json()["Id"])


def refer(kind: str, identity: str, name: str) -> dict[str, Any]:
    """Return how a service names a secret or a config."""
    file = {"Name": name, "UID": "0", "GID": "0", "Mode": 292}
    return {f"{kind}s": [{f"{kind}ID": identity, f"{kind}Name": name, "File": file}]}


def list_ids(socket: Socket, what: str) -> list[str]:
    return [each["ID"] for each in socket.list(what)]


def tasks_of(socket: Socket, service: str) -> list[dict[str, Any]]:
    return [each for each in socket.list("tasks") if each["ServiceID"] == service]


def test_what_one_has_in_a_swarm_does_not_exist_for_the_other(swarm: Swarm, label: str) -> None:
    """Each operation that names such an object is tried on another's, by name, by id and by the beginning of one."""
    mine, other = swarm.mine, swarm.other
    secret, config = (make(mine, what, f"k-{label}") for what in ("secrets", "configs"))
    uses = {**refer("Secret", secret, f"k-{label}"), **refer("Config", config, f"k-{label}")}
    assert create(swarm.raw, f"o-{label}").status == 201
    made = create(mine, f"s-{label}", container=uses)
    assert made.status == 201, made
    service = made.json()["ID"]
    tasks = wait_until(lambda: tasks_of(mine, service), "it has a task")
    assert tasks is not None
    for what, identity in (("services", service), ("secrets", secret), ("configs", config), ("tasks", tasks[0]["ID"])):
        assert list_ids(mine, what) == [identity]
        assert mine.ask("GET", f"/v1.41/{what}/{identity}").json()["ID"] == identity
        assert other.list(what) == []
        assert identity in list_ids(swarm.raw, what)
    for owner in (f"services/{service}", f"tasks/{tasks[0]['ID']}"):
        logs = partial(mine.ask, "GET", f"/v1.41/{owner}/logs?stdout=1")
        wait_until(lambda logs=logs: b"inside" in logs().body, "it prints")  # type: ignore[misc] # it is as it is bound
    names = {
        Kind.SERVICE: (service, service[:8], f"s-{label}"),
        Kind.TASK: (tasks[0]["ID"], tasks[0]["ID"][:8]),
        Kind.SECRET: (secret, secret[:8], f"k-{label}"),
        Kind.CONFIG: (config, config[:8], f"k-{label}"),
    }
    before = [mine.ask("GET", f"/v1.41/{what}").body for what in ("services", "secrets", "configs")]
    tried = set()
    for operation in (OPERATIONS[name] for name, kind in KINDS.items() if kind in names):
        if operation.name not in OWN_GRANT.operations or operation.section.startswith("libpod"):
            continue
        for identity in names[KINDS[operation.name]]:
            path = re.sub(r"\{[a-z]+\}", identity, operation.path)
            nowhere = re.sub(r"\{[a-z]+\}", identity[:-1] + "-", operation.path)
            task = (
                {"TaskTemplate": {"ContainerSpec": {"Image": "busybox"}}} if operation.name == "ServiceUpdate" else {}
            )
            body = {"Name": f"s-{label}", **task} if operation.method == "POST" else {}
            answers = [other.ask(operation.method, f"/v1.41{each}?version=1", **body) for each in (path, nowhere)]
            assert [each.status for each in answers] == [404, 404], (operation.name, answers)
            assert answers[0].told.replace(identity.encode(), identity[:-1].encode() + b"-") == answers[1].told
        tried.add(operation.name)
    assert tried >= {"ServiceLogs", "TaskLogs", "TaskInspect", "SecretDelete", "ConfigUpdate", "ServiceUpdate"}
    assert [mine.ask("GET", f"/v1.41/{what}").body for what in ("services", "secrets", "configs")] == before


def test_a_service_has_what_is_its_client_s(swarm: Swarm, label: str) -> None:
    mine, other = swarm.mine, swarm.other
    kinds = {"Secret": make(mine, "secrets", f"k-{label}"), "Config": make(mine, "configs", f"k-{label}")}
    for kind, identity in kinds.items():
        use = refer(kind, identity, f"k-{label}")
        answers = [create(other, f"o-{label}", container=use)]
        answers += [create(other, f"o-{label}", container=refer(kind, identity[:-1] + "-", f"k-{label}"))]
        assert [each.status for each in answers] == [403, 403]
        assert answers[0].told == answers[1].told
        assert create(other, f"o-{label}", container=refer(kind, identity, "wrong")).status == 403
    uses = {**refer("Secret", kinds["Secret"], f"k-{label}"), **refer("Config", kinds["Config"], f"k-{label}")}
    assert create(mine, f"s-{label}", container=uses).status == 201
    assert other.list("services") == []


def stamp_of(labels: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in labels.items() if name.startswith("io.dockerproxy.")}


def update(socket: Socket, raw: Socket, target: str, spec: dict[str, Any]) -> int:
    """Change something; what the swarm changes in between is no answer."""

    def once() -> int:
        version = raw.ask("GET", target).json()["Version"]["Index"]
        status = socket.ask("POST", f"{target}/update?version={version}", **spec).status
        return 0 if status == 500 else status

    return wait_until(once, "no other change comes in between") or 0


def test_an_update_leaves_the_stamp_as_it_is(swarm: Swarm, label: str) -> None:
    """So it is nobody else's afterwards, and a service whose number changes starts no task anew."""
    mine = swarm.mine
    assert create(mine, f"s-{label}").status == 201
    for what in ("secrets", "configs"):
        make(mine, what, f"s-{label}", Labels={"a": "b"})
    for what in ("services", "secrets", "configs"):
        spec = mine.ask("GET", f"/v1.41/{what}/s-{label}").json()["Spec"]
        stamp = stamp_of(spec["Labels"])
        assert set(stamp) == set(STAMP)
        for labels in ({}, {"c": "d"}, {**stamp, "c": "e"}, {**stamp, STAMP[1]: "mine"}):
            assert update(mine, swarm.raw, f"/v1.41/{what}/s-{label}", {**spec, "Labels": labels}) == 200
            found = mine.ask("GET", f"/v1.41/{what}/s-{label}").json()["Spec"]
            assert found["Labels"] == {**labels, **stamp}
            task = found.get("TaskTemplate")
            assert task is None or stamp_of(task["ContainerSpec"]["Labels"]) == stamp
        others = {**spec, "Labels": {STAMP[0]: "other"}}
        assert update(mine, swarm.raw, f"/v1.41/{what}/s-{label}", others) == 403
    assert swarm.other.list("services") == []


def test_what_is_nobody_s_stays_so_whoever_changes_it(swarm: Swarm) -> None:
    """A grant that names a service lets it be changed, not be taken."""
    assert create(swarm.raw, "shared").status == 201
    spec = swarm.raw.ask("GET", "/v1.41/services/shared").json()["Spec"]
    for labels in ({"a": "b"}, {STAMP[0]: "proxy", STAMP[1]: "x"}):
        assert update(swarm.mine, swarm.raw, "/v1.41/services/shared", {**spec, "Labels": labels}) == 200
        found = swarm.raw.ask("GET", "/v1.41/services/shared").json()["Spec"]
        assert not stamp_of(found["Labels"])
        assert not stamp_of(found["TaskTemplate"]["ContainerSpec"].get("Labels") or {})
    assert swarm.mine.ask("DELETE", "/v1.41/services/shared").status == 404
    swarm.raw.ask("DELETE", "/v1.41/services/shared")


def test_a_list_of_tasks_tells_no_part_of_an_id(swarm: Swarm, label: str) -> None:
    mine, other = swarm.mine, swarm.other
    made = create(mine, f"s-{label}")
    assert made.status == 201, made
    service, node = made.json()["ID"], swarm.raw.list("nodes")[0]["ID"]

    def ask(socket: Socket, **filters: str) -> Answer:
        text = quote(json.dumps({key: [value] for key, value in filters.items()}))
        return socket.ask("GET", f"/v1.41/tasks?filters={text}")

    wait_until(lambda: ask(mine, service=service).json(), "it has a task")
    wait_until(lambda: ask(mine, node=node, label=f"{STAMP[0]}=proxy").json(), "it has a node")
    assert [ask(other, **each).json() for each in ({"service": service}, {"node": node}, {"name": f"s-{label}"})] == [
        []
    ] * 3
    for name in (f"s-{label}", f"none-{label}"):
        answer = ask(other, service=name)
        assert (answer.status, answer.json()) == (200, [])
    for part in ({"service": service[:5]}, {"node": node[:5]}, {"service": ""}):
        assert {(each.status, b"part of an id" in each.body) for each in (ask(mine, **part), ask(other, **part))} == {
            (403, True)
        }


def test_a_task_without_a_service_keeps_nobody_from_the_list(swarm: Swarm, label: str) -> None:
    """A container that joins a network of a swarm by itself makes such a task."""
    network = make(swarm.raw, "networks", f"n-{label}", Driver="overlay", Attachable=True)
    container = swarm.raw.make(
        f"containers/create?name=c-{label}", Image="busybox", Cmd=["sleep", "600"], HostConfig={"NetworkMode": network}
    )
    start_container(swarm.raw.socket, container)
    attached = f"tasks?filters={quote(json.dumps({'runtime': ['attachment'], 'label': []}))}"
    assert ["ServiceID" in each for each in swarm.raw.list(attached)] == [False]
    assert swarm.mine.list(attached) == []
    swarm.raw.ask("DELETE", f"/v1.41/containers/{container}?force=1")
    wait_until(lambda: swarm.raw.ask("DELETE", f"/v1.41/networks/{network}").status == 204, "the network is removed")


STACK = """
services:
  web:
    image: busybox
    command: sh -c 'cat /run/secrets/word /plain; exec sleep 600'
    secrets: [word]
    configs: [{source: plain, target: /plain}]
    networks: [front]
    deploy: {endpoint_mode: dnsrr}
    stop_grace_period: 0s
networks: {front: {external: true}}
secrets: {word: {file: ./word}}
configs: {plain: {file: ./plain}}
"""


def test_a_stack_is_deployed_twice_and_removed(
    swarm: Swarm, make_client: partial[Client], tmp_path: Path, label: str
) -> None:
    docker, others = (make_client(socket=each.socket) for each in (swarm.mine, swarm.other))
    for name, text in (("word", "the secret\n"), ("plain", "the config\n"), ("stack.yaml", STACK)):
        (tmp_path / name).write_text(text)
    pile = f"p{label}"
    for _ in ("made", "changed"):
        docker.run("stack", "deploy", "--resolve-image=never", f"--compose-file={tmp_path}/stack.yaml", pile)
    wait_until(lambda: "1/1" in docker.text("stack", "services", "--format={{.Replicas}}", pile), "it runs")
    wait_until(lambda: docker.text("service", "logs", "--raw", f"{pile}_web") == "the secret\nthe config", "it printed")
    for words in (("stack", "ps", "--no-resolve"), ("service", "ps", "--no-resolve")):
        name = pile if words[0] == "stack" else f"{pile}_web"
        assert len(docker.text(*words, "--quiet", name).splitlines()) == 1  # It was not started anew.
    for kind in ("service", "secret", "config"):
        assert pile in docker.text(kind, "ls")
        assert pile not in others.text(kind, "ls")
    docker.run("stack", "rm", pile)
    assert [docker.text(kind, "ls", "--quiet") for kind in ("secret", "config")] == ["", ""]


def test_a_sweep_removes_what_is_own_in_a_swarm(swarm: Swarm, label: str) -> None:
    mine, other = swarm.mine, swarm.other
    for socket in (mine, other):
        name = f"{socket.socket.stem}-{label}"
        kinds = {"Secret": make(socket, "secrets", name), "Config": make(socket, "configs", name)}
        uses = {key: value for kind, each in kinds.items() for key, value in refer(kind, each, name).items()}
        assert create(socket, name, container=uses).status == 201
    words = (sys.executable, "-m", "dockerproxy", "sweep", "--policy", str(swarm.folder / "policy.yaml"), "proxy")
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, **CODE}, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    removed = [line for line in done.stdout.splitlines() if "container" not in line]  # It may have none yet.
    assert removed == [f"removed  {kind} proxy-{label}" for kind in ("service", "secret", "config")]
    for what in ("services", "secrets", "configs"):
        assert (len(list_ids(mine, what)), len(list_ids(other, what))) == (0, 1)


def test_events_are_those_of_what_is_own(swarm: Swarm, label: str) -> None:
    for what in ("secrets", "configs"):
        make(swarm.mine, what, f"k-{label}")
    filters = quote(json.dumps({"type": ["secret", "config"]}))

    def read(socket: Socket) -> bytes:
        return socket.ask("GET", f"/v1.41/events?since=0&until={time.time():.9f}&filters={filters}").body

    wait_until(lambda: read(swarm.raw).count(f"k-{label}".encode()) == 2, "a swarm has told of both")
    assert read(swarm.mine).count(f"k-{label}".encode()) == 2
    assert read(swarm.other) == b""


def test_nobody_is_more_in_a_container_of_a_service_than_the_service(dockerd: Engine, swarm: Swarm, label: str) -> None:
    """No grant of a create bounds it, since none created it."""
    allow = "[preset:ping, own, ServiceCreate: {images: [busybox], user: not-root, memory: 64MiB}]"
    socket = f"{{path: FOLDER/proxy.sock, own_as: bound-{label}, allow: {allow}}}"
    with running_file(dockerd.socket, f"sockets: {{proxy: {socket}}}") as (folder, _):
        bound = Socket(folder / "proxy.sock")
        limits: dict[str, Any] = {"Resources": {"Limits": {"MemoryBytes": 64 * 2**20}}}
        made = create(bound, f"b-{label}", container={"User": "1000:1000"}, **limits)
        assert made.status == 201, made
        [container] = wait_until(lambda: bound.list("containers/json"), "it runs") or [{}]
        commands = f"/v1.41/containers/{container['Id']}/exec"
        assert bound.ask("POST", commands, Cmd=["id"], User="0").status == 403
        assert bound.ask("POST", commands, Cmd=["id"], User="1000:1000").status == 201
        assert bound.ask("POST", f"/v1.41/containers/{container['Id']}/update", Memory=2**30).status == 403
    assert swarm.raw.ask("POST", commands, Cmd=["id"], User="0").status == 201
