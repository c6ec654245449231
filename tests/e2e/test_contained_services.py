"""Contained services on a real swarm: ordinary ones run, and what would reach the host is not asked of the engine."""

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from e2e.engines import Engine
from e2e.programs import Client, Running
from e2e.proxies import Proxy, running_policy
from e2e.talk import ask
from waiting import wait_until

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}

STACK = """
version: "3.8"
services:
  web:
    image: busybox
    command: sh -c 'cat /run/secrets/word /plain; exec sleep 600'
    environment: {A: "1"}
    secrets: [word]
    configs: [{source: plain, target: /plain}]
    networks: [front]
    ports: ["8080:80"]
    volumes: ["data:/data", {type: tmpfs, target: /scratch}]
    healthcheck: {test: ["CMD", "true"], interval: 60s}
    logging: {driver: json-file, options: {max-size: 1m}}
    deploy: {resources: {limits: {memory: 64M}}, update_config: {failure_action: rollback}}
    stop_grace_period: 0s
networks: {front: {external: true}}
volumes: {data: {}}
secrets: {word: {file: ./word}}
configs: {plain: {file: ./plain}}
"""

READS = ["SystemPing", "SystemInfo", "ServiceList", "ServiceInspect", "ServiceLogs", "TaskList", "NodeList"]
READS += ["NetworkList", "NetworkInspect", "SecretList", "SecretInspect", "ConfigList", "ConfigInspect"]
OPENED: dict[str, Any] = {
    "names": ["web", "pile_*", "tried-*"],
    "volumes": ["pile_*"],
    "networks": ["front"],
    "secrets": ["pile_*"],
    "configs": ["pile_*"],
    "publish": {"ports": ["8080"]},
}
ALLOWED: list[Any] = [
    *READS,
    {"ServiceCreate": {**OPENED, "binds": ["FOLDER/granted/*"], "labels": {"owner": "ci"}}},
    {"ServiceUpdate": {**OPENED, "binds": ["FOLDER/granted/*"]}},
    {"SecretCreate": {"names": ["pile_*"]}},
    {"SecretUpdate": {"names": ["pile_*"]}},
    {"ConfigCreate": {"names": ["pile_*"]}},
    {"ConfigUpdate": {"names": ["pile_*"]}},
]


def post(engine: Engine, path: str, body: object) -> Any:
    """Make something, past the proxy."""
    answer = ask(engine.socket, "POST", path, json.dumps(body).encode(), JSON)
    assert answer.status in {200, 201}, answer
    return answer.json() if answer.body.strip() else None


@dataclass(frozen=True, slots=True)
class Swarm:
    """A swarm of one, a proxy before it, and the directory and the secret of somebody else."""

    engine: Engine
    proxy: Proxy
    folder: Path
    secret: str

    def fill(self, text: str) -> str:
        """Put the directory and the id of the secret into a text."""
        return text.replace("FOLDER", str(self.folder)).replace("SECRET", self.secret)

    def logs(self, name: str) -> str:
        """Return what a service printed."""
        return ask(self.engine.socket, "GET", f"/services/{name}/logs?stdout=1&stderr=1").body.decode(errors="replace")


@pytest.fixture(scope="module")
def swarm(dockerd: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """Make a swarm, and leave it with the last test. Of the host's directory a part is granted."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "file").write_text("of the host")
    (folder / "granted").mkdir()
    post(dockerd, "/swarm/init", {"AdvertiseAddr": "127.0.0.1", "ListenAddr": "127.0.0.1:2377"})
    post(dockerd, "/networks/create", {"Name": "front", "Driver": "overlay"})
    data = base64.b64encode(b"of somebody else").decode()
    secret = post(dockerd, "/secrets/create", {"Name": "foreign", "Data": data})["ID"]
    with running_policy(dockerd.socket, json.dumps(ALLOWED).replace("FOLDER", str(folder))) as proxy:
        yield Swarm(dockerd, proxy, folder, secret)
    ask(dockerd.socket, "POST", "/swarm/leave?force=1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A body that a contained service does not have.

    Attributes:
        runs: What its container runs.
        shows: What that prints if the engine did what the body says.
        refused: The field that the proxy names.
        container: Fields of the container; FOLDER is a directory of the host, SECRET the id of a secret.
        task: Fields of the task.
        top: Fields of the service.
        version: Of the request.
    """

    runs: str
    shows: str
    refused: str
    container: dict[str, Any] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)
    version: str = ""

    def body(self, swarm: Swarm, name: str) -> bytes:
        """Return the body of the request that makes it."""
        # Again and again: a busy engine keeps no output of what has ended.
        command = ["sh", "-c", f"while {self.runs} && echo; do sleep 1; done"]
        container = {"Image": "busybox:latest", "Command": command, **self.container}
        task = {"ContainerSpec": container, "RestartPolicy": {"Condition": "none"}, **self.task}
        return swarm.fill(json.dumps({"Name": name, "TaskTemplate": task, **self.top})).encode()


