"""Conditions on objects before real engines: however a client names it, only what is granted is acted on."""

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from e2e.between import relay_before
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy, running_policy
from e2e.starting import start_container
from e2e.talk import Answer, ask, connect, read_until, send_head
from waiting import wait_until

from dockerproxy.api.catalog import OPERATIONS, Operation, Shape
from dockerproxy.policy.objects import GIVING, KINDS, Kind

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}
LIBPOD = "/v5.0.0/libpod"


@pytest.fixture(autouse=True)
def cleaned(request: pytest.FixtureRequest, label: str) -> Iterator[None]:
    """Remove the containers of a test from the engines that it had."""
    engines = [*map(request.getfixturevalue, {"engine", "dockerd", "podman"} & {*request.fixturenames})]
    yield
    for engine in engines:
        remove_containers(engine, label)


def post(target: object, path: str, **body: object) -> Any:
    """Make something, past every proxy or through one; return what the answer says."""
    assert isinstance(target, Engine | Proxy)
    answer = ask(target.socket, "POST", path, json.dumps(body).encode(), JSON)
    assert answer.status in {200, 201, 204}, answer
    return answer.json() if answer.body.strip() else {}


def status(proxy: Proxy, method: str, path: str, body: bytes | None = None) -> int:
    return ask(proxy.socket, method, path, body, JSON if body else None).status


def make_container(engine: Engine, label: str, name: str, **options: object) -> str:
    """Create a container that is removed at the end, and return its id."""
    body = {"Image": "busybox", "Labels": {"case": label}, "HostConfig": {"NetworkMode": "none"}, **options}
    return str(post(engine, f"/v1.41/containers/create?name={name}", **body)["Id"])


def state_of(engine: Engine, identity: str) -> str:
    return str(ask(engine.socket, "GET", f"/containers/{identity}/json").json()["State"]["Status"])


def start(engine: Engine, label: str, name: str) -> str:
    """Start a container that sleeps, and return its id."""
    identity = make_container(engine, label, name, Cmd=["sleep", "600"], StopTimeout=0)
    start_container(engine.socket, identity)
    return identity


def make_image(engine: Engine, *references: str) -> str:
    """Import an image that is nobody else's, give it names, and return its id."""
    name, tag = references[0].rsplit(":", 1)
    query = f"fromSrc=-&repo={name}&tag={tag}&message={name}"
    ask(engine.socket, "POST", f"/images/create?{query}", b"\0" * 10240, {"Content-Type": "application/x-tar"})
    for reference in references[1:]:
        name, tag = reference.rsplit(":", 1)
        post(engine, f"/images/{references[0]}/tag?repo={name}&tag={tag}")
    return str(ask(engine.socket, "GET", f"/images/{references[0]}/json").json()["Id"])


def tags_of(engine: Engine, identity: str) -> set[str]:
    answer = ask(engine.socket, "GET", f"/images/{identity}/json")
    tags = answer.json()["RepoTags"] if answer.status == 200 else []
    return {tag.removeprefix("docker.io/library/") for tag in tags}


# Containers and execs


def test_a_container_is_the_same_however_it_is_named(engine: Engine, label: str) -> None:
    web, other = start(engine, label, f"web-{label}"), start(engine, label, f"other-{label}")
    with running_policy(engine.socket, f"[{{ContainerInspect: {{containers: [web-{label}]}}}}]") as proxy:
        for name in (web, web[:12], web[:20], f"web-{label}", f"%77eb-{label}"):
            answer = ask(proxy.socket, "GET", f"/v1.41/containers/{name}/json")
            assert (answer.status, answer.json()["Id"]) == (200, web)
        for name in (other, other[:12], f"other-{label}", f"web-{label}-2", f"WEB-{label}", "w"):
            assert status(proxy, "GET", f"/containers/{name}/json") == 404
        assert status(proxy, "GET", f"/containers/{'9' * 64}/json") == 404
        record = proxy.wait_for_record(target=f"/containers/{other[:12]}/json")
        assert (record["object"], record["decision"]) == (f"other-{label}", "denied")


