"""A compose project comes up, is looked at and goes down again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.programs import Client

pytestmark = pytest.mark.engine

PROJECT = """
services:
  talker:
    image: busybox
    command: sh -c 'sleep 0.2; echo hello from the talker; exec sleep 600'
    stop_grace_period: 0s
    volumes: ["kept:/kept"]
    networks: [inner]
  follower:
    image: busybox
    command: sh -c 'ping -c 1 talker && echo reached; exec sleep 600'
    stop_grace_period: 0s
    networks: [inner]
    depends_on: [talker]
volumes: {kept: {}}
networks: {inner: {}}
"""


@pytest.fixture
def project(docker: Client, label: str, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """The words that say which project; it is taken down at the end."""
    file = tmp_path / "compose.yaml"
    file.write_text(PROJECT)
    words = ("compose", "--project-name", f"case{label}", "--file", str(file))
    yield words
    docker.run(*words, "down", "--volumes", "--timeout=0")


def test_a_project_comes_up_in_the_background(docker: Client, project: tuple[str, ...]) -> None:
    docker.run(*project, "up", "--detach")
    listed = [json.loads(line) for line in docker.text(*project, "ps", "--format=json").splitlines()]
    assert {(one["Service"], one["State"]) for one in listed} == {("talker", "running"), ("follower", "running")}


def test_the_services_of_a_project_are_followed_and_entered(docker: Client, project: tuple[str, ...]) -> None:
    docker.run(*project, "up", "--detach")
    with docker.watch(*project, "logs", "--follow", "--no-color") as logs:
        logs.wait_for("hello from the talker")
        logs.wait_for("reached")
    assert docker.text(*project, "exec", "-T", "talker", "cat", data=b"inside") == "inside"


def test_a_project_goes_down_and_leaves_nothing(docker: Client, project: tuple[str, ...], label: str) -> None:
    docker.run(*project, "up", "--detach")
    docker.run(*project, "down", "--volumes", "--timeout=0")
    mine = f"label=com.docker.compose.project=case{label}"
    for kind in ("container", "network", "volume"):
        every = ("--all",) if kind == "container" else ()
        assert docker.text(kind, "ls", *every, "--quiet", "--filter", mine) == ""


def test_a_project_in_the_foreground_shows_what_it_prints(docker: Client, project: tuple[str, ...]) -> None:
    with docker.watch(*project, "up", "--no-color") as up:
        up.wait_for("hello from the talker")
