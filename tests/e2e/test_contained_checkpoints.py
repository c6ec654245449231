"""Containers are restored on a real Podman: under a contained grant, none that an image describes."""

import json
from pathlib import Path

import pytest
from e2e.engines import Engine
from e2e.proxies import running_policy
from e2e.talk import ask
from wire.tars import archive_of, item

pytestmark = pytest.mark.engine

API = "/v5.4.2/libpod"
CONTAINER, IMAGE = "ab" * 32, "localhost/checkpoint:1"


def describe(podman: Engine, folder: Path) -> bytes:
    """Make the files of an image that describe a container with a directory of the host."""
    mounts = [
        {"type": "proc", "source": "proc", "destination": "/proc"},
        {"type": "bind", "source": str(folder), "destination": "/x", "options": ["rbind"]},
    ]
    spec = {
        "ociVersion": "1.0.2",
        "process": {"args": ["/bin/cat", "/x/secret"], "cwd": "/"},
        "root": {},
        "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]},
        "mounts": mounts,
    }
    config = {
        "id": CONTAINER,
        "name": "restored",
        "privileged": True,
        "rootfsImageName": "docker.io/library/busybox:latest",
        "rootfsImageID": ask(podman.socket, "GET", f"{API}/images/busybox/json").json()["Id"],
        "logDriver": "k8s-file",
    }
    files = {"spec.dump": spec, "config.dump": config}
    return archive_of(*(item(name, json.dumps(content).encode()) for name, content in files.items()))


def test_no_container_is_made_of_what_an_image_says(podman: Engine, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the host")
    allow = ["ContainerRestoreLibpod", "ContainerStartLibpod", {"ImageImportLibpod": {"tags": ["localhost/*"]}}]
    inspect = f"{API}/containers/{CONTAINER}/exists"
    with running_policy(podman.socket, json.dumps(allow)) as proxy:
        content = describe(podman, tmp_path)
        image = ask(proxy.socket, "POST", f"{API}/images/import?reference={IMAGE}", content).json()["Id"]
        restore = f"{API}/containers/{image.removeprefix('sha256:')}/restore"
        assert ask(proxy.socket, "POST", restore).status == 404
        assert ask(podman.socket, "GET", inspect).status == 404
        assert ask(podman.socket, "POST", restore).status == 500  # There is no CRIU, but now there is the container.
        assert ask(proxy.socket, "POST", f"{API}/containers/{CONTAINER}/start").status == 204
    ask(podman.socket, "POST", f"{API}/containers/{CONTAINER}/wait")
    assert b"of the host" in ask(podman.socket, "GET", f"{API}/containers/{CONTAINER}/logs?stdout=true").body
    ask(podman.socket, "DELETE", f"{API}/containers/{CONTAINER}?force=true")
    ask(podman.socket, "DELETE", f"{API}/images/{IMAGE}")
