"""Builds of several owners meet nothing of each other, and builds that are denied say so and start no builder."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import rows
from builds.messages import flag, text
from e2e.builders import Builders, Clients, may_build, running_builders
from e2e.engines import Engine
from e2e.http2 import Caller, Session, write_entry, write_field
from e2e.images import import_image
from e2e.programs import Client
from e2e.talk import ask

pytestmark = pytest.mark.engine

BUILDER = "moby/buildkit:buildx-stable-1"
OWNERS = ("one", "two")


@pytest.fixture(scope="module")
def builders(dockerd: Engine) -> Iterator[Builders]:
    """Two owners that may build, each with names of its own, and a third one that may not."""
    allow = {name: ["preset:ci", *may_build(f"docker.io/library/{name}-*")] for name in OWNERS}
    with running_builders(dockerd, {**allow, "shut": ["preset:ci"]}) as builders:
        yield builders


@pytest.fixture
def clients(builders: Builders, make_client: partial[Client]) -> Clients:
    """A client on each of their sockets."""
    return builders.clients(make_client)


READS_CONTEXT = "FROM busybox\nCOPY file /file\nCMD cat /file\n"


def test_equal_contexts_of_two_owners_are_not_taken_for_each_other(clients: Clients, tmp_path: Path) -> None:
    """The engine keeps a context under a key that buildx makes of its path, and skips files of equal size and time."""
    context, times = tmp_path / "context", (10**18, 10**18)
    context.mkdir()
    (context / "Dockerfile").write_text(READS_CONTEXT)
    for name in OWNERS:
        (context / "file").write_text(f"of {name}\n")
        os.utime(context / "file", ns=times)
        clients(name).run("build", f"--tag={name}-context", str(context))
        assert clients(name).run("run", "--rm", f"{name}-context").decode() == f"of {name}\n"


def test_one_owner_s_second_context_is_skipped_where_it_is_equal(clients: Clients, tmp_path: Path) -> None:
    """So the test above would fail if the key were not of its owner."""
    (tmp_path / "Dockerfile").write_text(READS_CONTEXT)
    for word in ("first", "other"):
        (tmp_path / "file").write_text(f"{word}\n")
        os.utime(tmp_path / "file", ns=(10**18, 10**18))
        clients("one").run("build", "--tag=one-context", str(tmp_path))
    assert clients("one").run("run", "--rm", "one-context") == b"first\n"


READS_CACHE = """
FROM busybox
ARG WORD
RUN --mount=type=cache,id={mount},target=/cache echo $WORD >>/cache/list && sort /cache/list >/list
CMD cat /list
"""


def test_a_cache_mount_shows_an_owner_its_own_files_and_no_other_s(clients: Clients) -> None:
    dockerfile = READS_CACHE.format(mount=uuid4().hex).encode()
    for name, word, words in (("one", "a", "a\n"), ("two", "b", "b\n"), ("one", "c", "a\nc\n")):
        client = clients(name)
        client.run("build", f"--build-arg=WORD={word}", f"--tag={name}-cache", "-", data=dockerfile)
        assert client.run("run", "--rm", f"{name}-cache").decode() == words


SLOW = """
FROM busybox
COPY file /file
RUN until [ -e /cache/never ]; do sleep 0.1; i=$((i + 1)); [ $i = 10 ] && break; done; cat /file
CMD cat /file
"""


def test_two_owners_build_side_by_side(clients: Clients, tmp_path: Path) -> None:
    started = []
    for name in OWNERS:
        context = tmp_path / name
        context.mkdir()
        (context / "Dockerfile").write_text(SLOW)
        (context / "file").write_text(f"of {name}\n")
        words = ("build", "--no-cache", "--progress=plain", f"--tag={name}-beside", str(context))
        started.append(clients(name).watch(*words))
    for name, build in zip(OWNERS, started, strict=True):
        with build:
            assert build.wait_end() == 0, build.printed
            assert f"of {name}".encode() in build.printed
        assert clients(name).run("run", "--rm", f"{name}-beside").decode() == f"of {name}\n"


SOLVE, STATUS = (f"moby.buildkit.v1.Control/{name}" for name in ("Solve", "Status"))
FILES = "/moby.filesync.v1.FileSync/DiffCopy"


def write_solve(ref: str, session: str, filename: str) -> bytes:
    """Write the message of a build that reads a Dockerfile with that name from a session."""
    attributes = write_entry(7, b"filename", filename.encode())
    return (
        write_field(1, ref.encode()) + write_field(5, session.encode()) + write_field(6, b"dockerfile.v0") + attributes
    )


def test_an_owner_names_no_session_and_no_build_of_another(builders: Builders) -> None:
    """The engine waits some seconds for what is named before it says that it is not there."""
    one, two = (builders.folder / f"{name}.sock" for name in OWNERS)
    ref, session = uuid4().hex, uuid4().hex
    with Session(one, session, FILES) as files, Caller(one) as owner, Caller(two) as other:
        owner.call(SOLVE, write_solve(ref, session, "of-one"))
        stolen = other.call(SOLVE, write_solve(uuid4().hex, session, "of-two"))
        prefixed = other.call(SOLVE, write_solve(uuid4().hex, f"x:{session}", "of-two"))
        watched = other.call(STATUS, write_field(1, ref.encode()))
        files.wait_call(FILES)
        assert owner.wait_message(owner.call(STATUS, write_field(1, ref.encode())))
        assert "no active session" in other.wait_end(stolen)
        assert "no active session" in other.wait_end(prefixed)
        assert "no such job" in other.wait_end(watched)
        files.wait_call("/", seconds=0.1)
        assert "of-one" in str(files.calls)
        assert "of-two" not in str(files.calls)


DEVICE = text(2, text(1, "disk") + flag(2, 1 << 26 | 0o644) + flag(8, 1) + flag(9, 3))
DEVICE_WITHOUT_A_NUMBER = text(2, text(1, "disk") + flag(2, 1 << 26 | 0o644))


@rows.for_each("packet", [DEVICE, DEVICE_WITHOUT_A_NUMBER])
def test_the_engine_opens_no_device_that_a_session_sends_as_the_dockerfile(packet: bytes, builders: Builders) -> None:
    """The engine tells either why its read ended, or only that it did."""
    path, session = builders.folder / "one.sock", uuid4().hex
    with Session(path, session, FILES) as files, Caller(path) as owner:
        build = owner.call(SOLVE, write_solve(uuid4().hex, session, "disk"))
        files.wait_call(FILES)
        files.answer(packet, b"")
        assert re.search("a device: leave it out of the context|dockerfile: context canceled", owner.wait_end(build))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory that each tool builds, as an image that nobody may."""
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo built >/built\n")
    service = {"build": ".", "image": "other"}
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": {"web": service}}))
    target = {"context": str(tmp_path), "tags": ["other"]}
    (tmp_path / "bake.json").write_text(json.dumps({"target": {"default": target}}))
    return tmp_path


