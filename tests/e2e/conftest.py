"""What the tests with real engines share: one engine of each kind and one wide open proxy before each."""

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
import yaml
from e2e.engines import Engine, docker_engine, podman_engine
from e2e.images import BUSYBOX, busybox_root, import_image, make_archive
from e2e.programs import Client
from e2e.proxies import EVERYTHING, Proxy, running_policy, running_proxy
from e2e.talk import ask

StartProxy = Callable[..., Proxy]
DockerBefore = Callable[..., tuple[Proxy, Client]]
Before = Callable[..., tuple[Proxy, Client]]


@pytest.fixture(scope="session")
def busybox() -> bytes:
    """The root file system of the image that the containers of the tests have."""
    return busybox_root()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run have, for what is made once."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def debs(shared: Path) -> Path:
    """Where the first who needs packages of Debian leaves them."""
    folder = shared / "debs"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def archive(debs: Path, shared: Path) -> Path:
    """The proxy's image as it is released."""
    folder = shared / "archive"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / "image.oci.tar"
        return made if made.exists() else make_archive(Path(__file__).parents[2], debs, folder)


def started(prepared: AbstractContextManager[Engine], busybox: bytes) -> Iterator[Engine]:
    """Run an engine that has the image. What it printed is told if it does not live as long as the tests."""
    with prepared as engine:
        engine.start()
        import_image(engine.socket, BUSYBOX, busybox)
        yield engine
        engine.check()


@pytest.fixture(scope="session")
def dockerd(busybox: bytes) -> Iterator[Engine]:
    """A real dockerd."""
    yield from started(docker_engine(), busybox)


@pytest.fixture(scope="session")
def podman(busybox: bytes) -> Iterator[Engine]:
    """A real podman service: this system's, or one that is installed elsewhere, as `make newest` does."""
    yield from started(podman_engine(root=os.environ.get("PODMAN_ROOT", "")), busybox)


@pytest.fixture(scope="session")
def open_dockerd(dockerd: Engine) -> Iterator[Proxy]:
    """A proxy before dockerd that allows everything."""
    with running_proxy(dockerd.socket, EVERYTHING) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def open_podman(podman: Engine) -> Iterator[Proxy]:
    """A proxy before podman that allows everything of Docker's API and nothing of podman's own."""
    with running_proxy(podman.socket, EVERYTHING) as proxy:
        yield proxy


@pytest.fixture
def start_proxy() -> Iterator[StartProxy]:
    """Start proxies with settings of the test's choice; they are stopped, and checked, at the end."""
    with contextlib.ExitStack() as stack:

        def start(engine: Engine, *, descriptors: int | None = None, **settings: str) -> Proxy:
            return stack.enter_context(running_proxy(engine.socket, settings, descriptors))

        yield start


@pytest.fixture
def label() -> str:
    """What marks the containers of this test."""
    return uuid4().hex[:12]


@pytest.fixture
def make_client(tmp_path: Path, label: str) -> partial[Client]:
    """Make docker command lines; give `socket`, and what differs."""
    return partial(Client, program=("docker",), home=tmp_path, label=label)


@pytest.fixture
def docker(dockerd: Engine, open_dockerd: Proxy, make_client: partial[Client], label: str) -> Iterator[Client]:
    """The docker command line, through the proxy that allows everything, on dockerd."""
    yield make_client(socket=open_dockerd.socket)
    remove_containers(dockerd, label)


@pytest.fixture
def docker_before(start_proxy: StartProxy, dockerd: Engine, make_client: partial[Client]) -> DockerBefore:
    """Start a proxy before dockerd, with settings of the test's choice, and a docker command line on it."""

    def start(*, descriptors: int | None = None, **settings: str) -> tuple[Proxy, Client]:
        proxy = start_proxy(dockerd, descriptors=descriptors, **settings)
        return proxy, make_client(socket=proxy.socket)

    return start


@pytest.fixture
def before(dockerd: Engine, make_client: partial[Client], tmp_path: Path, label: str) -> Iterator[Before]:
    """Start a proxy with a policy in which `/srv` is a directory of the test's, and a client on it."""
    with contextlib.ExitStack() as stack:

        def start(policy: str, **client: object) -> tuple[Proxy, Client]:
            allow = json.dumps(yaml.load(policy.replace("/srv", str(tmp_path)), yaml.BaseLoader))  # noqa: S506
            proxy = stack.enter_context(running_policy(dockerd.socket, allow))
            return proxy, make_client(socket=proxy.socket, **client)

        yield start
    remove_containers(dockerd, label)


@pytest.fixture
def jobs(dockerd: Engine, tmp_path: Path) -> Iterator[Path]:
    """The network and the directories of jobs."""
    for name in ("input", "output"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    (tmp_path / "input" / "file").write_text("read\n")
    content = json.dumps({"Name": "jobs"}).encode()
    ask(dockerd.socket, "POST", "/networks/create", content, {"Content-Type": "application/json"})
    yield tmp_path
    ask(dockerd.socket, "DELETE", "/networks/jobs")
    for name in ("cache-a", "cache-b"):
        ask(dockerd.socket, "DELETE", f"/volumes/{name}?force=1")


@pytest.fixture(params=["dockerd", "podman"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each of the engines in turn."""
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def client(
    request: pytest.FixtureRequest, engine: Engine, make_client: partial[Client], label: str
) -> Iterator[Client]:
    """The docker command line, through the proxy that allows everything, on each of the engines in turn."""
    proxy: Proxy = request.getfixturevalue(f"open_{engine.name}")
    yield make_client(socket=proxy.socket)
    remove_containers(engine, label)


def remove_containers(engine: Engine, label: str) -> None:
    """Remove what a test left, past every proxy."""
    filters = quote(json.dumps({"label": [f"case={label}"]}))
    for container in ask(engine.socket, "GET", f"/containers/json?all=1&filters={filters}").json():
        ask(engine.socket, "POST", f"/containers/{container['Id']}/kill")  # podman gives a removed one ten seconds
        ask(engine.socket, "DELETE", f"/containers/{container['Id']}?force=1&v=1")
