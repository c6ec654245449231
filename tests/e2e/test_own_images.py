"""Images that clients build, import and tag: each has its own, and takes no name from another."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from e2e.archives import TAR
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.images import busybox_root
from e2e.proxies import running_file
from e2e.talk import Answer, UnixConnection, ask
from e2e.test_own import Socket, make_container
from e2e.waiting import wait_until
from wire.tars import archive_of, item

from dockerproxy.api.request import RESERVED

pytestmark = pytest.mark.engine

NAMES = ("proxy", "other")
SOCKET = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: image-NAME
    allow:
      - preset:ping
      - own
      - ContainerCreate: {images: [busybox]}
      - ImageBuild: {tags: ["**"]}
      - ImageCreate: {tags: ["**"]}
      - ImagePush: {own: true}
"""
Two = tuple[Socket, Socket]


@pytest.fixture(scope="module", params=["dockerd"])
def before(request: pytest.FixtureRequest) -> Iterator[tuple[Engine, Socket, Socket]]:
    """Two sockets before Docker, which is the only engine that builds for a contained grant."""
    engine: Engine = request.getfixturevalue(request.param)
    text = "".join(SOCKET.replace("NAME", name) for name in NAMES)
    with running_file(engine.socket, f"sockets:{text}") as (folder, _):
        yield engine, Socket(folder / "proxy.sock"), Socket(folder / "other.sock")


@pytest.fixture
def engine(before: tuple[Engine, Socket, Socket]) -> Engine:
    """The engine behind both."""
    return before[0]


@pytest.fixture
def two(before: tuple[Engine, Socket, Socket], label: str) -> Iterator[Two]:
    """The two sockets; what they have made goes, past the proxy."""
    engine, *sockets = before
    yield sockets[0], sockets[1]
    remove_containers(engine, label)
    for image in list_all(engine):
        for name in image["RepoTags"] or ():
            if label in name or RESERVED in name:
                ask(engine.socket, "DELETE", f"/images/{name}?force=1")


def list_all(engine: Engine) -> list[dict[str, list[str]]]:
    return list(ask(engine.socket, "GET", "/images/json").json())


def names_of(engine: Engine, label: str) -> list[str]:
    """Return all names of a test's images, without the registry."""
    found = [name for image in list_all(engine) for name in image["RepoTags"] or () if label in name]
    return sorted(name.removeprefix("docker.io/library/") for name in found)


def marks_of(engine: Engine) -> list[str]:
    """Return the marks of both clients."""
    names = sorted(name for image in list_all(engine) for name in image["RepoTags"] or ())
    return [name for name in names if RESERVED in name and ":image-" in name]


def build(socket: Socket, label: str, query: str = "", step: str = "") -> Answer:
    """Build an image that only tests with this label have."""
    steps = f"FROM busybox\nENV case={label}{step}\n".encode()
    return ask(socket.socket, "POST", f"/v1.41/build?{query}", archive_of(item("Dockerfile", steps)), TAR)


def built(socket: Socket, label: str, query: str = "", step: str = "") -> None:
    answer = build(socket, label, query, step)
    assert (answer.status, b'"error"' in answer.body) == (200, False), answer


def seen(socket: Socket, label: str) -> list[str]:
    """Return all names of images that a socket lists, but those that are other tests'."""
    names = [name for image in socket.list("images/json") for name in image["RepoTags"] or ()]
    names = [name for name in names if label in name or "busybox" in name]
    return sorted(name.removeprefix("docker.io/library/") for name in names)


def inspect(socket: Socket, name: str) -> Answer:
    return socket.ask("GET", f"/v1.41/images/{name}/json")


def remove(socket: Socket, name: str) -> Answer:
    return socket.ask("DELETE", f"/v1.41/images/{name}")


