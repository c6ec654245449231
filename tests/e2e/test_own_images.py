"""Images are shared: beside `own`, names say what a client sees, builds, tags and removes."""

import io
import json
import tarfile
from collections.abc import Iterator
from operator import itemgetter
from urllib.parse import quote

import pytest
from e2e.archives import TAR
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.images import busybox_root, import_image
from e2e.proxies import running_file
from e2e.talk import Answer, ask
from e2e.test_own import Socket, make_container
from wire.tars import archive_of, item

pytestmark = pytest.mark.engine

SOCKET = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: NAME-LABEL
    allow:
      - preset:ping
      - own
      - ContainerCreate: {images: [busybox, "docker.io/library/NAME-*:*"]}
      - ImageCreate: {images: [busybox], tags: ["docker.io/library/NAME-LABEL*:*"]}
      - ImageBuild: {tags: ["docker.io/library/NAME-LABEL*:*"]}
      - ImageTag: {images: [busybox], tags: ["docker.io/library/NAME-LABEL*:*"]}
      - ImageDelete: {tags: ["docker.io/library/NAME-LABEL*:*"]}
      - ImageGetAll: {images: [busybox]}
  free-NAME:
    path: FOLDER/free-NAME.sock
    own_as: free-NAME-LABEL
    allow: [preset:ping, own, ContainerCreate]
"""
Two = tuple[Socket, Socket, Socket]


@pytest.fixture
def two(engine: Engine, label: str) -> Iterator[Two]:
    """Two sockets whose clients give names of their own, and one that runs any image; all that was made goes."""
    text = "".join(SOCKET.replace("NAME", name).replace("LABEL", label) for name in ("proxy", "other"))
    with running_file(engine.socket, f"sockets:{text}") as (folder, _):
        yield Socket(folder / "proxy.sock"), Socket(folder / "other.sock"), Socket(folder / "free-proxy.sock")
    remove_containers(engine, label)
    for image in list_all(engine):
        for name in image["RepoTags"] or ():
            if label in name:
                ask(engine.socket, "DELETE", f"/images/{name}?force=1")


def list_all(engine: Engine) -> list[dict[str, list[str]]]:
    return sorted(ask(engine.socket, "GET", "/images/json").json(), key=itemgetter("Id"))


def names_of(socket: Socket | Engine, label: str) -> list[str]:
    """Return all names of a test's images that a socket or engine lists, without the registry."""
    listed = socket.list("images/json") if isinstance(socket, Socket) else list_all(socket)
    found = [name for image in listed for name in image["RepoTags"] or () if label in name]
    return sorted(name.removeprefix("docker.io/library/") for name in found)


def build(socket: Socket, label: str, query: str = "", step: str = "") -> Answer:
    """Build an image that only tests with this label have."""
    steps = f"FROM busybox\nENV case={label}{step}\n".encode()
    return ask(socket.socket, "POST", f"/v1.41/build?{query}", archive_of(item("Dockerfile", steps)), TAR)


def built(socket: Socket, label: str, query: str = "", step: str = "") -> str:
    """Build an image; return its ID."""
    answer = build(socket, label, query, step)
    assert (answer.status, b'"error"' in answer.body) == (200, False), answer
    aux = [json.loads(line) for line in answer.body.splitlines() if b'"aux"' in line]
    return str(aux[0]["aux"]["ID"])


def inspect(socket: Socket, name: str) -> Answer:
    return socket.ask("GET", f"/v1.41/images/{name}/json")


def remove(socket: Socket, name: str) -> Answer:
    return socket.ask("DELETE", f"/v1.41/images/{name}")


def tag(socket: Socket, image: str, name: str) -> Answer:
    repository, _, tag = name.partition(":")
    return socket.ask("POST", f"/v1.41/images/{image}/tag?repo={repository}&tag={tag}")


@pytest.mark.parametrize("engine", ["dockerd"], indirect=True)
def test_a_client_builds_sees_and_removes_by_its_names(two: Two, engine: Engine, label: str) -> None:
    mine, other, _ = two
    app, theirs = f"proxy-{label}:1", f"other-{label}:1"
    identity = built(mine, label, f"t={app}")
    built(other, label, f"t={theirs}", " other=1")
    assert (names_of(mine, label), names_of(other, label)) == ([app], [theirs])
    assert inspect(mine, app).json()["Id"] == identity
    for name in (app, identity):
        for path in ("json", "history"):
            assert other.ask("GET", f"/v1.41/images/{name}/{path}").status in {403, 404}
        assert remove(other, name).status in {403, 404}
        assert tag(other, name, f"other-{label}:2").status in {403, 404}
        assert other.ask("POST", "/v1.41/containers/create", Image=name).status == 403
        assert other.ask("GET", f"/v1.41/images/get?names={name}").status in {403, 404}
        assert other.ask("GET", f"/v1.41/images/{name}/get").status == 403
    assert build(other, label, f"t={app}", " other=2").status == 403
    assert tag(other, "busybox", app).status == 403
    imported = ask(other.socket, "POST", f"/v1.41/images/create?fromSrc=-&repo={app}", busybox_root(), TAR)
    assert imported.status == 403
    assert inspect(mine, app).json()["Id"] == identity
    make_container(mine, f"c-{label}", Image=app, HostConfig={"NetworkMode": "none"}, Labels={"case": label})
    assert remove(mine, f"{app}?force=1").status in {200, 409}
    remove_containers(engine, label)


