"""What could be done with volumes, networks, images and commands, and is not done through the proxy."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, running_policy
from e2e.starting import run_container, start_container
from e2e.talk import Answer, ask

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}
TAR = {"Content-Type": "application/x-tar"}
EMPTY_TAR = b"\0" * 10240


@pytest.fixture(autouse=True)
def cleaned(request: pytest.FixtureRequest, label: str) -> Iterator[None]:
    """Remove what a test made: its names end in its label."""
    names = [name for name in ("engine", "dockerd", "podman") if name in request.fixturenames]
    engine: Engine = request.getfixturevalue(names[0])
    yield
    remove_containers(engine, label)
    for network in ask(engine.socket, "GET", "/networks").json():
        if label in network["Name"]:
            ask(engine.socket, "DELETE", f"/networks/{network['Id']}")
    for volume in ask(engine.socket, "GET", "/volumes").json()["Volumes"] or ():
        if label in volume["Name"]:
            ask(engine.socket, "DELETE", f"/volumes/{volume['Name']}?force=1")
    for image in ask(engine.socket, "GET", "/images/json").json():
        for tag in image["RepoTags"] or ():
            if label in tag:
                ask(engine.socket, "DELETE", f"/images/{tag}")


def send(target: Engine | Proxy, path: str, **body: object) -> Answer:
    return ask(target.socket, "POST", path, json.dumps(body).encode() if body else None, JSON if body else None)


def make(target: Engine | Proxy, path: str, **body: object) -> Any:
    """Make something; return what the answer says."""
    answer = send(target, path, **body)
    assert answer.status in {200, 201, 204}, answer
    return answer.json() if answer.body.strip() and answer.body[:1] == b"{" else {}


def refusal(proxy: Proxy, path: str, **body: object) -> str:
    """Return why a request is refused, which it must be."""
    answer = send(proxy, path, **body)
    assert answer.status == 403, answer
    return str(answer.json()["message"])


def create(target: Engine | Proxy, label: str, name: str, **options: object) -> str:
    body = {"Image": "busybox", "Labels": {"case": label}, "HostConfig": {"NetworkMode": "none"}, **options}
    return str(make(target, f"/containers/create?name={name}", **body)["Id"])


def start(engine: Engine, label: str, name: str) -> str:
    identity = create(engine, label, name, Cmd=["sleep", "600"], StopTimeout=0)
    start_container(engine.socket, identity)
    return identity


# Volumes


def test_a_volume_that_is_a_directory_of_the_host_is_neither_made_nor_mounted(
    engine: Engine, label: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("of the host")
    options = {"type": "none", "o": "bind", "device": str(tmp_path)}
    disguised = f"disguised-{label}"
    make(engine, "/volumes/create", Name=disguised, Driver="local", DriverOpts=options)
    host = {"NetworkMode": "none", "Binds": [f"{disguised}:/v"]}
    shown = create(engine, label, f"fear-{label}", Cmd=["cat", "/v/secret"], Tty=True, HostConfig=host)
    assert "of the host" in run_container(engine.socket, shown)

    allow = f"[{{VolumeCreate: {{names: ['*-{label}']}}}}, {{ContainerCreate: {{volumes: ['*-{label}']}}}}]"
    with running_policy(engine.socket, allow) as proxy:
        message = refusal(proxy, "/volumes/create", Name=f"mine-{label}", DriverOpts=options)
        assert "DriverOpts is" in message
        assert "may be any directory of the host" in message
        assert "driveropts" not in refusal(proxy, "/volumes/create", Name=f"mine-{label}", driveropts=options)
        assert ask(engine.socket, "GET", f"/volumes/mine-{label}").status == 404
        make(proxy, "/volumes/create", Name=f"mine-{label}", Driver="local", DriverOpts={}, Labels=None)
        for mounts in (
            {"Binds": [f"{disguised}:/v"]},
            {"Mounts": [{"Type": "volume", "Source": disguised, "Target": "/v"}]},
        ):
            body = {"Image": "busybox", "HostConfig": {"NetworkMode": "none", **mounts}}
            assert disguised in refusal(proxy, "/containers/create", **body)
        create(proxy, label, f"mine-{label}", HostConfig={"NetworkMode": "none", "Binds": [f"mine-{label}:/v"]})


# Networks


def test_a_network_takes_no_interface_and_no_addresses_of_the_host(engine: Engine, label: str) -> None:
    bridge = {"com.docker.network.bridge.name": f"br{label[:8]}"}
    ipam = {"Config": [{"Subnet": "192.0.2.0/24", "Gateway": "192.0.2.1"}]}
    made = make(engine, "/networks/create", Name=f"fear-{label}", Options=bridge, IPAM=ipam)["Id"]
    shown = ask(engine.socket, "GET", f"/networks/{made}").json()
    assert shown["IPAM"]["Config"][0]["Subnet"] == "192.0.2.0/24"
    if engine.name == "dockerd":
        assert shown["Options"] == bridge
    ask(engine.socket, "DELETE", f"/networks/{made}")

    with running_policy(engine.socket, "[{NetworkCreate: {subnets: [10.77.0.0/16]}}]") as proxy:
        name = f"mine-{label}"
        assert "IPAM.Config[0].Subnet" in refusal(proxy, "/networks/create", Name=name, IPAM=ipam)
        for field, more in (
            ("Options", {"Options": bridge}),
            ("Driver", {"Driver": "macvlan", "Options": {"parent": "eth0"}}),
            ("Driver", {"Driver": "ipvlan"}),
            ("Driver", {"driver": "host"}),
            ("ConfigFrom", {"ConfigFrom": {"Network": "other"}}),
            ("IPAM.Driver", {"IPAM": {"Driver": "some-plugin"}}),
        ):
            assert f"{field}" in refusal(proxy, "/networks/create", Name=name, **more)
        granted = {"Config": [{"Subnet": "10.77.3.0/24", "Gateway": "10.77.3.1"}]}
        made = make(proxy, "/networks/create", Name=name, IPAM=granted, Driver="bridge", Options={})["Id"]
        assert ask(engine.socket, "GET", f"/networks/{made}").json()["Driver"] == "bridge"


def test_the_command_line_makes_an_ordinary_network_and_volume(
    engine: Engine, make_client: partial[Client], label: str
) -> None:
    with running_policy(engine.socket, "[preset:ping, NetworkCreate, VolumeCreate]") as proxy:
        client = make_client(socket=proxy.socket)
        client.run("network", "create", f"front-{label}")
        client.run("volume", "create", f"data-{label}")
        assert " denied: " in client.refused("network", "create", "--driver=macvlan", f"lan-{label}")
        assert " denied: " in client.refused(
            "volume", "create", "--opt=type=none", "--opt=o=bind", "--opt=device=/etc", f"etc-{label}"
        )


def members(engine: Engine, identity: str) -> set[str]:
    return set(ask(engine.socket, "GET", f"/containers/{identity}/json").json()["NetworkSettings"]["Networks"])


def test_nobody_joins_the_network_of_another_one(engine: Engine, label: str) -> None:
    ours, theirs = f"ours-{label}", f"theirs-{label}"
    networks = {name: make(engine, "/networks/create", Name=name)["Id"] for name in (ours, theirs)}
    host = {"NetworkMode": "bridge"}
    ids = {name: create(engine, label, name, HostConfig=host) for name in (ours, theirs)}
    words = f"{{networks: [{ours}], containers: [{ours}]}}"
    with running_policy(engine.socket, f"[{{NetworkConnect: {words}, NetworkDisconnect: {words}}}]") as proxy:
        for name in (theirs, ids[theirs], ids[theirs][:12]):
            for action in ("connect", "disconnect"):
                assert " denied: " in refusal(proxy, f"/networks/{ours}/{action}", Container=name)
        for name in (theirs, networks[theirs], networks[theirs][:12], "host", "bridge"):
            assert " denied: " in refusal(proxy, f"/networks/{name}/connect", Container=ours)
        make(proxy, f"/networks/{networks[ours][:12]}/connect", container=ids[ours][:12])
        assert ours in members(engine, ids[ours])
        make(proxy, f"/networks/{ours}/disconnect", Container=ours, Force=False)
    with running_policy(engine.socket, "[NetworkConnect]") as proxy:
        assert ", which no rule allows" in refusal(proxy, f"/networks/{theirs}/connect", Container=ours)
    assert theirs not in members(engine, ids[ours])
    assert ours not in members(engine, ids[theirs])


# Commands


def prepare(engine: Engine, identity: str, *command: str, **options: object) -> str:
    made = make(engine, f"/containers/{identity}/exec", Cmd=command, AttachStdout=True, Tty=True, **options)
    return str(made["Id"])


def test_what_was_prepared_with_privileges_does_not_start(engine: Engine, label: str) -> None:
    web = start(engine, label, f"web-{label}")
    shown = {
        privileged: send(
            engine, f"/exec/{prepare(engine, web, *CAPABILITIES, Privileged=privileged)}/start", Tty=True
        ).body
        for privileged in (False, True)
    }
    assert shown[False] != shown[True]

    with running_policy(engine.socket, "[ExecStart]") as proxy:
        mighty = prepare(engine, web, *CAPABILITIES, Privileged=True)
        assert "ProcessConfig.privileged is true" in refusal(proxy, f"/exec/{mighty}/start", Tty=True)
        plain = prepare(engine, web, *CAPABILITIES)
        assert send(proxy, f"/exec/{plain}/start", Tty=True).body == shown[False]


CAPABILITIES = ("grep", "CapEff", "/proc/self/status")


def test_what_was_prepared_for_another_command_or_user_does_not_start(engine: Engine, label: str) -> None:
    web = start(engine, label, f"web-{label}")
    with running_policy(engine.socket, "[{ExecStart: {commands: [[echo, '**']], user: not-root}}]") as proxy:
        for command, user, field in (
            (["sh", "-c", "id"], "1000:1000", "ProcessConfig is"),
            (["echo", "x"], "root", "ProcessConfig.user is"),
            (["echo", "x"], "", "ProcessConfig.user is missing"),
        ):
            prepared = prepare(engine, web, *command, User=user)
            assert field in refusal(proxy, f"/exec/{prepared}/start", Tty=True)
        prepared = prepare(engine, web, "echo", "x", User="1000:1000")
        assert b"x" in send(proxy, f"/exec/{prepared}/start", Tty=True).body


# Names


def image_id(engine: Engine, name: str) -> str:
    return str(ask(engine.socket, "GET", f"/images/{name}/json").json()["Id"])


def test_no_image_takes_a_trusted_name(engine: Engine, label: str) -> None:
    web = create(engine, label, f"web-{label}")
    trusted, ours = f"trusted-{label}", f"ours-{label}"
    make(engine, f"/images/busybox/tag?repo={trusted}&tag=1")
    before = image_id(engine, f"{trusted}:1")
    # What we fear: the trusted name means something else.
    make(engine, f"/commit?container={web}&repo={trusted}&tag=1&comment=laundered")
    assert image_id(engine, f"{trusted}:1") != before
    before = image_id(engine, f"{trusted}:1")

    tags = f"{{tags: ['{ours}:*']}}"
    allow = f"[{{ImageTag: {{images: [busybox], tags: ['{ours}:*']}}, ImageCreate: {tags}}}]"
    with running_policy(engine.socket, allow) as proxy:
        for path in (
            f"/images/busybox/tag?repo={trusted}&tag=1",
            f"/images/busybox/tag?repo={ours}&repo={trusted}&tag=1",
        ):
            assert "?repo is" in refusal(proxy, path)
        for query, status in ((f"repo={trusted}&tag=1", 403), (f"repo={ours}&tag=2", 200)):
            answer = ask(proxy.socket, "POST", f"/images/create?fromSrc=-&{query}", EMPTY_TAR, TAR)
            assert answer.status == status, answer
        make(proxy, f"/images/busybox/tag?repo={ours}&tag=4")
    with running_policy(engine.socket, "[ImageCreate, ImagePush]") as proxy:
        assert "fetches it from wherever it can reach" in refusal(
            proxy, f"/images/create?fromSrc=http://localhost/&repo={ours}"
        )
        assert "an image that no rule allows to push" in refusal(proxy, f"/images/{trusted}/push?tag=1")
    assert image_id(engine, f"{trusted}:1") == before


SWAPPING = """
mkdir /d; truncate -s 50M /d/a; echo inside > /d/file; ln -s FOLDER /l
while :; do mv /d /e; mv /l /d; usleep 25000; mv /d /l; mv /e /d; usleep 25000; done
"""
"""A directory and a link to one of the host, each in the place of the other for less time than packing takes."""


def test_no_commit_reads_a_file_of_the_host(engine: Engine, label: str, tmp_path: Path) -> None:
    """An engine packs the files of a container from outside, and follows the links that it gets meanwhile."""
    (tmp_path / "file").write_text("of the host")
    body = {"Image": "busybox", "Cmd": ["sh", "-c", SWAPPING.replace("FOLDER", str(tmp_path))]}
    made = make(engine, "/containers/create", **body, Labels={"case": label}, HostConfig={"NetworkMode": "none"})["Id"]
    start_container(engine.socket, made)
    target, found = f"/commit?container={made}&repo=made-{label}&pause=0", b""
    for _ in range(60):  # What we fear.
        image = send(engine, target).json().get("Id", "busybox")  # Docker fails for a file that goes meanwhile.
        reader = make(engine, "/containers/create", Image=image, Labels={"case": label})["Id"]
        found = ask(engine.socket, "GET", f"/containers/{reader}/archive?path=/d/file").body
        if b"of the host" in found:
            break
    assert b"of the host" in found
    with running_policy(engine.socket, "[ContainerCreate]") as proxy:
        assert "ImageCommit" in refusal(proxy, target)


def test_no_container_takes_the_name_or_the_id_of_another_one(engine: Engine, label: str) -> None:
    web, other = (create(engine, label, f"{name}-{label}") for name in ("web", "other"))
    with running_policy(engine.socket, "[ContainerRename]") as proxy:
        assert "looks like an object ID" in refusal(proxy, f"/containers/{web}/rename?name={other[:12]}")
    words = f"{{containers: ['web-*'], names: ['new-{label}']}}"
    with running_policy(engine.socket, f"[{{ContainerRename: {words}}}]") as proxy:
        assert "?name is" in refusal(proxy, f"/containers/{web}/rename?name=web-2-{label}")
        assert " denied: " in refusal(proxy, f"/containers/{other}/rename?name=new-{label}")
        make(proxy, f"/containers/{web}/rename?name=new-{label}")
    assert ask(engine.socket, "GET", f"/containers/new-{label}/json").json()["Id"] == web


# Names without a registry, which mean one of Docker Hub for Docker, but for Podman first one of `localhost`


@pytest.fixture
def local(podman: Engine, label: str) -> str:
    """An image that somebody has put under a name of `localhost`; return the name without that."""
    name = f"ci/app-{label}"
    web = create(podman, label, f"local-{label}")
    make(podman, f"/commit?container={web}&repo=localhost/{name}&tag=1&comment=local")
    return name


def used_by(engine: Engine, target: Engine | Proxy, label: str, image: str) -> str:
    """Make a container of an image; return the image's id."""
    made = make(target, "/containers/create", Image=image, Labels={"case": label}, HostConfig={"NetworkMode": "none"})
    return str(ask(engine.socket, "GET", f"/containers/{made['Id']}/json").json()["Image"])


