"""A swarm of one: services, stacks, secrets and configs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.programs import Client
from waiting import wait_until

pytestmark = pytest.mark.engine

STACK = """
services:
  web:
    image: busybox
    command: sh -c 'cat /run/secrets/word /plain; exec sleep 600'
    secrets: [word]
    configs: [{source: plain, target: /plain}]
    deploy: {endpoint_mode: dnsrr}
    stop_grace_period: 0s
secrets: {word: {file: ./word}}
configs: {plain: {file: ./plain}}
"""
SERVICE = ("--detach", "--quiet", "--no-resolve-image", "--stop-grace-period=0s")


@pytest.fixture
def swarm(docker: Client) -> Iterator[Client]:
    """The command line of a manager; the swarm ends with the test."""
    docker.run("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377")
    yield docker
    docker.run("swarm", "leave", "--force")


def test_a_swarm_of_one_is_made_and_left(swarm: Client) -> None:
    nodes = [json.loads(line) for line in swarm.text("node", "ls", "--format=json").splitlines()]
    assert [(node["ManagerStatus"], node["Status"]) for node in nodes] == [("Leader", "Ready")]
    assert "SWMTKN-" in swarm.text("swarm", "join-token", "worker")


def test_a_service_runs_and_its_logs_are_followed(swarm: Client) -> None:
    swarm.run("service", "create", *SERVICE, "--name=talker", "busybox", "sh", "-c", "echo from it; exec sleep 600")
    wait_until(lambda: "1/1" in swarm.text("service", "ls", "--format={{.Replicas}}"), "the service runs")
    assert "Running" in swarm.text("service", "ps", "talker")
    with swarm.watch("service", "logs", "--follow", "--raw", "talker") as logs:
        logs.wait_for("from it")
    swarm.run("service", "rm", "talker")
    assert swarm.text("service", "ls", "--quiet") == ""


def test_a_stack_runs_with_its_secret_and_its_config(swarm: Client, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("the secret\n")
    (tmp_path / "plain").write_text("the config\n")
    (tmp_path / "stack.yaml").write_text(STACK)
    swarm.run("stack", "deploy", "--resolve-image=never", f"--compose-file={tmp_path}/stack.yaml", "pile")
    wait_until(lambda: "1/1" in swarm.text("stack", "services", "--format={{.Replicas}}", "pile"), "it runs")
    wait_until(lambda: swarm.text("service", "logs", "--raw", "pile_web") == "the secret\nthe config", "it has both")
    swarm.run("stack", "rm", "pile")
    assert swarm.text("secret", "ls", "--quiet") == swarm.text("config", "ls", "--quiet") == ""


@pytest.mark.parametrize("kind", ["secret", "config"])
def test_a_secret_and_a_config_are_made_listed_and_removed(swarm: Client, kind: str) -> None:
    identity = swarm.text(kind, "create", "kept", "-", data=b"content")
    assert swarm.text(kind, "ls", "--format={{.ID}} {{.Name}}") == f"{identity} kept"
    assert json.loads(swarm.text(kind, "inspect", "kept"))[0]["Spec"]["Name"] == "kept"
    swarm.run(kind, "rm", "kept")
    assert swarm.text(kind, "ls", "--quiet") == ""
