"""What a socket hides is in no byte of an answer of a real engine, and is there where nothing is hidden.

A marker is planted in each place: environment, commands, paths, labels, addresses and so on of containers, images,
networks, volumes, execs, and of what a swarm has. Then every operation of the catalog that reads is asked.
"""

import json
import re
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine, docker_engine
from e2e.images import BUSYBOX, busybox_root, import_image
from e2e.programs import Client
from e2e.proxies import running_file
from e2e.starting import start_container
from e2e.talk import Answer, ask, connect
from e2e.test_own import JSON, Socket
from folders import short_folder
from waiting import wait_until

from dockerproxy.api.answers import WORDS
from dockerproxy.api.catalog import OPERATIONS, Access, Operation, Shape

pytestmark = pytest.mark.engine

MARKERS = {
    "environment": "M4RK-environment",
    "arguments": "M4RK-arguments",
    "mounts": "M4RK-mounts",
    "labels": "M4RK-labels",
    "addresses": "10.123.45.",
    "join_tokens": "SWMTKN-",
    "registry": "m4rk-registry.test",
}
"""What is planted by each word; none of it in a name."""

SOCKETS = """
sockets:
  open:
    path: FOLDER/proxy.sock
    allow: &all [GRANTS]
  hiding:
    path: FOLDER/hiding.sock
    allow: *all
    hide: [WORDS]
  reporting:
    path: FOLDER/reporting.sock
    mode: report
    allow: []
    hide: [WORDS]
"""
READS = [name for name, operation in OPERATIONS.items() if operation.access is Access.READ]
TOPICAL = {"GetPluginPrivileges", "ImageSearch", "ImageSearchLibpod", "DistributionInspect"}
"""Reads that ask a registry of the world."""


@contextmanager
def before(engine: Path) -> Iterator[tuple[Path, Path, Path]]:
    """A proxy that shows everything through one socket, and hides everything in two others."""
    text = SOCKETS.replace("GRANTS", ", ".join(READS)).replace("WORDS", ", ".join(WORDS))
    with running_file(engine, text) as (folder, _):
        yield folder / "proxy.sock", folder / "hiding.sock", folder / "reporting.sock"


def plant(engine: Engine, folder: Path, label: str, **more: object) -> dict[str, str]:
    """Make things with a marker in every place; return how each is called, by the segment in front of its name."""
    mark = MARKERS
    source = folder / mark["mounts"]
    source.mkdir()
    (source / "file").touch()
    labels = {"case": label, "l": mark["labels"]}
    raw = Socket(engine.socket)
    network = raw.make(
        "networks/create",
        Name=f"n-{label}",
        Labels=labels,
        IPAM={"Config": [{"Subnet": f"{mark['addresses']}0/24"}]},
    )
    options = {"type": "none", "o": "bind", "device": str(source)}
    volume = raw.make("volumes/create", Name=f"v-{label}", Labels=labels, DriverOpts=options)
    container = make_container(raw, source, label, network, **more)
    start_container(raw.socket, container)
    execution = raw.make(f"containers/{container}/exec", Cmd=["echo", mark["arguments"]], AttachStdout=True)
    started = raw.ask("POST", f"/v1.41/exec/{execution}/start", Detach=True)
    assert started.status in {200, 204}, started
    image = raw.ask(
        "POST",
        f"/v1.41/commit?container={container}&repo=i-{label}&changes={quote('LABEL b=' + mark['labels'])}",
        Env=[f"B={mark['environment']}"],
        Cmd=["echo", mark["arguments"]],
    )
    assert image.status == 201, image
    broken = raw.make(
        f"containers/create?name=b-{label}",
        Image="busybox",
        Cmd=[f"/{mark['arguments']}"],
        Labels={"case": label},
        HostConfig={"NetworkMode": "none"},
    )
    assert raw.ask("POST", f"/v1.41/containers/{broken}/start").status >= 400
    return {"containers": container, "networks": network, "volumes": volume, "exec": execution, "images": f"i-{label}"}


def make_container(raw: Socket, source: Path, label: str, network: str, **more: object) -> str:
    mark = MARKERS
    return raw.make(
        f"containers/create?name=c-{label}",
        Image="busybox",
        Env=[f"A={mark['environment']}"],
        Entrypoint=["sh", "-c", "while :; do sleep 600; done", mark["arguments"]],
        Cmd=[mark["arguments"]],
        Healthcheck={"Test": ["CMD", "echo", mark["arguments"]], "Interval": 10**9, "StartPeriod": 0},
        Labels={"case": label, "l": mark["labels"]},
        StopTimeout=0,
        HostConfig={
            "NetworkMode": network,
            "Binds": [f"{source}:/bound", f"v-{label}:/volume"],
            "Mounts": [{"Type": "bind", "Source": str(source / "file"), "Target": "/file"}],
            "ExtraHosts": [f"x:{mark['addresses']}9"],
            "Dns": [f"{mark['addresses']}8"],
            **more,
        },
    )