def test_what_was_built_has_its_name_when_the_answer_ends(two: Two, engine: Engine, label: str) -> None:
    mine, other = two
    built(mine, label, f"t=app:{label}&t=second:{label}")
    assert seen(mine, label) == sorted(["busybox:latest", f"app:{label}", f"second:{label}"])
    assert seen(other, label) == ["busybox:latest"]
    assert len(marks_of(engine)) == 2
    assert inspect(mine, f"app:{label}").status == 200
    there, nowhere = inspect(other, f"app:{label}"), inspect(other, f"app:{label[::-1]}x")
    assert there.status == nowhere.status == 404
    identity = inspect(mine, f"app:{label}").json()["Id"]
    assert inspect(other, identity).status == 404
    made = mine.ask("POST", f"/v1.41/containers/create?name=c-{label}", Image=f"app:{label}", Labels={"case": label})
    assert made.status == 201, made
    refused = other.ask("POST", f"/v1.41/containers/create?name=d-{label}", Image=f"app:{label}")
    assert refused.status == 403, refused
    assert mine.ask("DELETE", f"/v1.41/containers/{made.json()['Id']}").status == 204
    assert remove(other, f"app:{label}").status == 404
    removed = remove(mine, f"app:{label}")
    assert (removed.status, RESERVED.encode() in removed.body) == (200, False), removed
    assert names_of(engine, label) == [f"second:{label}"]
    assert remove(mine, f"second:{label}").status == 200
    assert (names_of(engine, label), marks_of(engine)) == ([], [])
    assert inspect(mine, identity).status == 404


def test_nobody_takes_a_name_from_another(two: Two, engine: Engine, label: str) -> None:
    mine, other = two
    built(mine, label, f"t=app:{label}")
    before = inspect(mine, f"app:{label}").json()["Id"]
    answer = build(other, label, f"t=app:{label}", " other=1")
    assert b"is taken by somebody else" in answer.body
    assert inspect(mine, f"app:{label}").json()["Id"] == before
    tagged = other.ask("POST", f"/v1.41/images/busybox/tag?repo=app&tag={label}")
    assert tagged.status == 409, tagged
    built(mine, label, f"t=app:{label}", " other=2")
    assert inspect(mine, f"app:{label}").json()["Id"] != before
    assert ask(engine.socket, "POST", f"/images/busybox/tag?repo=docker.io/library/theirs&tag={label}").status == 201
    assert b"is taken by somebody else" in build(mine, label, f"t=theirs:{label}").body
    assert remove(mine, f"theirs:{label}").status == 403


def test_whoever_shares_an_image_has_only_its_own_names_of_it(two: Two, engine: Engine, label: str) -> None:
    """A build without a step gives the same ID to two."""
    mine, other = two
    built(mine, label, f"t=mine:{label}")
    identity = inspect(mine, f"mine:{label}").json()["Id"]
    ask(engine.socket, "POST", f"/images/{identity}/tag?repo={RESERVED}/shared&tag=image-other")
    assert other.ask("POST", f"/v1.41/images/{identity}/tag?repo=theirs&tag={label}").status == 201
    assert inspect(other, identity).json()["Id"] == identity
    assert seen(mine, label) == sorted(["busybox:latest", f"mine:{label}"])
    assert seen(other, label) == sorted(["busybox:latest", f"theirs:{label}"])
    for answer in (inspect(other, identity), other.ask("GET", f"/v1.41/images/{identity}/history")):
        assert answer.status == 200
        assert f"mine:{label}".encode() not in answer.body
        assert RESERVED.encode() not in answer.body
    assert remove(other, f"mine:{label}").status == 404
    assert remove(other, identity).status == 200
    assert names_of(engine, label) == [f"mine:{label}"]
    assert inspect(mine, f"mine:{label}").status == 200


def test_a_build_takes_no_step_from_images_of_others(two: Two, engine: Engine, label: str) -> None:
    mine, other = two
    built(other, label, f"t=theirs:{label}")
    assert b"using cache" in build(Socket(engine.socket), label).body.lower()
    for query in (f"t=mine:{label}", f"t=mine:{label}&nocache=0"):
        answer = build(mine, label, query)
        assert (answer.status, b"cache" in answer.body.lower()) == (200, False), answer
        assert inspect(mine, f"mine:{label}").json()["Id"] != inspect(other, f"theirs:{label}").json()["Id"]


