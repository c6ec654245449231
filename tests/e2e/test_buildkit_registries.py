"""Builds with a registry, on both stores of images that Docker has: pushes that a policy allows, and caches."""

import contextlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from e2e.builders import Builders, Clients, may_build, running_builders
from e2e.conftest import started
from e2e.engines import Engine, docker_engine
from e2e.programs import Client, Running
from waiting import wait_until

pytestmark = pytest.mark.engine

PROGRAM = Path(__file__).parents[2] / ".collectors" / "usr" / "bin" / "docker-registry"
PLACE = "localhost:5000"
CONTEXT = b"FROM busybox\nRUN cat /proc/sys/kernel/random/uuid >/built\nCMD cat /built\n"


@contextlib.contextmanager
def running_registry(engine: Engine) -> Iterator[None]:
    """Run a registry where the engine is. It prints more than a pipe takes that is not read."""
    file, log = engine.folder / "registry.json", engine.folder / "registry.log"
    storage = {"filesystem": {"rootdirectory": str(engine.folder / "registry")}, "delete": {"enabled": True}}
    file.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": "127.0.0.1:5000"}}))
    with Running(engine.inside("sh", "-c", f'exec "$0" serve {file} >{log} 2>&1', str(PROGRAM)), {}):
        wait_until(lambda: log.is_file() and "listening on" in log.read_text(), "the registry listens")
        yield


@pytest.fixture(scope="module", params=[False, True], ids=["drivers", "containerd"])
def builders(request: pytest.FixtureRequest, dockerd: Engine, busybox: bytes) -> Iterator[Builders]:
    """Two sockets before an engine with either store, and a registry: one may push, and ask for what it pushed."""
    allow = {
        name: ["preset:ci", *may_build(f"docker.io/library/{name}-*", f"{PLACE}/{name}-*")] for name in ("push", "keep")
    }
    allow["push"] += ["DistributionInspect", {"ImagePush": {"images": [f"{PLACE}/push-*"]}}]
    allow["push"] += [{"ImageCreate": {"images": [f"{PLACE}/push-*"]}}]
    with contextlib.ExitStack() as stack:
        engine = dockerd
        if request.param:
            prepared = docker_engine(features={"containerd-snapshotter": True})
            engine = stack.enter_context(contextlib.contextmanager(started)(prepared, busybox))
        stack.enter_context(running_registry(engine))
        yield stack.enter_context(running_builders(engine, allow))


@pytest.fixture
def clients(builders: Builders, make_client: partial[Client]) -> Clients:
    """A client on each of them."""
    return builders.clients(make_client)


def test_an_image_is_pushed_where_that_is_allowed_and_steps_are_taken_from_it(clients: Clients) -> None:
    client, engine, image = clients("push"), clients(""), f"{PLACE}/push-a"
    client.run("build", f"--tag={image}", "--build-arg=BUILDKIT_INLINE_CACHE=1", "-", data=CONTEXT)
    built = client.run("run", "--rm", image)
    client.run("push", image)
    engine.run("rmi", image)
    engine.run("builder", "prune", "--all", "--force")
    client.run("build", f"--tag={image}", "--push", f"--cache-from={image}", "-", data=CONTEXT)
    # Else a step ran again. The progress does not always say so.
    assert client.run("run", "--rm", image) == built != b""
    engine.run("rmi", image)


def test_an_image_is_not_pushed_where_only_builds_are_allowed(clients: Clients) -> None:
    client, image = clients("keep"), f"{PLACE}/keep-a"
    done = client.attempt("buildx", "build", "--push", f"--tag={image}", "-", data=CONTEXT)
    assert done.returncode != 0
    assert b"ImagePush denied: " in done.stderr
    missing = clients("").refused("pull", image)
    assert "not found" in missing or "manifest unknown" in missing


def test_a_cache_goes_to_a_registry_where_a_push_is_allowed(clients: Clients) -> None:
    """Engines with the older store refuse to write one."""
    for name, says in (("push", ""), ("keep", "ImagePush denied: ")):
        cache = f"--cache-to=type=registry,mode=max,ref={PLACE}/{name}-cache"
        done = clients(name).attempt("buildx", "build", cache, "-", data=CONTEXT)
        if b"not supported for the docker driver" not in done.stderr:
            assert (done.returncode == 0) == (not says), done.stderr
            assert says in done.stderr.decode()
