"""Attacks on own images: others' use of one shows nowhere, and no build or create has what others planted."""

import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from e2e.archives import TAR
from e2e.conftest import remove_containers, started
from e2e.engines import Engine, docker_engine
from e2e.images import import_image
from e2e.proxies import running_file
from e2e.talk import Answer, ask
from e2e.test_own import Socket, make_container
from wire.tars import archive_of, item

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import RESERVED
from dockerproxy.policy.objects import SHOWING

pytestmark = pytest.mark.engine

NAMES = ("proxy", "other")
SOCKET = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: NAME-LABEL
    allow:
      - preset:ping
      - own
      - ContainerCreate: {images: ["base:LABEL"]}
      - ImageBuild: {tags: ["**"]}
      - ImageTag: {images: ["base:LABEL"], tags: ["**"]}
"""
Two = tuple[Socket, Socket]


@pytest.fixture(scope="session")
def containerd(busybox: bytes) -> Iterator[Engine]:
    """A dockerd that keeps images in containerd's store."""
    yield from started(docker_engine(features={"containerd-snapshotter": True}), busybox)


@pytest.fixture
def two(engine: Engine, busybox: bytes, label: str) -> Iterator[Two]:
    """Two sockets, on each of which one image is granted that is nobody's; what they have made goes, past the proxy."""
    text = "".join(SOCKET.replace("NAME", name).replace("LABEL", label) for name in NAMES)
    if engine.name == "podman":  # It builds nothing for a contained grant.
        text = text.replace("- ImageBuild", '- ImageTag: {own: true, tags: ["**"]}\n      - ImageCreate')
    import_image(engine.socket, f"docker.io/library/base:{label}", busybox)
    with running_file(engine.socket, f"sockets:{text}") as (folder, _):
        yield Socket(folder / "proxy.sock"), Socket(folder / "other.sock")
    remove_containers(engine, label)
    for image in ask(engine.socket, "GET", "/images/json").json():
        for name in image["RepoTags"] or ():
            if label in name:
                ask(engine.socket, "DELETE", f"/images/{name}?force=1")


def build(socket: Socket, name: str, steps: str, query: str = "") -> Answer:
    archive = archive_of(item("Dockerfile", steps.encode()))
    answer = ask(socket.socket, "POST", f"/v1.41/build?t={name}&{query}", archive, TAR)
    assert (answer.status, b'"error"' in answer.body) == (200, False), answer
    return answer


def bring(socket: Socket, name: str, text: str) -> None:
    """Import an image that no other has."""
    repository, _, tag = name.rpartition(":")
    target = f"/v1.41/images/create?fromSrc=-&repo={repository}&tag={tag}"
    answer = ask(socket.socket, "POST", target, archive_of(item("file", text.encode())), TAR)
    assert (answer.status, b'"error"' in answer.body) == (200, False), answer


def read_all(socket: Socket, engine: Engine, *names: str) -> dict[str, object]:
    """Return all that a client is told of images, by each operation that shows them and by each name."""
    targets: list[str] = []
    for operation in (OPERATIONS[name] for name in sorted(SHOWING)):
        is_libpod = operation.section.startswith("libpod")
        versions = (("v5.0.0",) if engine.name == "podman" else ()) if is_libpod else ("v1.41", "v1.45")
        is_list = "{" not in operation.path
        paths = [operation.path] if is_list else [operation.path.replace("{name+}", name) for name in names]
        queries = ("", "?all=1", "?shared-size=1") if is_list else ("",)
        targets += [f"/{version}{path}{query}" for version in versions for path in paths for query in queries]
    answers = {target: socket.ask("GET", target) for target in targets}
    assert {answer.status for answer in answers.values()} == {200}
    found = {target: answer.json() for target, answer in answers.items()}
    # Docker's order is random among what was created in the same second.
    return {key: sorted(each, key=str) if isinstance(each, list) else each for key, each in found.items()}


@pytest.mark.parametrize("engine", ["dockerd", "containerd"], indirect=True)
def test_nothing_that_is_told_of_an_image_changes_with_what_others_do(two: Two, engine: Engine, label: str) -> None:
    """Others run, tag and build on images that this client may see: own ones, and one of nobody's."""
    mine, other = two
    build(mine, f"mine:{label}", f"FROM base:{label}\nRUN echo {label} > /mine\n")
    names = [f"mine:{label}", f"base:{label}"]
    names += [mine.ask("GET", f"/v1.41/images/{name}/json").json()["Id"] for name in names]
    before = read_all(mine, engine, *names)
    shared = f"/images/mine:{label}/tag?repo={RESERVED}/shared-{label}&tag=other-{label}"
    assert ask(engine.socket, "POST", shared).status == 201
    assert other.ask("POST", f"/v1.41/images/{names[2]}/tag?repo=again&tag={label}").status == 201
    assert other.ask("POST", f"/v1.41/images/base:{label}/tag?repo=named&tag={label}").status == 201
    build(other, f"theirs:{label}", f"FROM again:{label}\nRUN echo {label} > /theirs\n")
    for number, image in enumerate(names[1:3]):
        make_container(other, f"c{number}-{label}", Image=image, Labels={"case": label})
    after = read_all(mine, engine, *names)
    assert {key: (was, after[key]) for key, was in before.items() if was != after[key]} == {}