def test_the_command_line_execs_where_it_may_and_nowhere_else(
    engine: Engine, make_client: partial[Client], label: str
) -> None:
    web, other = start(engine, label, f"web-{label}"), start(engine, label, f"other-{label}")
    words = f"{{containers: [web-{label}]}}"
    operations = ("ContainerExec", "ExecStart", "ExecInspect", "ContainerInspect")
    allow = f"[preset:ping, {{{', '.join(f'{name}: {words}' for name in operations)}}}]"
    with running_policy(engine.socket, allow) as proxy:
        limited = make_client(socket=proxy.socket)
        for name in (f"web-{label}", web, web[:12]):
            assert limited.run("exec", "-i", name, "cat", data=b"through") == b"through"
        assert f"No such container: {other[:12]}" in limited.refused("exec", other[:12], "true")
        for container, refused in ((web, False), (other, True)):
            identity = post(engine, f"/containers/{container}/exec", Cmd=["true"])["Id"]
            assert (status(proxy, "GET", f"/exec/{identity}/json") == 404) is refused
            assert (status(proxy, "POST", f"/exec/{identity}/start", b'{"Detach":true}') == 403) is refused
        assert status(proxy, "POST", f"/exec/{'9' * 64}/start", b"{}") == 404


@pytest.mark.parametrize("recreated", [False, True])
def test_what_gets_the_name_after_it_was_judged_is_not_acted_on(engine: Engine, label: str, *, recreated: bool) -> None:
    name = f"web-{label}"
    web, other = start(engine, label, name), start(engine, label, f"other-{label}")
    made: list[str] = []

    def swap() -> None:
        if recreated:
            ask(engine.socket, "DELETE", f"/containers/{web}?force=1")
            made.append(start(engine, label, name))
        else:
            post(engine, f"/containers/{web}/rename?name=old-{label}")
            post(engine, f"/containers/{other}/rename?name={name}")

    with relay_before(engine.socket) as relay:
        relay.between = swap
        with running_policy(relay.socket, f"[{{ContainerKill: {{containers: [{name}]}}}}]") as proxy:
            answered = status(proxy, "POST", f"/v1.41/containers/{name}/kill")
        assert relay.lookups == [f"GET /v1.41/containers/{name}/json"]
    if recreated:
        assert answered == 404
        assert state_of(engine, made[0]) == "running"
    else:
        assert answered == 204
        assert state_of(engine, web) != "running"
    assert state_of(engine, other) == "running"


# Every operation that names an object


class Maker:
    """Makes objects on an engine, one after the other, and what a request about each needs."""

    def __init__(self, engine: Engine, label: str) -> None:
        self._engine = engine
        self._label = label
        self._made = 0

    def make(self, kind: Kind) -> tuple[str, str]:
        """Make an object; return its name and its id."""
        self._made += 1
        name = f"x{self._made}-{self._label}"
        if kind is Kind.IMAGE:
            identity = make_image(self._engine, f"{name}:latest")
            return f"docker.io/library/{name}:latest", identity.removeprefix("sha256:")
        if kind is Kind.CONTAINER:
            return name, make_container(self._engine, self._label, name)
        if kind is Kind.NETWORK:
            return name, str(post(self._engine, "/networks/create", Name=name)["Id"])
        if kind is Kind.VOLUME:
            return name, str(post(self._engine, "/volumes/create", Name=name)["Name"])
        return name, str(post(self._engine, f"{LIBPOD}/pods/create", name=name, no_infra=True)["Id"])

    def ask(self, operation: Operation, name: str) -> Answer:
        """Send a request for an operation on an object."""
        query = f"stream=false&path=/bin&t=0&name={name[:9]}r&repo=docker.io/library/r-{name[:9]}&tag=r"
        version = "/v5.0.0" if operation.section.startswith("libpod/") else "/v1.41"
        path = re.sub(r"\{(?:id|name)\+?\}", lambda _: name, operation.path).replace("{checkpoint}", "c")
        types = {"json": JSON, "tar": {"Content-Type": "application/x-tar"}}
        body = None if operation.body == "-" else b"{}"
        target = f"{version}{path}?{query if operation.name in GIVING else query.partition('&name')[0]}"
        return ask(self._engine.socket, operation.method, target, body, types.get(operation.body))


PLAIN = {Kind.CONTAINER, Kind.IMAGE, Kind.NETWORK, Kind.VOLUME, Kind.POD}
LEFT_OUT = {
    *("ImagePush", "ImagePushLibpod"),  # They ask a registry.
    *("ContainerWait", "ContainerWaitLibpod"),  # They wait for ever.
    "ImageChangesLibpod",  # Podman finds no names with slashes here; an id it does.
}


