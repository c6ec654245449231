"""What a hostile review of `own` tried: none of it shows or takes what another has."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import quote

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.proxies import Proxy, running_file
from e2e.starting import start_container
from e2e.talk import Answer, ask, connect, send_head
from e2e.test_own import Socket, make_container, two
from wire.tars import archive_of, item

pytestmark = pytest.mark.engine
__all__ = ["two"]

Two = tuple[Socket, Socket, Proxy]
TAR = {"Content-Type": "application/x-tar"}


def test_a_create_of_anothers_volume_shows_nothing_of_it(two: Two, label: str) -> None:
    mine, other, _ = two
    mine.make("volumes/create", Name=f"v-{label}")
    answer = other.ask("POST", "/v1.41/volumes/create", Name=f"v-{label}")
    assert (answer.status, b"io.dockerproxy.nonce" in answer.body) == (409, False)


def test_a_renaming_takes_no_name_of_another_and_works_with_a_free_one(two: Two, label: str) -> None:
    mine, other, _ = two
    theirs, own = make_container(mine, f"c-{label}"), make_container(other, f"o-{label}")
    for name in (f"c-{label}", f"/c-{label}", f"%63-{label}", theirs, theirs[:12]):
        answer = other.ask("POST", f"/v1.41/containers/o-{label}/rename?name={name}")
        assert answer.status in {403, 409, 500}, answer  # Podman's is 500.
    renamed = other.ask("POST", f"/v1.41/containers/{own}/rename?name=free-{label}")
    assert renamed.status == 204, renamed
    assert other.ask("POST", f"/v1.41/containers/free-{label}/rename?name=o-{label}").status == 204
    for socket, identity, name in ((mine, theirs, "c"), (other, own, "o")):
        assert socket.ask("GET", f"/v1.41/containers/{name}-{label}/json").json()["Id"] == identity


def test_the_beginning_of_ids_tells_nothing(two: Two, label: str) -> None:
    mine, other, _ = two
    for number in range(20):
        make_container(mine, f"c{number}-{label}")
    assert {other.ask("GET", f"/v1.41/containers/{digit}/json").status for digit in "0123456789abcdef"} == {404}


@pytest.fixture
def large(engine: Engine, label: str) -> Iterator[dict[str, str]]:
    """Large labels. The objects that have them are removed, or `/system/df` is too long in the engine's other tests."""
    yield {"case": label, "x": "y" * 900_000}
    remove_containers(engine, label)
    filters = quote(json.dumps({"label": [f"case={label}"]}))
    for each in ask(engine.socket, "GET", f"/v1.41/volumes?filters={filters}").json()["Volumes"] or ():
        ask(engine.socket, "DELETE", f"/v1.41/volumes/{each['Name']}")


def test_anothers_large_labels_keep_nobody_from_a_list(
    two: Two, label: str, engine: Engine, large: dict[str, str]
) -> None:
    """No contained create has such labels, so they are made without the proxy, as an image brings them."""
    mine, other, _ = two
    assert mine.ask("POST", "/v1.41/volumes/create", Name=f"v-{label}", Labels=large).status == 403
    for number in range(10):
        Socket(engine.socket).make("volumes/create", Name=f"v{number}-{label}", Labels=large)
    assert other.list("volumes") == []


def test_a_volume_is_not_replaced_while_a_create_uses_it(two: Two, label: str) -> None:
    """It is deleted while a create of many volumes is somewhere between its lookup and the engine."""
    mine, other, _ = two
    for number in range(12):
        name = f"v{number}-{label}"
        mine.make("volumes/create", Name=name)
        binds = [f"{name}:/v", *(f"w{number}-{each}-{label}:/w{each}" for each in range(31))]
        body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"Binds": binds}}
        create = threading.Thread(
            target=mine.ask, args=("POST", f"/v1.41/containers/create?name=c{number}-{label}"), kwargs=body
        )
        create.start()
        for _ in range(number):  # Each time a little later.
            mine.ask("GET", "/v1.41/networks")
        mine.ask("DELETE", f"/v1.41/volumes/{name}")
        other.ask("POST", "/v1.41/volumes/create", Name=name)
        create.join()
        theirs = other.ask("GET", f"/v1.41/volumes/{name}").status == 200
        uses = mine.ask("GET", f"/v1.41/containers/c{number}-{label}/json").status == 200
        assert not (theirs and uses)


