# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""Whatever document a contained grant lets pass, the engine makes of it what the proxy understood."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.proxies import Proxy, running_policy
from e2e.talk import Answer, ask
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from dockerproxy.api.bodies.tables import BODIES, Node, Type
from dockerproxy.policy.words.fixed import OPERATIONAL
from dockerproxy.text import fold

pytestmark = pytest.mark.engine

JSON = {"Content-Type": "application/json"}
LABEL = "documents"
GRANT = (
    "[{ContainerCreate: {binds: ['/tmp:ro', /etc], volumes: ['data-*'], networks: [default, none], publish: {ports: [0-65535]},"
    " add_capabilities: [NET_ADMIN, SYS_TIME]}}]"
)
# fmt: off
VALID: dict[str, list[Any]] = {
    "Hostname": ["box"], "Domainname": ["", "example.org"], "User": ["", "0", "1000:1000", "nobody"],
    "AttachStdin": [True, False], "AttachStdout": [True, False], "AttachStderr": [True, False],
    "ExposedPorts": [{}, {"80/tcp": {}, "53/udp": {}}],
    "Tty": [True, False], "OpenStdin": [True, False], "StdinOnce": [True, False],
    "Env": [[], ["A=1", "B=a=b", "C=\u017f"]], "Cmd": [["true"], ["a b", "\u00fc", ""]],
    "Healthcheck": [{"Test": ["CMD", "true"], "Interval": 10**9, "Timeout": 2 * 10**9, "Retries": 3}, {"Test": ["NONE"]}, {"Test": ["CMD-SHELL", "x"], "StartPeriod": 10**9, "StartInterval": 10**9}],
    "Volumes": [{}, {"/some": {}}], "WorkingDir": ["", "/tmp"], "Entrypoint": [["sh"], ["sh", "-c"], []],
    "Labels": [{"A": "b", "a": "B", "k\u017f": ""}], "StopSignal": ["SIGTERM", "9"], "StopTimeout": [0, 10], "Shell": [["sh"]],
    "HostConfig.CpuShares": [0, 512], "HostConfig.Memory": [0, 1 << 26], "HostConfig.BlkioWeight": [0],
    "HostConfig.CpuPeriod": [0, 100_000], "HostConfig.CpuQuota": [0, 50_000], "HostConfig.CpusetCpus": ["", "0"],
    "HostConfig.CpusetMems": ["", "0"], "HostConfig.MemoryReservation": [0, 1 << 25], "HostConfig.Init": [True, False, None],
    "HostConfig.PidsLimit": [100], "HostConfig.Ulimits": [[{"Name": "nofile", "Soft": 100, "Hard": 200}]],
    "HostConfig.Binds": [[], ["/tmp:/h:ro", "/etc:/e"], ["data-x:/d"]],
    "HostConfig.LogConfig": [{"Type": "json-file", "Config": {"max-size": "1m"}}, {"Type": "none", "Config": {}}],
    "HostConfig.NetworkMode": ["bridge", "none"],
    "HostConfig.PortBindings": [{"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostIp": "", "HostPort": "81"}]}],
    "HostConfig.RestartPolicy": [{"Name": "no", "MaximumRetryCount": 0}, {"Name": "on-failure", "MaximumRetryCount": 3}, {"Name": "always", "MaximumRetryCount": 0}],
    "HostConfig.AutoRemove": [False], "HostConfig.VolumeDriver": ["", "local"],
    "HostConfig.Mounts": [[{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 4096, "Mode": 0o700}}], [{"Type": "volume", "Source": "data-y", "Target": "/v", "ReadOnly": True, "VolumeOptions": {"NoCopy": True, "Labels": {"L": "m"}}}], [{"Type": "bind", "Source": "/etc", "Target": "/b", "ReadOnly": True, "BindOptions": {"Propagation": "rprivate", "NonRecursive": True}}]],
    "HostConfig.CapAdd": [[], ["NET_ADMIN"], ["CAP_SYS_TIME"]], "HostConfig.CapDrop": [[], ["ALL"], ["CHOWN"]],
    "HostConfig.CgroupnsMode": ["private"], "HostConfig.Dns": [["192.0.2.1"]], "HostConfig.DnsOptions": [["ndots:2"]],
    "HostConfig.DnsSearch": [["example.org"]], "HostConfig.ExtraHosts": [["db:192.0.2.2"]],
    "HostConfig.IpcMode": ["private", "none", "shareable"], "HostConfig.Privileged": [False], "HostConfig.PublishAllPorts": [False],
    "HostConfig.ReadonlyRootfs": [True, False], "HostConfig.SecurityOpt": [["no-new-privileges"]],
    "HostConfig.Tmpfs": [{"/m": "size=1m,noexec"}], "HostConfig.ShmSize": [1 << 20], "HostConfig.OomScoreAdj": [0], "HostConfig.ConsoleSize": [[31, 97]],
}
# fmt: on
"""Values that an engine takes and the grant lets pass."""

WILD: list[Any] = [
    None,
    0,
    -1,
    1 << 40,
    1.5,
    "",
    "x",
    "0",
    "host",
    True,
    False,
    [],
    {},
    [None],
    [""],
    ["x", 1],
    {"x": None},
]
"""Values that belong almost nowhere."""

LEFT_OUT = ("ContainerIDFile", *(f"EndpointsConfig.*.{name}" for name in OPERATIONAL))
"""What an engine keeps and shows as it was sent, and does not get from here."""

FIELDS = [
    field
    for field in BODIES["ContainerCreate"].fields
    if field.path[0] not in "?@" and not field.path.endswith(LEFT_OUT)
]


