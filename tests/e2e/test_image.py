"""The image, built from the Dockerfile and run as the README and the compose example say.

No registry is asked: the base is a Debian made here, and the packages are given to the build as wheels.
"""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from e2e.engines import Engine
from e2e.programs import Client
from e2e.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("image")]

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "examples/compose/compose.yaml"
IMAGE = "dockerproxy:latest"  # as the examples call it
DEBIAN, ITS_PYTHON = "trixie", "3.13"
CONFINED = ("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
ONE_REQUEST = """
import http.client, socket, sys
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect("/proxied/docker.sock")
connection.request(*sys.argv[1:])
with connection.getresponse() as answer:
    print(answer.status, answer.read().decode())
"""
NOT_COMPILED = """
import os, sys
sys.path.insert(0, "/opt/dockerproxy")
import dockerproxy.cli.main, dockerproxy.cli.serve, dockerproxy.cli.healthcheck
cached = {name: getattr(module, "__cached__", None) for name, module in sys.modules.items()}
print(*(name for name, file in cached.items() if file and not os.path.exists(file)))
"""


@pytest.fixture(scope="module")
def builder(dockerd: Engine, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The docker command line on the engine itself, no proxy between."""
    home = tmp_path_factory.mktemp("builder")
    return Client(program=("docker",), socket=dockerd.socket, home=home, label="image")


@pytest.fixture(scope="module")
def base(builder: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A stand-in for the base image: the smallest Debian with python3, and with what python:slim has because of apt."""
    if shutil.which("mmdebstrap") is None:
        pytest.fail("the tests of the image need mmdebstrap")
    tar = tmp_path_factory.mktemp("base") / "base.tar"
    command = ("mmdebstrap", "--quiet", "--variant=essential", "--include=python3,libseccomp2", DEBIAN, str(tar))
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=240)
    builder.run("import", str(tar), "base:here", seconds=120)
    tar.unlink()
    return "base:here"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with wheels/, made as the Dockerfile says."""
    folder = tmp_path_factory.mktemp("context")
    for name in ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "src", folder / "src")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = ["pip", *project["build-system"]["requires"], *project["project"]["dependencies"]]
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
    target = ["--python-version", ITS_PYTHON, "--dest", str(folder / "wheels")]
    subprocess.run([*download, *target, *packages], check=True, stdin=subprocess.DEVNULL, timeout=240)
    return folder


@pytest.fixture(scope="module")
def image(builder: Client, base: str, context: Path) -> None:
    """The image, on the engine."""
    argument = f"--build-arg=BASE_IMAGE={base}"
    builder.run("build", "--network=none", argument, f"--tag={IMAGE}", str(context), seconds=240)


@pytest.fixture
def docker(dockerd: Engine, make_client: partial[Client], label: str) -> Iterator[Client]:
    """The docker command line on the engine itself; the test's containers and its volume are removed."""
    client = make_client(socket=dockerd.socket)
    yield client
    if made := client.text("ps", "--all", "--quiet", f"--filter=label=case={label}").split():
        client.run("rm", "--force", *made)
    client.run("volume", "rm", "--force", label)


def start_proxy(docker: Client, *options: str) -> str:
    """Start the proxy with its socket in the volume, and return its container when the engine calls it healthy."""
    volume = f"--volume={docker.label}:/proxied"
    words = (*CONFINED, volume, "--health-interval=1s", "--env=ALLOW=ContainerList", *options, IMAGE)
    container = docker.text("run", "--detach", f"--label=case={docker.label}", *words)
    wait_until(lambda: read_state(docker, container)["Health"]["Status"] == "healthy", "it is healthy", seconds=60)
    return container


def read_state(docker: Client, container: str) -> dict[str, Any]:
    """What the engine says of the container's state."""
    state: dict[str, Any] = json.loads(docker.run("inspect", "--format={{json .State}}", container))
    return state


def ask_from_container(docker: Client, *request: str, options: tuple[str, ...] = ()) -> str:
    """Send one request from a second container that shares the volume, and return what it read."""
    volume = f"--volume={docker.label}:/proxied:ro"
    words = (*CONFINED, volume, *options, "--entrypoint=python3", IMAGE, "-c", ONE_REQUEST, *request)
    return docker.text("run", "--rm", *words)


def mount_directory(engine: Engine) -> tuple[str, ...]:
    """Mount the directory of the engine's socket."""
    return (
        f"--volume={engine.socket.parent}:/docker:ro",
        f"--env=DOCKER_SOCKET_PATH=/docker/{engine.socket.name}",
    )


def assert_filters(docker: Client, container: str, *, client: tuple[str, ...] = ()) -> None:
    """Check that the client is given what is allowed, and told what would allow the rest."""
    given = ask_from_container(docker, "GET", "/containers/json", options=client)
    assert given.startswith("200 ")
    assert container in given
    refused = ask_from_container(docker, "POST", "/containers/create", options=client)
    assert refused.startswith("403 ")
    assert "CONTAINERS=1 and POST=1 to allow more" in refused


def test_root_with_one_capability_serves_a_client_in_another_container(docker: Client, dockerd: Engine) -> None:
    container = start_proxy(docker, "--cap-add=DAC_OVERRIDE", *mount_directory(dockerd))
    assert_filters(docker, container)


def test_in_its_container_every_lock_is_on(docker: Client, dockerd: Engine) -> None:
    container = start_proxy(docker, "--env=SANDBOX=required", *mount_directory(dockerd))
    said = docker.text("logs", container)
    assert said.count(" notice locked in: ") == 6
    assert "not locked in" not in said
    assert docker.text("exec", container, "dockerproxy", "healthcheck").endswith("the engine responds; locked in")


def test_any_user_who_may_open_the_engine_s_socket_will_do(docker: Client, dockerd: Engine) -> None:
    group = dockerd.socket.stat().st_gid
    mount = f"--volume={dockerd.socket}:/var/run/docker.sock"
    container = start_proxy(docker, f"--user=65534:{group}", mount)
    assert_filters(docker, container, client=("--user=65534:65534",))


def test_a_user_whom_the_socket_s_group_does_not_hold_is_no_client(docker: Client, dockerd: Engine) -> None:
    start_proxy(docker, "--cap-add=DAC_OVERRIDE", *mount_directory(dockerd))
    volume = f"--volume={docker.label}:/proxied:ro"
    words = (*CONFINED, volume, "--user=1000:1000", "--entrypoint=python3", IMAGE, "-c", ONE_REQUEST)
    assert "PermissionError" in docker.refused("run", "--rm", *words, "GET", "/_ping")


def test_a_group_shared_by_proxy_and_client_opens_the_socket(docker: Client, dockerd: Engine) -> None:
    shared = ("--group-add=4321", "--env=PROXIED_SOCKET_GID=4321")
    container = start_proxy(docker, "--cap-add=DAC_OVERRIDE", *shared, *mount_directory(dockerd))
    assert_filters(docker, container, client=("--user=65534:65534", "--group-add=4321"))


def test_without_the_engine_it_runs_and_is_not_healthy(docker: Client) -> None:
    words = (*CONFINED, f"--label=case={docker.label}", f"--volume={docker.label}:/proxied", IMAGE)
    container = docker.text("run", "--detach", *words)
    wait_until(lambda: "listening on" in docker.text("logs", container), "it listens")
    assert "/docker/docker.sock" in docker.refused("exec", container, "dockerproxy", "healthcheck")


def test_a_stopped_container_ends_well_and_in_time_and_takes_its_socket_along(docker: Client, dockerd: Engine) -> None:
    container = start_proxy(docker, "--cap-add=DAC_OVERRIDE", *mount_directory(dockerd))
    volume = f"--volume={docker.label}:/proxied:ro"
    client = ("--detach", f"--label=case={docker.label}", *CONFINED, volume, "--entrypoint=python3")
    docker.run("run", *client, IMAGE, "-c", ONE_REQUEST, "GET", "/events")
    wait_until(lambda: "SystemEvents" in docker.text("logs", container), "a client has a stream open")
    docker.run("stop", container)
    assert read_state(docker, container)["ExitCode"] == 0
    assert docker.text("run", "--rm", *CONFINED, volume, "--entrypoint=ls", IMAGE, "-A", "/proxied") == ""


def test_the_image_brings_a_command_and_neither_ports_nor_volumes(docker: Client) -> None:
    config = json.loads(docker.run("image", "inspect", "--format={{json .Config}}", IMAGE))
    assert not config.get("ExposedPorts")
    assert not config.get("Volumes")
    words = ("run", "--rm", *CONFINED, IMAGE, "explain", "GET", "/_ping")
    assert "SystemPing" in docker.text(*words)


def test_nothing_is_compiled_at_start(docker: Client) -> None:
    words = ("run", "--rm", *CONFINED, "--entrypoint=python3", IMAGE, "-ISc", NOT_COMPILED)
    assert docker.text(*words) == ""


def test_the_compose_example_comes_up(docker: Client, dockerd: Engine, tmp_path: Path) -> None:
    # What is of this engine's place is laid over the example; the rest is as a person finds it.
    place = {
        "environment": {"DOCKER_SOCKET_PATH": f"/docker/{dockerd.socket.name}"},
        "volumes": [{"type": "bind", "source": str(dockerd.socket.parent), "target": "/docker"}],
        "labels": {"case": docker.label},
    }
    override = tmp_path / "here.json"
    volume = {"proxied": {"name": docker.label}}
    override.write_text(json.dumps({"services": {"dockerproxy": place}, "volumes": volume}))
    project = ("compose", "--project-name", docker.label, "--file", str(COMPOSE), "--file", str(override))
    docker.run(*project, "up", "--detach", "--no-build", "--wait", "dockerproxy")
    container = docker.text(*project, "ps", "--quiet", "--no-trunc", "dockerproxy")
    assert_filters(docker, container)
    docker.run(*project, "down", "--volumes")