@pytest.mark.parametrize("is_connected", [False, True])
def test_no_container_waits_for_the_network_of_another(two: Two, label: str, *, is_connected: bool) -> None:
    """An engine looks for it by its name when the container starts."""
    mine, other, _ = two
    made, name = mine.make("networks/create", Name=f"n{label}"), f"/v1.41/networks/n{label}"
    container = make_container(mine, f"c-{label}", HostConfig={} if is_connected else {"NetworkMode": f"n{label}"})
    if is_connected:
        assert mine.ask("POST", f"{name}/connect", Container=container).status == 200
    for target in (name, f"/v1.41/networks/{made}"):
        assert mine.ask("DELETE", target).status == 403
    assert mine.ask("POST", "/v1.41/networks/prune").json()["NetworksDeleted"] in (None, [])
    assert other.ask("POST", "/v1.41/networks/create", Name=f"n{label}").status == 409
    assert mine.ask("DELETE", f"/v1.41/containers/{container}").status == 204
    assert mine.ask("DELETE", name).status == 204


def test_no_container_is_created_on_a_network_that_is_being_removed(two: Two, label: str) -> None:
    mine, _, _ = two
    for number in range(12):
        name = f"n{number}{label}"
        mine.make("networks/create", Name=name)
        volumes = [f"n{number}-{each}-{label}:/v{each}" for each in range(28)]
        body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"NetworkMode": name, "Binds": volumes}}
        create = threading.Thread(
            target=mine.ask, args=("POST", f"/v1.41/containers/create?name=c{number}-{label}"), kwargs=body
        )
        create.start()
        for _ in range(number):  # Each time a little later.
            mine.ask("GET", "/v1.41/networks")
        mine.ask("DELETE", f"/v1.41/networks/{name}")
        create.join()
        is_gone = mine.ask("GET", f"/v1.41/networks/{name}").status == 404
        is_joined = mine.ask("GET", f"/v1.41/containers/c{number}-{label}/json").status == 200
        assert is_gone is not is_joined


def test_names_of_volumes_bound_those_that_a_create_makes(engine: Engine, label: str) -> None:
    allow = '[own, {VolumeCreate: {names: ["a-*"]}}, {ContainerCreate: {images: [busybox]}}]'
    with running_file(engine.socket, f"sockets: {{proxy: {{path: FOLDER/proxy.sock, allow: {allow}}}}}") as (folder, _):
        body = {"Image": "busybox", "HostConfig": {"Binds": [f"shop-{label}:/data"]}}
        answer = Socket(folder / "proxy.sock").ask("POST", f"/v1.41/containers/create?name=c-{label}", **body)
        assert answer.status == 403


def test_labels_of_a_mount_are_put_on_the_volume_that_is_made_for_it(two: Two, label: str) -> None:
    mine, _, _ = two
    mount = {"Type": "volume", "Source": f"v-{label}", "Target": "/d", "VolumeOptions": {"Labels": {"k": "v"}}}
    make_container(mine, f"c-{label}", HostConfig={"Mounts": [mount]})
    assert mine.ask("GET", f"/v1.41/volumes/v-{label}").json()["Labels"]["k"] == "v"


