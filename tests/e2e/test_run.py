"""`run` with real engines: learn a program once, and run it as often as one likes."""

import os
import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from cli.programs import CODE, Done
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.starting import set_up
from waiting import PATIENCE

pytestmark = pytest.mark.engine

ELSEWHERE = {"DOCKER_CONTEXT": "of-somebody", "DOCKER_TLS_VERIFY": "1", "CONTAINER_CONNECTION": "of-somebody"}

LIBRARY = """
import docker, sys, uuid
client = docker.from_env(timeout=PATIENCE)
network, volume = client.networks.create(str(uuid.uuid4())), client.volumes.create(f"data-{uuid.uuid4()}")
ends_when_asked = ["sh", "-c", "trap exit TERM; sleep 600 & wait"]  # Podman waits 10 s for what does not.
container = client.containers.create(
    "busybox", ends_when_asked, labels={"case": sys.argv[1]}, network_mode="none", volumes=[f"{volume.name}:/data"]
)
container.start()
assert container.exec_run(["test", "-d", "/data"]).exit_code == 0
assert container.id in {each.id for each in client.containers.list()}
container.remove(force=True)
network.remove()
volume.remove()
""".replace("PATIENCE", str(PATIENCE))

COMMANDS = """
set -e
docker run --rm --label "case=$1" --network none -v "$TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE:/docker.sock" busybox \\
    test -S /docker.sock
docker run --rm --label "case=$1" --network none -i busybox sh -c 'read -r line; exit "$line"' || status=$?
exit "$status"
"""
"""A container that is given the socket of its client, as Ryuk is, and one that reads what we are given."""


def run(engine: Engine, folder: Path, *words: str, given: str = "") -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "dockerproxy", "run", "--host", str(engine.socket), *words],
        input=given,
        capture_output=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], **CODE, "HOME": str(folder), "PWD": str(folder), **ELSEWHERE},
        timeout=PATIENCE,
        check=False,
        text=True,
    )
    return Done(done.returncode, done.stdout, done.stderr)


README = (Path(__file__).parents[2] / "README.md").read_text()
SAID = ("  denied ", "hello\n", "built\n")
"""What each command of the README's prints, besides other lines."""


