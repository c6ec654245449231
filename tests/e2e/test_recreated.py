"""A contained container can be made again from what its inspection shows, as Watchtower and Portainer do."""

import contextlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine, docker_engine
from e2e.images import BUSYBOX, import_image
from e2e.programs import Client
from e2e.proxies import Proxy, running_policy
from e2e.starting import start_container
from e2e.talk import Answer, ask

from dockerproxy.policy.objects import is_full_id

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}
GRANT = {
    "networks": ["bridge", "default", "podman", "none", "again-*"],
    "volumes": ["again-*"],
    "binds": ["/usr/share:ro", "/usr/share/doc:ro"],
    "publish": {"ports": ["0", "18090-18099"]},
    "add_capabilities": ["NET_BIND_SERVICE"],
    "joins": ["again-*"],
}
NETWORKS = {"again-net": "10.77.0.0/24", "again-more": "10.78.0.0/24"}
HOLDER = "again-holder"
KINDS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "limited and confined": (
        *("--memory=64m", "--memory-reservation=32m", "--cpus=1", "--pids-limit=50", "--cpu-shares=512"),
        *("--ulimit=nofile=100:200", "--shm-size=32m", "--stop-timeout=3", "--stop-signal=SIGINT"),
        *("--user=1000:1000", "--cap-drop=ALL", "--cap-add=NET_BIND_SERVICE", "--read-only"),
        *("--security-opt=no-new-privileges", "--ipc=private", "--cgroupns=private"),
    ),
    "described and with names": (
        *("--label=a=b", "--env=A=b", "--workdir=/tmp", "--entrypoint=/bin/sleep", "--tty", "--interactive"),
        *("--hostname=inside", "--domainname=example", "--add-host=a:1.2.3.4", "--dns=192.0.2.1"),
        *("--dns-search=x", "--dns-option=ndots:2"),
    ),
    "checked and restarted": (
        *("--health-cmd=true", "--health-interval=30s", "--health-retries=2"),
        *("--restart=on-failure:3", "--log-driver=json-file"),
    ),
    "restarted always": ("--restart=unless-stopped",),
    "published": ("--publish=127.0.0.1:18090:80", "--publish=18091:81/udp", "--expose=90"),
    "with volumes, directories and memory": (
        *("--volume=again-a:/v", "--volume=again-b:/w:ro", "--mount=type=volume,source=again-c,target=/x"),
        *("--volume=/usr/share/doc:/d:ro", "--mount=type=bind,source=/usr/share,target=/s,readonly"),
        *("--tmpfs=/t:size=1m", "--mount=type=tmpfs,target=/u,tmpfs-size=1m,tmpfs-mode=1777"),
    ),
    "without network": ("--network=none",),
    "on a network": ("--network=again-net", "--network-alias=other"),
    "on two networks": ("--network=again-net", "--network=again-more"),
    "joining another": (f"--network=container:{HOLDER}", f"--ipc=container:{HOLDER}", f"--pid=container:{HOLDER}"),
    "shareable": ("--ipc=shareable",),
}
"""What contained containers of these tests are made of, as words of the docker command line."""

ONLY_DOCKER: dict[str, tuple[str, ...]] = {
    # Podman shows the port that it picked as if it had been asked for, and which volumes they are.
    "published anywhere, with volumes without a name": ("--publish=80", "--volume=/v", "--mount=type=volume,target=/w"),
    "rotated, with an init": ("--log-opt=max-size=1m", "--log-opt=max-file=2", "--init"),
}
CASES = [(engine, kind) for engine in ("dockerd", "podman") for kind in KINDS]
CASES += [("dockerd", kind) for kind in ONLY_DOCKER]

OPERATIONAL = ("EndpointID", "Gateway", "IPAddress", "IPPrefixLen", "IPv6Gateway", "MacAddress", "DNSNames")
CHANGING = {"Hostname", "Id", "Aliases", "DNSNames", *OPERATIONAL}
"""What an engine chooses anew for each container."""

Body = dict[str, Any]


def whole(shown: Body) -> Body:
    """Repeat all that is shown, as Portainer does."""
    endpoints = shown["NetworkSettings"]["Networks"]
    return {**shown["Config"], "HostConfig": shown["HostConfig"], "NetworkingConfig": {"EndpointsConfig": endpoints}}


def cleared(shown: Body) -> Body:
    """Leave out what belongs to the old container, as Watchtower does."""
    body = whole(shown)
    own = shown["Id"][:12]
    endpoints = body["NetworkingConfig"]["EndpointsConfig"]
    for name, endpoint in endpoints.items():
        kept = {key: value for key, value in endpoint.items() if key not in OPERATIONAL}
        endpoints[name] = {**kept, "Aliases": [each for each in kept.get("Aliases") or [] if each != own]}
    return {**body, "Hostname": "" if body["Hostname"] == own else body["Hostname"]}