def put(around: dict[str, Any], path: str, value: object) -> None:
    """Put a value where the path of a line leads: into the first item of a list, and under some key of a map."""
    place: Any = around
    parts = [part for part in re.split(r"\.|(?=\[\])", path) if part]
    for part, after in pairwise([*parts, ""]):
        below: Any = value if not after else [] if after == "[]" else {}
        if part == "[]":
            place[:] = [place[0] if place and type(place[0]) is type(below) and after else below]
            place = place[0]
        else:
            key = "80/tcp" if part == "*" else part
            if not after or type(place.get(key)) is not type(below):
                place[key] = below
            place = place[key]


def spelled(draw: st.DrawFn, node: Node, value: Any) -> Any:
    """Write the keys of Docker's own types as Go takes them for the same, and in any order."""
    if isinstance(value, list):
        return [spelled(draw, node.item, item) if node.item else item for item in value]
    if not isinstance(value, dict):
        return value
    if node.type is not Type.OBJECT:
        return {key: spelled(draw, node.item, item) if node.item else item for key, item in value.items()}
    written = {}
    for key in draw(st.permutations(sorted(value))):
        _, below = node.keys.get(fold(key), ("", Node(Type.STRING)))
        kind = draw(st.sampled_from(["", "", "", "", "lower", "upper", "odd"]))
        odd = key.replace("s", "\u017f").replace("k", "\u212a")
        written[{"lower": key.lower(), "upper": key.upper(), "odd": odd}.get(kind, key)] = spelled(
            draw, below, value[key]
        )
    return written


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw the query and the body of a request: mostly faultless, and sometimes with a value in the wrong place."""
    body: dict[str, Any] = {"Image": "docker.io/library/busybox", "HostConfig": {}, "Labels": {"case": LABEL}}
    for path in draw(st.lists(st.sampled_from(sorted(VALID)), max_size=20, unique=True)):
        put(body, path, deepcopy(draw(st.sampled_from(VALID[path]))))
    for field in draw(st.lists(st.sampled_from(FIELDS), max_size=2)):
        put(body, field.path, draw(st.sampled_from(WILD)))
    document = spelled(draw, BODIES["ContainerCreate"].root, body)
    if draw(st.integers(0, 9)) == 0:
        document[draw(st.sampled_from(["hostconfig", "Privileged", "binds", "IMAGE", "unknown"]))] = {
            "Privileged": True
        }
    return draw(st.sampled_from(["", "platform=linux/amd64"])), json.dumps(document, ensure_ascii=False).encode()


def create(target: Engine | Proxy, query: str, body: bytes) -> Answer:
    return ask(target.socket, "POST", f"/v1.45/containers/create?{query}", body, JSON)


def describe(engine: Engine, identity: str) -> Any:
    """Return what the engine says of a container, without what is of that one container; remove it.

    Its volumes go too: the proxy lets the engine fill a new volume only, and adds `NoCopy` to later mounts.
    """
    found = ask(engine.socket, "GET", f"/v1.45/containers/{identity}/json").json()
    ask(engine.socket, "DELETE", f"/containers/{identity}?force=1&v=1")
    remove_volumes(engine)
    dropped = found["HostConfig"]["CapDrop"] or ()  # The proxy adds MKNOD.
    found["HostConfig"]["CapDrop"] = [each for each in dropped if each != "MKNOD"] or None
    found["Mounts"].sort(key=lambda mount: mount["Destination"])  # The engine has them in no order.
    text = json.dumps(
        {name: found[name] for name in ("Path", "Args", "Config", "HostConfig", "Mounts", "NetworkSettings")}
    )
    return json.loads(re.sub(r"[0-9a-f]{64}", "0" * 64, text).replace(identity[:12], "0" * 12))


@pytest.fixture(scope="module")
def contained(dockerd: Engine) -> Iterator[Proxy]:
    """The proxy whose grant is the one above."""
    with running_policy(dockerd.socket, GRANT) as proxy:
        yield proxy
    remove_containers(dockerd, LABEL)
    remove_volumes(dockerd)


def remove_volumes(engine: Engine) -> None:
    """Remove the named volumes of these requests, unless a container has them."""
    for name in ("data-x", "data-y"):
        ask(engine.socket, "DELETE", f"/volumes/{name}?force=1")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests())
def test_what_passes_makes_the_container_that_it_makes_without_the_proxy(
    dockerd: Engine, contained: Proxy, sent: tuple[str, bytes]
) -> None:
    passed = create(contained, *sent)
    event(str(passed.status))
    if passed.status == 403 or (passed.status == 400 and b"body" in passed.body):
        return
    direct = create(dockerd, *sent)
    assert passed.status == direct.status, (passed, direct)
    if passed.status == 201:
        assert describe(dockerd, passed.json()["Id"]) == describe(dockerd, direct.json()["Id"])
    else:
        assert passed.body == direct.body


@pytest.mark.parametrize("path", sorted(VALID))
def test_what_is_valid_alone_passes_and_shows(dockerd: Engine, contained: Proxy, path: str) -> None:
    for value in VALID[path]:
        body: dict[str, Any] = {"Image": "busybox", "Labels": {"case": LABEL}}
        put(body, path, value)
        answer = create(contained, "", json.dumps(body).encode())
        assert answer.status == 201, answer
        shown: Any = describe(dockerd, answer.json()["Id"])
        for part in path.split(".") if "." in path else ("Config", path):
            shown = shown.get(part)
        assert shown == value or not (shown or value), (path, value, shown)
