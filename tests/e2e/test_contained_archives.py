"""Contained archives on real engines: what clients send arrives, and what violates a grant has had no effect."""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import docker
import pytest
from decisions import read_message
from e2e.archives import ALLOWED, READS, STEP, TAR, build, has_image, namespace_of, remove_image
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.images import import_image
from e2e.programs import Client
from e2e.proxies import Proxy, running_policy
from e2e.talk import Answer, ask, connect, read_until, send_head
from wire.tars import archive_of, directory, hard_link, item, link, read_archive

pytestmark = pytest.mark.engine

CLASSIC = {"DOCKER_BUILDKIT": "0"}


@pytest.fixture
def proxy(engine: Engine) -> Iterator[Proxy]:
    """A proxy before each of the engines that allows what is granted above."""
    with running_policy(engine.socket, json.dumps(ALLOWED)) as running:
        yield running


@pytest.fixture
def contained(proxy: Proxy, make_client: partial[Client]) -> Client:
    """The docker command line, before that proxy."""
    return replace(make_client(socket=proxy.socket), extra=CLASSIC)


@pytest.fixture
def direct(engine: Engine, make_client: partial[Client], label: str) -> Iterator[Client]:
    """The docker command line on the engine itself."""
    yield make_client(socket=engine.socket)
    remove_containers(engine, label)


@pytest.fixture
def container(direct: Client) -> str:
    """A container that waits."""
    return direct.start_container("sleep", "600")


@pytest.fixture
def image(engine: Engine, label: str) -> Iterator[str]:
    """The name of an image that nobody has yet; its file system has one file."""
    name = f"granted/{label}:1"
    import_image(engine.socket, name, archive_of(item("file", label.encode())))
    yield name
    remove_image(engine, name)


def put(socket: Path, container: str, content: bytes) -> Answer:
    return ask(socket, "PUT", f"/containers/{container}/archive?path=/tmp", content, TAR)


def renamed(saved: bytes, name: str) -> bytes:
    """Return an archive of an image, under another name."""
    entries = []
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        for info in archive:
            found = archive.extractfile(info) if info.isreg() else None
            content = found.read() if found is not None else b""
            if info.name == "manifest.json":
                content = json.dumps([{**json.loads(content)[0], "RepoTags": [name]}]).encode()
                info.size = len(content)
            if info.name not in {"index.json", "repositories", "oci-layout"}:
                entries.append((info, content))
    return archive_of(*entries)


