"""`verify` finds on real engines what is missing, and nothing on one that has it all."""

import json
import socket
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest
from cli.programs import run
from e2e.engines import Engine
from e2e.images import BUSYBOX
from e2e.talk import ask

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}
POLICY = """\
sockets:
  ci:
    path: FOLDER/ci/docker.sock
    allow:
      - preset:ping
      - ContainerStop: {containers: [NAME]}
      - ContainerCreate: {binds: [FOLDER/cache], volumes: [NAME], networks: [NAME], images: [busybox]}
"""


ROOTFUL = "it opens files of containers, like /etc/passwd, as root: no proxy confines a hostile container"


def verify(engine: Engine, folder: Path, name: str) -> tuple[int, list[str]]:
    text = POLICY.replace("FOLDER", str(folder)).replace("NAME", name)
    (folder / "policy.yaml").write_text(text)
    done = run("verify", "--policy", f"{folder}/policy.yaml", "--json", DOCKER_SOCKET_PATH=str(engine.socket))
    assert done.err == ""
    found = json.loads(done.out)
    assert found["engine"].startswith("Docker" if engine.name == "dockerd" else "Podman")
    assert "as root, without user namespaces" in found["engine"]
    return done.status, [f"{each['level']}: {each['says']}" for each in found["findings"]]


def test_what_is_missing_is_found_and_what_is_there_is_not(engine: Engine) -> None:
    name = f"verify-{uuid4().hex[:8]}"
    always = [f"note: {ROOTFUL}"] if engine.name == "podman" else []
    with tempfile.TemporaryDirectory(dir="/srv") as place:
        folder = Path(place)
        status, before = verify(engine, folder, name)
        missing = [f'warning: there is no {kind} "{name}"' for kind in ("container", "volume", "network")]
        assert status == 1
        assert sorted(before) == sorted(
            [
                *always,
                *missing,
                f"error: {folder}/ci: No such file or directory",
                f"warning: {folder}/cache is missing: some clients let the engine create it, owned by root",
            ]
        )
        for each in ("ci", "cache"):
            (folder / each).mkdir()
        make(engine, name, {})
        assert verify(engine, folder, name) == (0, always)
        remove(engine, name)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{folder}/ci/docker.sock")
            make(engine, name, {"Binds": [f"{folder}/ci/docker.sock:/docker.sock"]})
            status, found = verify(engine, folder, name)
        remove(engine, name)
    dead = f"warning: container {name} mounts the file {folder}/ci/docker.sock: the mount breaks if the proxy restarts"
    assert (status, [each for each in found if "unlike the configuration" not in each]) == (1, [dead, *always])


def make(engine: Engine, name: str, host: object) -> None:
    """Make everything that the policy names."""
    post = {"volumes": {"Name": name}, "networks": {"Name": name}}
    for kind, body in post.items():
        assert ask(engine.socket, "POST", f"/{kind}/create", json.dumps(body).encode(), JSON).status < 300
    content = json.dumps({"Image": BUSYBOX, "HostConfig": host}).encode()
    assert ask(engine.socket, "POST", f"/containers/create?name={name}", content, JSON).status == 201


def remove(engine: Engine, name: str) -> None:
    for kind in ("containers", "volumes", "networks"):
        ask(engine.socket, "DELETE", f"/{kind}/{name}")
