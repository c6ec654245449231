"""Builds by BuildKit as people type them, each through a socket that may build images with some names."""

import io
import json
import os
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from socket import AF_UNIX, socket
from uuid import uuid4

import pytest
import rows
from e2e.builders import Builders, Clients, may_build, running_builders
from e2e.engines import Engine
from e2e.programs import Client, Running
from e2e.scenarios import NODE, NODE_PROGRAM
from e2e.test_run import run
from waiting import wait_until

pytestmark = pytest.mark.engine

PRESETS = ("ci", "ai-agent", "compose", "testcontainers")

SYNTAX = "# syntax=registry.invalid/none:1\n"
DOCKERFILE = f"""\
{SYNTAX}ARG BASE
FROM $BASE AS first
ARG WORD
COPY file /file
RUN --mount=type=cache,id=kept,target=/cache echo "$WORD" >>/cache/list && cp /cache/list /list
FROM $BASE AS last
COPY --from=first /list /file /
RUN --mount=type=secret,id=word --mount=type=ssh test -S "$SSH_AUTH_SOCK" && cat /run/secrets/word >/secret
COPY <<EOF /here
from here
EOF
CMD ["cat", "/list", "/file", "/secret", "/here"]
FROM last AS never
RUN false
"""


@pytest.fixture(scope="module")
def builders(dockerd: Engine) -> Iterator[Builders]:
    """A socket for each preset, beside which images may be built that are named after it."""
    allow = {name: [f"preset:{name}", *may_build(f"docker.io/library/{name}-*")] for name in PRESETS}
    with running_builders(dockerd, allow) as builders:
        yield builders


@pytest.fixture
def clients(builders: Builders, make_client: partial[Client]) -> Clients:
    """A client on each of them."""
    return builders.clients(make_client)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A directory to build, with a word in a file."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "file").write_text("read from the context\n")
    return folder


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """Socket of an agent that has keys."""
    path = tmp_path / "agent"
    with Running(("ssh-agent", "-D", "-a", str(path)), {}):
        wait_until(path.exists, "the agent listens")
        yield str(path)


WORDS = ("--no-cache", "--progress=plain", "--target=last", "--build-arg=BASE=busybox")
QUICK = ("--target=first", "--build-arg=BASE=busybox")


@pytest.mark.parametrize("name", ["ci", ""])
def test_an_image_is_built_as_people_type_it_and_runs(name: str, clients: Clients, context: Path, agent: str) -> None:
    """The same is done without the proxy, by an empty name: there, the engine would pull what reads the Dockerfile."""
    if not name:
        (context / "Dockerfile").write_text(DOCKERFILE.removeprefix(SYNTAX))
    client = replace(clients(name), extra={"SSH_AUTH_SOCK": agent})
    file, word, image = context.parent / "id", uuid4().hex, name or "direct"
    (context.parent / "secret").write_text("a secret\n")
    given = ("--secret", f"id=word,src={context.parent}/secret", "--ssh=default", f"--build-arg=WORD={word}")
    named = (f"--tag={image}-a", f"--tag={image}-b:2", "--label=mine=this", f"--iidfile={file}")
    client.run("build", *WORDS, *given, *named, str(context))
    printed = f"{word}\nread from the context\na secret\nfrom here\n"
    for each in (f"{image}-a", f"{image}-b:2", file.read_text()):
        assert client.run("run", "--rm", each).decode() == printed
    labels = json.loads(client.run("image", "inspect", "--format={{json .Config.Labels}}", f"{image}-b:2"))
    assert labels["mine"] == "this"
    if not name:
        client.run("rmi", f"{image}-a", f"{image}-b:2")


def test_a_context_may_come_from_standard_input(clients: Clients, context: Path) -> None:
    client, tag = clients("ci"), "--tag=ci-input"
    client.run("build", tag, "-", data=b"FROM busybox\nRUN echo from a file >/which\n")
    assert client.run("run", "--rm", "ci-input", "cat", "/which") == b"from a file\n"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.add(context, ".")
    client.run("build", *QUICK, tag, "-", data=archive.getvalue())
    assert client.run("run", "--rm", "ci-input", "cat", "/file") == b"read from the context\n"
    client.run("build", tag, "--file=-", str(context), data=b"FROM busybox\nCOPY file /other\n")
    assert client.run("run", "--rm", "ci-input", "cat", "/other") == b"read from the context\n"