def test_files_and_folders_are_copied_into_a_container(
    contained: Client, direct: Client, container: str, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").write_bytes(os.urandom(2_000_000))
    (folder / "link").symlink_to("sub/file")
    contained.run("cp", str(folder), f"{container}:/tmp")
    contained.run("cp", str(folder / "sub" / "file"), f"{container}:/tmp/copy")
    api = docker.DockerClient(base_url=f"unix://{contained.socket}")
    assert api.containers.get(container).put_archive("/tmp", archive_of(item("/by/api", b"x"), directory("empty")))
    api.close()
    direct.run("exec", container, "cmp", "/tmp/folder/link", "/tmp/copy")
    assert direct.text("exec", container, "cat", "/tmp/by/api") == "x"
    assert " denied: " in contained.refused("cp", str(folder), f"{container}:/etc")


def test_no_program_is_put_that_runs_as_its_owner(engine: Engine, proxy: Proxy, direct: Client, container: str) -> None:
    feared = archive_of(item("program", b"x", mode=0o4755))
    refused = put(proxy.socket, container, feared)
    assert (refused.status, "set-user-ID" in refused.json()["message"]) == (403, True)
    assert direct.attempt("exec", container, "ls", "/tmp/program").returncode != 0
    assert put(engine.socket, container, feared).status == 200
    assert direct.text("exec", container, "stat", "-c", "%a", "/tmp/program") == "4755"


def test_nothing_is_put_elsewhere_through_a_link(dockerd: Engine, make_client: partial[Client], label: str) -> None:
    direct = make_client(socket=dockerd.socket)
    container = direct.start_container("sleep", "600")
    feared = archive_of(link("way", "/etc"), item("way/put-by-a-link", b"x"))
    with running_policy(dockerd.socket, json.dumps(ALLOWED)) as proxy:
        assert put(proxy.socket, container, feared).status == 403
    assert direct.attempt("exec", container, "ls", "/etc/put-by-a-link").returncode != 0
    assert put(dockerd.socket, container, feared).status == 200
    direct.run("exec", container, "ls", "/etc/put-by-a-link")
    remove_containers(dockerd, label)


def test_of_an_archive_that_is_cut_off_only_what_was_looked_at_was_unpacked(
    proxy: Proxy, direct: Client, container: str
) -> None:
    content = archive_of(item("before", bytes(300_000)), item("bad", b"x", mode=0o4755), item("after", b"x"))
    with connect(proxy.socket) as client:
        line = f"PUT /containers/{container}/archive?path=/tmp"
        send_head(client, line, "Content-Type: application/x-tar", f"Content-Length: {len(content)}")
        client.sendall(content)
        assert read_until(client, b"}").startswith(b"HTTP/1.1 403 ")
    listed = direct.text("exec", container, "ls", "/tmp").split()
    assert not {"bad", "after"} & set(listed)


def test_a_saved_image_is_loaded_under_a_name_that_is_granted(
    engine: Engine, contained: Client, direct: Client, image: str
) -> None:
    saved = direct.run("save", image)
    for content in (saved, gzip.compress(saved)):
        remove_image(engine, image)
        assert not has_image(engine, image)
        assert image in contained.text("load", data=content)
        assert has_image(engine, image)


def test_no_image_is_loaded_under_a_trusted_name(
    engine: Engine, contained: Client, direct: Client, image: str, label: str
) -> None:
    trusted = f"trusted/{label}:1"
    feared = renamed(direct.run("save", image), trusted)
    done = contained.attempt("load", data=feared)
    assert b"an image name that no rule allows" in done.stdout + done.stderr
    assert not has_image(engine, trusted)
    direct.run("load", data=feared)
    assert has_image(engine, trusted)
    remove_image(engine, trusted)


def test_a_build_runs_its_steps_and_gives_a_name_that_is_granted(
    engine: Engine, contained: Client, direct: Client, tmp_path: Path, label: str
) -> None:
    (tmp_path / "Dockerfile").write_bytes(b"# syntax=docker/dockerfile:1\n" + STEP)
    name = f"granted/{label}:built"
    contained.text("build", "--tag", name, "--network", "none", str(tmp_path))
    contained.text("build", "--file", "-", str(tmp_path), data=STEP)
    contained.text("build", "--compress", "--network", "none", str(tmp_path))
    assert direct.run_container(name, "cat", "/built") == "built"
    api = docker.DockerClient(base_url=f"unix://{contained.socket}")
    for packed in (False, True):
        stream = api.api.build(path=str(tmp_path), tag=name, rm=True, decode=True, gzip=packed)
        assert any("Successfully built" in line.get("stream", "") for line in stream)
    api.close()
    remove_image(engine, name)


def test_no_build_gives_a_trusted_name(engine: Engine, proxy: Proxy, label: str) -> None:
    trusted = f"trusted/{label}"
    refused = build(proxy.socket, f"t={trusted}")
    assert refused.status == 403
    remedy = f'"granted/*:*", docker.io/{trusted}:latest], networks: [none, default]}}" to "allow" of socket "client"'
    assert read_message(refused.body).endswith(remedy)
    assert not has_image(engine, trusted)
    assert b"Successfully built" in build(engine.socket, f"t={trusted}").body
    assert has_image(engine, trusted)
    remove_image(engine, trusted)


def with_a_form(tag: str, *, headers: int) -> bytes:
    """Return a build context with a form behind the first 4096 bytes, which are all that dockerd reads as a context.

    Args:
        tag: What the form says.
        headers: Bytes that the proxy puts before the first entry.
    """
    form = f'\r\n--b\r\nContent-Disposition: form-data; name="t"\r\n\r\n{tag}\r\n--b--\r\n'
    filler = item("filler", bytes(4096 - headers - 3 * 512 - 512))
    return archive_of(item("Dockerfile", b"FROM busybox\n"), filler, item("form", form.encode()))


def test_no_form_in_a_context_says_what_the_image_is_called(dockerd: Engine, label: str) -> None:
    trusted, kind = (
        f"trusted/{label}",
        {"Content-Type": "mult\u0130part/form-data; boundary=b".encode().decode("latin-1")},
    )
    target = f"/v1.41/build?t=granted/{label}"
    with running_policy(dockerd.socket, json.dumps(ALLOWED)) as proxy:
        assert ask(proxy.socket, "POST", target, with_a_form(trusted, headers=1024), kind).status == 400
    assert not has_image(dockerd, trusted)
    assert b"Successfully built" in ask(dockerd.socket, "POST", target, with_a_form(trusted, headers=0), kind).body
    assert has_image(dockerd, trusted)
    for name in (trusted, f"granted/{label}"):
        remove_image(dockerd, name)


def test_no_image_is_made_of_a_context_that_is_cut_off(engine: Engine, proxy: Proxy, label: str) -> None:
    name = f"granted/{label}"
    content = archive_of(item("Dockerfile", STEP), item("large", bytes(300_000)), item("device"))
    device = content.rindex(b"device\0")
    content = content[:device] + content[device:].replace(b"ustar\00000", b"ustarx00", 1)
    assert build(proxy.socket, f"t={name}", content).status == 403
    assert not has_image(engine, name)


def test_no_build_is_on_the_network_of_the_host(dockerd: Engine, make_client: partial[Client]) -> None:
    step = archive_of(item("Dockerfile", b"FROM busybox\nRUN readlink /proc/self/ns/net\n"))
    host = namespace_of(make_client(socket=dockerd.socket), "host").encode()
    with running_policy(dockerd.socket, json.dumps(ALLOWED)) as proxy:
        for mode in ("networkmode=host", "networkmode=container:x", "networkmode=none&networkmode=host"):
            assert build(proxy.socket, mode, step).status == 403
        built = build(proxy.socket, "networkmode=none&nocache=1", step).body
        assert b"Successfully built" in built
        assert host not in built
    assert host in build(dockerd.socket, "networkmode=host&nocache=1", step).body


def test_no_build_is_on_a_network_of_the_swarm_by_its_id(dockerd: Engine, label: str) -> None:
    def make(path: str, **body: object) -> Answer:
        return ask(dockerd.socket, "POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})

    make("/swarm/init", ListenAddr="127.0.0.1:2377", AdvertiseAddr="127.0.0.1")
    try:
        made = make("/networks/create", Name=f"theirs-{label}", Driver="overlay", Attachable=True).json()["Id"]
        mode, step = f"networkmode={made}&nocache=1", archive_of(item("Dockerfile", b"FROM busybox\nRUN ip address\n"))
        assert b"inet 10.0." in build(dockerd.socket, mode, step).body
        for networks in (f"{made[:2]}*", f"{made[:2]}**", "**"):
            allow = json.dumps([{"ImageBuild": {"tags": ["ci/*"], "networks": [networks]}}])
            with running_policy(dockerd.socket, allow) as proxy:
                assert build(proxy.socket, mode, step).status == (200 if networks == "**" else 403)
    finally:
        make("/swarm/leave?force=1")


def test_nothing_is_put_where_something_is_mounted_read_only(engine: Engine, tmp_path: Path, label: str) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    wanted = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"Binds": [f"{kept}:/m:ro"]}}
    head = {"Content-Type": "application/json"}
    made = ask(engine.socket, "POST", f"/containers/create?name={label}", json.dumps(wanted).encode(), head)
    assert made.status == 201
    feared = archive_of(item("put", b"x"))
    target = f"/containers/{label}/archive?path="
    with running_policy(engine.socket, json.dumps([*READS, "PutContainerArchive"])) as proxy:
        for path in ("/m", "/", "/tmp"):
            refused = ask(proxy.socket, "PUT", target + path, feared, TAR)
            assert (refused.status, ", read-only, but" in refused.json()["message"]) == (403, True)
    assert not list(kept.iterdir())
    direct = ask(engine.socket, "PUT", f"{target}/m", feared, TAR)
    assert (direct.status == 200, (kept / "put").exists()) == (is_podman(engine), is_podman(engine))
    ask(engine.socket, "DELETE", f"/containers/{label}?force=1")