def test_a_list_is_narrowed_by_whole_ids_and_names_of_pods_and_containers_only(podman: Engine, label: str) -> None:
    """Podman looks for both among all that there are, by patterns."""
    sockets = ", ".join(
        f"{name}: {{path: FOLDER/{name}.sock, own_as: {name}-{label}, allow: [own, ContainerCreate]}}"
        for name in ("proxy", "other")
    )
    with running_file(podman.socket, f"sockets: {{{sockets}}}") as (folder, _):
        mine, other = Socket(folder / "proxy.sock"), Socket(folder / "other.sock")
        first = make_container(mine, f"first-{label}")
        mode = {"NetworkMode": f"container:first-{label}"}
        joined = make_container(mine, f"joined-{label}", HostConfig=mode)
        for version in ("v1.41", "v5.0.0/libpod"):

            def ask_for(socket: Socket, key: str, *values: str, version: str = version) -> Answer:
                filters = quote(json.dumps({key: values}))
                return socket.ask("GET", f"/{version}/containers/json?all=true&filters={filters}")

            for whole in (first, f"first-{label}"):
                assert [each["Id"] for each in ask_for(mine, "network", f"container:{whole}").json()] == [joined]
                assert ask_for(other, "network", f"container:{whole}").json() == []
            parts = (first[:1], first[:12], first[:-1], first.upper(), first[:5] + "%", "%", "_" * 64)
            for part in (*parts, f"_{first[1:]}", first + "%", "0" * 63):
                for key, before in (("pod", ""), ("network", "container:")):
                    for values in ([before + part], [before + first, before + part]):
                        answers = [ask_for(socket, key, *values) for socket in (mine, other)]
                        assert {(each.status, b"part of an id" in each.body) for each in answers} == {(403, True)}, part
    remove_containers(podman, label)


BUILDING = """
  NAME:
    path: FOLDER/NAME.sock
    own_as: NAME-LABEL
    allow: [own, {ContainerCreate: {images: [busybox]}}, {NetworkCreate: {subnets: [10.0.0.0/8]}}, VolumeCreate,
      {ImageBuild: {tags: ["LABEL/NAME-*:*"]}}]
"""


@pytest.fixture
def building(dockerd: Engine, label: str) -> Iterator[tuple[Socket, Socket]]:
    """Two sockets whose clients may build, and choose subnets."""
    text = "".join(BUILDING.replace("NAME", name).replace("LABEL", label) for name in ("proxy", "other"))
    with running_file(dockerd.socket, f"sockets:{text}") as (folder, _):
        yield Socket(folder / "proxy.sock"), Socket(folder / "other.sock")


def at_once(*asks: partial[Answer]) -> list[Answer]:
    with ThreadPoolExecutor(len(asks)) as pool:
        return [each.result() for each in [pool.submit(ask) for ask in asks]]


def test_of_two_clients_that_take_a_name_at_once_one_has_it(two: Two, label: str) -> None:
    """An engine answers a create of a volume with that of the other; its client gets a conflict instead."""
    mine, other, _ = two
    for number in range(8):
        create = "POST", f"/v1.41/containers/create?name=c{number}-{label}"
        answers = at_once(*(partial(each.ask, *create, Image="busybox") for each in (mine, other)))
        assert sorted(each.status for each in answers) in ([201, 409], [201, 500])
        create = "POST", "/v1.41/volumes/create"
        answers = at_once(*(partial(each.ask, *create, Name=f"v{number}-{label}") for each in (mine, other)))
        assert sorted(each.status for each in answers) == [201, 409]
        assert sum(each.body.count(b"io.dockerproxy.nonce") for each in answers) == 1


@pytest.mark.parametrize("said", [{}, {"CheckDuplicate": False}, {"CheckDuplicate": None}])
def test_no_network_gets_a_name_that_is_taken(two: Two, engine: Engine, label: str, said: dict[str, bool]) -> None:
    mine, other, _ = two
    made = mine.make("networks/create", Name=f"n-{label}")
    for version in ("/v1.41", "/v1.43", ""):
        answer = other.ask("POST", f"{version}/networks/create", Name=f"n-{label}", **said)
        assert (answer.status, b"io.dockerproxy" in answer.body) == (409, False), answer
    assert [each["Id"] for each in Socket(engine.socket).list("networks") if each["Name"] == f"n-{label}"] == [made]
    assert other.ask("DELETE", f"/v1.41/networks/n-{label}").status == 404


