"""A bind below a granted directory is that part of it and nothing else, whatever links lie there."""

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, running_file
from e2e.starting import set_up, start_container
from e2e.talk import ask, read_until, send_head
from e2e.talk import connect as connect_to
from e2e.test_own import NO_NETWORK, Socket
from waiting import wait_until

from dockerproxy.policy.places import Places
from dockerproxy.policy.subtrees import LABEL, NO_PART, write_parts

pytestmark = pytest.mark.engine

SOCKETS = """
sockets:
  agent:
    path: FOLDER/agent.sock
    own_as: agent-LABEL
    paths: {/workspace: ROOT}
    allow:
      - preset:ping
      - own
      - ContainerCreate: {images: [busybox], binds: ["/workspace/**"], volumes: ["*"], labels: {case: LABEL}}
      - ImageInspect: {images: [busybox]}
      - VolumeCreate
  other:
    path: FOLDER/other.sock
    allow:
      - preset:ping
      - ContainerCreate:
          images: [busybox]
          binds: [ROOT, ROOT/cache, ROOT/cache/a]
          volumes: ["*"]
          labels: {case: LABEL}
      - ContainerDelete
      - ContainerInspect
      - ContainerList
      - ContainerStart
      - ContainerWait
      - ContainerLogs
      - SystemDataUsage
      - SystemEvents
      - VolumeCreate
      - VolumeDelete
      - VolumeInspect
      - VolumeList
      - VolumePrune
  third: {path: FOLDER/third.sock, allow: ["containers:read", "volumes:read", SystemDataUsage]}
"""
CREATE = "/v1.45/containers/create"
OURS = "io.dockerproxy.__"
SHOW = ("sh", "-c", "ls /x; cat /x /x/file 2>/dev/null")
PRINTED = "that-is-all"

