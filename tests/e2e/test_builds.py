"""Builds of both kinds, and that BuildKit's clients do not help themselves to a privileged builder."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from e2e.conftest import DockerBefore
from e2e.engines import Engine
from e2e.images import import_image
from e2e.programs import Client
from e2e.proxies import EVERYTHING
from e2e.talk import ask

pytestmark = pytest.mark.engine

DOCKERFILE = """
FROM busybox
COPY content /content
RUN sha256sum /content >/sum
"""
BUILDER_IMAGE = "moby/buildkit:buildx-stable-1"
BUILDKIT = [("build",), ("buildx", "build")]
REFUSED = [("GRPC",), ("GRPC", "CONTAINERS"), ("SESSION",)]


@pytest.fixture
def content() -> bytes:
    """Something large that no build has seen before."""
    return os.urandom(20_000_000)


@pytest.fixture
def context(tmp_path: Path, content: bytes) -> str:
    """The folder that is built."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "content").write_bytes(content)
    return str(folder)


@pytest.fixture
def list_builders(dockerd: Engine, busybox: bytes) -> Iterator[Callable[[], list[str]]]:
    """List the builders that buildx has started; an image for them is there, so none fails for want of it."""

    def list_them() -> list[str]:
        containers = ask(dockerd.socket, "GET", "/containers/json?all=1").json()
        return [container["Id"] for container in containers if "buildx_buildkit" in container["Names"][0]]

    import_image(dockerd.socket, BUILDER_IMAGE, busybox)
    yield list_them
    for container in list_them():
        ask(dockerd.socket, "DELETE", f"/containers/{container}?force=1&v=1")
    ask(dockerd.socket, "DELETE", f"/images/{BUILDER_IMAGE}")


def build_and_run(client: Client, words: tuple[str, ...], context: str) -> str:
    """Build an image, run it, and return what both printed."""
    tag = f"built-{client.label}:latest"
    printed = client.text(*words, "--tag", tag, context) + client.run_container(tag, "cat", "/sum")
    client.run("rmi", "--force", tag)
    return printed


def test_a_classic_build_runs_its_steps(client: Client, context: str, content: bytes) -> None:
    classic = replace(client, extra={"DOCKER_BUILDKIT": "0"})
    assert hashlib.sha256(content).hexdigest() in build_and_run(classic, ("build",), context)


def test_a_failing_classic_build_tells_why(client: Client, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo this is why && exit 9\n")
    done = replace(client, extra={"DOCKER_BUILDKIT": "0"}).attempt("build", str(tmp_path))
    assert done.returncode != 0
    assert b"this is why" in done.stdout


@pytest.mark.parametrize("words", BUILDKIT, ids=" ".join)
def test_a_buildkit_build_runs_in_the_engine(
    docker: Client, list_builders: Callable[[], list[str]], words: tuple[str, ...], context: str, content: bytes
) -> None:
    printed = build_and_run(docker, (*words, "--progress=plain"), context)
    assert "RUN sha256sum" in printed
    assert hashlib.sha256(content).hexdigest() in printed
    assert list_builders() == []


def test_a_buildkit_build_reads_a_secret_from_its_client(docker: Client, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(uuid4().hex)
    (tmp_path / "Dockerfile").write_text(
        "FROM busybox\nRUN --mount=type=secret,id=word wc -c </run/secrets/word >/count\nRUN cat /count\n"
    )
    secret = f"--secret=id=word,src={tmp_path}/secret"
    assert " 32\n" in docker.text("build", "--no-cache", "--progress=plain", secret, str(tmp_path))


@pytest.mark.parametrize("words", BUILDKIT, ids=" ".join)
@pytest.mark.parametrize("shut", REFUSED, ids=" ".join)
def test_a_buildkit_build_that_is_refused_fails_and_starts_no_builder(
    docker_before: DockerBefore,
    list_builders: Callable[[], list[str]],
    shut: tuple[str, ...],
    words: tuple[str, ...],
    context: str,
) -> None:
    proxy, docker = docker_before(**(EVERYTHING | dict.fromkeys(shut, "0")))
    docker.refused(*words, "--progress=plain", context)
    proxy.wait_for_record(operation=shut[0].capitalize(), decision="denied", status=403)
    assert list_builders() == []