def without_nothing(value: Any) -> Any:
    """Leave out all that says nothing; a 0 may say something."""
    return json.loads(
        json.dumps(value),
        object_hook=lambda each: {key: item for key, item in each.items() if item not in (None, "", [], {})},
    )


def short(shown: Body) -> Body:
    """Repeat what says something, as clients do whose types leave out what is empty."""
    return without_nothing(whole(shown))  # type: ignore[no-any-return]


WAYS: tuple[Callable[[Body], Body], ...] = (whole, cleared, short)


@pytest.fixture(scope="module")
def proxy_before() -> Iterator[Callable[[Engine], Proxy]]:
    """Give the proxy before an engine that has the networks; there is one for each."""
    proxies: dict[str, Proxy] = {}
    allow = [
        "preset:ping",
        "containers:read",
        {"ContainerCreate": GRANT},
        {"NetworkConnect": {"networks": ["again-*"]}},
    ]
    with contextlib.ExitStack() as stack:

        def start(engine: Engine) -> Proxy:
            if engine.name not in proxies:
                for name, subnet in NETWORKS.items():
                    post(engine.socket, "/networks/create", {"Name": name, "IPAM": {"Config": [{"Subnet": subnet}]}})
                    stack.callback(ask, engine.socket, "DELETE", f"/networks/{name}")
                for name in ("a", "b", "c"):
                    stack.callback(ask, engine.socket, "DELETE", f"/volumes/again-{name}?force=1")
                proxies[engine.name] = stack.enter_context(running_policy(engine.socket, json.dumps(allow)))
            return proxies[engine.name]

        yield start


@pytest.fixture
def make(
    request: pytest.FixtureRequest, make_client: partial[Client], label: str, proxy_before: Callable[[Engine], Proxy]
) -> Iterator[Callable[[str, str], tuple[Engine, Proxy, str]]]:
    """Make a container of a kind on an engine, through the proxy, and start it; for some kinds, another one first."""
    engines: list[Engine] = []

    def start(name: str, kind: str) -> tuple[Engine, Proxy, str]:
        engine: Engine = request.getfixturevalue(name)
        engines.append(engine)
        proxy = proxy_before(engine)
        client = make_client(socket=proxy.socket)
        words = {**KINDS, **ONLY_DOCKER}[kind]
        holder = {HOLDER: ("--ipc=shareable",)} if kind in {"joining another", "on two networks"} else {}
        for called, more in {**holder, f"first-{label}": words}.items():
            client.run("create", f"--name={called}", f"--label=case={label}", *more, "busybox", "sleep", "600")
            start_container(engine.socket, called)
        return engine, proxy, f"first-{label}"

    yield start
    for engine in engines * 2:  # A container that another one has joined stays until that is gone.
        remove_containers(engine, label)


def post(path: Path, target: str, content: object = None) -> Answer:
    return ask(path, "POST", target, json.dumps(content).encode(), JSON)


def inspect(engine: Engine, name: str) -> Body:
    return ask(engine.socket, "GET", f"/containers/{name}/json").json()  # type: ignore[no-any-return]


def without_what_engines_refuse(shown: Body) -> Body:
    """Leave out what the engine itself shows and does not take, proxy or not, as Watchtower does."""
    shown = json.loads(json.dumps(shown))
    host_config = shown["HostConfig"]
    if host_config["NanoCpus"] and host_config["CpuQuota"]:
        host_config["NanoCpus"] = 0
    if host_config["NetworkMode"].startswith("container:"):
        shown["NetworkSettings"]["Networks"], shown["Config"]["Hostname"] = {}, ""
    return shown


def remove(engine: Engine, name: str) -> None:
    ask(engine.socket, "POST", f"/containers/{name}/kill")  # podman gives a removed one ten seconds
    ask(engine.socket, "DELETE", f"/containers/{name}?force=1")


def lasting(shown: Body) -> set[str]:
    """Return what of an inspection stays when the container is made again, each field in a line."""
    endpoints = {
        name: {key: value for key, value in endpoint.items() if value and key not in CHANGING}
        for name, endpoint in shown["NetworkSettings"]["Networks"].items()
    }
    config = {key: value for key, value in shown["Config"].items() if key not in CHANGING}
    config["Env"] = sorted(each for each in config["Env"] or [] if not each.startswith("HOSTNAME="))
    host = {**shown["HostConfig"], "Binds": None, "Mounts": None}  # Nothing is copied into them again: plans/creating.
    mounts = {
        each["Destination"]: (each["Type"], each["RW"], each.get("Name"))
        for each in shown["Mounts"]
        if not is_full_id(each.get("Name", ""))
    }
    parts = {"Config": config, "HostConfig": host, "Networks": endpoints, "Mounts": mounts}
    return {f"{part} {key} {value}" for part, fields in without_nothing(parts).items() for key, value in fields.items()}


