"""Real clients through their presets: what they are for works, and nothing of it is refused."""

import contextlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, running_policy
from e2e.talk import ask

pytestmark = pytest.mark.engine

Allow = Callable[..., Proxy]
NODE = Path(__file__).parent / "node"


@pytest.fixture
def allow() -> Iterator[Allow]:
    """Start proxies, each with presets of the test's choice and lines beside them."""
    with contextlib.ExitStack() as stack:

        def start(engine: Engine, *presets: str, beside: tuple[str, ...] = ()) -> Proxy:
            words = ", ".join((*(f"preset:{name}" for name in presets), *beside))
            return stack.enter_context(running_policy(engine.socket, f"[{words}]"))

        yield start


@pytest.fixture
def web(dockerd: Engine, make_client: partial[Client], label: str) -> Iterator[str]:
    """Name of a container that prints, lives and was made past every proxy."""
    name = f"web-{label}"
    words = ("sh", "-c", "echo hello from the web; exec sleep 600")
    make_client(socket=dockerd.socket).start_container(*words, options=("--name", name, "--stop-timeout=0"))
    yield name
    remove_containers(dockerd, label)


def list_refused(proxy: Proxy) -> set[str]:
    """Return the operations that were refused so far; the log writes them down in order, but not at once."""
    mark = f"/mark/{uuid4().hex}"
    ask(proxy.socket, "GET", mark)
    proxy.wait_for_record(target=mark)
    refused = [record for record in proxy.records() if record.get("decision") not in {None, "allowed"}]
    return {record["operation"] for record in refused if not record["target"].startswith("/mark/")}


LOOKING = (
    *("ps --all", "inspect {web}", "logs {web}", "top {web}", "stats --no-stream {web}", "diff {web}", "port {web}"),
    *("images", "history busybox", "image inspect busybox", "network ls", "network inspect bridge", "volume ls"),
    *("info", "version", "system df", "events --since 1m --until 0s"),
)
TOUCHING = {
    "cp {web}:/etc/passwd -": "ContainerArchive",
    "export {web}": "ContainerExport",
    "save busybox": "ImageGetAll",
    "exec {web} true": "ContainerExec",
    "attach --no-stdin {web}": "ContainerAttach",
    "restart {web}": "ContainerRestart",
    "rm --force {web}": "ContainerDelete",
    "search nginx": "ImageSearch",
    "pull nginx": "ImageCreate",
    "top {web} e": "ContainerTop",
}


def test_the_command_line_looks_at_everything_with_read_only(
    dockerd: Engine, allow: Allow, make_client: partial[Client], web: str
) -> None:
    proxy = allow(dockerd, "read-only")
    docker = make_client(socket=proxy.socket)
    for words in LOOKING:
        docker.run(*words.format(web=web).split())
    assert list_refused(proxy) == set()
    for words, operation in TOUCHING.items():
        docker.refused(*words.format(web=web).split())
        assert operation in list_refused(proxy), words
    assert list_refused(proxy) == set(TOUCHING.values())


PROJECT = """
services:
  first:
    image: busybox
    command: sh -c 'touch /kept/ready; echo hello from the first; exec sleep 600'
    stop_grace_period: 0s
    volumes: ["kept:/kept"]
    healthcheck: {test: [CMD, test, -f, /kept/ready], interval: 200ms}
    networks: [inner]
  second:
    image: busybox
    command: sleep 600
    stop_grace_period: 0s
    depends_on: {first: {condition: service_healthy}}
    networks: [inner]
volumes: {kept: {}}
networks: {inner: {}}
"""


@pytest.fixture
def project(tmp_path: Path, dockerd: Engine, make_client: partial[Client], label: str) -> Iterator[tuple[str, ...]]:
    """The words of a compose project; what a test leaves of it is taken down past every proxy."""
    file = tmp_path / "compose.yaml"
    file.write_text(PROJECT)
    words = ("compose", "--project-name", f"case{label}", "--file", str(file))
    yield words
    make_client(socket=dockerd.socket).run(*words, "down", "--volumes", "--timeout=0")