def plant_pod(engine: Engine, folder: Path, label: str) -> dict[str, str]:
    """Make a pod and a secret of Podman's own API."""
    labels, source = {"l": MARKERS["labels"]}, str(folder / MARKERS["mounts"])
    pod = {
        "name": f"p-{label}",
        "labels": labels,
        "infra_image": "busybox",
        "infra_command": ["sleep", "600", MARKERS["arguments"]],
        "netns": {"nsmode": "none"},
        "mounts": [{"Type": "bind", "Source": source, "Destination": "/bound"}],
    }
    secret = f"secrets/create?name=s-{label}&labels={quote(json.dumps(labels))}"
    for target, content in (("pods/create", json.dumps(pod)), (secret, MARKERS["environment"])):
        answer = ask(engine.socket, "POST", f"/v5.0.0/libpod/{target}", content.encode(), JSON)
        assert answer.status in {200, 201}, answer
    return {"pods": f"p-{label}", "secrets": f"s-{label}"}


def targets_of(operation: Operation, named: dict[str, str]) -> list[str]:
    """Return what to ask for an operation: of each object of its kind."""
    libpod = operation.section.startswith("libpod/")
    section = operation.section.rpartition("/")[2]
    if "{" in operation.path and section not in named:
        return []
    path = re.sub(r"\{[a-z]+\+?\}", named.get(section, ""), operation.path, count=1)
    query = {
        "ContainerArchive": "path=/bound",
        "ContainerArchiveLibpod": "path=/bound",
        "ContainerLogs": "stdout=1&stderr=1&details=1&timestamps=1",
        "ContainerStats": "stream=false",
        "ContainerStatsLibpod": "stream=false",
        "ContainersStatsAllLibpod": "stream=false",
        "PodStatsAllLibpod": "stream=false",
        "ContainerTop": "ps_args=aux",
        "SecretInspect": "",
        "SecretInspectLibpod": "",
        "GenerateKubeLibpod": f"names={named['containers']}",
        "KubeGenerateLibpod": f"names={named['containers']}",
        "ImageGetAll": f"names={named['images']}",
        "ImageExportLibpod": f"references={named['images']}",
    }.get(operation.name, "all=1&since=1&until=" + str(10**10) if "events" not in path else "")
    return [f"/{'v5.0.0' if libpod else 'v1.41'}{path}?{query}"]


def read_all(path: Path, named: dict[str, str]) -> dict[str, Answer]:
    """Ask for all that can be read; of waits and logs, what has an end."""
    found = {}
    for name in READS:
        operation = OPERATIONS[name]
        if name in TOPICAL or "Events" in name or "Wait" in name or operation.shape is Shape.TUNNEL:
            continue
        if operation.method == "HEAD":
            continue
        for target in targets_of(operation, named):
            found[f"{name} {target}"] = ask(path, operation.method, target, b"" if operation.method == "POST" else None)
    return found


def show(answers: dict[str, Answer]) -> dict[str, set[str]]:
    """Return in which answers each word's marker is, as it is or in base64."""
    return {
        word: {
            name.partition(" ")[0]
            for name, answer in answers.items()
            if marker.encode() in answer.body or b64encode(marker.encode()) in answer.body
        }
        for word, marker in MARKERS.items()
    }


def check_hidden(answers: dict[str, Answer]) -> None:
    assert all(not names for names in show(answers).values()), show(answers)
    assert not any(answer.status == 502 for answer in answers.values())


@pytest.fixture
def dockerd_of_its_own() -> Iterator[Engine]:
    """A dockerd with settings of registries, for a swarm."""
    registry = MARKERS["registry"]
    settings: dict[str, Any] = {
        "insecure-registries": [registry],
        "registry-mirrors": [f"https://{registry}"],
        "labels": ["d=M4RK-labels"],
    }
    with docker_engine(**settings) as engine:
        engine.start()
        import_image(engine.socket, BUSYBOX, busybox_root())
        yield engine