def test_every_operation_takes_the_whole_id_as_it_takes_the_name(engine: Engine, label: str) -> None:
    maker = Maker(engine, label)
    different = {}
    for name, kind in KINDS.items():
        operation = OPERATIONS[name]
        is_there = engine.name == "podman" or not operation.section.startswith("libpod/")
        if not is_there or kind not in PLAIN or name in LEFT_OUT or operation.shape is Shape.TUNNEL:
            continue
        (first, _), (_, second) = maker.make(kind), maker.make(kind)
        answers = maker.ask(operation, first).status, maker.ask(operation, second).status
        if answers[0] != answers[1]:
            different[name] = answers
    assert different == {}


# Images


def allow_images(*references: str) -> str:
    images = f"{{images: [{', '.join(references)}]}}"
    operations = ("ImageInspect", "ImageDelete", "ImageHistory")
    tags = f"{{images: [{', '.join(references)}], tags: [{', '.join(references)}]}}"
    given = () if references[0].startswith("sha256:") else (f"ImageTag: {tags}",)
    return f"[{{{', '.join((*(f'{name}: {images}' for name in operations), *given))}}}]"


def test_an_image_goes_by_any_of_its_names_but_loses_only_what_is_granted(engine: Engine, label: str) -> None:
    ours, theirs = f"ours-{label}:1", f"theirs-{label}:1"
    identity = make_image(engine, ours, theirs)
    with running_policy(engine.socket, allow_images(ours)) as proxy:
        for name in (ours, theirs, identity, identity.removeprefix("sha256:")[:12], f"docker.io/library/{ours}"):
            assert status(proxy, "GET", f"/v1.41/images/{name}/json") == 200
        for name in (theirs, identity, identity.removeprefix("sha256:")[:12]):
            assert status(proxy, "DELETE", f"/v1.41/images/{name}") == 403
        assert status(proxy, "DELETE", f"/v1.41/images/{ours}?force=1") == 403
        assert tags_of(engine, identity) == {ours, theirs}
        assert status(proxy, "DELETE", f"/v1.41/images/{ours}") == 200
        assert tags_of(engine, identity) == {theirs}
        assert status(proxy, "GET", f"/v1.41/images/{theirs}/json") == 404
    ask(engine.socket, "DELETE", f"/images/{theirs}")


def test_an_image_that_has_no_other_name_is_deleted_by_its_id(engine: Engine, label: str) -> None:
    ours = f"ours-{label}:1"
    identity = make_image(engine, ours)
    with running_policy(engine.socket, allow_images(ours)) as proxy:
        assert status(proxy, "DELETE", f"/v1.41/images/{identity}") == 200
    assert tags_of(engine, identity) == set()


def test_no_image_is_given_a_name_that_is_not_granted(engine: Engine, label: str) -> None:
    ours, theirs = f"ours-{label}:1", f"theirs-{label}:1"
    identity, other = make_image(engine, ours), make_image(engine, theirs)
    with running_policy(engine.socket, allow_images(ours, f"ours-{label}:2")) as proxy:
        assert status(proxy, "POST", f"/images/{ours}/tag?repo=theirs-{label}&tag=1") == 403
        assert status(proxy, "POST", f"/images/{theirs}/tag?repo=ours-{label}&tag=2") == 403
        assert status(proxy, "POST", f"/images/{ours}/tag?repo=ours-{label}&tag=2") == 201
    assert (tags_of(engine, identity), tags_of(engine, other)) == ({ours, f"ours-{label}:2"}, {theirs})
    for name in (ours, f"ours-{label}:2", theirs):
        ask(engine.socket, "DELETE", f"/images/{name}")


def test_who_may_delete_an_image_by_its_id_deletes_no_name_that_another_one_has_by_now(
    engine: Engine, label: str
) -> None:
    ours, theirs, kept = f"ours-{label}:1", f"theirs-{label}:1", f"kept-{label}:1"
    first, second = make_image(engine, ours, kept), make_image(engine, theirs)
    with relay_before(engine.socket) as relay:
        relay.between = partial(post, engine, f"/images/{theirs}/tag?repo=ours-{label}&tag=1")
        with running_policy(relay.socket, allow_images(first)) as proxy:
            assert status(proxy, "DELETE", f"/v1.41/images/{ours}") == 403
        assert (tags_of(engine, first), tags_of(engine, second)) == ({kept}, {theirs, ours})
        with running_policy(relay.socket, allow_images(ours)) as proxy:  # Whose it is does not matter here.
            assert status(proxy, "DELETE", f"/v1.41/images/{ours}") == 200
    assert (tags_of(engine, first), tags_of(engine, second)) == ({kept}, {theirs})
    for name in (theirs, kept):
        ask(engine.socket, "DELETE", f"/images/{name}")


