"""The examples for Podman are started as they are, and the proxy becomes healthy.

Systemd is missing: the command of the unit that Quadlet writes is run, and the playbook without its steps for systemd.
"""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from e2e.engines import Engine
from e2e.talk import ask
from e2e.test_examples import EXAMPLES, QUADLET, run
from waiting import PATIENCE, wait_until

from dockerproxy.version import VERSION

pytestmark = pytest.mark.engine

WRAPPER = """#!/bin/sh
exec /usr/bin/podman --remote --url unix://{socket} "$@"
"""
HAS_API = """
mountpoint --quiet /run/podman || {{ mkdir --parents /run/podman; mount --bind {folder} /run/podman; }}
"""


class Podman:
    """The command line of an engine, whose socket is where the examples have it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.folder = folder
        self._engine = engine
        place = engine.folder / "api"
        place.mkdir(exist_ok=True)
        if not (place / "podman.sock").exists():
            os.link(engine.socket, place / "podman.sock")
        subprocess.run([*engine.among_its_mounts(), "sh", "-ec", HAS_API.format(folder=place)], check=True)
        wrapper = folder / "podman"
        wrapper.write_text(WRAPPER.format(socket=engine.socket))
        wrapper.chmod(0o755)
        self.environment = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder)}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        done = subprocess.run(
            ["podman", *words],
            capture_output=True,
            check=False,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def assert_healthy_and_filters(self) -> None:
        """Check that the proxy calls itself healthy, as the example asks it, and serves what the example allows."""
        socket = Path(json.loads(self.run("volume", "inspect", "proxied").stdout)[0]["Mountpoint"]) / "docker.sock"
        wait_until(socket.exists, "it listens")
        self.run("healthcheck", "run", "dockerproxy")
        assert self.run("inspect", "--format={{.State.Health.Status}}", "dockerproxy").stdout == "healthy\n"
        assert ["/dockerproxy"] in [each["Names"] for each in ask(socket, "GET", "/containers/json?all=1").json()]
        assert ask(socket, "GET", "/images/json").status == 403


@pytest.fixture
def podman_client(podman: Engine, archive: Path, tmp_path: Path) -> Iterator[Podman]:
    """Podman, with the image as the examples tell to load it."""
    client = Podman(podman, tmp_path)
    client.run("load", "--input", str(archive))
    client.run("tag", f"dockerproxy:{VERSION}", "localhost/dockerproxy")
    yield client
    client.run("rm", "--force", "--time=0", "--ignore", "dockerproxy")
    client.run("volume", "rm", "--force", "proxied")


def test_what_quadlet_makes_of_its_files_starts_and_is_healthy(podman_client: Podman) -> None:
    printed, _ = run(QUADLET, "-dryrun", environment={"QUADLET_UNIT_DIRS": str(EXAMPLES / "quadlet")})
    volume, start = (shlex.split(line) for line in re.findall("^ExecStart=(.*)$", printed, re.MULTILINE))
    podman_client.run(*volume[1:])
    start.remove("--cgroups=split")  # It is about the group that systemd makes for a service.
    places = {"%t/podman": "/run/podman", "%t/%N.cid": f"{podman_client.folder}/cid"}
    words = [re.sub("|".join(places), lambda found: places[found[0]], word) for word in start[1:]]
    with subprocess.Popen(["podman", *words], env={**os.environ, **podman_client.environment}) as starting:
        try:
            podman_client.assert_healthy_and_filters()  # It may wait for that, as systemd is told only then.
            assert starting.wait(PATIENCE) == 0
        finally:
            starting.kill()


def test_the_playbook_starts_the_proxy_and_changes_nothing_when_it_is_run_again(podman_client: Podman) -> None:
    (play,) = yaml.safe_load((EXAMPLES / "ansible/playbook.yaml").read_text())
    play["tasks"] = [task for task in play["tasks"] if "ansible.builtin.systemd_service" not in task]
    play["become"] = False
    check = re.findall("^HEALTHCHECK .*$", (EXAMPLES.parent / "Dockerfile").read_text(), re.MULTILINE)
    (podman_client.folder / "Dockerfile").write_text("\n".join(["FROM localhost/dockerproxy", *check]))
    words = ("build", "--format=docker", "--tag=localhost/dockerproxy", str(podman_client.folder))
    podman_client.run(*words)  # As the example says, but that the base has the rest already.
    playbook = podman_client.folder / "playbook.yaml"
    playbook.write_text(yaml.safe_dump([play]))
    options = ("--connection=local", "--inventory=localhost,", playbook)
    run("ansible-playbook", *options, environment=podman_client.environment)
    podman_client.assert_healthy_and_filters()
    again, _ = run("ansible-playbook", *options, environment=podman_client.environment)
    assert "changed=0" in again