@pytest.mark.parametrize(("name", "kind"), CASES, ids=map(" ".join, CASES))
def test_a_container_is_made_again_from_its_inspection_and_is_equal(
    make: Callable[[str, str], tuple[Engine, Proxy, str]], label: str, name: str, kind: str
) -> None:
    engine, proxy, first = make(name, kind)
    shown = ask(proxy.socket, "GET", f"/containers/{first}/json").json()
    remove(engine, first)
    for way in WAYS:
        answer = post(proxy.socket, f"/containers/create?name=again-{label}", way(without_what_engines_refuse(shown)))
        assert answer.status == 201, (way.__name__, answer)
        start_container(engine.socket, f"again-{label}")
        assert lasting(inspect(engine, f"again-{label}")) == lasting(shown), way.__name__
        remove(engine, f"again-{label}")


@pytest.mark.parametrize("name", ["dockerd", "podman"])
def test_a_container_is_put_into_the_other_networks_afterwards(
    make: Callable[[str, str], tuple[Engine, Proxy, str]], name: str
) -> None:
    engine, proxy, first = make(name, "on two networks")
    endpoint = inspect(engine, first)["NetworkSettings"]["Networks"]["again-more"]
    remove(engine, first)
    answer = post(proxy.socket, "/networks/again-more/connect", {"Container": HOLDER, "EndpointConfig": endpoint})
    assert answer.status == 200, answer
    joined = inspect(engine, HOLDER)["NetworkSettings"]["Networks"]
    assert joined["again-more"]["MacAddress"] != endpoint["MacAddress"] or name == "dockerd"
    assert "again-more" in joined


@pytest.mark.parametrize("name", ["dockerd", "podman"])
def test_a_grant_without_conditions_lets_its_containers_be_made_again(
    request: pytest.FixtureRequest, label: str, name: str
) -> None:
    engine: Engine = request.getfixturevalue(name)
    with running_policy(engine.socket, '["ContainerCreate"]') as proxy:
        body = {"Image": "busybox", "Cmd": ["sleep", "600"], "Labels": {"case": label}}
        first = post(proxy.socket, "/containers/create", body).json()["Id"]
        start_container(engine.socket, first)
        answer = post(proxy.socket, "/containers/create", whole(inspect(engine, first)))
    remove_containers(engine, label)
    assert answer.status == 201, answer


def test_the_id_of_another_network_does_not_join_that_one(
    dockerd: Engine, proxy_before: Callable[[Engine], Proxy], label: str
) -> None:
    proxy = proxy_before(dockerd)
    theirs = post(dockerd.socket, "/networks/create", {"Name": f"theirs-{label}"}).json()["Id"]
    endpoints = {"EndpointsConfig": {"again-net": {"NetworkID": theirs}}}
    host_config = {"NetworkMode": "again-net"}
    body = {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": host_config, "NetworkingConfig": endpoints}
    joined = []
    for socket in (dockerd.socket, proxy.socket):
        made = post(socket, "/v1.45/containers/create", {**body, "Labels": {"case": label}}).json()["Id"]
        start_container(dockerd.socket, made)
        networks = inspect(dockerd, made)["NetworkSettings"]["Networks"]
        joined.append({endpoint["NetworkID"] for endpoint in networks.values() if endpoint["IPAddress"]})
    own = ask(dockerd.socket, "GET", "/networks/again-net").json()["Id"]
    remove_containers(dockerd, label)
    ask(dockerd.socket, "DELETE", f"/networks/{theirs}")
    assert joined == [{theirs}, {own}]


def test_a_runtime_by_name_does_not_lead_out_of_the_one_that_the_operator_chose(busybox: bytes) -> None:
    settings: dict[str, Any] = {"default-runtime": "boxed", "runtimes": {"boxed": {"path": "runc"}}}
    with docker_engine(**settings) as engine:
        engine.start()
        import_image(engine.socket, BUSYBOX, busybox)
        with running_policy(engine.socket, '["ContainerCreate"]') as proxy:
            body = {"Image": "busybox", "HostConfig": {"NetworkMode": "none", "Runtime": "runc"}}
            made = [post(each.socket, "/containers/create", body).json()["Id"] for each in (engine, proxy)]
            assert [inspect(engine, each)["HostConfig"]["Runtime"] for each in made] == ["runc", "boxed"]