def test_the_commands_of_the_readme_do_what_it_says(dockerd: Engine, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(dockerproxy run .*?)```$", README, re.MULTILINE | re.DOTALL)
    (tmp_path / "Dockerfile").write_text('FROM busybox\nRUN true\nCMD ["echo", "built"]\n')
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, **CODE, "HOME": str(tmp_path), "DOCKER_SOCKET_PATH": str(dockerd.socket)}
    for command, says in zip(blocks, SAID, strict=True):
        words = ["sh", "-c", command]
        begin = partial(
            subprocess.run, words, capture_output=True, cwd=tmp_path, env=env, timeout=PATIENCE, check=False, text=True
        )
        done = set_up(begin, lambda ended: ended.stderr)  # It leaves nothing, also where the engine breaks it off.
        assert says in done.stdout + done.stderr, (command, done)
        assert (done.returncode == 0) is ("denied" not in says), (command, done)
        assert "denied" in says or "denied" not in done.stderr, done.stderr
    listing = ["docker", "--host", f"unix://{dockerd.socket}", "images", "--quiet", "job-app"]
    assert subprocess.run(listing, capture_output=True, check=True, timeout=PATIENCE).stdout == b""


def test_a_program_that_was_learned_once_passes_whenever_it_runs(engine: Engine, label: str, tmp_path: Path) -> None:
    policy, command = str(tmp_path / "learned.yaml"), ("--", sys.executable, "-c", LIBRARY, label)
    learned = run(engine, tmp_path, "--learn", policy, *command)
    assert (learned.status, learned.out) == (0, ""), learned.err
    assert "unrestricted" not in Path(policy).read_text()
    for line in ("1 network: ", "1 volume: data-", "1 container: "):
        assert line in learned.err
    for _ in range(2):
        done = run(engine, tmp_path, "--policy", policy, *command)
        assert done.status == 0, done.err
        assert done.err.startswith("dockerproxy: ")
        assert "denied" not in done.err
    refused = run(engine, tmp_path, "--policy", policy, "--quiet", "--", "docker", "info")
    assert "denied" in refused.out + refused.err
    remove_containers(engine, label)


def test_a_container_may_have_the_socket_of_its_client(dockerd: Engine, label: str, tmp_path: Path) -> None:
    policy, command = str(tmp_path / "learned.yaml"), ("--", "sh", "-c", COMMANDS, "sh", label)
    for words in (
        ("--preset", "testcontainers", "--allow", "ContainerAttach", "--allow", "ContainerWait"),
        ("--learn", policy),
        ("--policy", policy),
    ):
        done = run(dockerd, tmp_path, *words, *command, given="7\n")
        assert (done.status, "denied" in done.err) == (7, False), done.err
    assert "binds" not in Path(policy).read_text()
    remove_containers(dockerd, label)


def test_what_is_denied_is_said_with_what_would_allow_it(dockerd: Engine, label: str, tmp_path: Path) -> None:
    start = ("--", "docker", "create", "--label", f"case={label}", "-v", "/etc:/etc:ro", "busybox")
    done = run(dockerd, tmp_path, "--allow", "ContainerCreate", *start)
    assert done.status != 0
    line = next(line for line in done.err.splitlines() if line.lstrip().startswith("--allow"))
    assert line.strip() == "--allow 'ContainerCreate: {binds: [/etc:ro]}'"
    done = run(dockerd, tmp_path, "--allow", "ContainerCreate: {binds: [/etc:ro]}", *start)
    assert done.status == 0, done.err
    assert "  created   1 container: " in done.err
    remove_containers(dockerd, label)


def test_the_directory_may_be_called_as_a_shell_calls_it(engine: Engine, label: str, tmp_path: Path) -> None:
    create = f'ContainerCreate: {{images: [busybox], labels: {{case: {label}}}, binds: ["$PWD"]}}'
    (tmp_path / "file").write_text("here\n")
    shown = 'docker run --network=none --volume "$PWD:/here:ro" busybox sh -c "sleep 0.5; cat /here/file"'
    done = run(engine, tmp_path, "--allow", "own", "--allow", create, "--sweep", "--", "sh", "-c", shown)
    assert (done.status, done.out) == (0, "here\n"), done.err
    assert "  swept     1 container\n" in done.err
    remove_containers(engine, label)


def test_podmans_own_command_line_finds_the_proxy_whatever_connection_it_was_given(
    podman: Engine, tmp_path: Path
) -> None:
    policy, command = str(tmp_path / "learned.yaml"), ("--", "podman", "--remote", "ps")
    for words in (("--learn", policy), ("--policy", policy)):
        done = run(podman, tmp_path, *words, *command)
        assert (done.status, "CONTAINER ID" in done.out, "denied" in done.err) == (0, True, False), done.err
    assert "ContainerListLibpod" in Path(policy).read_text()


PROJECT = """
services:
  web:
    image: busybox
    command: sleep 600
    stop_grace_period: 0s
    labels: {case: LABEL}
    ports: ["PORT:80"]
    volumes: ["kept:/kept", MORE]
    healthcheck: {test: "true", interval: 1s}
  after:
    image: busybox
    command: sleep 600
    stop_grace_period: 0s
    labels: {case: LABEL}
    depends_on: {web: {condition: service_healthy}}
volumes: {kept: {}}
"""
COMPOSE = "docker compose up --detach --wait && docker compose exec -T web true && docker compose down --volumes"


def write_project(folder: Path, label: str, more: str) -> tuple[str, ...]:
    """Write a project; return the words that bring it up and down."""
    text = PROJECT.replace("LABEL", label).replace("PORT", "18080").replace("MORE", more)
    (folder / "compose.yaml").write_text(f"name: case{label}\n{text}")
    return ("--", "sh", "-c", COMPOSE)


def test_a_compose_project_needs_its_preset_and_no_more(dockerd: Engine, label: str, tmp_path: Path) -> None:
    done = run(dockerd, tmp_path, "--preset", "own-compose", *write_project(tmp_path, label, "/anonymous"))
    assert (done.status, "denied" in done.err) == (0, False), done.err


def test_one_run_in_mode_report_tells_all_that_a_project_lacks(dockerd: Engine, label: str, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    command = write_project(tmp_path, label, "./source:/source:ro")
    denied = run(dockerd, tmp_path, "--allow", "own", *command)
    assert "--mode report denies nothing" in denied.err
    reported = run(dockerd, tmp_path, "--mode", "report", "--allow", "own", *command)
    assert reported.status == 0, reported.err
    pasted = reported.err.partition("# Enforced, with all that was missing:\n")[2]
    words = [word for word in shlex.split(pasted) if word != "\n"]
    done = run(dockerd, tmp_path, *words[words.index("--allow") :])
    assert (done.status, "denied" in done.err) == (0, False), f"{pasted}{done.err}"


CREATE = "ContainerCreate: {images: [busybox], labels: {case: LABEL}}"
OWN = ("--allow", "own", "--allow", CREATE, "--allow", "VolumeCreate")
LEAVING = """
set -e
docker run -d --network none -v left:/data busybox sleep 600
docker ps --quiet | wc -l
"""


def test_a_run_removes_what_it_created_and_sees_nothing_else(dockerd: Engine, label: str, tmp_path: Path) -> None:
    words = [word.replace("LABEL", label) for word in OWN]
    for _ in range(2):
        done = run(dockerd, tmp_path, *words, "--sweep", "--", "sh", "-c", LEAVING)
        assert (done.status, done.out.split()[-1]) == (0, "1"), done.err
        assert "  swept     1 container, 1 volume\n" in done.err
    remove_containers(dockerd, label)
