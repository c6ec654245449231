"""Names of images that two clients share: a name of the other's is like one that does not exist, also in events."""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from cli.programs import CODE
from e2e.archives import TAR
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.proxies import running_file, running_policy
from e2e.talk import Answer, UnixConnection, ask
from e2e.test_own import Socket, make_container
from e2e.test_own_anonymous import volumes_of
from e2e.test_own_images import built, names_of
from wire.tars import archive_of, item

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import RESERVED
from dockerproxy.policy.objects import KINDS, Kind

pytestmark = pytest.mark.engine

SOCKET = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: NAME-LABEL
    allow:
      - preset:ping
      - own
      - ContainerCreate: {images: [busybox]}
      - ImageInspect: {images: [busybox]}
      - ImageTag: {images: [busybox], tags: ["docker.io/library/*-LABEL"]}
      - ImageBuild: {tags: ["docker.io/library/*-LABEL", "probe.local/*-LABEL"]}
"""
STEPS = archive_of(item("Dockerfile", b"FROM busybox\n"))
Two = tuple[Socket, Socket]


@pytest.fixture
def engine(dockerd: Engine) -> Engine:
    """The only one that builds for a contained grant."""
    return dockerd


@pytest.fixture
def two(engine: Engine, label: str) -> Iterator[Two]:
    """Two sockets, on each of which images are built."""
    text = "".join(SOCKET.replace("NAME", name).replace("LABEL", label) for name in ("proxy", "other"))
    with running_file(engine.socket, f"sockets:{text}") as (folder, _):
        yield Socket(folder / "proxy.sock"), Socket(folder / "other.sock")
    remove_containers(engine, label)
    images = ask(engine.socket, "GET", "/images/json").json()
    for name in (name for image in images for name in image["RepoTags"] or ()):
        if label in name:
            ask(engine.socket, "DELETE", f"/images/{name}?force=1")


def copy(socket: Socket, name: str) -> None:
    """Give the image of all tests a name by a build without a step."""
    answer = ask(socket.socket, "POST", f"/v1.41/build?t={name}", STEPS, TAR)
    assert (answer.status, b'"error"' in answer.body) == (200, False), answer


def tell(answer: Answer, name: str) -> tuple[int, bytes]:
    """Return what an answer says, but for the name and the ID of the decision."""
    return answer.status, answer.told.replace(name.encode(), b"NAME")


def test_a_name_of_anothers_is_like_one_that_does_not_exist(two: Two, engine: Engine, label: str) -> None:
    """Both own the same image, which is nobody's besides, and each operation on images is tried by the other's name."""
    mine, other = two
    copy(mine, f"mine-{label}")
    copy(other, f"theirs-{label}")
    identity = mine.ask("GET", f"/v1.41/images/mine-{label}/json").json()["Id"]
    assert other.ask("GET", f"/v1.41/images/theirs-{label}/json").json()["Id"] == identity
    images = [OPERATIONS[name] for name, kind in KINDS.items() if kind is Kind.IMAGE]
    assert {"ImageInspect", "ImageGet", "ImageExistsLibpod", "ImageTag"} <= {each.name for each in images}
    digests = ask(engine.socket, "GET", f"/images/{identity}/json").json()["RepoDigests"]
    spelled = [f"theirs-{label}", f"theirs-{label}:latest", f"docker.io/library/theirs-{label}:latest"]
    spelled += [f"docker.io/library/theirs-{label}@{digests[0].partition('@')[2]}"] if digests else []
    for operation in images:
        version = "v5.0.0" if operation.section.startswith("libpod") else "v1.41"
        for text in spelled:
            answers = []
            for name in (f"theirs-{label}", f"nowhere{label[:1]}-{label}"[: len(f"theirs-{label}")]):
                called = text.replace(f"theirs-{label}", name)
                path = re.sub(r"\{[a-z]+\+?\}", "x", operation.path.replace("{name+}", called, 1))
                answer = mine.ask(operation.method, f"/{version}{path}?repo=new-{label}&tag=1")
                answers.append(tell(answer, name))
            assert answers[0] == answers[1], (operation.name, text)
            assert answers[0][0] in {403, 404}, (operation.name, answers)
    bodies = [{"Image": f"theirs-{label}"}, {"Image": f"nowhere-{label}"}]
    made = [tell(mine.ask("POST", "/v1.41/containers/create", **body), body["Image"]) for body in bodies]
    assert made[0] == made[1]
    assert made[0][0] == 403
    names = [name for name in names_of(engine, label) if RESERVED not in name]
    assert names == [f"mine-{label}:latest", f"theirs-{label}:latest"]
    for name in (f"mine-{label}", "busybox", identity):
        assert mine.ask("GET", f"/v1.41/images/{name}/json").status == 200, name


def test_an_end_of_a_name_that_is_ones_own_tells_nothing(two: Two, engine: Engine, label: str) -> None:
    """Docker finds no image by it, whether or not another has a name that ends so."""
    mine, other = two
    for name in (f"probe.local/theirs-{label}", f"probe.local/nowhere-{label}"):
        copy(mine, name)
    copy(other, f"theirs-{label}")
    for target in ("v1.41/images/NAME/json", "v1.41/images/NAME/history", "v5.0.0/libpod/images/NAME/exists"):
        answers = [
            mine.ask("GET", f"/{target.replace('NAME', name)}") for name in (f"theirs-{label}", f"nowhere-{label}")
        ]
        assert answers[0].status == answers[1].status, (engine.name, target, answers)


class Events:
    """What a client is told of images."""

    def __init__(self, socket: Socket, label: str) -> None:
        self._label = label
        self._connection = UnixConnection(socket.socket, 60)
        self._connection.request("GET", "/v1.41/events?filters=" + quote(json.dumps({"type": ["image", "container"]})))
        self._answer = self._connection.getresponse()

    def read_until(self, last: str) -> list[str]:
        """Return all up to the last one, by their names or, if they have none, their action."""
        told: list[str] = []
        while not told or told[-1] != last:
            line = self._answer.readline()
            assert RESERVED.encode() not in line
            event = json.loads(line)
            name = event["Actor"]["Attributes"]["name"].removeprefix("docker.io/library/").removesuffix(":latest")
            told.append(f"{event['Action']} {name}" if self._label in name else event["Action"])
        return told

    def close(self) -> None:
        self._answer.close()
        self._connection.close()


def test_each_follows_the_events_of_its_own_images(two: Two, label: str) -> None:
    """Each has an image of its own, and both share one; each names them, and takes the names away."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(contextlib.closing(Events(socket, label))) for socket in two]
        names = [
            (socket, stream, f"{letter}-{label}") for socket, stream, letter in zip(two, streams, "ab", strict=True)
        ]
        copy(two[1], f"kept-{label}")
        streams[1].read_until(f"tag kept-{label}")
        for socket, stream, name in names:
            built(socket, label, f"t={name}", f" step={name}")
            assert stream.read_until(f"tag {name}") == [f"tag {name}"]
            copy(socket, f"copy{name}")
            stream.read_until(f"tag copy{name}")
            for each in (name, f"copy{name}"):
                assert socket.ask("DELETE", f"/v1.41/images/{each}").status == 200
        told = []
        for socket, stream, name in names:
            make_container(socket, f"c-{name}", Labels={"case": label})
            told.append(stream.read_until(f"create c-{name}"))
    for events, (_, _, name) in zip(told, names, strict=True):
        assert sorted(events) == sorted(["delete", "untag", "untag", f"create c-{name}"])  # Docker tells no name.