def test_a_result_goes_where_the_command_line_wants_it(clients: Clients, context: Path, tmp_path: Path) -> None:
    client, words = clients("ai-agent"), (*QUICK, str(context))
    client.run("build", f"--output={tmp_path}/out", *words)
    assert (tmp_path / "out" / "file").read_text() == "read from the context\n"
    client.run("build", f"--output=type=tar,dest={tmp_path}/out.tar", *words)
    with tarfile.open(tmp_path / "out.tar") as tar:
        assert "file" in tar.getnames()
    printed = client.run("build", "--quiet", *words).decode().strip()
    assert client.run("run", "--rm", printed, "cat", "/file") == b"read from the context\n"


def test_a_build_without_a_result_leaves_one_record(clients: Clients, context: Path, builders: Builders) -> None:
    before = len(builders.proxy.records())
    clients("ai-agent").run("build", "--output=type=cacheonly", *QUICK, "--label=none=kept", str(context))
    built = [each for each in builders.proxy.records()[before:] if each.get("target", "").startswith("/build?")]
    assert [(each["operation"], each["decision"]) for each in built] == [("ImageBuild", "allowed")]


def test_a_further_context_is_a_directory_or_an_image(clients: Clients, context: Path) -> None:
    client = clients("testcontainers")
    contexts = (f"--build-context=more={context}", "--build-context=base=docker-image://busybox")
    words = ("build", "--tag=testcontainers-more", *contexts, "-")
    client.run(*words, data=b"FROM base\nCOPY --from=more file /more\n")
    assert client.run("run", "--rm", "testcontainers-more", "cat", "/more") == b"read from the context\n"


READS_ALL = "FROM busybox\nCOPY . /all\nRUN find /all >/list\nCMD cat /list /all/link /all/hard\n"


def test_a_context_has_directories_files_and_links_and_a_pipe_is_denied_with_what_helps(
    clients: Clients, context: Path
) -> None:
    client, words = clients("ci"), ("build", "--tag=ci-links", str(context))
    (context / "Dockerfile").write_text(READS_ALL)
    (context / "link").symlink_to("file")
    (context / "hard").hardlink_to(context / "file")
    (context / "program").touch(0o4755)
    (context / "inner").mkdir()
    (context / b"\xff.bin".decode(errors="surrogateescape")).write_bytes(bytes(100_000))
    with socket(AF_UNIX) as listening:
        listening.bind(str(context / "socket"))
    client.run(*words)
    assert client.run("run", "--rm", "ci-links").endswith(b"read from the context\n" * 2)
    os.mkfifo(context / "inner" / "pipe")
    printed = client.refused(*words)
    assert 'denied: "inner/pipe" is a pipe: leave it out of the context, by .dockerignore' in printed
    (context / ".dockerignore").write_text("**/pipe\n")
    client.run(*words)


def test_a_failing_step_shows_what_it_printed(clients: Clients) -> None:
    failing = b"FROM busybox\nRUN echo this is $((40 + 2)) >&2 && exit 9\n"
    done = clients("ci").attempt("build", "--tag=ci-failing", "-", data=failing)
    assert done.returncode != 0
    assert b"this is 42" in done.stderr
    assert b"exit code: 9" in done.stderr


def is_there(mark: str) -> bool:
    """Tell whether a process has the mark among its words, whatever its namespaces."""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"\0{mark}\0".encode() in each.read_bytes():
                return True
        except OSError:  # It has ended.
            continue
    return False


@rows.for_each("end", [Running.interrupt, Running.kill], ids=lambda end: end.__name__)
def test_the_engine_stops_a_build_of_which_the_client_is_gone(end: object, clients: Clients, context: Path) -> None:
    mark = f"{uuid4().int % 10**9 + 10**9}"
    (context / "Dockerfile").write_text(f"FROM busybox\nRUN echo it is $((40 + 2)) && exec sleep {mark}\n")
    with clients("ci").watch("build", "--progress=plain", "--tag=ci-stopped", str(context)) as build:
        build.wait_for("it is 42")
        wait_until(partial(is_there, mark), "the step sleeps")
        end(build)  # type: ignore[operator] # a method
        wait_until(lambda: not is_there(mark), "the engine has stopped the step")
        assert build.wait_end() != 0
    assert b"ci-stopped" not in clients("ci").run("images", "--format={{.Repository}}")


