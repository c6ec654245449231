"""Quotas of what is own, on real engines: many creates at once."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import pytest
from decisions import read_message
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import running_file
from e2e.talk import Answer, ask
from e2e.test_own import Socket, make_container

pytestmark = pytest.mark.engine

SOCKET = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: quota-LABEL
    quota: QUOTA
    allow:
      - preset:ping
      - own
      - ContainerCreate:
          images: ["docker.io/library/busybox:*"]
          labels: {case: LABEL}
          memory: 128MiB
          cpus: 1
          pids: 100
      - NetworkCreate: {labels: {case: LABEL}}
      - VolumeCreate: {labels: {case: LABEL}}
"""

Act = Callable[[], Answer]
Serving = Callable[[str], AbstractContextManager[tuple[Socket, Socket]]]


@pytest.fixture
def serving(engine: Engine, label: str) -> Iterator[Serving]:
    """Serves two sockets of one owner with a quota."""

    @contextmanager
    def serve(quota: str) -> Iterator[tuple[Socket, Socket]]:
        text = "".join(SOCKET.replace("NAME", name).replace("QUOTA", quota) for name in ("proxy", "other"))
        with running_file(engine.socket, f"sockets:{text.replace('LABEL', label)}") as (folder, _):
            yield Socket(folder / "proxy.sock"), Socket(folder / "other.sock")

    yield serve
    remove_containers(engine, label)
    filters = f'filters=%7B"label":%5B"case={label}"%5D%7D'
    for section, key in (("networks", "Id"), ("volumes", "Name")):
        found = ask(engine.socket, "GET", f"/v1.41/{section}?{filters}").json()
        for each in (found["Volumes"] if section == "volumes" else found) or ():
            ask(engine.socket, "DELETE", f"/v1.41/{section}/{each[key]}")


def create(socket: Socket | Engine, **options: Any) -> Answer:
    body = {"Image": "busybox", "Cmd": ["sleep", "600"], "StopTimeout": 0, **options}
    return Socket(socket.socket).ask("POST", "/v1.41/containers/create", **body)


def at_once(acts: Sequence[Act]) -> Counter[int]:
    """Do all at once; return how often there was which status."""
    with ThreadPoolExecutor(len(acts)) as pool:
        return Counter(answer.status for answer in pool.map(lambda act: act(), acts))


def test_creates_at_once_leave_as_many_as_the_quota_has(serving: Serving) -> None:
    with serving("{containers: 10}") as sockets:
        assert at_once([partial(create, sockets[number % 2]) for number in range(50)]) == {201: 10, 403: 40}
        assert len(sockets[0].list("containers/json?all=1")) == 10
        answer = create(sockets[1])
        expected = 'ContainerCreate denied: 10 of 10 containers exist; remove one, or raise quota of socket "other"'
        assert read_message(answer.body) == expected
    with serving("{containers: 10}") as sockets:  # Nothing of it is kept anywhere but in the engine.
        assert create(sockets[0]).status == 403
        first = sockets[0].list("containers/json?all=1")[0]["Id"]
        assert sockets[1].ask("DELETE", f"/v1.41/containers/{first}").status == 204
        assert at_once([partial(create, each) for each in sockets]) == {201: 1, 403: 1}


def test_networks_and_volumes_count_also_those_that_a_create_makes(serving: Serving, label: str) -> None:
    with serving("{networks: 2, volumes: 3}") as (mine, other):
        create_network = partial(mine.ask, "POST", "/v1.41/networks/create")
        assert at_once([partial(create_network, Name=f"n{number}-{label}") for number in range(6)])[403] == 4
        assert len(mine.list("networks")) == 2
        create_volume = partial(other.ask, "POST", "/v1.41/volumes/create")
        assert at_once([partial(create_volume, Name=f"v{number}-{label}") for number in range(2)]) == {201: 2}
        assert create(mine, HostConfig={"Binds": [f"v0-{label}:/a", f"w0-{label}:/b"]}).status == 201
        answer = create(mine, HostConfig={"Binds": [f"v0-{label}:/a", f"w1-{label}:/b"]})
        assert (answer.status, b"3 of 3 volumes exist" in answer.body) == (403, True)
        assert create(mine, HostConfig={"Binds": [f"v0-{label}:/a", f"v1-{label}:/b"]}).status == 201
        assert mine.ask("POST", "/v1.41/volumes/create", Name=f"v1-{label}").status == 201
        assert len(mine.list("volumes")) == 3


def test_the_command_line_works_within_a_quota(serving: Serving, make_client: partial[Client], label: str) -> None:
    with serving("{containers: 1, volumes: 1}") as (mine, other):
        docker, others = make_client(socket=mine.socket), make_client(socket=other.socket)
        words = ("run", "--network=none", "-v", f"v-{label}:/data")
        for _ in range(3):
            assert docker.run_container("busybox", "echo", "inside", options=words[1:]) == "inside"
        docker.run(*words, "-d", "--stop-timeout=0", "--name", f"c-{label}", "busybox", "sleep", "600")
        assert "1 of 1 containers exist; remove one" in others.refused(*words, "busybox", "true")
        docker.run("restart", "-t", "0", f"c-{label}")
        docker.run("rm", "-f", f"c-{label}")
        assert others.run_container("busybox", "echo", "inside", options=words[1:]) == "inside"


def test_a_container_counts_whose_image_is_gone(serving: Serving, label: str, engine: Engine) -> None:
    """Its stamp proves nothing then, so that its client could have any number of them. Podman removes it, too."""
    raw, image = Socket(engine.socket), f"docker.io/library/busybox:{label}"
    base = make_container(raw, f"base-{label}")
    repository = "repo=docker.io/library/busybox"
    assert raw.ask("POST", f"/v1.41/commit?container={base}&{repository}&tag={label}").status == 201
    assert raw.ask("DELETE", f"/v1.41/containers/{base}?force=1").status == 204
    with serving("{containers: 2}") as (mine, _):
        made = json.loads(create(mine, Image=image).body)["Id"]
        assert raw.ask("DELETE", f"/v1.41/images/{image}?force=1&noprune=1").status == 200
        is_there = raw.ask("GET", f"/v1.41/containers/{made}/json").status == 200
        assert mine.list("containers/json?all=1") == []
        assert [create(mine).status for _ in range(3)] == ([201, 403, 403] if is_there else [201, 201, 403])


def test_what_carries_a_forged_stamp_does_not_count(serving: Serving, label: str, engine: Engine) -> None:
    raw = Socket(engine.socket)
    with serving("{containers: 2}") as (mine, _):
        container = make_container(mine, f"c-{label}")
        assert raw.ask("POST", f"/v1.41/commit?container={container}&repo=forged-{label}").status == 201
        forged = [make_container(raw, f"f{number}-{label}", Image=f"forged-{label}") for number in range(2)]
        try:
            assert create(mine).status == 201
            assert create(mine).status == 403
        finally:
            for each in forged:
                raw.ask("DELETE", f"/v1.41/containers/{each}?force=1")
            raw.ask("DELETE", f"/v1.41/images/forged-{label}?force=1")