@pytest.mark.parametrize("engine", ["dockerd"], indirect=True)
def test_a_removal_forces_nothing(two: Two, engine: Engine, label: str) -> None:
    """By an ID, not even what has names of others, and of many names not one."""
    mine, _, _ = two
    app = f"proxy-{label}:1"
    identity = built(mine, label, f"t={app}")
    assert ask(engine.socket, "POST", f"/images/{identity}/tag?repo=other-{label}&tag=1").status == 201
    for query in ("", "?force=1", "?FORCE=1", "?force=1&Force=true"):
        assert remove(mine, f"{identity}{query}").status == 403, query
    assert remove(mine, f"{app}?force=1").status == 200
    assert names_of(engine, label) == [f"other-{label}:1"]
    assert remove(mine, f"other-{label}:1").status in {403, 404}
    again = built(mine, label, f"t={app}&t=proxy-{label}-b:1", " more=1")
    assert remove(mine, f"{again}?force=1").status == 409, "the engine refuses it, as nothing is forced"
    assert remove(mine, f"proxy-{label}-b:1").status == 200
    assert remove(mine, again[7:19]).status == 200
    assert names_of(engine, label) == [f"other-{label}:1"]


@pytest.mark.parametrize("engine", ["dockerd"], indirect=True)
def test_what_has_no_name_is_run_by_its_id_and_not_shown_or_removed(two: Two, engine: Engine, label: str) -> None:
    mine, other, free = two
    identity = built(mine, label)
    assert ask(engine.socket, "GET", f"/images/{identity}/json").status == 200
    for socket in (mine, other, free):
        assert identity not in [image["Id"] for image in socket.list("images/json?all=1")]
        assert inspect(socket, identity).status in {403, 404}
    for name in (identity, identity[7:19]):
        assert remove(mine, f"{name}?force=1").status in {403, 404}
        assert mine.ask("POST", "/v1.41/containers/create", Image=name).status == 403
        made = free.ask("POST", f"/v1.41/containers/create?name=c-{label}", Image=name, Labels={"case": label})
        assert made.status == 201, made
        remove_containers(engine, label)
    assert tag(mine, identity, f"proxy-{label}:1").status in {403, 404}
    ask(engine.socket, "DELETE", f"/images/{identity}?force=1")


@pytest.mark.parametrize("engine", ["dockerd"], indirect=True)
def test_a_name_moves_and_goes_only_within_tags(two: Two, engine: Engine, label: str) -> None:
    """Neither a tag and a removal, nor a build, takes a name from an image that others use."""
    mine, _, _ = two
    app = f"proxy-{label}:1"
    before = ask(engine.socket, "GET", "/images/busybox/json").json()["Id"]
    assert tag(mine, "busybox", app).status == 201
    for name in ("busybox", before, before[7:], before[7:19]):
        assert remove(mine, f"{name}?force=1").status == 403, name
    assert remove(mine, app).status == 200
    first = built(mine, label, f"t={app}")
    second = built(mine, label, f"t={app}", " second=1")
    assert inspect(mine, app).json()["Id"] == second
    assert inspect(mine, first).status in {403, 404}, "it has no name any more"
    assert ask(engine.socket, "GET", "/images/busybox/json").json()["Id"] == before
    ask(engine.socket, "DELETE", f"/images/{first}?force=1")


