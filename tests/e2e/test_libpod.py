"""Podman's own API and its own client, behind switches of their own."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from e2e.conftest import StartProxy, remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import EVERYTHING, Proxy, running_policy
from e2e.talk import ask

pytestmark = pytest.mark.engine

API = "/v5.4.2/libpod"
JSON = {"Content-Type": "application/json"}
OPEN = dict.fromkeys(("POST", "LIBPOD_CONTAINERS", "LIBPOD_EXEC", "LIBPOD_IMAGES", "LIBPOD_INFO"), "1")
WORDS = ("podman", "--remote", "--url")


@pytest.fixture
def connect_podman(
    podman: Engine, make_client: partial[Client], label: str, tmp_path: Path
) -> Iterator[partial[Client]]:
    """Make podman command lines; give a socket to `program` by `podman_on`."""
    yield partial(make_client, extra={"XDG_RUNTIME_DIR": str(tmp_path)})
    remove_containers(podman, label)


def podman_on(proxy: Proxy, connect_podman: partial[Client]) -> Client:
    """Give the podman command line on that proxy."""
    return connect_podman(program=(*WORDS, f"unix://{proxy.socket}"), socket=proxy.socket)


@pytest.fixture
def remote(podman: Engine, start_proxy: StartProxy, connect_podman: partial[Client]) -> Client:
    """The podman command line, through a proxy that allows podman's own API and nothing of Docker's."""
    return podman_on(start_proxy(podman, **OPEN), connect_podman)


def test_podman_runs_lists_and_removes_a_container(remote: Client) -> None:
    container = remote.start_container("sleep", "600")
    assert remote.text("ps", "--quiet", "--no-trunc", "--filter", f"label=case={remote.label}") == container
    assert "sleep 600" in remote.text("top", container)
    remote.run("rm", "--force", "--time=0", container)
    assert remote.text("ps", "--all", "--quiet", "--filter", f"label=case={remote.label}") == ""


def test_the_locks_of_this_engine_are_its_own(podman: Engine) -> None:
    """A machine has 2,048 of them for all engines that share its /dev/shm."""
    assert (podman.folder / "shm" / "libpod_lock").exists()


def test_podman_runs_a_container_in_the_foreground(remote: Client) -> None:
    assert remote.run("run", "--rm", "-i", "--network=none", "busybox", "cat", data=b"through") == b"through"


def test_podman_execs_in_a_container(remote: Client) -> None:
    container = remote.start_container("sleep", "600")
    assert remote.run("exec", "-i", container, "cat", data=b"through") == b"through"


def test_podman_follows_logs(remote: Client) -> None:
    container = remote.start_container("sh", "-c", "echo first; read line; echo got $line", options=("-i",))
    with remote.watch("logs", "--follow", container) as logs:
        logs.wait_for("first")
        with remote.watch("attach", container) as attached:
            attached.write(b"second\n")
            logs.wait_for("got second")
        logs.wait_end()


def test_podman_copies_files_both_ways(remote: Client, tmp_path: Path) -> None:
    container = remote.start_container("sleep", "600")
    (tmp_path / "there").write_bytes(b"content" * 100_000)
    remote.run("cp", str(tmp_path / "there"), f"{container}:/tmp/copied")
    remote.run("cp", f"{container}:/tmp/copied", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == (tmp_path / "there").read_bytes()


def test_podman_lists_saves_and_loads_images(remote: Client, tmp_path: Path) -> None:
    assert "docker.io/library/busybox:latest" in remote.text("images", "--format", "{{.Repository}}:{{.Tag}}")
    remote.run("save", "--output", str(tmp_path / "saved"), "busybox")
    assert "busybox:latest" in remote.text("load", "--input", str(tmp_path / "saved"))


def test_podman_tells_its_version_and_the_host(remote: Client) -> None:
    assert remote.text("version", "--format", "{{.Server.Version}}")
    assert remote.text("info", "--format", "{{.Host.OS}}") == "linux"


def test_podman_s_client_knows_what_there_is_not(podman: Engine, connect_podman: partial[Client], label: str) -> None:
    """It takes some errors for none, by the status in the content."""
    image, name = "docker.io/library/busybox", f"c-{label}"
    named = f"[c-{label}, not-c-{label}]"
    allow = f"""[SystemPingLibpod, ContainerCreateLibpod: unrestricted, ImagePullLibpod: unrestricted,
        "libpod/images:read", "libpod/containers:read": {{containers: {named}}},
        "libpod/containers:write": {{containers: {named}}}, "libpod/pods:read": {{pods: {named}}},
        "libpod/pods:write": {{pods: {named}}}, "libpod/secrets:read": {{secrets: {named}}},
        SecretDeleteLibpod: {{secrets: {named}}}]"""
    with running_policy(podman.socket, allow) as proxy:
        client = podman_on(proxy, connect_podman)
        assert b"RepoTags" in client.run("inspect", image)
        assert client.run("rm", "--force", name) == client.run("pod", "rm", "--force", name) == b""
        for _ in range(2):
            client.run("create", "--replace", "--name", name, image, "true")
        client.run("stop", "--ignore", f"not-{name}")
        client.run("secret", "rm", "--ignore", name)
        assert "no such container" in client.refused("rm", f"not-{name}")
        client.run("rm", name)


def test_podman_s_own_api_is_closed_by_the_switches_of_docker_s(
    podman: Engine, start_proxy: StartProxy, connect_podman: partial[Client]
) -> None:
    proxy = start_proxy(podman, **EVERYTHING)
    assert " denied: " in podman_on(proxy, connect_podman).refused("ps")
    assert ask(proxy.socket, "GET", "/v1.41/containers/json").status == 200
    assert ask(proxy.socket, "GET", "/v5.0.0/libpod/containers/json").status == 403


def test_docker_s_api_is_closed_by_the_switches_of_podman_s_own(podman: Engine, start_proxy: StartProxy) -> None:
    proxy = start_proxy(podman, **OPEN)
    assert ask(proxy.socket, "GET", "/v1.41/containers/json").status == 403
    assert ask(proxy.socket, "GET", "/v5.0.0/libpod/containers/json").status == 200


def test_podman_without_leave_to_write_reads_only(
    podman: Engine, start_proxy: StartProxy, connect_podman: partial[Client]
) -> None:
    proxy = start_proxy(podman, **(OPEN | {"POST": "0"}))
    reader = podman_on(proxy, connect_podman)
    reader.run("ps")
    assert " denied: " in reader.refused("run", "--rm", "--network=none", "busybox", "true")


def test_podman_takes_no_request_of_docker_s_api_for_one_of_its_own(
    podman: Engine, open_podman: Proxy, label: str
) -> None:
    ask(podman.socket, "POST", f"/v5.0.0/libpod/secrets/create?name={label}", b"value")
    # Only Docker's API tells the version of a secret. Podman looks for libpod in the query, too.
    assert "Version" not in ask(podman.socket, "GET", "/secrets?x=/libpod").json()[0]
    for query in ("", "?x=/libpod", "?x=/libpod/local&y=1", "?x=%2Flibpod"):
        assert "Version" in ask(open_podman.socket, "GET", f"/secrets{query}").json()[0]
    assert ask(open_podman.socket, "GET", "/secrets/libpod").status == 400
    assert ask(open_podman.socket, "GET", "/v1.41/secrets/libpod").status == 404
    ask(podman.socket, "DELETE", f"/v5.0.0/libpod/secrets/{label}")


def test_no_name_of_an_image_has_podman_write_to_the_host(podman: Engine, tmp_path: Path) -> None:
    image = f"containers-storage:[vfs@{tmp_path}/store+{tmp_path}/run]a"
    filters = quote(json.dumps({"before": [image]}))
    ask(podman.socket, "GET", f"{API}/images/json?filters={filters}")
    assert (tmp_path / "store" / "vfs-images").exists()
    image = image.replace("/store", "/other")
    filters = quote(json.dumps({"before": [image]}))
    with running_policy(podman.socket, "[ImageListLibpod, ImageList, {ContainerCreate: {}}]") as proxy:
        answers = [
            ask(proxy.socket, "GET", f"{API}/images/json?filters={filters}"),
            ask(proxy.socket, "GET", f"/v1.41/images/json?filters={filters}"),
            ask(proxy.socket, "POST", "/v1.41/containers/create", json.dumps({"Image": image}).encode(), JSON),
        ]
    assert [answer.status for answer in answers] == [400, 400, 403]
    assert not (tmp_path / "other").exists()
