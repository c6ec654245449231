"""What `check` calls root is root: each chain writes a file on the host through the proxy, with its grants alone.

Where `check` says that a policy cannot be root, the same requests leave nothing.
"""

import io
import json
import tarfile
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import pytest
from e2e.engines import Engine
from e2e.images import BUSYBOX
from e2e.proxies import running_policy
from e2e.talk import ask
from waiting import wait_until

from dockerproxy.config.policy_file import read_policy
from dockerproxy.workbench.chains import Chain, Extent, find_root

pytestmark = pytest.mark.engine

BAD = 400
TOUCH = ("touch", "/host/marker")
JSON = {"Content-Type": "application/json"}
TAR = {"Content-Type": "application/x-tar"}


def root_of(allow: str) -> Chain:
    text = f"sockets: {{client: {{path: /run/a.sock, allow: {allow}}}}}"
    return find_root(read_policy(text, "policy.yaml").sockets[0].policy)


def archive_of(name: str, content: bytes = b"") -> bytes:
    archive, file = io.BytesIO(), tarfile.TarInfo(name)
    file.size = len(content)
    with tarfile.open(fileobj=archive, mode="w") as written:
        written.addfile(file, io.BytesIO(content))
    return archive.getvalue()


def post(socket: Path, target: str, body: object = None) -> int:
    content = None if body is None else json.dumps(body).encode()
    return ask(socket, "POST", target, content, JSON if content is not None else None).status


def create(socket: Path, name: str, mount: str, *command: str) -> int:
    body = {"Image": BUSYBOX, "Cmd": command or TOUCH, "HostConfig": {"Binds": [mount]}}
    return post(socket, f"/containers/create?name={name}", body)


def start_with_a_bind(socket: Path, name: str, host: Path) -> Sequence[int]:
    return create(socket, name, f"{host}:/host"), post(socket, f"/containers/{name}/start")


def upload_without_a_start(socket: Path, name: str, host: Path) -> Sequence[int]:
    upload = f"/containers/{name}/archive?path=/host"
    made = create(socket, name, f"{host}:/host")
    return made, ask(socket, "PUT", upload, archive_of("marker"), TAR).status


def build_with_a_mount(socket: Path, name: str, host: Path) -> Sequence[int]:
    context = archive_of("Dockerfile", f"FROM {BUSYBOX}\nRUN {' '.join(TOUCH)}\n".encode())
    target = f"/v4.0.0/libpod/build?t={name}&volume={host}:/host&pull=false"
    return (ask(socket, "POST", target, context, TAR).status,)


def have_a_driver_run(socket: Path, name: str, host: Path) -> Sequence[int]:
    commands = {"store": f"touch {host}/marker", "list": "true", "lookup": "true", "delete": "true"}
    words = "&".join(f"{key}={value}" for key, value in {"name": name, "driver": "shell"}.items())
    options = json.dumps(commands).replace(" ", "%20").replace('"', "%22").replace("{", "%7B").replace("}", "%7D")
    return (ask(socket, "POST", f"/v4.0.0/libpod/secrets/create?{words}&driveropts={options}", b"value").status,)


Attempt = Callable[[Path, str, Path], Sequence[int]]

# By engine: what is tried, what allows it, and what is nearest to that and does not.
CHAINS = [
    (
        ("dockerd", "podman"),
        start_with_a_bind,
        '["ContainerCreate": unrestricted, ContainerStart]',
        "[ContainerCreate, ContainerStart]",
    ),
    (
        ("dockerd", "podman"),
        upload_without_a_start,
        '["ContainerCreate": unrestricted, PutContainerArchive: unrestricted]',
        "[ContainerCreate, PutContainerArchive: {own: true}]",
    ),
    (("podman",), build_with_a_mount, '["ImageBuildLibpod": unrestricted]', "[ImageBuild: {tags: [ci]}]"),
    (("podman",), have_a_driver_run, '["SecretCreateLibpod": unrestricted]', "[SecretCreate]"),
]
EACH = [(engine, *chain) for engines, *chain in CHAINS for engine in engines]


