"""Docker copies what an image has into a new volume, and follows links there: no client can change it meanwhile."""

import contextlib
import io
import json
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.images import busybox_root, import_image
from e2e.programs import Client
from e2e.proxies import running_file
from e2e.starting import start_container
from e2e.talk import Answer
from e2e.test_own import Socket
from waiting import wait_until
from wire.tars import archive_of, directory, item

from dockerproxy.owner_labels import NONCE, OWNER

pytestmark = pytest.mark.engine

FOLDERS = 400
"""More than are copied before somebody notices the first of them."""

SOCKETS = """
sockets:
  own: {path: FOLDER/own.sock, allow: ["preset:ping", own, ContainerCreate, VolumeCreate, "images:read", NetworkCreate]}
  listed:
    path: FOLDER/listed.sock
    allow:
      - "containers:read"
      - ContainerStart
      - ContainerDelete
      - VolumeCreate
      - VolumeDelete
      - ContainerCreate: {volumes: ["*"]}
  served:
    path: FOLDER/served.sock
    allow:
      - "containers:read"
      - VolumeCreate
      - ContainerCreate: {volumes: ["*"]}
      - ServiceCreate: {volumes: ["*"], images: ["**"]}
  open: {path: FOLDER/open.sock, allow: [ContainerCreate: unrestricted, VolumeDelete, VolumePrune]}
"""
WATCH = f"""
until [ "$(ls -A /w)" ]; do :; done
for each in $(seq 0 {FOLDERS}); do ln -s TARGET /w/d$each; done 2> /dev/null
"""


PROJECT = """
services:
  writer:
    image: owned
    user: "1000"
    network_mode: none
    command: sh -c 'cat /kept/seed; echo; echo written > /kept/new; cat /kept/new'
    volumes: ["kept:/kept"]
volumes: {kept: {}}
"""