Two = tuple[Socket, Socket, Proxy]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with files, directories, and links of which some lead out of it."""
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "file").write_text("inside\n")
    (tmp_path / "cache" / "a").mkdir(parents=True)
    for name, target in {"etc": "/etc", "up": "../../../../../../../../etc", "within": "a", "self": "self"}.items():
        (tmp_path / name).symlink_to(target)
    return tmp_path


@pytest.fixture
def two(dockerd: Engine, root: Path, label: str) -> Iterator[Two]:
    """A client that owns what it creates, with a name of its own for the directory; and another without conditions."""
    text = SOCKETS.replace("LABEL", label).replace("ROOT", str(root))
    with running_file(dockerd.socket, text) as (folder, proxy):
        yield Socket(folder / "agent.sock"), Socket(folder / "other.sock"), proxy
    remove_containers(dockerd, label)
    for name in list_ours(dockerd):
        ask(dockerd.socket, "DELETE", f"/volumes/{name}")


def list_ours(engine: Engine) -> list[str]:
    """Return the names of the volumes that the proxy made, past the proxy."""
    listed = ask(engine.socket, "GET", "/volumes").json()["Volumes"] or []
    return [each["Name"] for each in listed if each["Name"].startswith(OURS)]


def make(client: Socket, host: dict[str, Any], *command: str) -> str:
    """Create a container that prints what it mounts."""
    body = {"Cmd": command or SHOW, "Tty": True, "HostConfig": {**NO_NETWORK, **host}}
    made = client.ask("POST", CREATE, Image="busybox", **body)
    assert made.status == 201, made
    return str(made.json()["Id"])


def run(client: Socket, host: dict[str, Any], *command: str) -> str:
    """Run a command in a container; return what it printed, or why the engine did not start it.

    The container stays until that was read: dockerd gives up on what has not been copied 2 s after the end of one
    (`handleContainerExit` of moby), which may be all of it on a busy machine.
    """
    identity = make(client, host, "sh", "-c", f'"$@"; echo {PRINTED}; exec sleep 600', "sh", *(command or SHOW))
    target = f"/v1.45/containers/{identity}"
    started = set_up(lambda: client.ask("POST", f"{target}/start"), lambda answer: answer.body.decode())
    if started.status != 204:
        return str(started.json()["message"])

    def read() -> list[str]:
        printed, *whole = client.ask("GET", f"{target}/logs?stdout=1").body.decode().split(PRINTED)
        return [printed] if whole else []

    [printed] = wait_until(read, "the container prints")
    assert client.ask("DELETE", f"{target}?force=1").status == 204
    return printed


def test_what_lies_below_is_mounted_and_no_link_leads_out(two: Two, root: Path) -> None:
    mine, _, _ = two
    shown = {source: run(mine, {"Binds": [f"/workspace{source}:/x"]}) for source in ("", "/a", "/a/file", "/within")}
    assert "cache" in shown[""]
    assert shown["/a"].split() == shown["/within"].split() == ["deep", "file", "inside"]
    assert shown["/a/file"].split() == ["/x", "inside"]
    for link in ("etc", "up", "self", "etc/ssl", "a/../../x", "missing"):
        answer = mine.ask("POST", CREATE, Image="busybox", HostConfig={"Binds": [f"/workspace/{link}:/x"]})
        if ".." in link:
            assert "not a clean absolute path" in answer.json()["message"]
            continue
        started = mine.ask("POST", f"/v1.45/containers/{answer.json()['Id']}/start")
        assert (started.status, started.json()["message"]) == (400, NO_PART)
    with socket.socket(socket.AF_UNIX) as listening:
        with contextlib.chdir(root):  # A socket's path may have 107 bytes.
            listening.bind("listening.sock")
        assert run(mine, {"Binds": ["/workspace/listening.sock:/x"]}, "test", "-S", "/x") == ""
        assert run(mine, {"Binds": ["/workspace/listening.sock:/x"]}, "ls", "-l", "/x").startswith("s")


def test_mounts_are_read_only_and_binds_are_mounts_likewise(two: Two, root: Path) -> None:
    mine, other, _ = two
    write = ("sh", "-c", "echo more > /x/new && echo written")
    assert "Read-only" in run(mine, {"Binds": ["/workspace/a:/x:ro"]}, *write)
    mount = {"Type": "bind", "Source": "/workspace/a", "Target": "/x"}
    assert "Read-only" in run(mine, {"Mounts": [{**mount, "ReadOnly": True}]}, *write)
    assert not (root / "a" / "new").exists()
    options = {"CreateMountpoint": True, "Propagation": "rprivate"}
    assert run(mine, {"Mounts": [{**mount, "BindOptions": options}]}, *write).strip() == "written"
    assert (root / "a" / "new").read_text() == "more\n"
    assert run(other, {"Binds": [f"{root}/cache/a:/x", f"{root}/cache:/y"]}, *write).strip() == "written"


def test_clients_see_what_they_asked_for_and_no_volume_of_ours(two: Two, root: Path, dockerd: Engine) -> None:
    """Also those of a socket without conditions on volumes."""
    mine, other, _ = two
    identity = make(mine, {"Binds": ["/workspace/a:/x:ro", "/workspace:/whole"]})
    theirs = make(other, {"Mounts": [{"Type": "bind", "Source": f"{root}/cache/a", "Target": "/x"}]})
    for client, own, source, read_only in (
        (mine, identity, "/workspace/a", True),
        (other, theirs, f"{root}/cache/a", None),
    ):
        told = client.ask("GET", f"/v1.45/containers/{own}/json").json()
        mount = {"Type": "bind", "Source": source, "Target": "/x"} | ({"ReadOnly": True} if read_only else {})
        assert told["HostConfig"]["Mounts"] == [mount]
        place = {"Type": "bind", "Source": source, "Destination": "/x", "Mode": "", "Propagation": "rprivate"}
        assert place | {"RW": not read_only} in told["Mounts"]
        listed = {each["Id"]: each["Mounts"] for each in client.ask("GET", "/v1.45/containers/json?all=1").json()}
        assert sorted(listed[own], key=str) == sorted(told["Mounts"], key=str)
        assert OURS not in json.dumps(listed)
        assert OURS not in json.dumps(client.ask("GET", "/v1.45/volumes").json())
    third = Socket(other.socket.parent / "third.sock")
    for client in (other, third):
        for target in ("system/df", "volumes", "containers/json?all=1", f"containers/{identity}/json"):
            answer = client.ask("GET", f"/v1.45/{target}")
            assert (answer.status, OURS.encode() in answer.body) == (200, False)
    assert len(list_ours(dockerd)) == 2
    with connect_to(other.socket) as watching:
        send_head(watching, "GET /v1.45/events?since=1")
        make(other, {"Mounts": [{"Type": "bind", "Source": f"{root}/cache", "Target": "/x"}]})
        other.ask("POST", "/v1.45/volumes/create", Name="last")
        told_events = read_until(watching, b'"last"')
    other.ask("DELETE", "/v1.45/volumes/last")
    assert b'"create"' in told_events
    assert OURS.encode() not in told_events


def test_no_client_uses_a_volume_of_ours_by_its_name(two: Two, root: Path, dockerd: Engine) -> None:
    mine, other, _ = two
    make(mine, {"Binds": ["/workspace/a:/x"]})
    [name] = list_ours(dockerd)
    for client in (mine, other):
        for method, target in (
            ("GET", name),
            ("DELETE", name),
            ("DELETE", f"{name}?force=1"),
            ("GET", name.replace("_", "%5F")),
        ):
            assert client.ask(method, f"/v1.45/volumes/{target}").status == 404
        assert client.ask("POST", "/v1.45/volumes/create", Name=name).status == 403
        mount = {"Type": "volume", "Source": name, "Target": "/x"}
        for host in (
            {"Binds": [f"{name}:/x"]},
            {"Mounts": [mount]},
            {"Mounts": [{**mount, "VolumeOptions": {"Subpath": "a"}}]},
        ):
            denied = client.ask("POST", CREATE, Image="busybox", HostConfig=host)
            assert (denied.status, "keeps such names for itself" in denied.json()["message"]) == (403, True)
    given = {"Type": "bind", "Source": f"{root}/cache/a", "Target": "/x", "VolumeOptions": {"Subpath": "../../etc"}}
    assert other.ask("POST", CREATE, Image="busybox", HostConfig={"Mounts": [given]}).status == 403
    other.ask("POST", f"/v1.45/volumes/prune?filters={quote(json.dumps({'all': ['true']}))}")
    assert list_ours(dockerd) == [name]


def test_a_volume_of_ours_goes_when_no_container_needs_it(two: Two, root: Path, dockerd: Engine) -> None:
    mine, other, _ = two
    first, second = (make(mine, {"Binds": ["/workspace/a:/x"]}) for _ in range(2))
    assert mine.ask("DELETE", f"/v1.45/containers/{first}").status == 204
    assert len(list_ours(dockerd)) == 1
    assert mine.ask("DELETE", f"/v1.45/containers/{second}").status == 204
    assert list_ours(dockerd) == []
    third = make(other, {"Binds": [f"{root}/cache/a:/x"]})
    assert other.ask("DELETE", f"/v1.45/containers/{third}?force=1").status == 204
    assert list_ours(dockerd) == []
    make(mine, {"Binds": ["/workspace/a:/x"]})
    assert mine.ask("POST", "/v1.45/containers/prune").status == 200
    assert list_ours(dockerd) == []
    body = {"Image": "busybox", "Cmd": ["a"], "HostConfig": {"Binds": ["/workspace/a:/x", "/workspace/a/deep:/x"]}}
    assert mine.ask("POST", CREATE, **body).status == 400  # Two at one place.
    assert list_ours(dockerd) == []


def test_a_volume_that_is_not_ours_is_not_mounted(two: Two, dockerd: Engine) -> None:
    mine, _, _ = two
    identity = make(mine, {"Binds": ["/workspace/a:/x"]})
    [name] = list_ours(dockerd)
    assert mine.ask("DELETE", f"/v1.45/containers/{identity}").status == 204
    options = {"type": "none", "o": "rbind,rslave", "device": "/etc"}
    content = json.dumps({"Name": name, "DriverOpts": options}).encode()
    made = ask(dockerd.socket, "POST", "/volumes/create", content, {"Content-Type": "application/json"})
    assert made.status == 201
    host = {"Binds": ["/workspace/a:/x"]}
    refused = mine.ask("POST", CREATE, Image="busybox", HostConfig=host)
    assert (refused.status, "the engine did not make the volume" in refused.json()["message"]) == (503, True)
    ask(dockerd.socket, "DELETE", f"/volumes/{name}")


def test_a_volume_that_was_removed_meanwhile_is_made_again(two: Two, root: Path, dockerd: Engine, label: str) -> None:
    """As between the two requests of the proxy; nothing of the image is copied into it."""
    assert two
    host = {**NO_NETWORK, "Binds": [f"{root}/a/deep:/bin"]}
    body = {"Image": "busybox", "Cmd": ["a"], "Labels": {"case": label}, "HostConfig": host}
    places = Places(roots=frozenset({str(root)}))
    content, roots = write_parts(json.dumps(body).encode(), places)
    made = ask(dockerd.socket, "POST", CREATE, content, {"Content-Type": "application/json"})
    assert made.status == 201, made
    [name] = roots
    told = ask(dockerd.socket, "GET", f"/volumes/{name}").json()
    assert told["Options"] == {"type": "none", "o": "rbind,rslave", "device": roots[name]}
    assert told["Labels"] == {LABEL: f"{root}/a/deep"}
    assert os.listdir(root / "a" / "deep") == []


def test_mounts_of_the_host_below_the_directory_stay(two: Two, root: Path, dockerd: Engine) -> None:
    """What the end of a container unmounts is not unmounted on the host; a container does not see it."""
    mine, _, _ = two
    inside = dockerd.among_its_mounts()
    prepare = 'mount --bind "$0" "$0"; mount --make-rshared "$0"; mount -t tmpfs none "$0/a/deep"; touch "$0/a/deep/in"'
    subprocess.run([*inside, "sh", "-ec", prepare, str(root)], check=True)
    try:
        assert run(mine, {"Binds": ["/workspace/a:/x"]}, "ls", "/x/deep") == ""
        assert run(mine, {"Binds": ["/workspace/a/deep:/x"]}, "ls", "/x").split() == ["in"]
        listed = subprocess.run([*inside, "ls", f"{root}/a/deep"], check=True, capture_output=True, text=True)
        assert listed.stdout.split() == ["in"]
    finally:
        subprocess.run([*inside, "umount", f"{root}/a/deep", str(root)], check=True)


SWAP = "cd /w; while :; do mv x y; ln -s / x; rm x; mv y x; done"


def test_no_container_sees_the_host_through_a_link_that_changes(two: Two, root: Path, dockerd: Engine) -> None:
    """While a container goes on to replace the directory by a link to the root of the host."""
    mine, _, _ = two
    (root / "x").mkdir()
    (root / "x" / "inside").touch()
    swapping = make(mine, {"Binds": ["/workspace:/w"]}, "sh", "-c", SWAP)
    start_container(mine.socket, swapping)
    told = [run(mine, {"Binds": ["/workspace/x:/x"]}, "ls", "/x") for _ in range(60)]
    assert "inside" in {each.strip() for each in told}
    assert any(NO_PART in each for each in told)
    assert not [each for each in told if "etc" in each.split()]
    wait_until(
        lambda: (
            "etc" in run(Socket(dockerd.socket), {"Binds": [f"{root}/x:/x"], "AutoRemove": False}, "ls", "/x").split()
        ),
        "a plain bind shows the host",
    )


def test_the_docker_command_line_works_below(two: Two, make_client: Any, label: str, dockerd: Engine) -> None:
    mine, _, _ = two
    client: Client = make_client(socket=mine.socket)
    for words in (("--volume=/workspace/a:/x",), ("--mount=type=bind,source=/workspace/a,target=/x,readonly",)):
        assert client.run_container("busybox", "cat", "/x/file", options=("--network=none", *words)) == "inside"
    identity = client.start_container("sleep", "600", options=("--volume=/workspace/a:/x",))
    assert client.text("inspect", "--format={{range .Mounts}}{{.Source}}{{end}}", identity) == "/workspace/a"
    assert "/workspace/a" in client.text("ps", "--no-trunc", "--format={{.Mounts}}")
    client.run("rm", "--force", identity)
    assert list_ours(dockerd) == []
    assert client.refused("run", "--volume=/workspace/a:/x:z", "busybox").count(
        "below a directory that clients can write to"
    )
    assert label


def test_a_sweep_removes_volumes_of_ours(dockerd: Engine, root: Path, label: str) -> None:
    """Also those of containers that the engine removes by itself."""
    text = SOCKETS.replace("LABEL", label).replace("ROOT", str(root))
    with running_file(dockerd.socket, text.replace("own_as:", "sweep: at-exit\n    own_as:")) as (folder, proxy):
        mine = Socket(folder / "agent.sock")
        make(mine, {"Binds": ["/workspace/a/deep:/x"]})
        running = make(mine, {"Binds": ["/workspace/a:/x"], "AutoRemove": True}, "sleep", "600")
        start_container(mine.socket, running)
        assert len(list_ours(dockerd)) == 2
        proxy.stop()
    assert list_ours(dockerd) == []


PROJECT = """
services:
  job:
    image: busybox
    network_mode: none
    command: sh -c 'sleep 0.5; cat /short/file /long/file; sleep 0.5'
    volumes:
      - /workspace/a:/short:ro
      - {type: bind, source: /workspace/within, target: /long, bind: {create_host_path: true}}