@pytest.mark.parametrize(("engine", "attempt", "allow", "contained"), EACH, indirect=["engine"])
def test_a_chain_to_root_writes_on_the_host_and_its_policy_without_a_link_does_not(
    engine: Engine, attempt: Attempt, allow: str, contained: str, tmp_path: Path
) -> None:
    allow, contained = (each.replace("HOST", str(tmp_path)) for each in (allow, contained))
    assert root_of(contained).extent is Extent.NO
    chain = root_of(allow)
    assert chain.extent is Extent.YES
    name, marker = f"root-{uuid4().hex[:8]}", tmp_path / "marker"
    with running_policy(engine.socket, contained) as proxy:
        assert HTTPStatus.FORBIDDEN in attempt(proxy.socket, name, tmp_path)
        assert not marker.exists()
    clean(engine, name)
    with running_policy(engine.socket, allow) as proxy:
        statuses = attempt(proxy.socket, name, tmp_path)
        assert max(statuses) < BAD, statuses
        wait_until(marker.exists, "the marker is on the host")
        assert marker.stat().st_uid == 0
        for link in chain.links:
            proxy.wait_for_record(operation=link.operation, decision="allowed")
        assert {record["operation"] for record in proxy.records() if record.get("operation")} - {"SystemPing"} == {
            link.operation for link in chain.links
        }
    clean(engine, name)


@pytest.mark.parametrize("engine", ["dockerd", "podman"], indirect=True)
def test_a_link_in_a_writable_bind_leads_no_client_further(engine: Engine, tmp_path: Path) -> None:
    """The engine follows a link that a container made, so what lies below is mounted otherwise, or not at all."""
    jobs, name, marker = tmp_path / "jobs", f"can-{uuid4().hex[:8]}", tmp_path / "marker"
    other, inner = f"{name}-other", f"{jobs}/link"
    jobs.mkdir()
    with running_policy(engine.socket, f'[ContainerCreate: {{binds: ["{jobs}"]}}, ContainerStart]') as proxy:
        assert create(proxy.socket, name, f"{jobs}:/host", "ln", "-s", str(tmp_path), "/host/link") < BAD
        assert post(proxy.socket, f"/containers/{name}/start") < BAD
        wait_until((jobs / "link").is_symlink, "the link is there")
        for mount in (f"{inner}:/host", f"{inner}:/host:ro", f"{jobs}/link/x:/host"):
            assert create(proxy.socket, other, mount) == HTTPStatus.FORBIDDEN
    for both in (f'["{jobs}", "{inner}"]', f'["{jobs}", "{inner}:ro"]', f'["{jobs}/**"]'):
        with running_policy(engine.socket, f"[ContainerCreate: {{binds: {both}}}, ContainerStart]") as proxy:
            made = create(proxy.socket, other, f"{inner}:/host:ro")
            assert max(made, post(proxy.socket, f"/containers/{other}/start")) >= BAD
            ask(engine.socket, "DELETE", f"/containers/{other}?force=1")
        assert not marker.exists()
    assert create(engine.socket, other, f"{inner}:/host") < BAD  # What such a policy would let through.
    assert post(engine.socket, f"/containers/{other}/start") < BAD
    wait_until(marker.exists, "the marker is on the host")
    assert marker.stat().st_uid == 0
    clean(engine, name)


def clean(engine: Engine, name: str) -> None:
    """Remove what an attempt left, past every proxy."""
    for container in (name, f"{name}-other"):
        ask(engine.socket, "DELETE", f"/containers/{container}?force=1")
    ask(engine.socket, "DELETE", f"/volumes/ci_{name}?force=1")
    ask(engine.socket, "DELETE", f"/secrets/{name}")