def sweep_images(socket: Socket, *words: str) -> list[str]:
    """Sweep what is own with its images; return what is said."""
    policy = str(socket.socket.parent / "policy.yaml")
    program = (sys.executable, "-m", "dockerproxy", "sweep", "--policy", policy, "--images", *words, "proxy")
    done = subprocess.run(program, capture_output=True, text=True, check=False, env={**os.environ, **CODE}, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_sweep_removes_own_images_and_no_name_of_others(two: Two, engine: Engine, label: str) -> None:
    mine, other = two
    built(mine, label, f"t=a-{label}", " step=1")
    built(mine, label, "", " step=2")
    copy(mine, f"copy-{label}")
    copy(other, f"theirs-{label}")
    make_container(mine, f"c-{label}", Image=f"a-{label}", HostConfig={"NetworkMode": "none"}, Labels={"case": label})
    filters = quote(json.dumps({"label": [f"io.dockerproxy.owner=proxy-{label}"]}))
    own = mine.list(f"images/json?filters={filters}")
    assert len(own) == 3
    dry = sweep_images(mine, "--dry-run")
    named = [f"image docker.io/library/{name}-{label}:latest" for name in ("a", "copy")]
    assert sorted(line for line in dry if label in line) == [
        f"would remove  {each}" for each in (f"container c-{label}", *named)
    ]
    removed = sweep_images(mine)
    assert sorted(removed) == sorted(line.replace("would remove", "removed") for line in dry)
    assert len(removed) == 4
    assert sweep_images(mine) == ["nothing to remove"]
    assert [name for name in names_of(engine, label) if RESERVED not in name] == [f"theirs-{label}:latest"]
    assert not any(f"proxy-{label}" in name for name in names_of(engine, label))
    for socket in two:
        assert socket.ask("GET", "/v1.41/images/busybox/json").status == 200


def test_a_sweep_leaves_no_volume_that_an_image_declares(two: Two, engine: Engine, label: str) -> None:
    mine, _ = two
    built(mine, label, f"t=v-{label}", "\nVOLUME /v")
    host = {"NetworkMode": "none"}
    container = make_container(mine, f"c-{label}", Image=f"v-{label}", HostConfig=host, Labels={"case": label})
    [volume] = volumes_of(Socket(engine.socket), container)
    assert ask(engine.socket, "GET", f"/v1.41/volumes/{volume}").status == 200
    assert len(sweep_images(mine)) == 2
    assert ask(engine.socket, "GET", f"/v1.41/volumes/{volume}").status == 404


def test_a_grant_that_says_but_new_names_makes_no_image_own(engine: Engine, label: str) -> None:
    content = archive_of(item("Dockerfile", b"FROM busybox\nRUN touch /secret\n"))
    ask(engine.socket, "POST", f"/v1.41/build?t=secret:{label}", content, TAR)
    allow = ["own", {"ContainerCreate": {"images": ["busybox"]}}, {"ImageTag": {"tags": ["docker.io/library/**"]}}]
    with running_policy(engine.socket, json.dumps(allow)) as proxy:
        for name, status in ((f"secret:{label}", 404), ("busybox", 201)):
            tag = f"/v1.41/images/{name}/tag?repo=docker.io/library/given&tag={label}"
            assert ask(proxy.socket, "POST", tag).status == status
        assert ask(proxy.socket, "DELETE", f"/v1.41/images/docker.io/library/given:{label}").status == 200
    ask(engine.socket, "DELETE", f"/v1.41/images/secret:{label}?force=1")