@pytest.mark.parametrize("engine", ["dockerd"], indirect=True)
@pytest.mark.parametrize(
    "spelled",
    [
        *("busybox", "docker.io/busybox", "index.docker.io/library/busybox:latest", "docker.io/library/busybox"),
        *("proxy-LABEL@sha256:" + "1" * 64, "proxy-LABEL:1@sha256:" + "1" * 64, "PROXY-LABEL:1", "proxy-LABEL\u0131:1"),
        *("proxy-LABE\u212a:1", "docker.io/other/proxy-LABEL:1", "localhost/proxy-LABEL:1", "deadbeefcafe", "1" * 64),
        *("docker.io/library/other-LABEL:1", "oci:5000/proxy-LABEL:1", "dockerproxy.local/x:1", "proxy-LABEL/x:1"),
    ],
)
def test_no_spelling_of_a_name_gets_around_tags(two: Two, engine: Engine, label: str, spelled: str) -> None:
    mine, _, _ = two
    name, before = quote(spelled.replace("LABEL", label)), list_all(engine)
    assert build(mine, label, f"t={name}").status in {400, 403}
    assert build(mine, label, f"t=proxy-{label}:1&t={name}").status in {400, 403}
    assert mine.ask("POST", f"/v1.41/images/busybox/tag?repo={name}").status in {400, 403}
    imported = ask(mine.socket, "POST", f"/v1.41/images/create?fromSrc=-&repo={name}", busybox_root(), TAR)
    assert imported.status in {400, 403}
    assert mine.ask("DELETE", f"/v1.41/images/{name}").status in {400, 403, 404}
    assert list_all(engine) == before


@pytest.mark.parametrize("engine", ["dockerd", "podman"], indirect=True)
def test_imports_are_named_within_tags(two: Two, label: str) -> None:
    mine, other, _ = two
    name = f"docker.io/library/proxy-{label}"
    imported = ask(mine.socket, "POST", f"/v1.41/images/create?fromSrc=-&repo={name}&tag=1", busybox_root(), TAR)
    assert imported.status == 200, imported
    assert (names_of(mine, label), names_of(other, label)) == ([f"proxy-{label}:1"], [])
    assert remove(mine, f"{name}:1").status == 200
    assert names_of(mine, label) == []


@pytest.mark.parametrize("engine", ["dockerd", "podman"], indirect=True)
def test_a_prune_of_images_or_build_cache_removes_nothing(two: Two, engine: Engine, label: str, busybox: bytes) -> None:
    import_image(engine.socket, f"docker.io/library/proxy-{label}:1", busybox)
    before = list_all(engine)
    for target in ("images/prune", "build/prune"):
        answer = two[0].ask("POST", f"/v1.41/{target}")
        assert (answer.status, [each for each in answer.json().values() if each]) == (200, []), answer
    assert len(list_all(engine)) == len(before)


@pytest.mark.parametrize("engine", ["podman"], indirect=True)
def test_a_short_name_never_means_the_image_of_another(two: Two, engine: Engine, label: str, busybox: bytes) -> None:
    """Docker's API means one of Docker Hub, Podman one of this machine first."""
    mine, _, free = two
    for registry in ("docker.io/library", "localhost"):
        import_image(engine.socket, f"{registry}/proxy-{label}:1", busybox)
    for socket in (mine, free):
        made = socket.ask("POST", f"/v1.41/containers/create?name=c-{label}", Image=f"proxy-{label}:1")
        assert made.status == 201, made
        found = ask(engine.socket, "GET", f"/v5.0.0/libpod/containers/{made.json()['Id']}/json").json()
        assert found["ImageName"] == f"docker.io/library/proxy-{label}:1"
        assert socket.ask("DELETE", f"/v1.41/containers/{made.json()['Id']}").status == 204
    assert remove(mine, f"proxy-{label}:1").status in {200, 403}
    assert f"localhost/proxy-{label}:1" in [name for image in list_all(engine) for name in image["RepoTags"] or ()]


@pytest.mark.parametrize("engine", ["dockerd"], indirect=True)
def test_a_build_takes_no_step_from_images_of_others(two: Two, engine: Engine, label: str) -> None:
    mine, other, _ = two
    built(other, label, f"t=other-{label}:1")
    assert b"using cache" in build(Socket(engine.socket), label).body.lower()
    for query in (f"t=proxy-{label}:1", f"t=proxy-{label}:1&nocache=0&cachefrom=%5B%22other-{label}:1%22%5D"):
        answer = build(mine, label, query)
        assert (answer.status, b"cache" in answer.body.lower()) == (200, False), answer


@pytest.mark.parametrize("engine", ["dockerd"], indirect=True)
def test_what_is_saved_has_the_name_by_which_it_was_asked_for(two: Two, label: str) -> None:
    mine, _, _ = two
    assert tag(mine, "busybox", f"proxy-{label}:1").status == 201
    saved = ask(mine.socket, "GET", "/v1.41/images/get?names=busybox")
    with tarfile.open(fileobj=io.BytesIO(saved.body)) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        assert json.load(manifest)[0]["RepoTags"] == ["busybox:latest"]
    assert ask(mine.socket, "GET", f"/v1.41/images/get?names=proxy-{label}:1").status == 403
