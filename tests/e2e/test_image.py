"""The image, made by packaging/image and by the Dockerfile, and run as the README and the compose example say.

Debian's packages are downloaded once, and given to both.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.engines import Engine
from e2e.images import busybox_root, import_image, make_archive
from e2e.programs import Client
from waiting import PATIENCE, wait_until

from dockerproxy.cli.main import VERBS
from dockerproxy.version import VERSION

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("image")]

ROOT = Path(__file__).parents[2]
STAND_IN = "stand-in:here"
IMAGE = "dockerproxy:latest"  # as the examples call it
BUILT = "dockerproxy:built"
CONFINED = ("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
PYTHON = "--entrypoint=/usr/bin/python3.13"
ONE_REQUEST = """
import socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect("/proxied/docker.sock")
    request = "{} {} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n"
    connection.sendall(request.format(*sys.argv[1:]).encode())
    with connection.makefile("rb") as answer:
        print(answer.read().decode().removeprefix("HTTP/1.1 "))
"""
EVERY_HELP = """
import sys
sys.path.insert(0, "/usr/lib/dockerproxy")
from dockerproxy.cli.main import main
from dockerproxy.no_tls import forgo_tls
forgo_tls()
for verb in sys.argv[1:]:
    try:
        main([verb, "--help"])
    except SystemExit as end:
        assert end.code == 0, verb
"""
PROGRAMS_OF_A_BUILD = "bash,coreutils,dash,dpkg,tar"
Files = dict[str, tuple[int, bytes, str, str]]


@pytest.fixture(scope="module")
def builder(dockerd: Engine, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The docker command line on the engine itself, no proxy between."""
    home = tmp_path_factory.mktemp("builder")
    return Client(program=("docker",), socket=dockerd.socket, home=home, label="image")


@pytest.fixture(scope="module")
def image(builder: Client, archive: Path) -> None:
    """The image, on the engine."""
    builder.run("load", "--input", str(archive))
    builder.run("tag", f"dockerproxy:{VERSION}", IMAGE)


@pytest.fixture(scope="module")
def context(archive: Path, debs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in another place, with the packages."""
    assert archive.exists()  # So the packages are there.
    folder = tmp_path_factory.mktemp("context")
    for name in ("Dockerfile", ".dockerignore", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("src", "packaging"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copytree(debs, folder / "debs", ignore=shutil.ignore_patterns("lock", "partial"))
    return folder


@pytest.fixture(scope="module")
def built(builder: Client, context: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image that the Dockerfile makes, on a stand-in for Debian that has just the programs of the build."""
    tar = tmp_path_factory.mktemp("base") / "base.tar"
    command = ("mmdebstrap", "--quiet", "--variant=extract", f"--include={PROGRAMS_OF_A_BUILD}", "trixie", str(tar))
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=10 * PATIENCE)  # It asks apt.
    builder.run("import", str(tar), "base:here")
    words = ("build", "--network=none", "--build-arg=DEBIAN=base:here", f"--tag={BUILT}", str(context))
    builder.run(*words, seconds=10 * PATIENCE)  # All of the build.
    return BUILT


def read_layer(archive: Path) -> tarfile.TarFile:
    """Open the one layer of an archive."""
    with tarfile.open(archive) as outer:
        (layer,) = json.load(outer.extractfile("manifest.json") or pytest.fail("no manifest"))[0]["Layers"]
        content = (outer.extractfile(layer) or pytest.fail("no layer")).read()
    return tarfile.open(fileobj=io.BytesIO(content))


def list_files(layer: tarfile.TarFile) -> Files:
    """Return of each file what it is."""
    found = {}
    for member in layer:
        content = layer.extractfile(member).read() if member.isreg() else b""  # type: ignore[union-attr] # it is regular
        digest = hashlib.sha256(content).hexdigest()
        found[member.name.strip("/")] = (member.mode, member.type, member.linkname, digest)
    return found


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
    words = (*CONFINED, volume, "--env=ALLOW=ContainerList", *options, IMAGE)
    container = docker.text("run", "--detach", f"--label=case={docker.label}", *words)
    wait_until(lambda: read_state(docker, container)["Health"]["Status"] == "healthy", "it is healthy")
    return container