def mounting(refused: str, **mount: Any) -> Case:
    """Return a service that reads a file of the host."""
    mounts = [{"Target": "/m", **mount}]
    field = f"TaskTemplate.ContainerSpec.Mounts[0].{refused}"
    return Case(runs="cat /m/file", shows="of the host", refused=field, container={"Mounts": mounts})


BY_OPTIONS = {"DriverConfig": {"Name": "local", "Options": {"type": "none", "o": "bind", "device": "FOLDER"}}}
REFERENCE = {"SecretID": "SECRET", "SecretName": "foreign", "File": {"Name": "s", "UID": "0", "GID": "0", "Mode": 292}}
LINKS: dict[str, Any] = {"runs": "ls /sys/class/net", "shows": "docker_gwbridge"}

CASES = {
    "bind": mounting("Source", Type="bind", Source="FOLDER"),
    "capitals": mounting("Type", Type="BIND", Source="FOLDER"),
    "no-type": mounting("Type", Source="FOLDER"),
    "template": mounting("Source", Type="bind", Source='FOLDER/granted/{{".."}}'),
    "driver": mounting("VolumeOptions", Type="volume", Source="pile_bad", VolumeOptions=BY_OPTIONS),
    "network": Case(**LINKS, refused="TaskTemplate.Networks[0].Target", task={"Networks": [{"Target": "host"}]}),
    "older-list": Case(**LINKS, refused="Networks[0].Target", top={"Networks": [{"Target": "host"}]}),
    "capability": Case(
        runs="grep CapEff /proc/self/status",
        shows="000001ff",
        refused="TaskTemplate.ContainerSpec.CapabilityAdd[0]",
        container={"CapabilityAdd": ["ALL"]},
    ),
    "secret": Case(
        runs="cat /run/secrets/s",
        shows="of somebody else",
        refused="TaskTemplate.ContainerSpec.Secrets[0].SecretName",
        container={"Secrets": [REFERENCE]},
    ),
    "groups": Case(
        runs="id -G",
        shows="4321",
        refused="TaskTemplate.ContainerSpec.Groups",
        container={"Groups": ["4321"]},
    ),
    "seccomp": Case(
        runs="grep Seccomp: /proc/self/status",
        shows="Seccomp:\t0",
        refused="TaskTemplate.ContainerSpec.Privileges.Seccomp.Mode",
        container={"Privileges": {"Seccomp": {"Mode": "unconfined"}}},
        version="/v1.44",
    ),
    "sysctl": Case(
        runs="cat /proc/sys/net/ipv4/ip_unprivileged_port_start",
        shows="77",
        refused="TaskTemplate.ContainerSpec.Sysctls",
        container={"Sysctls": {"net.ipv4.ip_unprivileged_port_start": "77"}},
    ),
}


@pytest.fixture(scope="module")
def made(swarm: Swarm) -> None:
    """Make all of them at once, past the proxy."""
    for name, case in CASES.items():
        answer = ask(swarm.engine.socket, "POST", f"{case.version}/services/create", case.body(swarm, name), JSON)
        assert answer.status == 201, answer


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("name", CASES)
def test_what_the_engine_would_do_is_refused(swarm: Swarm, name: str) -> None:
    case = CASES[name]
    tried = ask(swarm.proxy.socket, "POST", f"{case.version}/services/create", case.body(swarm, f"tried-{name}"), JSON)
    assert tried.status == 403
    assert f" denied: {case.refused}" in tried.json()["message"]
    assert ask(swarm.engine.socket, "GET", f"/services/tried-{name}").status == 404
    wait_until(lambda: case.shows in swarm.logs(name), f"{name} prints {case.shows}")


def test_a_plugin_of_a_service_is_refused_before_the_engine_looks_for_it(swarm: Swarm) -> None:
    """The effect cannot be shown here: this engine takes plugins only if it is experimental."""
    plugin = {"Name": "x", "Remote": "example.com/x", "privileges": [{"Name": "network", "Value": ["host"]}]}
    body = json.dumps({"Name": "tried-plugin", "TaskTemplate": {"Runtime": "plugin", "PluginSpec": plugin}}).encode()
    assert b"experimental" in ask(swarm.engine.socket, "POST", "/services/create", body, JSON).body
    tried = ask(swarm.proxy.socket, "POST", "/services/create", body, JSON)
    assert tried.status == 403
    assert " denied: TaskTemplate.PluginSpec" in tried.json()["message"]