def make_service(engine: Engine, folder: Path, named: dict[str, str]) -> None:
    """Make a swarm of one with a service, its task and a config."""
    raw, mark = Socket(engine.socket), MARKERS
    assert raw.ask("POST", "/v1.41/swarm/init", AdvertiseAddr="127.0.0.1", ListenAddr="127.0.0.1:2377").status == 200
    labels = {"l": mark["labels"]}
    data = b64encode(mark["environment"].encode()).decode()
    named |= {
        kind: raw.ask("POST", f"/v1.41/{kind}/create", Name="kept", Labels=labels, Data=data).json()["ID"]
        for kind in ("configs", "secrets")
    }
    spec = {
        "Image": "busybox",
        "Command": ["sleep", "600"],
        "Args": [mark["arguments"]],
        "Env": [f"A={mark['environment']}"],
        "Labels": labels,
        "Hosts": [f"{mark['addresses']}7 x"],
        "Mounts": [{"Type": "bind", "Source": str(folder / mark["mounts"]), "Target": "/bound"}],
        "Healthcheck": {"Test": ["CMD", "echo", mark["arguments"]]},
    }
    service = raw.ask(
        "POST",
        "/v1.41/services/create",
        Name="service",
        Labels=labels,
        TaskTemplate={"ContainerSpec": spec},
        EndpointSpec={"Mode": "dnsrr"},
    )
    assert service.status == 201, service
    named |= {"services": service.json()["ID"], "nodes": "self"}
    tasks = wait_until(lambda: raw.ask("GET", "/v1.41/tasks").json(), "there is a task")
    assert tasks is not None
    named["tasks"] = tasks[0]["ID"]


def test_nothing_that_is_hidden_is_in_any_answer_of_docker(dockerd_of_its_own: Engine, label: str) -> None:
    engine = dockerd_of_its_own
    with short_folder() as folder, before(engine.socket) as (open_, hiding, reporting):
        named = plant(engine, folder, label, LogConfig={"Type": "json-file", "Config": {"labels": "l", "env": "A"}})
        make_service(engine, folder, named)
        shown = read_all(open_, named)
        places = show(shown)
        assert all(places.values()), places
        described = {f"{kind}Inspect" for kind in ("Container", "Image", "Secret", "Service")}
        described |= {"ContainerList", "SecretList", "SystemDataUsage", "TaskList"}
        assert described <= places["labels"]
        assert "ConfigInspect" in places["environment"]
        assert {"ContainerTop", "ContainerInspect", "ExecInspect", "ImageHistory"} <= places["arguments"]
        for path in (hiding, reporting):
            hidden = read_all(path, named)
            check_hidden(hidden)
            status = {name.partition(" ")[0]: answer.status for name, answer in hidden.items()}
            assert {
                name for name in described | {"SwarmInspect", "SystemInfo", "NetworkList"} if status[name] != 200
            } == set()
            assert {status[name] for name in ("ContainerTop", "ContainerLogs", "ImageGet", "ContainerExport")} == {403}
        error = ask(reporting, "POST", f"/v1.41/containers/b-{label}/start", b"")
        assert error.status >= 400
        assert MARKERS["arguments"].encode() not in error.body
        error = ask(engine.socket, "POST", f"/v1.41/containers/b-{label}/start", b"")
        assert MARKERS["arguments"].encode() in error.body
        assert Socket(engine.socket).ask("POST", "/v1.41/swarm/leave?force=1").status == 200
        remove_containers(engine, label)


def test_what_is_plain_is_the_same_as_without_hiding(engine: Engine, label: str) -> None:
    """What an inspection shows is what the engine says, field by field, but for what is hidden."""
    with short_folder() as folder, before(engine.socket) as (open_, hiding, _):
        named = plant(engine, folder, label)
        target = f"/v1.41/containers/{named['containers']}/json"
        whole, left = ask(open_, "GET", target).json(), ask(hiding, "GET", target).json()
        for shown in whole, left:
            shown["Mounts"].sort(key=itemgetter("Destination"))  # Docker's are in another order each time
        assert left["Id"] == whole["Id"]
        assert left["Config"]["Image"] == whole["Config"]["Image"]
        assert left["State"]["Running"] is True
        assert not {"Env", "Cmd", "Entrypoint", "Labels"} & left["Config"].keys()
        assert is_part(left, whole)
        clean_up(engine, label)