# Networks, volumes, services


def test_networks_and_volumes_are_known_by_name_and_id(engine: Engine, label: str) -> None:
    networks = {name: post(engine, "/networks/create", Name=f"{name}-{label}")["Id"] for name in ("ours", "theirs")}
    for name in networks:
        post(engine, "/volumes/create", Name=f"{name}-{label}")
    items = f'["ours-{label}"]'
    allow = f"[{{'networks:read': {{networks: {items}}}, NetworkDelete: {{networks: {items}}}}},"
    allow += f" {{'volumes:read': {{volumes: {items}}}, VolumeDelete: {{volumes: {items}}}}}]"
    with running_policy(engine.socket, allow) as proxy:
        for name in (f"ours-{label}", networks["ours"]):
            assert status(proxy, "GET", f"/networks/{name}") == 200
        for name in (f"theirs-{label}", networks["theirs"], networks["theirs"][:12], "host"):
            assert status(proxy, "GET", f"/networks/{name}") == 404
            assert status(proxy, "DELETE", f"/networks/{name}") == 403
        assert status(proxy, "DELETE", f"/networks/{networks['ours']}?force=1") == 403
        assert status(proxy, "DELETE", f"/networks/{networks['ours']}") == 204
        assert status(proxy, "GET", f"/volumes/ours-{label}") == 200
        assert status(proxy, "DELETE", f"/volumes/theirs-{label}") == 403
        assert status(proxy, "DELETE", f"/volumes/ours-{label}") == 204
        assert ask(proxy.socket, "GET", "/networks").json() == []
        assert not ask(proxy.socket, "GET", "/volumes").json()["Volumes"]
    assert ask(engine.socket, "DELETE", f"/networks/{networks['theirs']}").status == 204
    assert ask(engine.socket, "DELETE", f"/volumes/theirs-{label}").status == 204


def test_a_task_is_its_service_s(docker: Client, dockerd: Engine, label: str) -> None:
    docker.run("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377")
    words = ("service", "create", "--detach", "--quiet", "--no-resolve-image", "--replicas=1", "--stop-grace-period=0s")
    try:
        names = ("ours", "theirs")
        ids = {name: docker.text(*words, f"--name={name}-{label}", "busybox", "sleep", "600") for name in names}
        wait_until(lambda: len(ask(dockerd.socket, "GET", "/tasks").json()) == 2, "each service has a task")
        tasks = {task["ServiceID"]: task["ID"] for task in ask(dockerd.socket, "GET", "/tasks").json()}
        for item in (f"ours-{label}", ids["ours"]):
            services = f"{{services: [{item}]}}"
            allow = f"[{{ServiceInspect: {services}, ServiceLogs: {services}, TaskInspect: {services}}}]"
            with running_policy(dockerd.socket, allow) as proxy:
                for name, inspected, answered in (("ours", 200, 200), ("theirs", 404, 403)):
                    for spelled in (f"{name}-{label}", ids[name], ids[name][:10]):
                        assert status(proxy, "GET", f"/services/{spelled}") == inspected
                    assert status(proxy, "GET", f"/services/{name}-{label}/logs?stdout=1") == answered
                    assert status(proxy, "GET", f"/tasks/{tasks[ids[name]]}") == inspected
    finally:
        docker.run("swarm", "leave", "--force")


# What only Podman does


def test_podman_s_own_api_is_judged_alike(podman: Engine, label: str) -> None:
    ids = {name: make_container(podman, label, f"{name}-{label}") for name in ("ours", "theirs")}
    pods = {name: post(podman, f"{LIBPOD}/pods/create", name=f"{name}-{label}", no_infra=True)["Id"] for name in ids}
    items = f'["ours-{label}"]'
    allow = f"[{{'libpod/containers:read': {{containers: {items}}}, 'libpod/pods:read': {{pods: {items}}}}}]"
    with running_policy(podman.socket, allow) as proxy:
        for kind, found in (("containers", ids), ("pods", pods)):
            for name, answered in (("ours", 200), ("theirs", 404)):
                for spelled in (f"{name}-{label}", found[name], found[name][:12]):
                    assert status(proxy, "GET", f"{LIBPOD}/{kind}/{spelled}/json") == answered
            assert status(proxy, "GET", f"{LIBPOD}/{kind}/ours-{label}/exists") == 204
            assert status(proxy, "GET", f"/libpod/{kind}/ours-{label}/json") == 404
    for identity in pods.values():
        ask(podman.socket, "DELETE", f"{LIBPOD}/pods/{identity}?force=1")