def add_to_busybox(*more: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """Return an archive of busybox with more in it."""
    entries = []
    with tarfile.open(fileobj=io.BytesIO(busybox_root())) as tar:
        for each in tar:
            content = tar.extractfile(each) if each.isreg() else None
            entries.append((each, content.read() if content is not None else b""))
    return archive_of(*entries, *more)


@pytest.fixture(scope="module")
def image(dockerd: Engine) -> str:
    """An image with many directories, in each of which there is a file."""
    folders = (
        (directory(f"data/d{number}"), item(f"data/d{number}/file", b"x", mode=0o4755)) for number in range(FOLDERS)
    )
    import_image(dockerd.socket, "folders:latest", add_to_busybox(*(each for both in folders for each in both)))
    return "folders"


@pytest.fixture
def sockets(dockerd: Engine, label: str) -> Iterator[Path]:
    """The directory with the sockets of a proxy."""
    with running_file(dockerd.socket, SOCKETS) as (folder, _):
        yield folder
    remove_containers(dockerd, label)


@pytest.fixture(params=["own", "listed"])
def client(request: pytest.FixtureRequest, sockets: Path) -> Socket:
    return Socket(sockets / f"{request.param}.sock")


def create(client: Socket, label: str, image: str, *command: str, **host: object) -> str:
    body = {"Image": image, "Cmd": command or ["true"], "StopTimeout": 0, "Labels": {"case": label}}
    return client.make("containers/create", **body, HostConfig={"NetworkMode": "none", **host})


def mount(volume: str) -> dict[str, object]:
    return {"Type": "volume", "Source": volume, "Target": "/w", "VolumeOptions": {"NoCopy": True}}


def has_files(client: Socket, container: str, folder: str) -> bool:
    """Whether files were copied into the volume that a container has there."""
    return client.ask("HEAD", f"/v1.41/containers/{container}/archive?path={folder}/d0/file").status == 200


def watch(client: Socket, label: str, image: str, volume: str, target: Path) -> None:
    """Have a container put links into a volume as soon as something is there."""
    script = WATCH.replace("TARGET", str(target))
    watching = create(client, label, image, "sh", "-c", script, Mounts=[mount(volume)])
    start_container(client.socket, watching)


def test_without_the_proxy_links_in_a_volume_lead_to_the_host(
    dockerd: Engine, image: str, label: str, tmp_path: Path
) -> None:
    engine = Socket(dockerd.socket)
    for number in range(20):
        watch(engine, label, image, f"v{number}-{label}", tmp_path)
        body = {"Image": image, "Labels": {"case": label}, "HostConfig": {"Binds": [f"v{number}-{label}:/data"]}}
        engine.ask("POST", "/v1.41/containers/create", **body)
        if (tmp_path / "file").exists():
            break
    remove_containers(dockerd, label)
    assert (tmp_path / "file").stat().st_mode & 0o7777 == 0o4755


@pytest.mark.parametrize("is_made", [False, True])
def test_nobody_changes_a_volume_while_files_are_copied_into_it(
    client: Socket, image: str, label: str, tmp_path: Path, *, is_made: bool
) -> None:
    for number in range(3):
        volume = f"v{number}-{label}"
        if is_made:
            client.make("volumes/create", Name=volume)
        watch(client, label, image, volume, tmp_path)
        client.make("volumes/create", Name=volume)
        second = create(client, label, image, Binds=[f"{volume}:/data:ro"])
        assert not has_files(client, second, "/data")
        mounts = client.ask("GET", f"/v1.41/containers/{second}/json").json()["Mounts"]
        assert [(each["Name"], each["RW"]) for each in mounts] == [(volume, False)]
    assert list(tmp_path.iterdir()) == []


def test_the_first_container_of_a_volume_gets_the_files_of_its_image(client: Socket, image: str, label: str) -> None:
    client.make("volumes/create", Name=f"a-{label}")
    for volume in (f"a-{label}", f"b-{label}"):
        assert has_files(client, create(client, label, image, Binds=[f"{volume}:/data"]), "/data")
        assert has_files(client, create(client, label, image, Binds=[f"{volume}:/other"]), "/other")


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize("remover", ["the client", "another client", "a prune"])
def test_a_volume_made_at_the_engine_after_a_removal_is_not_filled(
    dockerd: Engine, sockets: Path, client: Socket, label: str, remover: str
) -> None:
    client.make("volumes/create", Name=f"v-{label}", Labels={"case": label})
    if remover == "a prune":
        filters = quote(json.dumps({"label": [f"case={label}"], "all": ["1"]}))
        pruned = Socket(sockets / "open.sock").ask("POST", f"/v1.42/volumes/prune?filters={filters}")
        assert pruned.json()["VolumesDeleted"] == [f"v-{label}"]
    else:
        who = client if remover == "the client" else Socket(sockets / "open.sock")
        assert who.ask("DELETE", f"/v1.41/volumes/v-{label}").status == 204
    stamped = {OWNER: "own", NONCE: "x"}  # Whoever acts at the engine itself may give it to this client.
    Socket(dockerd.socket).make("volumes/create", Name=f"v-{label}", Labels=stamped)
    body = {"Image": "folders", "Labels": {"case": label}, "HostConfig": {"Binds": [f"v-{label}:/data"]}}
    made = client.ask("POST", "/v1.41/containers/create", **body)
    assert made.status in {201, 403}
    if made.status == 201:
        assert not has_files(client, made.json()["Id"], "/data")


def test_a_volume_that_an_unrestricted_create_mounts_is_not_filled(
    sockets: Path, client: Socket, image: str, label: str
) -> None:
    for number in range(3):
        volume = f"v{number}-{label}"
        client.make("volumes/create", Name=volume)
        create(Socket(sockets / "open.sock"), label, image, Binds=[f"{volume}:/w:nocopy"])
        assert not has_files(client, create(client, label, image, Binds=[f"{volume}:/data"]), "/data")


def test_a_socket_with_grants_of_services_fills_no_volume(sockets: Path, image: str, label: str) -> None:
    client = Socket(sockets / "served.sock")
    client.make("volumes/create", Name=f"a-{label}")
    for volume in (f"a-{label}", f"b-{label}"):
        assert not has_files(client, create(client, label, image, Binds=[f"{volume}:/data"]), "/data")


def test_a_proxy_that_starts_anew_fills_no_volume_from_before(dockerd: Engine, image: str, label: str) -> None:
    for step in ("make", "mount"):
        with running_file(dockerd.socket, SOCKETS) as (folder, _):
            client = Socket(folder / "own.sock")
            if step == "make":
                client.make("volumes/create", Name=f"v-{label}")
            else:
                assert not has_files(client, create(client, label, image, Binds=[f"v-{label}:/data"]), "/data")
    remove_containers(dockerd, label)


def test_no_anonymous_volume_is_mounted_too_early(dockerd: Engine, client: Socket, image: str, label: str) -> None:
    """A list shows it while it is in the making, and files may be copied to it until its container is started."""
    first = create(client, label, image, Mounts=[{"Type": "volume", "Target": "/data"}])
    volume = client.ask("GET", f"/v1.41/containers/{first}/json").json()["Mounts"][0]["Name"]
    body = {"Image": image, "Labels": {"case": label}, "HostConfig": {"Binds": [f"{volume}:/w"]}}
    denied = client.ask("POST", "/v1.41/containers/create", **body)
    assert (denied.status, b"this anonymous volume belongs to no started container" in denied.body) == (403, True)
    start_container(dockerd.socket, first)
    assert client.ask("POST", "/v1.41/containers/create", **body).status == 201
    nobodys = client.ask("POST", "/v1.41/volumes/create")
    assert nobodys.status in {201, 403}
    if nobodys.status == 201:
        body["HostConfig"] = {"Binds": [f"{nobodys.json()['Name']}:/w"]}
        denied = client.ask("POST", "/v1.41/containers/create", **body)
        assert (denied.status, b"this anonymous volume belongs to no started container" in denied.body) == (403, True)


@contextlib.contextmanager
def running_swarm(dockerd: Engine) -> Iterator[None]:
    """Have an engine be in a swarm of its own."""
    raw = Socket(dockerd.socket)
    assert raw.ask("POST", "/v1.41/swarm/init", AdvertiseAddr="127.0.0.1", ListenAddr="127.0.0.1:2377").status == 200
    try:
        yield
    finally:
        assert raw.ask("POST", "/v1.41/swarm/leave?force=1").status == 200


def serve(client: Socket, volume: str) -> Answer:
    """Create a service that has a volume when somebody scales it."""
    mounts = [{"Type": "volume", "Source": volume, "Target": "/w"}]
    task = {"ContainerSpec": {"Image": "folders:latest", "Mounts": mounts}}
    mode = {"Replicated": {"Replicas": 0}}
    return client.ask("POST", "/v1.41/services/create", Name=f"s-{volume}", TaskTemplate=task, Mode=mode)


def test_named_volumes_are_not_filled_in_a_swarm(dockerd: Engine, client: Socket, image: str, label: str) -> None:
    """Tasks of services change it at times of their own, also when no service names it any more."""
    client.make("volumes/create", Name=f"before-{label}")
    with running_swarm(dockerd):
        client.make("volumes/create", Name=f"made-{label}")
        for volume in (f"before-{label}", f"made-{label}", f"new-{label}"):
            assert not has_files(client, create(client, label, image, Binds=[f"{volume}:/data"]), "/data")
        mounts = [
            {"Type": "volume", "Source": f"mount-{label}", "Target": "/data"},
            {"Type": "volume", "Target": "/other"},
        ]
        both = create(client, label, image, Mounts=mounts)
        assert (has_files(client, both, "/data"), has_files(client, both, "/other")) == (False, False)
        seeding = ("cp", "-a", "/data/.", "/new")  # As docs/swarm.md says.
        seeder = create(client, label, image, *seeding, Binds=[f"seeded-{label}:/new"])
        start_container(client.socket, seeder)
        seeded = create(client, label, image, Binds=[f"seeded-{label}:/data"])
        wait_until(lambda: has_files(client, seeded, "/data"), "it has the files")
        anonymous = create(client, label, image, Mounts=[{"Type": "volume", "Target": "/data"}])
        assert has_files(client, anonymous, "/data")


def test_volumes_of_a_swarm_are_not_filled_after_it(dockerd: Engine, sockets: Path, image: str, label: str) -> None:
    """A task may still run, if the engine could not remove it."""
    listed = Socket(sockets / "listed.sock")
    listed.make("volumes/create", Name=f"served-{label}")
    listed.make("volumes/create", Name=f"other-{label}")
    with running_swarm(dockerd):
        assert serve(Socket(sockets / "served.sock"), f"served-{label}").status == 201
        listed.make("volumes/create", Name=f"made-{label}")
    for name, is_filled in (("served", False), ("made", False), ("other", True), ("new", True)):
        container = create(listed, label, image, Binds=[f"{name}-{label}:/data"])
        assert has_files(listed, container, "/data") is is_filled


def test_outside_a_swarm_compose_fills_a_volume_for_an_unprivileged_user(
    dockerd: Engine, make_client: partial[Client], label: str, tmp_path: Path
) -> None:
    """The directory that the image has there belongs to that user, and so does a volume that is filled from it."""
    owned = directory("kept", uid=1000, gid=1000), item("kept/seed", b"seed", uid=1000, gid=1000)
    import_image(dockerd.socket, "owned:latest", add_to_busybox(*owned))
    (tmp_path / "compose.yaml").write_text(PROJECT)
    project = ("compose", "--project-name", f"case{label}", "--file", str(tmp_path / "compose.yaml"))
    with running_file(dockerd.socket, SOCKETS) as (folder, _):
        client = make_client(socket=folder / "own.sock")
        assert client.run(*project, "run", "--rm", "writer").split() == [b"seed", b"written"]
        client.run(*project, "down", "--volumes", "--timeout=0")


def test_no_service_mounts_an_anonymous_volume_too_early(dockerd: Engine, sockets: Path) -> None:
    client = Socket(sockets / "served.sock")
    with running_swarm(dockerd):
        denied = serve(client, client.make("volumes/create"))
    assert (denied.status, b"this anonymous volume belongs to no started container" in denied.body) == (403, True)


def test_a_create_that_fails_leaves_a_volume_new(client: Socket, image: str, label: str) -> None:
    """Clients pull an image when a create says that it is not there, and create again."""
    client.make("volumes/create", Name=f"a-{label}")
    for volume in (f"a-{label}", f"b-{label}"):
        host = {"NetworkMode": "none", "Binds": [f"{volume}:/data"]}
        failed = client.ask("POST", "/v1.41/containers/create", Image="none", Cmd=["true"], HostConfig=host)
        assert failed.status == 404
        assert has_files(client, create(client, label, image, Binds=host["Binds"]), "/data")


def test_a_volume_is_not_new_because_a_create_fails(client: Socket, image: str, label: str) -> None:
    create(client, label, image, Mounts=[mount(f"v-{label}")])
    host = {"NetworkMode": "none", "Binds": [f"v-{label}:/data"]}
    assert client.ask("POST", "/v1.41/containers/create", Image="none", HostConfig=host).status == 404
    assert not has_files(client, create(client, label, image, Binds=host["Binds"]), "/data")