STEP = 'echo "$HTTP_PROXY" > /made'
STEPS = f"FROM base:LABEL\nRUN {STEP}\n"


def setting(text: str) -> str:
    """Return the part of a query that gives a build a setting which engines leave out of what they compare."""
    return f"buildargs={quote(json.dumps({'HTTP_PROXY': text}))}"


def plant_by_build(_: Engine, other: Socket, label: str) -> None:
    build(other, f"theirs:{label}", STEPS.replace("LABEL", label), setting("theirs"))


def plant_by_commit(engine: Engine, _: Socket, label: str) -> None:
    """Commit a container that is configured like one of the builder's. A stamp would differ, so past the proxy."""
    raw = Socket(engine.socket)
    image = raw.ask("GET", f"/v1.41/images/base:{label}/json").json()["Id"]
    paths = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    command = ["|0", "/bin/sh", "-c", STEP]
    container = make_container(raw, f"p-{label}", Image=image, Cmd=command, Env=[paths], StopTimeout=None)
    target = f"/v1.41/containers/{container}/archive?path=/"
    assert ask(engine.socket, "PUT", target, archive_of(item("made", b"theirs\n")), TAR).status == 200
    assert raw.ask("POST", f"/v1.41/commit?container={container}&repo=theirs&tag={label}").status == 201
    assert raw.ask("DELETE", f"/v1.41/containers/{container}").status == 204


def made_in(engine: Engine, name: str, label: str) -> bytes:
    """Return what a step has made in an image."""
    container = make_container(Socket(engine.socket), f"m-{label}", Image=f"{name}:{label}")
    found = ask(engine.socket, "GET", f"/v1.41/containers/{container}/archive?path=/made")
    assert ask(engine.socket, "DELETE", f"/v1.41/containers/{container}").status == 204
    with tarfile.open(fileobj=io.BytesIO(found.body)) as archive:
        reader = archive.extractfile("made")
        assert reader is not None
        return reader.read()


@pytest.mark.parametrize(
    ("engine", "plant"),
    [
        *(("dockerd", plant) for plant in (plant_by_build, plant_by_commit)),
        *(("containerd", plant) for plant in (plant_by_build, plant_by_commit)),
    ],
    indirect=["engine"],
)
def test_no_build_has_a_file_that_another_client_planted(
    two: Two, engine: Engine, label: str, plant: Callable[[Engine, Socket, str], None]
) -> None:
    """Past the proxy, where the engine takes what looks like a step, a build has it."""
    mine, other = two
    plant(engine, other, label)
    for socket, name, expected in ((Socket(engine.socket), "raw", b"theirs\n"), (mine, "mine", b"mine\n")):
        build(socket, f"{name}:{label}", STEPS.replace("LABEL", label), setting("mine"))
        assert made_in(engine, name, label) == expected, name


@pytest.mark.parametrize("engine", ["podman"], indirect=True)
def test_a_short_name_never_means_the_image_of_another(two: Two, engine: Engine, label: str) -> None:
    """Docker's API means one of Docker Hub, Podman one of this machine first."""
    assert engine.name == "podman"
    for socket, name in zip(two, ("docker.io/library", "localhost"), strict=True):
        bring(socket, f"{name}/app:{label}", name)
    mine, other = two
    answer = mine.ask("POST", f"/v1.41/containers/create?name=c-{label}", Image=f"app:{label}")
    assert answer.status == 201, answer
    found = mine.ask("GET", f"/v5.0.0/libpod/containers/{answer.json()['Id']}/json").json()
    assert found["ImageName"] == f"docker.io/library/app:{label}"
    assert other.ask("POST", "/v1.41/containers/create", Image=f"app:{label}").status == 403


@pytest.mark.parametrize("engine", ["dockerd"], indirect=True)
def test_a_create_runs_no_image_that_gets_the_name_meanwhile(two: Two, engine: Engine, label: str) -> None:
    """Its name is removed, and given by another client, while a create of many volumes is on its way to the engine."""
    mine, other = two
    build(other, f"theirs:{label}", f"FROM base:{label}\nENV whose=theirs\n")
    binds = [f"w{each}-{label}:/w{each}" for each in range(31)]
    for number in range(12):
        name = f"app{number}:{label}"
        build(mine, name, f"FROM base:{label}\nENV whose=mine{number}\n")
        body = {"Image": name, "Cmd": ["true"], "Labels": {"case": label}, "HostConfig": {"Binds": binds}}
        target = f"/v1.41/containers/create?name=c{number}-{label}"
        create = threading.Thread(target=mine.ask, args=("POST", target), kwargs=body)
        create.start()
        for _ in range(2 * number):  # Each time a little later.
            mine.ask("GET", "/v1.41/networks")
        mine.ask("DELETE", f"/v1.41/images/{name}")
        other.ask("POST", f"/v1.41/images/theirs:{label}/tag?repo=app{number}&tag={label}")
        create.join()
        made = mine.ask("GET", f"/v1.41/containers/c{number}-{label}/json")
        assert made.status == 404 or f"whose=mine{number}" in made.json()["Config"]["Env"], number
    remove_containers(engine, label)
    for each in range(31):
        mine.ask("DELETE", f"/v1.41/volumes/w{each}-{label}")