def test_podman_restarts_no_container_but_the_one_that_is_named(podman: Engine, label: str) -> None:
    sleeps: dict[str, object] = {"Cmd": ["sleep", "600"], "StopTimeout": 0}
    ids = {name: make_container(podman, label, f"{name}-{label}", **sleeps) for name in ("ours", "theirs")}
    words = f"{{containers: [ours-{label}]}}"
    with running_policy(podman.socket, f"[{{ContainerRestart: {words}, ContainerRestartLibpod: {words}}}]") as proxy:
        for prefix in ("", LIBPOD):
            path = f"{prefix}/containers/ours-{label}/restart"
            assert status(proxy, "POST", f"{path}?t=0&timeout=0") == 204
            for query in ("all=1", "all=true", "ALL=1", "all=0&all=1"):
                assert status(proxy, "POST", f"{path}?t=0&timeout=0&{query}") == 403
    states = {name: state_of(podman, identity) for name, identity in ids.items()}
    assert states["ours"] == "running"
    assert states["theirs"] != "running"


def test_podman_compares_a_container_with_no_other_one(podman: Engine, label: str) -> None:
    for name in ("ours", "theirs"):
        make_container(podman, label, f"{name}-{label}")
    words = f"{{containers: [ours-{label}]}}"
    with running_policy(podman.socket, f"[{{ContainerChanges: {words}, ContainerChangesLibpod: {words}}}]") as proxy:
        for prefix in ("", LIBPOD):
            path = f"{prefix}/containers/ours-{label}/changes"
            assert status(proxy, "GET", path) == 200
            assert status(proxy, "GET", f"{path}?parent=theirs-{label}") == 403
            assert status(proxy, "GET", f"{path}?PARENT=theirs-{label}") == 403


def test_a_condition_on_images_keeps_podman_from_comparing_containers(podman: Engine, label: str) -> None:
    make_container(podman, label, f"ours-{label}")
    for words, answered in (("ImageChangesLibpod", 200), ("ImageChangesLibpod: {images: ['**']}", 404)):
        with running_policy(podman.socket, f"[{words}]") as proxy:
            assert status(proxy, "GET", f"{LIBPOD}/images/ours-{label}/changes") == answered


@pytest.mark.parametrize("query", ["stream=1&stdout=1", "stream=1&STDOUT=1&stdin=0&STDIN=1", "stream=1&stdin="])
def test_an_input_that_is_not_granted_is_not_attached_because_nobody_spoke_of_it(
    engine: Engine, label: str, query: str
) -> None:
    identity = make_container(engine, label, f"cat-{label}", Cmd=["cat"], OpenStdin=True)
    start_container(engine.socket, identity)
    with running_policy(engine.socket, "[{ContainerAttach: {stdin: false}}]") as proxy:
        upgrade = ("Connection: Upgrade", "Upgrade: tcp", "Content-Length: 0")
        with connect(proxy.socket) as attached:
            send_head(attached, f"POST /containers/{identity}/attach?{query}", *upgrade)
            assert read_until(attached, b"\r\n").startswith(b"HTTP/1.1 403 ")
        with connect(proxy.socket) as attached:
            send_head(attached, f"POST /containers/{identity}/attach?stream=1&stdout=1&stdin=0", *upgrade)
            assert read_until(attached, b"\r\n").startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize("operation", ["ImageDelete", "ImageDeleteLibpod"])
def test_podman_deletes_no_container_with_its_image_unless_force_is_granted(
    podman: Engine, label: str, operation: str
) -> None:
    image = f"ours-{label}:1"
    make_image(podman, image)
    container = make_container(podman, label, f"user-{label}", Image=image, Cmd=["x"])
    target = f"{LIBPOD if operation.endswith('Libpod') else ''}/images/docker.io/library/{image}?force=1"
    with running_policy(podman.socket, f"[{{{operation}: {{images: [{image}]}}}}]") as proxy:
        assert status(proxy, "DELETE", target) == 403
        assert ask(podman.socket, "GET", f"/containers/{container}/json").status == 200
    with running_policy(podman.socket, f"[{{{operation}: {{images: [{image}], force: true}}}}]") as proxy:
        assert status(proxy, "DELETE", target) == 200