def test_an_own_image_is_mounted_by_its_id(two: Two, label: str) -> None:
    """Docker mounts none under this version."""
    mine, _ = two
    built(mine, label, f"t=app:{label}")
    identity = inspect(mine, f"app:{label}").json()["Id"]
    for source, status in ((f"app:{label}", 403), (identity, 400)):
        host = {"NetworkMode": "none", "Mounts": [{"Type": "image", "Source": source, "Target": "/x"}]}
        more = {"Image": "busybox", "HostConfig": host, "Labels": {"case": label}}
        answer = mine.ask("POST", f"/v1.41/containers/create?name=c-{label}", **more)
        assert answer.status == status, answer


def test_a_step_less_build_gives_no_power_over_a_name(two: Two, engine: Engine, label: str) -> None:
    mine, _ = two
    steps = archive_of(item("Dockerfile", b"FROM busybox\n"))
    answer = ask(mine.socket, "POST", f"/v1.41/build?t=copy:{label}", steps, TAR)
    assert answer.status == 200, answer
    assert remove(mine, "busybox").status == 403
    assert remove(mine, f"copy:{label}").status == 200
    assert inspect(mine, "busybox").status == 200
    assert names_of(engine, label) == []


def test_what_has_no_name_is_own_all_the_same(two: Two, engine: Engine, label: str) -> None:
    mine, other = two
    built(mine, label)
    marks = marks_of(engine)
    assert len(marks) == 1
    [image] = [each for each in mine.list("images/json") if not each["RepoTags"]]
    identity = str(image["Id"])
    assert inspect(mine, identity).status == 200
    assert inspect(other, identity).status == 404
    assert mine.ask("POST", f"/v1.41/images/{identity}/tag?repo=named&tag={label}").status == 201
    assert seen(mine, label) == sorted(["busybox:latest", f"named:{label}"])
    assert remove(mine, identity).status == 200
    assert marks_of(engine) == []


def test_imports_are_own(two: Two, label: str) -> None:
    mine, other = two
    imported = ask(mine.socket, "POST", f"/v1.41/images/create?fromSrc=-&repo=packed&tag={label}", busybox_root(), TAR)
    assert imported.status == 200, imported
    assert seen(mine, label) == sorted(["busybox:latest", f"packed:{label}"])
    assert seen(other, label) == ["busybox:latest"]
    assert remove(mine, f"packed:{label}").status == 200


def test_a_used_image_is_not_removed(two: Two, label: str) -> None:
    """What the engine refuses changes nothing."""
    mine, _ = two
    built(mine, label, f"t=app:{label}")
    make_container(mine, f"c-{label}", Image=f"app:{label}", HostConfig={"NetworkMode": "none"}, Labels={"case": label})
    for query in ("", "?force=1"):
        assert remove(mine, f"app:{label}{query}").status == 409
        assert seen(mine, label) == sorted(["busybox:latest", f"app:{label}"])


def test_a_removal_by_force_removes_what_is_not_used(two: Two, label: str) -> None:
    """Of what is used or another's it forces nothing."""
    mine, other = two
    built(mine, label, f"t=app:{label}")
    assert remove(other, f"app:{label}?force=1").status == 404
    assert remove(mine, f"app:{label}?force=1").status == 200
    assert seen(mine, label) == ["busybox:latest"]