def read_state(docker: Client, container: str) -> dict[str, Any]:
    """What the engine says of the container's state."""
    state: dict[str, Any] = json.loads(docker.run("inspect", "--format={{json .State}}", container))
    return state


def ask_from_container(docker: Client, *request: str, options: tuple[str, ...] = ()) -> str:
    """Send one request from a second container that shares the volume, and return what it read."""
    volume = f"--volume={docker.label}:/proxied:ro"
    words = (*CONFINED, volume, *options, PYTHON, IMAGE, "-ISc", ONE_REQUEST, *request)
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
    assert "add ContainerCreate to ALLOW and set CONTAINED=1" in refused


def test_root_with_one_capability_serves_a_client_in_another_container(docker: Client, dockerd: Engine) -> None:
    container = start_proxy(docker, "--cap-add=DAC_OVERRIDE", *mount_directory(dockerd))
    assert_filters(docker, container)


def test_in_its_container_every_lock_is_on(docker: Client, dockerd: Engine) -> None:
    container = start_proxy(docker, "--env=SANDBOX=required", *mount_directory(dockerd))
    said = docker.text("logs", container)
    assert said.count(" notice sandboxed: ") == 6
    assert "not sandboxed" not in said
    assert docker.text("exec", container, "dockerproxy", "healthcheck").endswith("the engine responds; sandboxed")


def test_any_user_who_may_open_the_engine_s_socket_will_do(docker: Client, dockerd: Engine) -> None:
    group = dockerd.socket.stat().st_gid
    mount = f"--volume={dockerd.socket}:/var/run/docker.sock"
    container = start_proxy(docker, f"--user=65534:{group}", mount)
    assert_filters(docker, container, client=("--user=65534:65534",))


def test_a_user_whom_the_socket_s_group_does_not_hold_is_no_client(docker: Client, dockerd: Engine) -> None:
    start_proxy(docker, "--cap-add=DAC_OVERRIDE", *mount_directory(dockerd))
    volume = f"--volume={docker.label}:/proxied:ro"
    words = (*CONFINED, volume, "--user=1000:1000", PYTHON, IMAGE, "-ISc", ONE_REQUEST)
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
    client = ("--detach", f"--label=case={docker.label}", *CONFINED, volume, PYTHON)
    docker.run("run", *client, IMAGE, "-ISc", ONE_REQUEST, "GET", "/events")
    wait_until(lambda: "SystemEvents" in docker.text("logs", container), "a client has a stream open")
    docker.run("stop", container)
    assert read_state(docker, container)["ExitCode"] == 0
    left = ("run", "--rm", *CONFINED, volume, PYTHON, IMAGE, "-ISc", "import os; print(os.listdir('/proxied'))")
    assert docker.text(*left) == "[]"


def test_the_image_brings_a_command_and_neither_ports_nor_volumes(docker: Client) -> None:
    config = json.loads(docker.run("image", "inspect", "--format={{json .Config}}", IMAGE))
    assert not config.get("ExposedPorts")
    assert not config.get("Volumes")
    words = ("run", "--rm", *CONFINED, IMAGE, "explain", "GET", "/_ping")
    assert "SystemPing" in docker.text(*words)


def test_every_verb_is_in_the_image(docker: Client) -> None:
    said = docker.text("run", "--rm", *CONFINED, PYTHON, IMAGE, "-ISc", EVERY_HELP, *VERBS)
    assert said.count("usage: dockerproxy ") == len(VERBS)


def test_the_image_has_no_program_but_python_and_no_source(archive: Path) -> None:
    layer = read_layer(archive)
    programs = {member.name for member in layer if member.isreg() and member.mode & 0o111 and ".so" not in member.name}
    assert programs == {"usr/bin/dockerproxy", "usr/bin/python3.13"}
    assert not [member.name for member in layer if member.name.endswith(".py") or member.mode & 0o6000]
    assert not [member.name for member in layer if "ssl.so" in member.name or "libcrypto" in member.name]