def test_compose_brings_a_project_up_and_down(
    dockerd: Engine, allow: Allow, make_client: partial[Client], project: tuple[str, ...]
) -> None:
    proxy = allow(dockerd, "compose")
    docker = make_client(socket=proxy.socket)
    docker.run(*project, "up", "--detach", "--wait")
    assert "hello from the first" in docker.text(*project, "logs", "first")
    docker.run(*project, "restart", "second")
    docker.run(*project, "stop", "second")
    docker.run(*project, "up", "--detach", "--force-recreate", "second")
    slow = ("sh", "-c", "sleep 0.5; echo ran; sleep 0.5")  # Engines lose output of what ends while it is attached to.
    assert docker.text(*project, "run", "--rm", "--no-deps", "second", *slow).endswith("ran")
    with docker.watch(*project, "up", "--no-color") as up:
        up.wait_for("Attaching to")
        docker.run(*project, "kill", "second")  # Before `up` is killed: Compose then stops what it attached to.
    docker.run(*project, "down", "--volumes", "--timeout=0")
    assert list_refused(proxy) == set()


def test_compose_runs_no_command_with_its_preset_and_does_with_dockge_s(
    dockerd: Engine, allow: Allow, make_client: partial[Client], project: tuple[str, ...]
) -> None:
    narrow, wide = allow(dockerd, "compose"), allow(dockerd, "dockge")
    docker = make_client(socket=wide.socket)
    docker.run(*project, "up", "--detach")
    assert docker.text(*project, "exec", "-T", "first", "cat", data=b"inside") == "inside"
    docker.run("stats", "--no-stream", "--format=json")
    docker.run("network", "ls")
    assert list_refused(wide) == set()
    words = (*project, "exec", "-T", "first", "true")
    assert "ContainerExec denied" in make_client(socket=narrow.socket).refused(*words)


