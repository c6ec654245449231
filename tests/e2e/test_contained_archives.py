"""Archives of files and links reach a real engine: into containers of their own, and Docker's builder only."""

import gzip
import json
import os
import socket
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import docker
import pytest
from decisions import read_message
from e2e.archives import ALLOWED, READS, STEP, TAR, build, has_image, namespace_of, remove_image
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, running_file, running_policy
from e2e.talk import Answer, ask, connect, send_head
from wire.tars import archive_of, directory, item, link

pytestmark = pytest.mark.engine

CLASSIC = {"DOCKER_BUILDKIT": "0"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def proxy(engine: Engine) -> Iterator[Proxy]:
    """A proxy before each of the engines that allows what is granted above."""
    with running_policy(engine.socket, json.dumps(ALLOWED)) as running:
        yield running


@pytest.fixture
def direct(engine: Engine, make_client: partial[Client], label: str) -> Iterator[Client]:
    """The docker command line on the engine itself."""
    yield make_client(socket=engine.socket)
    remove_containers(engine, label)


def create(engine: Engine, label: str, **host: object) -> None:
    """Create a container past the proxy."""
    wanted = {"Image": "busybox", "Cmd": ["true"], "Labels": {"case": label}, "HostConfig": host}
    made = ask(engine.socket, "POST", f"/containers/create?name={label}", json.dumps(wanted).encode(), JSON)
    assert made.status == 201, made


def put(socket: Path, container: str, content: bytes, path: str = "/tmp") -> Answer:
    return ask(socket, "PUT", f"/containers/{container}/archive?path={path}", content, TAR)


def is_podman(engine: Engine) -> bool:
    return b"Podman" in ask(engine.socket, "GET", "/version").body


def test_files_and_folders_are_copied_into_a_container(
    proxy: Proxy, direct: Client, make_client: partial[Client], tmp_path: Path
) -> None:
    container, contained = direct.start_container("sleep", "600"), make_client(socket=proxy.socket)
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").write_bytes(os.urandom(2_000_000))
    (folder / "link").symlink_to("sub/file")
    (folder / "hard").hardlink_to(folder / "sub" / "file")
    (folder / ("long" * 40)).touch()
    contained.run("cp", str(folder), f"{container}:/tmp")
    contained.run("cp", str(folder / "sub" / "file"), f"{container}:/tmp/copy")
    api = docker.DockerClient(base_url=f"unix://{contained.socket}")
    assert api.containers.get(container).put_archive("/tmp", archive_of(item("/by/api", b"x"), directory("empty")))
    api.close()
    direct.run("exec", container, "cmp", "/tmp/folder/link", "/tmp/copy")
    assert direct.text("exec", container, "stat", "-c", "%h", "/tmp/folder/hard") == "2"
    assert direct.text("exec", container, "cat", "/tmp/by/api") == "x"


def test_files_are_put_where_a_volume_is_mounted_and_memory(engine: Engine, proxy: Proxy, label: str) -> None:
    create(engine, label, Binds=[f"v-{label}:/data"], Tmpfs={"/memory": ""})
    assert put(proxy.socket, label, archive_of(item("file", b"x")), "/data").status == 200
    assert ask(engine.socket, "GET", f"/containers/{label}/archive?path=/data/file").status == 200
    remove_containers(engine, label)
    ask(engine.socket, "DELETE", f"/volumes/v-{label}")


@pytest.mark.parametrize("way", ["bind", "read-only bind", "volume", "disguised volume"])
def test_no_files_are_put_where_the_host_would_have_them(
    engine: Engine, proxy: Proxy, tmp_path: Path, label: str, way: str
) -> None:
    kept, options = tmp_path / "kept", {"type": "none", "o": "bind", "device": str(tmp_path / "kept")}
    kept.mkdir()
    volume = {"Name": f"v-{label}", "DriverOpts": options if way == "disguised volume" else {}}
    ask(engine.socket, "POST", "/volumes/create", json.dumps(volume).encode(), JSON)
    binds = {"bind": f"{kept}:/m", "read-only bind": f"{kept}:/m:ro", "volume": f"v-{label}:/m:ro"}
    create(engine, label, Binds=[binds.get(way, f"v-{label}:/m")])
    feared = archive_of(item("put", b"x", mode=0o4755), link("way", "/m"), item("way/through-a-link", b"x"))
    for path in ("/m", "/", "/tmp"):
        refused = put(proxy.socket, label, feared, path)
        assert (refused.status, "an archive" in refused.json()["message"]) == (403, True), refused
    assert not list(kept.iterdir())
    direct = put(engine.socket, label, archive_of(item("put", b"x", mode=0o4755)), "/m")
    assert (direct.status == 200) is (is_podman(engine) or way in {"bind", "disguised volume"})
    assert (kept / "put").exists() is (direct.status == 200 and way != "volume")  # What we fear.
    remove_containers(engine, label)
    ask(engine.socket, "DELETE", f"/volumes/v-{label}")


NODES: dict[str, dict[str, Any]] = {
    "a block device": {"type": tarfile.BLKTYPE, "devmajor": 7, "devminor": 200},
    "a character device": {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
    "a pipe": {"type": tarfile.FIFOTYPE},
}


@pytest.mark.parametrize("packs", [bytes, gzip.compress])
def test_no_device_or_pipe_is_put_into_a_container(
    engine: Engine, proxy: Proxy, label: str, packs: Callable[[bytes], bytes]
) -> None:
    create(engine, label)
    for kind, fields in NODES.items():
        content = packs(archive_of(item("etc"), item("passwd", **fields)))
        refused = put(proxy.socket, label, content)
        assert (refused.status, f"entry 2 of the archive is {kind}" in read_message(refused.body)) == (403, True)
        assert ask(engine.socket, "GET", f"/containers/{label}/archive?path=/tmp/passwd").status == 404
        assert put(engine.socket, label, content).status == 200  # What we fear.
        assert ask(engine.socket, "GET", f"/containers/{label}/archive?path=/tmp/passwd").status == 200
        remove_containers(engine, label)
        create(engine, label)
    remove_containers(engine, label)


def test_no_device_is_a_dockerfile(dockerd: Engine, make_client: partial[Client], tmp_path: Path) -> None:
    os.mknod(tmp_path / "Dockerfile", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    with running_policy(dockerd.socket, json.dumps(ALLOWED)) as proxy:
        denied = replace(make_client(socket=proxy.socket), extra=CLASSIC).attempt("build", str(tmp_path))
        assert b"is a character device" in denied.stderr, denied
        content = archive_of(item("Dockerfile", **NODES["a character device"]))
        assert build(proxy.socket, "", content).status == 403
        assert b"cannot be empty" in build(dockerd.socket, "", content).body  # What we fear: it was opened.
        with socket.socket(socket.AF_UNIX) as left_out:
            (tmp_path / "Dockerfile").unlink()
            (tmp_path / "Dockerfile").write_bytes(STEP)
            left_out.bind(str(tmp_path / "socket"))
            replace(make_client(socket=proxy.socket), extra=CLASSIC).text("build", str(tmp_path))


OWN = "[preset:ping, own, ContainerCreate: {images: [busybox]}]"


def test_files_are_copied_before_the_first_start_and_a_start_waits_for_that(engine: Engine, label: str) -> None:
    name, content = f"web-{label}", archive_of(item("file", b"x"))
    there = f"/v1.41/containers/{name}"
    body = json.dumps({"Image": "busybox", "Cmd": ["sleep", "600"], "Labels": {"case": label}}).encode()
    with running_policy(engine.socket, OWN) as proxy:
        assert ask(proxy.socket, "POST", f"/v1.41/containers/create?name={name}", body, JSON).status == 201
        assert put(proxy.socket, name, content).status == 200
        for target in ("archive?path=/tmp/file", "export"):
            assert ask(proxy.socket, "GET", f"{there}/{target}").status == 200
        with connect(proxy.socket) as upload, connect(proxy.socket) as start:
            fields = (f"Content-Length: {len(content)}", f"Content-Type: {TAR['Content-Type']}", "Expect: 100-continue")
            send_head(upload, f"PUT {there}/archive?path=/tmp", *fields)
            assert upload.recv(100).startswith(b"HTTP/1.1 100")  # The engine unpacks.
            upload.sendall(content[:700])
            send_head(start, f"POST {there}/start", "Content-Length: 0")
            ended = datetime.now(UTC)
            upload.sendall(content[700:])
            assert (upload.recv(12), start.recv(12)) == (b"HTTP/1.1 200", b"HTTP/1.1 204")
        state = ask(proxy.socket, "GET", f"{there}/json").json()["State"]
        assert state["Status"] == "running"
        assert datetime.fromisoformat(state["StartedAt"]) > ended
        for stopped in (False, True):
            if stopped:
                assert ask(proxy.socket, "POST", f"{there}/kill").status == 204
                assert ask(proxy.socket, "POST", f"{there}/wait").status == 200
            for answer in (
                put(proxy.socket, name, content),
                ask(proxy.socket, "GET", f"{there}/archive?path=/tmp/file"),
                ask(proxy.socket, "GET", f"{there}/export"),
            ):
                assert (answer.status, b"running: true" in answer.body) == (403, True), answer
        assert put(engine.socket, name, content).status == 200  # What we fear.
    remove_containers(engine, label)


def test_docker_builds_and_gives_a_name_that_is_granted(
    dockerd: Engine, make_client: partial[Client], tmp_path: Path, label: str
) -> None:
    (tmp_path / "Dockerfile").write_bytes(b"# syntax=docker/dockerfile:1\n" + STEP)
    name, direct = f"granted/{label}:built", make_client(socket=dockerd.socket)
    with running_policy(dockerd.socket, json.dumps(ALLOWED)) as proxy:
        contained = replace(make_client(socket=proxy.socket), extra=CLASSIC)
        contained.text("build", "--tag", name, "--network", "none", str(tmp_path))
        contained.text("build", "--file", "-", str(tmp_path), data=STEP)
        contained.text("build", "--compress", "--cache-from", name, str(tmp_path))
        assert direct.run_container(name, "cat", "/built") == "built"
        api = docker.DockerClient(base_url=f"unix://{contained.socket}")
        for packed in (False, True):
            stream = list(api.api.build(path=str(tmp_path), tag=name, rm=True, decode=True, gzip=packed))
            assert any("Successfully built" in line.get("stream", "") for line in stream)
            assert not any("Using cache" in line.get("stream", "") for line in stream)
        api.close()
        refused = build(proxy.socket, f"t=trusted/{label}")
        assert (refused.status, f"docker.io/trusted/{label}:latest" in read_message(refused.body)) == (403, True)
    assert not has_image(dockerd, f"trusted/{label}")
    remove_containers(dockerd, label)
    remove_image(dockerd, name)


def test_podman_builds_only_for_an_unrestricted_grant(podman: Engine, label: str) -> None:
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        refused = build(proxy.socket, f"t=granted/{label}")
        assert (refused.status, "does not say that it is Docker" in read_message(refused.body)) == (403, True)
        assert ask(proxy.socket, "GET", "/_ping").status == 200
    assert not has_image(podman, f"granted/{label}")
    with running_policy(podman.socket, json.dumps([*READS, {"ImageBuild": "unrestricted"}])) as proxy:
        printed = build(proxy.socket, f"t=granted/{label}").body.decode()
        assert "Successfully built" in printed, printed
    assert has_image(podman, f"granted/{label}")
    remove_image(podman, f"granted/{label}")


def with_a_form(tag: str) -> bytes:
    """Return a build context with a form behind the first 4096 bytes, which are all that dockerd reads as a context."""
    form = f'\r\n--b\r\nContent-Disposition: form-data; name="t"\r\n\r\n{tag}\r\n--b--\r\n'
    filler = item("filler", bytes(4096 - 3 * 512 - 512))
    return archive_of(item("Dockerfile", b"FROM busybox\n"), filler, item("form", form.encode()))


def test_no_form_in_a_context_says_what_the_image_is_called(dockerd: Engine, label: str) -> None:
    trusted, kind = (
        f"trusted/{label}",
        {"Content-Type": "mult\u0130part/form-data; boundary=b".encode().decode("latin-1")},
    )
    target = f"/v1.41/build?t=granted/{label}"
    with running_policy(dockerd.socket, json.dumps(ALLOWED)) as proxy:
        assert ask(proxy.socket, "POST", target, with_a_form(trusted), kind).status == 400
    assert not has_image(dockerd, trusted)
    assert b"Successfully built" in ask(dockerd.socket, "POST", target, with_a_form(trusted), kind).body
    assert has_image(dockerd, trusted)
    for name in (trusted, f"granted/{label}"):
        remove_image(dockerd, name)


def test_no_build_is_on_the_network_of_the_host(dockerd: Engine, make_client: partial[Client]) -> None:
    step = archive_of(item("Dockerfile", b"FROM busybox\nRUN readlink /proc/self/ns/net\n"))
    host = namespace_of(make_client(socket=dockerd.socket), "host").encode()
    with running_policy(dockerd.socket, json.dumps(ALLOWED)) as proxy:
        for mode in ("networkmode=host", "networkmode=container:x", "networkmode=none&networkmode=host"):
            assert build(proxy.socket, mode, step).status == 403
        for mode in ("networkmode=none", "networkmode=default", "networkmode=bridge", ""):
            built = build(proxy.socket, mode, step).body
            assert b"Successfully built" in built
            assert host not in built
    assert host in build(dockerd.socket, "networkmode=host&nocache=1", step).body


SOCKET = """
sockets:
  ci:
    path: FOLDER/ci.sock
    own_as: ci-LABEL
    own_socket: FOLDER/ci.sock
    allow: [preset:ping, own, ContainerCreate: {images: [busybox]}, PutContainerArchive: {own: true}]
"""


def test_no_archive_replaces_the_client_s_own_socket(engine: Engine, label: str) -> None:
    """It is a mount point: Docker fails to remove it, and Podman writes below it into the container's own files."""
    name, host = f"web-{label}", {"Binds": ["/var/run/docker.sock:/srv/docker.sock"], "NetworkMode": "none"}
    wanted = {"Image": "busybox", "Cmd": ["true"], "Labels": {"case": label}, "HostConfig": host}
    with running_file(engine.socket, SOCKET.replace("LABEL", label)) as (folder, _):
        socket, target = folder / "ci.sock", f"/v1.41/containers/create?name={name}"
        before = socket.stat().st_ino
        assert ask(socket, "POST", target, json.dumps(wanted).encode(), JSON).status == 201
        assert put(socket, name, archive_of(item("beside", b"x")), "/srv").status == 200
        entries = (item("docker.sock", b"x"), directory("docker.sock"), link("docker.sock", "/beside"))
        feared = [("/srv", entry) for entry in entries] + [("/", link("srv", "/tmp"))]
        feared += [("/srv/docker.sock", item(each, b"x")) for each in (".", "x", "../docker.sock", "../ci.sock")]
        for path, entry in feared:
            answer = put(socket, name, archive_of(entry), path)
            assert (socket.is_socket(), socket.stat().st_ino) == (True, before), answer
            assert is_podman(engine) or answer.status >= 400, answer
    remove_containers(engine, label)