def test_an_older_spec_does_not_come_back(swarm: Swarm) -> None:
    """A rollback goes to what the service was, and says nothing of it."""
    plain = Case(runs="sleep 600", shows="", refused="")
    body = plain.body(swarm, "tried-back")
    post(swarm.engine, "/services/create", json.loads(CASES["bind"].body(swarm, "tried-back")))

    def update(socket: Path, query: str = "") -> tuple[int, bytes]:
        version = ask(swarm.engine.socket, "GET", "/services/tried-back").json()["Version"]["Index"]
        answer = ask(socket, "POST", f"/services/tried-back/update?version={version}{query}", body, JSON)
        return answer.status, answer.body

    def mounts() -> object:
        spec = ask(swarm.engine.socket, "GET", "/services/tried-back").json()["Spec"]
        return spec["TaskTemplate"]["ContainerSpec"].get("Mounts")

    def until_taken(socket: Path, query: str = "") -> None:
        wait_until(lambda: update(socket, query)[0] == 200, "no other change comes in between")

    until_taken(swarm.proxy.socket)
    assert mounts() is None
    status, message = update(swarm.proxy.socket, "&rollback=previous")
    assert status == 403
    assert b"?rollback" in message
    assert mounts() is None
    until_taken(swarm.engine.socket, "&rollback=previous")
    assert mounts() is not None


def test_what_dockers_command_line_makes_runs_and_is_changed(
    swarm: Swarm, make_client: partial[Client], tmp_path: Path
) -> None:
    docker = make_client(socket=swarm.proxy.socket)
    quick = ("--detach", "--quiet", "--no-resolve-image", "--stop-grace-period=0s")
    docker.run("service", "create", *quick, "--name=web", "--network=front", "busybox", "sh", "-c", "exec sleep 600")
    assert docker.text("service", "inspect", "--format={{.Spec.Labels.owner}}", "web") == "ci"
    docker.run("service", "update", "--detach", "--quiet", "--env-add=A=b", "web")
    (tmp_path / "word").write_text("the secret\n")
    (tmp_path / "plain").write_text("the config\n")
    (tmp_path / "stack.yaml").write_text(STACK)
    for _ in ("made", "changed"):
        docker.run("stack", "deploy", "--resolve-image=never", f"--compose-file={tmp_path}/stack.yaml", "pile")
    wait_until(lambda: "the config" in swarm.logs("pile_web"), "the stack runs")
    assert "the secret" in swarm.logs("pile_web")
    assert " denied: TaskTemplate.Networks[0].Target" in docker.refused(
        *("service", "create", *quick, "--name=tried-host", "--network=host", "busybox", "true")
    )


REGISTRY = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(self.headers.get("Authorization"), flush=True)
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="registry"')
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
"""Says which credentials it is sent."""

CREDENTIALS = base64.b64encode(b"somebody:secret").decode()


def registry(engine: Engine, port: int) -> Running:
    """Run a registry where the engine is."""
    return Running(engine.inside(sys.executable, "-c", REGISTRY, str(port)), {})


def test_a_service_sends_the_credentials_that_it_has_to_no_other_registry(swarm: Swarm) -> None:
    said = {"username": "somebody", "password": "secret"}
    auth = {**JSON, "X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(said).encode()).decode()}
    first, second = "127.0.0.1:5001", "127.0.0.1:5002"

    def body(host: str) -> bytes:
        return json.dumps({"Name": "tried-auth", "TaskTemplate": {"ContainerSpec": {"Image": f"{host}/a:1"}}}).encode()

    words = {"names": ["tried-*"], "images": [f"{first}/**", f"{second}/**"]}
    allow = json.dumps([{"ServiceCreate": words}, {"ServiceUpdate": words}])
    with registry(swarm.engine, 5001) as granted, registry(swarm.engine, 5002) as other:
        with running_policy(swarm.engine.socket, allow) as proxy:
            assert ask(proxy.socket, "POST", "/v1.41/services/create", body(first), auth).status == 201
            granted.wait_for(f"Basic {CREDENTIALS}")
            made = ask(swarm.engine.socket, "GET", "/services/tried-auth").json()
            update = f"/v1.41/services/tried-auth/update?version={made['Version']['Index']}"
            refused = ask(proxy.socket, "POST", update, body(second), JSON)
            assert (refused.status, "its own credentials" in refused.json()["message"]) == (403, True)
            assert ask(proxy.socket, "POST", update, body(first), JSON).status == 200
            made = ask(swarm.engine.socket, "GET", "/services/tried-auth").json()
            update = f"/v1.41/services/tried-auth/update?version={made['Version']['Index']}"
        assert ask(swarm.engine.socket, "POST", update, body(second), JSON).status == 200
        other.wait_for(f"Basic {CREDENTIALS}")
    ask(swarm.engine.socket, "DELETE", "/services/tried-auth")
