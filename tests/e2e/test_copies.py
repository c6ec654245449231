"""Docker copies what an image has into a new volume, and follows links there: no client can change it meanwhile."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.images import busybox_root, import_image
from e2e.proxies import running_file
from e2e.talk import Answer
from e2e.test_own import Socket
from wire.tars import archive_of, directory, item

pytestmark = pytest.mark.engine

FOLDERS = 400
"""More than are copied before somebody notices the first of them."""

SOCKETS = """
sockets:
  own: {path: FOLDER/own.sock, allow: ["preset:ping", own, ContainerCreate, VolumeCreate]}
  listed:
    path: FOLDER/listed.sock
    allow:
      - "containers:read"
      - ContainerStart
      - ContainerDelete
      - VolumeCreate
      - VolumeDelete
      - ContainerCreate: {volumes: ["*"]}
      - ServiceCreate: {volumes: ["*"], images: ["**"]}
      - ServiceDelete
"""
WATCH = f"""
until [ "$(ls -A /w)" ]; do :; done
for each in $(seq 0 {FOLDERS}); do ln -s TARGET /w/d$each; done 2> /dev/null
"""


@pytest.fixture(scope="module")
def image(dockerd: Engine) -> str:
    """An image with many directories, in each of which there is a file."""
    packed, entries = io.BytesIO(busybox_root()), []
    with tarfile.open(fileobj=packed) as tar:
        for each in tar:
            content = tar.extractfile(each) if each.isreg() else None
            entries.append((each, content.read() if content is not None else b""))
    for number in range(FOLDERS):
        entries += [directory(f"data/d{number}"), item(f"data/d{number}/file", b"x", mode=0o4755)]
    import_image(dockerd.socket, "folders:latest", archive_of(*entries))
    return "folders"


@pytest.fixture(params=["own", "listed"])
def client(request: pytest.FixtureRequest, dockerd: Engine, label: str) -> Iterator[Socket]:
    with running_file(dockerd.socket, SOCKETS) as (folder, _):
        yield Socket(folder / f"{request.param}.sock")
    remove_containers(dockerd, label)


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
    assert client.ask("POST", f"/v1.41/containers/{watching}/start").status == 204


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


def test_a_volume_is_not_new_because_one_of_its_name_was_made(client: Socket, image: str, label: str) -> None:
    client.make("volumes/create", Name=f"v-{label}")
    assert client.ask("DELETE", f"/v1.41/volumes/v-{label}").status == 204
    create(client, label, image, Mounts=[mount(f"v-{label}")])
    assert not has_files(client, create(client, label, image, Binds=[f"v-{label}:/data"]), "/data")


def test_no_anonymous_volume_is_mounted_too_early(client: Socket, image: str, label: str) -> None:
    """A list shows it while it is in the making; afterwards a container has it."""
    first = create(client, label, image, Mounts=[{"Type": "volume", "Target": "/data"}])
    volume = client.ask("GET", f"/v1.41/containers/{first}/json").json()["Mounts"][0]["Name"]
    body = {"Image": image, "Labels": {"case": label}, "HostConfig": {"Binds": [f"{volume}:/w"]}}
    assert client.ask("POST", "/v1.41/containers/create", **body).status == 201
    nobodys = client.ask("POST", "/v1.41/volumes/create")
    assert nobodys.status in {201, 403}
    if nobodys.status == 201:
        body["HostConfig"] = {"Binds": [f"{nobodys.json()['Name']}:/w"]}
        denied = client.ask("POST", "/v1.41/containers/create", **body)
        assert (denied.status, b"no container has this anonymous volume" in denied.body) == (403, True)


@pytest.fixture
def swarm(dockerd: Engine, label: str) -> Iterator[Socket]:
    """A client who may create services, too."""
    raw = Socket(dockerd.socket)
    assert raw.ask("POST", "/v1.41/swarm/init", AdvertiseAddr="127.0.0.1", ListenAddr="127.0.0.1:2377").status == 200
    with running_file(dockerd.socket, SOCKETS) as (folder, _):
        yield Socket(folder / "listed.sock")
    assert raw.ask("POST", "/v1.41/swarm/leave?force=1").status == 200
    remove_containers(dockerd, label)


def serve(client: Socket, volume: str) -> Answer:
    """Create a service that has a volume when somebody scales it."""
    mounts = [{"Type": "volume", "Source": volume, "Target": "/w"}]
    task = {"ContainerSpec": {"Image": "folders:latest", "Mounts": mounts}}
    mode = {"Replicated": {"Replicas": 0}}
    return client.ask("POST", "/v1.41/services/create", Name=f"s-{volume}", TaskTemplate=task, Mode=mode)


@pytest.mark.parametrize("is_made", ["before", "after", "never"])
def test_no_task_changes_a_volume_while_files_are_copied(swarm: Socket, image: str, label: str, is_made: str) -> None:
    """Its tasks start at times of their own, also when the service is gone."""
    if is_made == "before":
        swarm.make("volumes/create", Name=f"v-{label}")
    assert serve(swarm, f"v-{label}").status == 201
    if is_made == "after":
        swarm.make("volumes/create", Name=f"v-{label}")
    if is_made != "never":
        assert swarm.ask("DELETE", f"/v1.41/services/s-v-{label}").status == 200
    assert not has_files(swarm, create(swarm, label, image, Binds=[f"v-{label}:/data"]), "/data")
    assert has_files(swarm, create(swarm, label, image, Binds=[f"w-{label}:/data"]), "/data")


def test_no_service_mounts_an_anonymous_volume_too_early(swarm: Socket) -> None:
    denied = serve(swarm, swarm.make("volumes/create"))
    assert (denied.status, b"no container has this anonymous volume" in denied.body) == (403, True)


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