def test_an_image_is_built_where_its_name_is_granted_and_by_no_builder_of_its_own_where_it_is_not(
    dockerd: Engine, allow: Allow, make_client: partial[Client], tmp_path: Path, label: str
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo built > /built\n")
    names = '{ImageBuild: {tags: ["docker.io/library/built-*"]}}'
    building, creating = allow(dockerd, "github-runner", beside=(names,)), allow(dockerd, "github-runner")
    words = ("build", "--tag", f"built-{label}", str(tmp_path))
    make_client(socket=building.socket).run(*words)
    assert list_refused(building) == set()
    make_client(socket=dockerd.socket).run("rmi", f"built-{label}")
    make_client(socket=creating.socket).refused(*words)
    assert "Grpc" in list_refused(creating)


def test_github_s_runner_runs_a_job_and_an_action_in_containers(
    dockerd: Engine, allow: Allow, make_client: partial[Client], label: str, tmp_path: Path
) -> None:
    proxy = allow(dockerd, "github-runner")
    docker, network = make_client(socket=proxy.socket), f"github_network_{label}"
    docker.run("version", "--format={{.Server.APIVersion}}")
    docker.run("network", "prune", "--force", "--filter", f"label={label}")
    docker.run("network", "create", "--label", label, network)
    options = ("--label", label, "--network", network, "--volume", f"{tmp_path}:/__w")
    job = docker.text("create", *options, "--entrypoint=tail", "busybox", "-f", "/dev/null")
    docker.run("start", job)
    assert job in docker.text("ps", "--all", "--no-trunc", "--filter", f"id={job}", "--filter", "status=running")
    docker.run("inspect", "--format={{range .Config.Env}}{{println .}}{{end}}", job)
    assert docker.run("exec", "-i", "--workdir=/__w", job, "sh", "-c", "cat; exit 0", data=b"step") == b"step"
    docker.run("logs", "--details", job)
    docker.run("port", job)
    assert docker.run_container("busybox", "echo", "an action", options=options) == "an action"
    docker.run("rm", "--force", job)
    docker.run("network", "rm", network)
    assert list_refused(proxy) == set()


LOGGIFLY = """
import sys
from contextlib import closing
import docker
with closing(docker.from_env()) as client:
    client.ping()
    client.info()
    container = next(one for one in client.containers.list() if one.name == sys.argv[1])
    logs = container.logs(stream=True, follow=True)
    print(next(iter(logs)).decode().strip())
    logs.close()
    print(list(client.events(decode=True, since=1, until=2)))
    try:
        container.restart()
    except docker.errors.APIError as error:
        print(error.status_code, error.explanation)
"""


def test_docker_py_follows_logs_and_events_as_loggifly_does(
    dockerd: Engine, allow: Allow, make_client: partial[Client], web: str
) -> None:
    proxy = allow(dockerd, "loggifly")
    python = make_client(socket=proxy.socket, program=(sys.executable, "-c"))
    first, events, refusal = python.text(LOGGIFLY, web).splitlines()
    assert (first, events) == ("hello from the web", "[]")
    assert refusal.startswith("403 ContainerRestart denied")
    assert list_refused(proxy) == {"ContainerRestart"}


TESTCONTAINERS = """
from testcontainers.core.container import DockerContainer
from testcontainers.core.image import DockerImage
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy
import sys
with Network() as network, DockerImage(path=sys.argv[1], tag=sys.argv[2]) as image:
    container = DockerContainer(str(image)).with_command("sh -c 'echo it is ready; exec sleep 600'")
    container = container.with_network(network).with_network_aliases("one")
    with container.waiting_for(LogMessageWaitStrategy("it is ready")) as running:
        print(running.exec(["sh", "-c", "sleep 0.5; cat /built"]).output.decode().strip())
        print(running.get_logs()[0].decode().strip())
"""


def test_testcontainers_build_run_and_clean_up(
    dockerd: Engine, allow: Allow, make_client: partial[Client], tmp_path: Path, label: str
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo built > /built\n")
    names = f"{{tags: ['docker.io/library/built-{label}:*']}}"
    proxy = allow(dockerd, "testcontainers", beside=(f"ImageBuild: {names}", f"ImageDelete: {names}"))
    extra = {"TESTCONTAINERS_RYUK_DISABLED": "true"}  # Its image is of a registry, and none is asked.
    python = make_client(socket=proxy.socket, program=(sys.executable, "-c"), extra=extra)
    printed = python.run(TESTCONTAINERS, str(tmp_path), f"built-{label}").decode()
    assert printed.splitlines() == ["built", "it is ready"]
    assert list_refused(proxy) == set()


def test_glances_shows_containers(dockerd: Engine, allow: Allow, make_client: partial[Client], web: str) -> None:
    proxy = allow(dockerd, "glances")
    glances = make_client(socket=proxy.socket, program=(sys.executable, "-m", "glances"))
    shown = glances.text("--stdout", "containers", "--time=1", "--stop-after=3").splitlines()[-1]
    assert f"'name': '{web}'" in shown
    assert "'image': ('busybox:latest',)" in shown
    assert proxy.wait_for_record(operation="ContainerStats")
    assert list_refused(proxy) == set()


def test_zabbix_reads_every_item(
    dockerd: Engine, allow: Allow, make_client: partial[Client], tmp_path: Path, web: str
) -> None:
    proxy = allow(dockerd, "zabbix-agent2")
    file = tmp_path / "agent.conf"
    sockets = f"ControlSocket={tmp_path}/control.sock\nPluginSocket={tmp_path}/plugin.sock\n"
    file.write_text(f"LogType=console\nServer=127.0.0.1\n{sockets}Plugins.Docker.Endpoint=unix://{proxy.socket}\n")
    zabbix = make_client(socket=proxy.socket, program=("zabbix_agent2", "--config", str(file), "--test"))
    assert zabbix.text("docker.ping").endswith("[s|1]")
    assert f'"{{#NAME}}":"/{web}"' in zabbix.text("docker.containers.discovery[true]")
    about = ("docker.container_info", "docker.container_stats")
    every = ("docker.info", "docker.containers", "docker.images", "docker.images.discovery", "docker.data_usage")
    for item in (*every, *(f"{item}[{web}]" for item in about)):
        assert "[s|{" in (printed := zabbix.text(item)) or "[s|[" in printed, printed
    assert list_refused(proxy) == set()


def test_dockerode_asks_what_homepage_asks(
    dockerd: Engine, allow: Allow, make_client: partial[Client], web: str
) -> None:
    assert (NODE / "node_modules").is_dir(), f"install it: npm ci --ignore-scripts --prefix {NODE}"
    proxy = allow(dockerd, "homepage")
    node = make_client(socket=proxy.socket, program=(shutil.which("node") or "node", str(NODE / "homepage.js")))
    shown = json.loads(node.run(str(proxy.socket), web))
    assert shown == {"listed": True, "running": True, "measured": True, "refused": ["logs 403", "restart 403"]}
    assert list_refused(proxy) == {"ContainerLogs", "ContainerRestart"}


def test_podman_s_own_client_lists_what_the_exporter_lists(
    podman: Engine, allow: Allow, make_client: partial[Client], tmp_path: Path
) -> None:
    proxy = allow(podman, "podman-exporter")
    words = ("podman", "--remote", "--url", f"unix://{proxy.socket}")
    remote = make_client(socket=proxy.socket, program=words, extra={"XDG_RUNTIME_DIR": str(tmp_path)})
    for listing in ("info", "ps --all --pod", "pod ps", "images --all", "network ls", "volume ls"):
        remote.run(*listing.split())
    assert list_refused(proxy) == set()
    assert "ContainerInspectLibpod denied" in remote.refused("container", "inspect", "any")
