"""Anonymous volumes on real engines: Docker's are own, Podman's nobody's, and both go with their container."""

from functools import partial

import pytest
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy
from e2e.starting import start_container
from e2e.test_own import Socket, make_container, two

pytestmark = pytest.mark.engine

Two = tuple[Socket, Socket, Proxy]
__all__ = ("two",)


def volumes_of(socket: Socket, container: str) -> list[str]:
    mounts = socket.ask("GET", f"/v1.41/containers/{container}/json").json()["Mounts"]
    return sorted(mount["Name"] for mount in mounts if mount["Type"] == "volume")


def test_an_anonymous_volume_is_own_and_goes_with_its_container(two: Two, label: str, engine: Engine) -> None:
    mine, other, _ = two
    raw, is_docker = Socket(engine.socket), engine.name == "dockerd"
    mounts = [{"Type": "volume", "Target": "/c", "VolumeOptions": {"Labels": {"a": "b"}}}]
    host = {"NetworkMode": "none", "Binds": ["/b"], "Mounts": mounts}
    container = make_container(mine, f"c-{label}", Volumes={"/a": {}}, HostConfig=host)
    made = volumes_of(raw, container)
    assert len(made) == 3
    assert sorted(each["Name"] for each in mine.list("volumes")) == (made if is_docker else [])
    assert other.list("volumes") == []
    assert other.ask("GET", f"/v1.41/volumes/{made[0]}").status == 404
    start_container(mine.socket, container)
    again = mine.ask("POST", "/v1.41/containers/create", Image="busybox", HostConfig={"Binds": [f"{made[0]}:/a"]})
    assert again.status == (201 if is_docker else 403), again
    if is_docker:
        assert mine.ask("DELETE", f"/v1.41/containers/{again.json()['Id']}?v=1").status == 204
    assert mine.ask("DELETE", f"/v1.41/containers/{container}?v=1&force=1").status == 204
    assert not {each["Name"] for each in raw.list("volumes")} & set(made)


def test_one_that_is_left_is_pruned_and_none_is_left_of_a_run(
    two: Two, make_client: partial[Client], label: str, engine: Engine
) -> None:
    mine, _, _ = two
    docker, raw = make_client(socket=mine.socket), Socket(engine.socket)
    before = {each["Name"] for each in raw.list("volumes")}
    docker.run("run", "--rm", "--net=none", "-v", "/data", "busybox", "touch", "/data/x")
    left = make_container(mine, f"l-{label}", Volumes={"/a": {}}, HostConfig={"NetworkMode": "none"})
    assert {each["Name"] for each in raw.list("volumes")} - before == set(volumes_of(raw, left))
    [volume] = volumes_of(raw, left)
    assert mine.ask("DELETE", f"/v1.41/containers/{left}?force=1").status == 204
    is_pruned = volume.encode() in docker.run("volume", "prune", "-f")
    assert is_pruned == (engine.name == "dockerd")
    assert raw.ask("DELETE", f"/v1.41/volumes/{volume}").status == (404 if is_pruned else 204)