def test_dockers_client_lists_and_inspects(engine: Engine, make_client: partial[Client], label: str) -> None:
    with short_folder() as folder, before(engine.socket) as (_, hiding, _):
        named = plant(engine, folder, label)
        docker = make_client(socket=hiding)
        assert docker.text("ps", f"--filter=name=c-{label}", "--format={{.Names}} {{.Image}} {{.Mounts}}").startswith(
            f"c-{label} busybox"
        )
        assert docker.text("inspect", "--format={{.State.Status}} {{.Config.Env}}", f"c-{label}") == "running []"
        assert (
            docker.text("network", "inspect", "--format={{.Name}} {{.Labels}}", named["networks"]) == f"n-{label} map[]"
        )
        assert docker.text("volume", "ls", f"--filter=name=v-{label}", "--quiet") == f"v-{label}"
        assert "Server Version" in docker.text("info")
        clean_up(engine, label)


def is_part(left: Any, whole: Any) -> bool:
    """Whether something has nothing that another thing does not have.

    Each second a health check writes its result, and is an exec while it runs: these two are as they are.
    """
    if isinstance(left, dict) and isinstance(whole, dict):
        moving = {"Health", "ExecIDs"}
        return all(name in whole and (name in moving or is_part(left[name], whole[name])) for name in left)
    if isinstance(left, list) and isinstance(whole, list):
        return len(left) == len(whole) and all(map(is_part, left, whole))
    return bool(left == whole)


def clean_up(engine: Engine, label: str) -> None:
    raw = Socket(engine.socket)
    remove_containers(engine, label)
    raw.ask("DELETE", f"/v1.41/images/i-{label}?force=1")
    raw.ask("DELETE", f"/v1.41/networks/n-{label}")
    raw.ask("DELETE", f"/v1.41/volumes/v-{label}")


def test_nothing_that_is_hidden_is_in_any_answer_of_podman(podman: Engine, label: str) -> None:
    with short_folder() as folder, before(podman.socket) as (open_, hiding, reporting):
        named = plant(podman, folder, label) | plant_pod(podman, folder, label)
        places = show(read_all(open_, named))
        assert "PodInspectLibpod" in places["mounts"]
        assert {"PodInspectLibpod", "PodListLibpod", "SecretInspectLibpod", "SecretListLibpod"} <= places["labels"]
        assert {"ContainerInspect", "ContainerInspectLibpod", "ContainerListLibpod", "ImageListLibpod"} <= places[
            "labels"
        ]
        assert {"ContainerInspectLibpod", "ImageInspectLibpod"} <= places["environment"]
        assert {"NetworkListLibpod", "VolumeListLibpod"} <= places["addresses"] | places["mounts"]
        for path in (hiding, reporting):
            hidden = read_all(path, named)
            check_hidden(hidden)
            status = {name.partition(" ")[0]: answer.status for name, answer in hidden.items()}
            described = {"ContainerInspectLibpod", "ContainerListLibpod", "ImageInspectLibpod", "SystemInfoLibpod"}
            described |= {"PodInspectLibpod", "PodListLibpod", "SecretInspectLibpod", "SecretListLibpod"}
            assert {name: status[name] for name in described} == dict.fromkeys(described, 200)
            assert status["GenerateKubeLibpod"] == 403
        for target in (f"pods/p-{label}?force=1", f"secrets/s-{label}"):
            assert ask(podman.socket, "DELETE", f"/v5.0.0/libpod/{target}").status in {200, 204}
        clean_up(podman, label)


def test_events_go_without_what_is_hidden(engine: Engine, label: str) -> None:
    with before(engine.socket) as (open_, hiding, _):
        streams = [follow(path) for path in (open_, hiding)]
        marks = {"case": label, "l": MARKERS["labels"]}
        container = Socket(engine.socket).make(
            f"containers/create?name=c-{label}",
            Image="busybox",
            Cmd=["sleep", "60"],
            Labels=marks,
            HostConfig={"NetworkMode": "none"},
        )
        start_container(engine.socket, container)
        Socket(engine.socket).make(f"containers/{container}/exec", Cmd=["echo", MARKERS["arguments"]])
        remove_containers(engine, label)
        whole, left = (read_until(stream, b"destroy", b"remove") for stream in streams)
        assert MARKERS["labels"].encode() in whole
        assert container.encode() in left
        assert b"M4RK" not in left


def follow(path: Path) -> socket.socket:
    stream = connect(path)
    stream.sendall(b"GET /v1.41/events HTTP/1.1\r\nHost: x\r\n\r\n")
    assert stream.recv(65536).startswith(b"HTTP/1.1 200 OK")
    return stream


def read_until(stream: socket.socket, *ends: bytes) -> bytes:
    data = b""
    with stream:
        while not any(re.search(rb'"Action":"%b"' % end, data) for end in ends):
            data += stream.recv(65536)
    return data