def test_podman_uses_the_image_that_was_judged_and_none_of_localhost(podman: Engine, label: str, local: str) -> None:
    feared = image_id(podman, f"localhost/{local}:1")
    assert used_by(podman, podman, label, f"{local}:1") == feared  # What we fear.

    with running_policy(podman.socket, f"[{{ContainerCreate: {{images: ['docker.io/{local}:*']}}}}]") as proxy:
        answer = send(proxy, "/containers/create", Image=f"{local}:1")
        assert (answer.status, f"docker.io/{local}:1" in str(answer.body)) == (404, True), answer
        make(podman, f"/images/busybox/tag?repo=docker.io/{local}&tag=1")
        judged = image_id(podman, f"docker.io/{local}:1")
        assert judged != feared
        for name in (f"{local}:1", f"docker.io/{local}:1", f"index.docker.io/{local}:1"):
            assert used_by(podman, proxy, label, name) == judged
        assert "an image that no rule allows" in refusal(proxy, "/containers/create", Image=f"localhost/{local}:1")


def send_name(target: Engine | Proxy, way: str, name: str, tag: str) -> None:
    """Give a name to an image."""
    path = {
        "tag": f"/images/busybox/tag?repo={name}&tag={tag}",
        "import": f"/images/create?fromSrc=-&repo={name}&tag={tag}",
    }[way]
    content = {"import": EMPTY_TAR}
    answer = ask(target.socket, "POST", path, *((content[way], TAR) if way in content else ()))
    assert answer.status in {200, 201}, answer
    assert b"error" not in answer.body