@pytest.fixture
def builder_image(dockerd: Engine, busybox: bytes) -> Iterator[None]:
    """What buildx starts a builder from, so that none fails for want of it."""
    import_image(dockerd.socket, BUILDER, busybox)
    yield
    ask(dockerd.socket, "DELETE", f"/images/{BUILDER}")


TOOLS = (
    "build --tag other FOLDER",
    "compose --file FOLDER/compose.yaml build",
    "buildx bake --file FOLDER/bake.json",
    "build --quiet FOLDER --tag other",
    "buildx build --load --tag other FOLDER",
    "compose --file FOLDER/compose.yaml up --build",
)
NAME = '?t is "docker.io/library/other:latest"'


@pytest.mark.usefixtures("builder_image")
@pytest.mark.parametrize(("name", "says"), [("one", NAME), ("shut", "ImageBuild: ")])
def test_a_denied_build_says_what_would_allow_it_and_starts_no_builder(
    name: str, says: str, builders: Builders, clients: Clients, project: Path
) -> None:
    """Where another name is denied, buildx waits three seconds for news of the build."""
    before = builders.list_containers()
    for tool in TOOLS if name == "shut" else TOOLS[:3]:
        printed = clients(name).refused(*tool.replace("FOLDER", str(project)).split())
        for each in (" denied: ", says, "(decision "):
            assert each in printed, tool
        assert "booting buildkit" not in printed, tool
    assert builders.list_containers() == before


REFUSED = {
    "--network=host": "remove --network host",
    "--build-arg=BUILDKIT_SYNTAX=docker/dockerfile:1": "it runs an image as frontend",
}


@rows.for_each(("word", "says"), REFUSED.items())
def test_a_word_of_the_command_line_that_reaches_further_is_refused_by_name(
    word: str, says: str, clients: Clients, project: Path
) -> None:
    printed = clients("one").refused("build", "--tag=one-refused", word, str(project))
    assert "PermissionDenied: ImageBuild denied: " in printed
    assert says in printed


def test_a_build_on_podman_says_that_only_docker_s_builder_is_contained(
    podman: Engine, make_client: partial[Client], project: Path
) -> None:
    with running_builders(podman, {"one": ["preset:ci", *may_build("docker.io/library/one-*")]}) as builders:
        for buildkit in ("1", "0"):
            client = replace(builders.clients(make_client)("one"), extra={"DOCKER_BUILDKIT": buildkit})
            printed = client.refused("build", "--tag=one-a", str(project))
            assert "only Docker's builder is contained" in printed
            assert "booting buildkit" not in printed