"""


def test_compose_mounts_what_lies_below(two: Two, make_client: Any, tmp_path: Path, dockerd: Engine) -> None:
    mine, _, _ = two
    client: Client = make_client(socket=mine.socket)
    (tmp_path / "compose.yaml").write_text(PROJECT)
    words = ("compose", "--project-name=p", f"--file={tmp_path}/compose.yaml")
    assert client.text(*words, "up").count("inside") == 2
    assert "Running" not in client.text(*words, "up", "--no-recreate", "--detach")
    assert len(list_ours(dockerd)) == 2
    client.run(*words, "down")
    assert list_ours(dockerd) == []


def test_a_proxy_that_starts_again_knows_what_is_mounted(two: Two, root: Path, dockerd: Engine, label: str) -> None:
    mine, _, _ = two
    identity = make(mine, {"Binds": ["/workspace/a:/x"]})
    text = SOCKETS.replace("LABEL", label).replace("ROOT", str(root))
    with running_file(dockerd.socket, text) as (folder, _):
        again = Socket(folder / "agent.sock")
        told = again.ask("GET", f"/v1.45/containers/{identity}/json").json()
        assert [each["Source"] for each in told["Mounts"]] == ["/workspace/a"]
        assert again.ask("DELETE", f"/v1.45/containers/{identity}").status == 204
    assert list_ours(dockerd) == []


def test_podman_and_older_versions_are_denied(podman: Engine, two: Two, root: Path, label: str) -> None:
    host = {"Binds": ["/workspace/a:/x"]}
    denied = two[0].ask("POST", "/v1.44/containers/create", Image="busybox", HostConfig=host)
    assert (denied.status, "needs API 1.45, not v1.44" in denied.json()["message"]) == (403, True)
    text = SOCKETS.replace("LABEL", label).replace("ROOT", str(root))
    with running_file(podman.socket, text) as (folder, _):
        for version in ("", "/v1.45"):
            denied = Socket(folder / "agent.sock").ask(
                "POST", f"{version}/containers/create", Image="busybox", HostConfig=host
            )
            assert (denied.status, "only Docker 26 and newer" in denied.json()["message"]) == (403, True)
        whole = {"Binds": ["/workspace:/x"]}
        assert (
            Socket(folder / "agent.sock").ask("POST", "/containers/create", Image="busybox", HostConfig=whole).status
            == 201
        )
    remove_containers(podman, label)