def test_a_mark_is_no_name_that_anybody_can_use(two: Two, engine: Engine, label: str) -> None:
    mine, other = two
    built(mine, label, f"t=app:{label}")
    [mark] = marks_of(engine)
    forged = mark.replace("-proxy", "-other")
    repository, _, tag = forged.rpartition(":")
    for method, target in (
        ("GET", f"images/{mark}/json"),
        ("DELETE", f"images/{mark}"),
        ("DELETE", f"images/{quote(mark, safe='')}"),
        ("POST", f"images/busybox/tag?repo={repository}&tag={tag}"),
        ("POST", f"images/{mark}/push"),
        ("POST", f"images/create?fromImage={quote(mark)}"),
        ("POST", f"images/create?fromSrc=-&repo={repository}&tag={tag}"),
        ("POST", f"commit?container=x&repo={repository}&tag={tag}"),
        ("GET", "images/json?filters=" + quote(json.dumps({"reference": [mark]}))),
    ):
        answer = other.ask(method, f"/v1.41/{target}")
        assert answer.status in {400, 403}, (target, answer)
    assert build(other, label, f"t={quote(forged)}").status in {400, 403}
    answer = other.ask("POST", "/v1.41/containers/create", Image=mark)
    assert answer.status == 403, answer
    assert marks_of(engine) == [mark]


def test_a_list_by_names_shows_the_own_ones(two: Two, label: str) -> None:
    """Docker leaves out all names but those, and with them who owns them."""
    mine, other = two
    built(mine, label, f"t=app:{label}&t=second:{label}")
    target = "images/json?filters=" + quote(json.dumps({"reference": [f"app:{label}"]}))
    assert [f"app:{label}" in str(each["RepoTags"]) for each in mine.list(target)] == [True]
    assert other.list(target) == []


def test_of_two_clients_that_give_a_name_at_once_one_gets_it(two: Two, engine: Engine, label: str) -> None:
    sockets = [socket for _ in range(4) for socket in two[:2]]
    with ThreadPoolExecutor(len(sockets)) as pool:
        tag = f"/v1.41/images/busybox/tag?repo=wanted&tag={label}"
        answers = list(pool.map(lambda socket: socket.ask("POST", tag).status, sockets))
    assert sorted(set(answers)) == [201, 409]
    assert len({socket for socket, status in zip(sockets, answers, strict=True) if status == 201}) == 1
    assert len(marks_of(engine)) == 1


def test_what_is_built_is_own_whether_or_not_its_client_stays(two: Two, engine: Engine, label: str) -> None:
    mine, other = two
    connection = UnixConnection(mine.socket, 60)
    steps = f"FROM busybox\nENV case={label}\n".encode()
    connection.request("POST", f"/v1.41/build?t=left:{label}", archive_of(item("Dockerfile", steps)), TAR)
    connection.getresponse().read(1)
    connection.close()
    wait_until(lambda: ask(mine.socket, "GET", "/_ping").status == 200, "it serves")
    assert names_of(engine, label) in ([], [f"left:{label}"])
    assert not any(label in name for name in seen(other, label))


def test_a_prune_of_images_removes_none(two: Two, engine: Engine, label: str) -> None:
    mine, _ = two
    built(mine, label, "", " step=1")
    built(mine, label, f"t=a:{label}", " step=2")
    before = len(list_all(engine))
    for filters in ("", "?filters=" + quote(json.dumps({"dangling": ["false"]}))):
        assert mine.ask("POST", f"/v1.41/images/prune{filters}").json() == {"ImagesDeleted": [], "SpaceReclaimed": 0}
    assert (names_of(engine, label), len(list_all(engine))) == ([f"a:{label}"], before)


def test_what_a_build_replaces_is_left_to_its_client(two: Two, engine: Engine, label: str) -> None:
    """Which finds it without a name, as on an engine of its own, and removes it."""
    mine, other = two
    dangling = "images/json?filters=" + quote(json.dumps({"dangling": ["true"]}))
    for number in range(3):
        built(mine, label, f"t=app:{label}", f" step={number}")
    assert (len(mine.list(dangling)), other.list(dangling)) == (2, [])
    before = len(list_all(engine))
    for image in mine.list(dangling):
        assert mine.ask("DELETE", f"/v1.41/images/{image['Id']}").status == 200
    assert (mine.list(dangling), len(list_all(engine))) == ([], before - 2)
    assert seen(mine, label) == sorted(["busybox:latest", f"app:{label}"])