def test_no_beginning_of_an_id_is_answered_with_a_name(two: Two, label: str) -> None:
    mine, other, _ = two
    network = mine.make("networks/create", Name=f"n-{label}")
    container = make_container(mine, f"c-{label}", HostConfig={"NetworkMode": "none"})
    for size in range(1, 65):
        for mode in (network[:size], f"container:{container[:size]}"):
            answer = other.ask("POST", "/v1.41/containers/create", Image="busybox", HostConfig={"NetworkMode": mode})
            assert answer.status in {403, 502}, answer
            assert label.encode() not in answer.body.partition(b"to allow it")[0]
            assert f"n-{label}".encode() not in answer.body
            assert f"c-{label}".encode() not in answer.body
        for target in (f"networks/{network[:size]}", f"containers/{container[:size]}/json"):
            assert other.ask("GET", f"/v1.41/{target}").status == 404


def test_a_build_leaves_no_container(building: tuple[Socket, Socket], dockerd: Engine, label: str) -> None:
    """Nobody would own it, and no sweep would find it."""
    mine, _ = building
    for step in ("true", "false"):
        content = archive_of(item("Dockerfile", f"FROM busybox\nRUN echo {label}; {step}\n".encode()))
        target = f"/v1.41/build?t={label}/proxy-a&rm=0&forcerm=0"
        assert ask(mine.socket, "POST", target, content, TAR).status == 200
    commands = [each["Command"] for each in Socket(dockerd.socket).list("containers/json?all=1")]
    assert not [each for each in commands if label in each]


def test_no_event_tells_which_container_had_a_volume_of_that_name(two: Two, label: str) -> None:
    """It is made in the second in which the other is removed."""
    mine, other, _ = two
    began = int(time.time())
    had = set()
    for number in range(4):
        name = f"v{number}-{label}"
        binds = {"Binds": [f"{name}:/d"], "NetworkMode": "none"}
        container = make_container(mine, f"c{number}-{label}", HostConfig=binds, Cmd=["true"])
        had.add(container)
        start_container(mine.socket, container)
        mine.ask("POST", f"/v1.41/containers/{container}/wait")
        assert mine.ask("DELETE", f"/v1.41/containers/{container}").status == 204
        assert mine.ask("DELETE", f"/v1.41/volumes/{name}").status == 204
        assert other.ask("POST", "/v1.41/volumes/create", Name=name).status == 201
    told = other.ask("GET", f"/v1.41/events?since={began}&until={int(time.time()) + 2}").body.decode()
    assert f"v3-{label}" in told
    assert not [each for each in had if each in told]


def test_large_labels_keep_nobody_from_events_lists_and_networks(
    two: Two, label: str, engine: Engine, large: dict[str, str]
) -> None:
    _, other, _ = two
    network = other.make("networks/create", Name=f"n-{label}")
    shown = make_container(other, f"c-{label}", Labels={"project": label})
    make_container(other, f"d-{label}")
    before = int(time.time())
    for number in range(10):
        make_container(engine, f"c{number}-{label}", Labels={"project": label, **large})
    # Not opened before: Podman 5.4 falls over an event of which it reads a part, while the rest is being written.
    with connect(other.socket) as stream:
        only = quote(json.dumps({"type": ["container"]}))
        send_head(stream, f"GET /v1.41/events?since={before}&filters={only}")
        filters = quote(json.dumps({"label": [f"project={label}"]}))
        assert [each["Id"] for each in other.list(f"containers/json?all=1&filters={filters}")] == [shown]
        assert other.ask("DELETE", f"/v1.41/networks/{network}").status == 204
        assert other.ask("POST", f"/v1.41/containers/{shown}/start").status == 204
        told = b""
        while b'"start"' not in told:
            told += stream.recv(65536)
    assert shown.encode() in told