@pytest.mark.parametrize("way", ["tag", "import"])
def test_podman_gives_the_name_that_was_judged_and_takes_none_of_localhost(
    podman: Engine, local: str, way: str
) -> None:
    make(podman, f"/images/localhost/{local}:1/tag?repo=localhost/{local}&tag=2")
    before = image_id(podman, f"localhost/{local}:2")
    send_name(podman, way, local, "1")  # What we fear.
    assert image_id(podman, f"localhost/{local}:1") != before

    tags = f"tags: ['docker.io/{local}:*']"
    allow = f"[{{ImageTag: {{images: [busybox], {tags}}}, ImageCreate: {{{tags}}}}}]"
    with running_policy(podman.socket, allow) as proxy:
        send_name(proxy, way, local, "2")
    assert image_id(podman, f"localhost/{local}:2") == before
    assert image_id(podman, f"docker.io/{local}:2") != before


def test_podman_pulls_from_the_registry_that_was_judged_and_not_from_localhost(podman: Engine, local: str) -> None:
    path = f"/images/create?fromImage={local}&tag=1"
    assert "registry-1.docker.io" not in str(send(podman, path).body)  # What we fear: it asks one of `localhost`.
    with running_policy(podman.socket, f"[{{ImageCreate: {{images: ['docker.io/{local}:*']}}}}]") as proxy:
        assert "registry-1.docker.io" in str(send(proxy, path).body)


# Servers


def test_the_engine_is_not_sent_to_a_server_of_the_client_s_choice(dockerd: Engine) -> None:
    where = {"username": "a", "password": "b", "serveraddress": "http://127.0.0.1:1"}
    assert b"127.0.0.1:1" in send(dockerd, "/auth", **where).body
    with running_policy(dockerd.socket, "[SystemAuth]") as proxy:
        message = refusal(proxy, "/auth", **where)
        assert message.startswith("SystemAuth denied: serveraddress is")
        assert "SystemAuth: unrestricted" in message
