"""A client prunes what is its own, and what others have stays."""

import json
from functools import partial
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy
from e2e.starting import start_container
from e2e.test_own import Socket, make_container, two

pytestmark = pytest.mark.engine

Two = tuple[Socket, Socket, Proxy]
__all__ = ("two",)


def make_some(socket: Socket, label: str, who: str) -> tuple[str, str, str]:
    """Create a stopped container, a network and a volume; return what they are called."""
    container = make_container(socket, f"{who}c-{label}", HostConfig={"NetworkMode": "none"})
    network, volume = f"{who}n-{label}", f"{who}v-{label}"
    socket.make("networks/create", Name=network)
    socket.make("volumes/create", Name=volume)
    return container, network, volume


def list_all(socket: Socket) -> list[str]:
    return [
        str(each.get("Name") or each["Id"])
        for target in ("containers/json?all=1", "networks", "volumes")
        for each in socket.list(target)
    ]


def test_the_command_line_prunes_what_is_its_own_and_nothing_else(
    two: Two, make_client: partial[Client], label: str, engine: Engine
) -> None:
    mine, other, _ = two
    docker = make_client(socket=mine.socket)
    container, network, volume = make_some(mine, label, "m")
    theirs = make_some(other, label, "o")
    running = make_container(mine, f"r-{label}", HostConfig={"NetworkMode": "none", "Binds": [f"u-{label}:/data"]})
    start_container(mine.socket, running)
    assert container.encode() in docker.run("container", "prune", "-f")
    assert network.encode() in docker.run("network", "prune", "-f")
    paused = make_container(mine, f"p-{label}", HostConfig={"NetworkMode": "none"})
    for act in ("start", "pause"):
        assert mine.ask("POST", f"/v1.41/containers/{paused}/{act}").status == 204
    assert paused.encode() not in docker.run("container", "prune", "-f")
    assert mine.ask("DELETE", f"/v1.41/containers/{paused}?force=1").status == 204
    assert volume.encode() in docker.run("volume", "prune", "-af" if engine.name == "dockerd" else "-f")
    assert list_all(mine) == [running, f"u-{label}"]
    assert sorted(list_all(other)) == sorted(theirs)
    assert b"Total reclaimed space: 0B" in docker.run("container", "prune", "-f")
    unused = make_some(mine, label, "u")
    pruned = docker.run("system", "prune", "-f", "--volumes")
    assert all(each.encode() in pruned for each in unused[:2])
    left = {running, f"u-{label}", *([unused[2]] if engine.name == "dockerd" else [])}
    assert set(list_all(mine)) == left  # Docker lists volumes in any order.
    assert sorted(list_all(other)) == sorted(theirs)


def test_filters_narrow_a_prune(two: Two, make_client: partial[Client], label: str) -> None:
    mine, _, _ = two
    docker = make_client(socket=mine.socket)
    make_some(mine, label, "m")
    for kind in ("container", "network"):
        docker.run(kind, "prune", "-f", "--filter", "until=1h")
        docker.run(kind, "prune", "-f", "--filter", "label=case=another")
    assert mine.ask("POST", "/v1.43/volumes/prune").json() == {"VolumesDeleted": [], "SpaceReclaimed": 0}
    assert len(list_all(mine)) == 3
    docker.run("container", "prune", "-f", "--filter", f"label=case={label}", "--filter", "until=0s")
    assert len(list_all(mine)) == 2


def test_no_filter_reaches_what_others_have(two: Two, label: str) -> None:
    mine, other, _ = two
    theirs = make_some(other, label, "o")
    filters: list[Any] = [
        {"label": [f"io.dockerproxy.owner=other-{label}"]},
        {"label": {f"io.dockerproxy.owner=other-{label}": True}},
        {"label": ["io.dockerproxy.owner"], "all": ["true"]},
        {"label": ["*"], "all": ["true"]},
        {"all": ["true"]},
        {"all": {"true": True}},
        {"Label": ["x"]},
        {"label=io.dockerproxy.owner": ["x"]},
        {"label": {}},
        {"label!": ["x"]},
        {"label": [f"io.dockerproxy.owner=other-{label}", "io.dockerproxy.owner"]},
        {"until": ["0s"], "dangling": ["false"]},
        {"name": [theirs[2]]},
        {"until": ["1m", "1h"]},
        [],
        "text",
    ]
    for query in (*map(json.dumps, filters), '{"label":["a"],"label":[]}', "{", "\x00", '{"all":["true"]'):
        for name in ("filters", "Filters", "filters=%7B%7D&filters"):
            for what, version in product(("containers", "networks", "volumes"), ("/v1.41", "/v1.45", "")):
                answer = mine.ask("POST", f"{version}/{what}/prune?{name}={quote(query)}")
                assert answer.status in {200, 400, 403}, answer
                assert not any(each.encode() in answer.body for each in theirs)
    assert sorted(list_all(other)) == sorted(theirs)


def test_a_container_from_an_image_that_carries_a_stamp_survives(two: Two, label: str, engine: Engine) -> None:
    """An operator runs an image that a client committed from its own container, with the stamp on it."""
    mine, _, _ = two
    container, raw = make_container(mine, f"c-{label}"), Socket(engine.socket)
    assert raw.ask("POST", f"/v1.41/commit?container={container}&repo=forged-{label}").status == 201
    victim = make_container(raw, f"raw-{label}", Image=f"forged-{label}", Labels={"case": label})
    answer = mine.ask("POST", "/v1.41/containers/prune")
    assert (answer.status, answer.json()["ContainersDeleted"]) == (200, [container])
    assert raw.ask("GET", f"/v1.41/containers/{victim}/json").status == 200
    raw.ask("DELETE", f"/v1.41/containers/{victim}?force=1")
    raw.ask("DELETE", f"/v1.41/images/forged-{label}?force=1")


def test_without_all_only_anonymous_volumes_go_from_1_42_on(two: Two, label: str, engine: Engine) -> None:
    mine, _, _ = two
    if engine.name == "podman":  # It puts no labels of ours on anonymous volumes, so that nobody owns these.
        made = {f"v-{label}"}
    else:
        container = make_container(mine, f"c-{label}", Volumes={"/data": {}}, HostConfig={"NetworkMode": "none"})
        assert mine.ask("DELETE", f"/v1.41/containers/{container}").status == 204
        made = {f"v-{label}", *(each["Name"] for each in mine.list("volumes"))}
        assert len(made) == 2
    mine.make("volumes/create", Name=f"v-{label}")
    for version in ("/v1.42", ""):
        pruned = mine.ask("POST", f"{version}/volumes/prune").json()["VolumesDeleted"]
        made -= set(pruned)
        assert made == {f"v-{label}"}
    assert mine.ask("POST", "/v1.41/volumes/prune").json()["VolumesDeleted"] == [f"v-{label}"]