def test_no_file_that_is_there_gets_a_second_name(podman: Engine, label: str) -> None:
    wanted = json.dumps({"Image": "busybox", "Cmd": ["true"]}).encode()
    made = ask(podman.socket, "POST", f"/containers/create?name={label}", wanted, {"Content-Type": "application/json"})
    assert made.status == 201
    target = f"/v1.41/containers/{label}/archive?path=/srv/x"
    there = archive_of(directory("srv/x"), item("srv/x/y", b"x", mode=0o600))
    ask(podman.socket, "PUT", target.removesuffix("srv/x"), there, TAR)
    feared = archive_of(item("srv/y", b"x"), hard_link("h", "srv/y", mode=0o777))
    allowed = json.dumps([*READS, {"PutContainerArchive": {"path": ["/srv/x"]}}])
    with running_policy(podman.socket, allowed) as proxy:
        assert b"is a hard link" in ask(proxy.socket, "PUT", target, feared, TAR).body
    assert ask(podman.socket, "PUT", target, feared, TAR).status == 200
    entries = read_archive([ask(podman.socket, "GET", target).body]).entries
    assert {entry.name: entry.mode for entry, _ in entries}[b"x/y"] == 0o777
    ask(podman.socket, "DELETE", f"/containers/{label}?force=1")


def is_podman(engine: Engine) -> bool:
    return b"Podman" in ask(engine.socket, "GET", "/version").body