def test_the_same_tree_packages_and_date_make_the_same_bytes(archive: Path, context: Path, debs: Path) -> None:
    again = make_archive(context, debs, context)
    for suffix in ("oci.tar", "cdx.json"):
        first, second = (each.with_name(f"image.{suffix}").read_bytes() for each in (archive, again))
        assert first == second


def test_the_dockerfile_makes_the_same_image(docker: Client, archive: Path, built: str, tmp_path: Path) -> None:
    released, made = (
        json.loads(docker.run("image", "inspect", "--format={{json .Config}}", each)) for each in (IMAGE, built)
    )
    labels, fewer = released.pop("Labels"), made.pop("Labels")
    assert fewer.items() <= labels.items()
    made.pop("ArgsEscaped", None)  # Of Windows.
    assert made == released
    saved = tmp_path / "saved.tar"
    docker.run("save", "--output", str(saved), built)
    assert list_files(read_layer(saved)) == list_files(read_layer(archive))


def test_scanners_and_the_sbom_see_the_packages_that_are_inside(archive: Path) -> None:
    names = read_layer(archive).getnames()
    listed = {name.rpartition("/")[2] for name in names if name.startswith("var/lib/dpkg/status.d/")}
    document = json.loads(archive.with_name("image.cdx.json").read_text())
    assert {each["name"] for each in document["components"]} == listed
    assert {"libc6", "libseccomp2", "python3-h2", "python3-uvloop", "python3-yaml", "python3.13-minimal"} <= listed
    assert not listed & {"libssl3t64", "openssl", "dpkg", "bash", "perl-base"}
    assert {f"usr/share/doc/{name}/copyright" for name in listed} <= set(names)


def test_what_a_release_does_to_try_the_image_succeeds(docker: Client, archive: Path, tmp_path: Path) -> None:
    steps = yaml.safe_load((ROOT / ".github/workflows/image.yaml").read_text())["jobs"]["try"]["steps"]
    (script,) = (step["run"] for step in steps if "run" in step)
    shutil.copy(archive, tmp_path / f"dockerproxy-{VERSION}-amd64.oci.tar")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKER_HOST": f"unix://{docker.socket}"}
    words = ("bash", "-e", "-c", script)
    try:
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        docker.run("rm", "--force", "--volumes", "tried")
        docker.run("rmi", "--force", "tried")
        docker.run("volume", "rm", "--force", "proxied")


@pytest.mark.parametrize("name", ["compose.yaml", "several-clients.yaml", "tcp.yaml", "own.yaml"])
def test_a_compose_example_comes_up_as_it_is(docker: Client, name: str) -> None:
    """On a host where nothing was edited. The clients are stand-ins, since no registry is asked."""
    file = ROOT / "examples/compose" / name
    services = yaml.safe_load(file.read_text())["services"]
    images = {each["image"] for service, each in services.items() if service != "dockerproxy"}
    import_image(docker.socket, STAND_IN, busybox_root(), 'ENTRYPOINT ["sh", "-c", "exec sleep 600"]')
    for image in images:
        docker.run("tag", STAND_IN, image)
    project = ("compose", "--project-name", docker.label, "--file", str(file))
    try:
        wanted = ("dockerproxy",) if name == "own.yaml" else ()  # Its agent works on a directory of the host.
        docker.run(*project, "up", "--detach", "--no-build", "--wait", *wanted)
        proxy = docker.text(*project, "ps", "--quiet", "--no-trunc", "dockerproxy")
        for service, each in services.items():
            if not wanted and service != "dockerproxy" and "volumes" in each:
                docker.run(*project, "exec", "-T", service, "test", "-S", "/proxied/docker.sock")
        if name in {"compose.yaml", "tcp.yaml"}:
            words = (*CONFINED, f"--volumes-from={proxy}:ro", PYTHON, IMAGE, "-c", ONE_REQUEST)
            assert docker.text("run", "--rm", *words, "GET", "/containers/json").startswith("200 ")
            assert docker.text("run", "--rm", *words, "GET", "/images/json").startswith("403 ")
    finally:
        docker.run(*project, "down", "--volumes", "--timeout=0")
        docker.run("rmi", "--force", STAND_IN, *images)