SERVICE = "FROM busybox\nARG WORD\nRUN echo {name} $WORD >/which\nCMD cat /which; sleep 0.3\n"
TARGET = """
target "{name}" {{
  context = "{folder}/{name}"
  args = {{ WORD = "baked" }}
  tags = ["{image}-{name}"]
}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with what two services are built from."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(SERVICE.format(name=name))
    return tmp_path


def write_project(folder: Path, image: str) -> tuple[str, ...]:
    """Write a Compose file of two services; return the words that name it."""
    services = {
        name: {
            "build": {"context": name, "args": {"WORD": "composed"}},
            "image": f"{image}-{name}",
            "networks": ["inner"],
        }
        for name in ("one", "two")
    }
    file = folder / "compose.yaml"
    file.write_text(json.dumps({"services": services, "networks": {"inner": {}}}))
    return ("compose", "--project-name", f"case-{image}", "--file", str(file))


@pytest.mark.parametrize("name", ["ci", "compose"])
def test_compose_builds_two_services_and_runs_them(name: str, clients: Clients, project: Path) -> None:
    client, words = clients(name), write_project(project, name)
    client.run(*words, "build", "--no-cache")
    assert client.run("run", "--rm", f"{name}-two") == b"two composed\n"
    shown = client.text(*words, "up", "--build", "--no-color")
    client.run(*words, "down")
    assert "| one composed" in shown
    assert "| two composed" in shown


def test_bake_builds_two_targets(clients: Clients, project: Path) -> None:
    file = project / "docker-bake.hcl"
    targets = (TARGET.format(name=name, folder=project, image="ci") for name in ("one", "two"))
    file.write_text('group "default" { targets = ["one", "two"] }\n' + "".join(targets))
    client = clients("ci")
    client.run("buildx", "bake", "--file", str(file))
    for name in ("one", "two"):
        assert client.run("run", "--rm", f"ci-{name}") == f"{name} baked\n".encode()


def test_a_build_under_run_needs_its_line_and_says_so(dockerd: Engine, label: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM busybox\nRUN echo {label} >/which\n")
    image = f"case-{label}"
    script = f"docker build -t {image} . && docker run --rm {image} cat /which && docker rmi {image}"
    line = f"ImageBuild: {{tags: [docker.io/library/{image}:latest]}}"
    words = ("--preset", "ci", "--allow", f"ImageDelete: {{tags: [docker.io/library/{image}:latest]}}")
    done = run(dockerd, tmp_path, *words, "--", "sh", "-c", script)
    assert done.status != 0
    assert "--allow 'ImageBuild: {tags: [" in done.err
    done = run(dockerd, tmp_path, *words, "--allow", line, "--", "sh", "-c", script)
    assert (done.status, label in done.out) == (0, True), done.err


CLASSIC = """
import docker, io, sys
client = docker.from_env()
client.images.build(fileobj=io.BytesIO(b"FROM busybox\\nRUN echo classic >/which\\n"), tag=sys.argv[1], rm=True)
"""

DOCKERODE = """
const Docker = require("dockerode");
const { pack } = require("tar-stream");
const docker = new Docker();
const context = pack();
context.entry({ name: "Dockerfile" }, "FROM busybox\\nRUN echo classic >/which\\n");
context.finalize();
docker.buildImage(context, { t: process.argv[1] }).then((stream) =>
  docker.modem.followProgress(stream, (error) => {
    if (error) throw error;
  }),
);
"""


def test_libraries_build_by_the_classic_door(clients: Clients) -> None:
    client = clients("ci")
    for program, name in (((sys.executable, "-c", CLASSIC), "py"), ((*NODE_PROGRAM, "-e", DOCKERODE), "ode")):
        library = replace(client, program=program, extra={"NODE_PATH": str(NODE / "node_modules")})
        library.run(f"ci-{name}")
        assert client.run("run", "--rm", f"ci-{name}", "cat", "/which") == b"classic\n"
