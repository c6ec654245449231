"""Docker's client on a real engine, held and answered: by a person in a terminal, by two, by nobody, by a program."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from cli.programs import Running
from cli.test_ask import Person
from e2e.engines import Engine
from e2e.images import BUSYBOX
from e2e.programs import Client
from e2e.proxies import Proxy, running_file
from folders import short_folder

from dockerproxy.api.catalog import OPERATIONS

pytestmark = pytest.mark.engine

POLICY = """
sockets:
  client:
    path: FOLDER/proxy.sock
    mode: ask
    allow: [preset:ping, ContainerInspect]
"""
APPROVE = """\
#!{python}
import json, sys
asked = json.load(sys.stdin)
binds = json.dumps(asked["body"] or 0).count("/etc")
print("deny" if binds or asked["faults"] else "once")
"""


@dataclass
class Office:
    """A proxy that asks, before a real engine."""

    proxy: Proxy
    client: Client
    control: str


@pytest.fixture
def asking(dockerd: Engine, make_client: partial[Client]) -> Iterator[Office]:
    with short_folder() as apart:
        settings = {"CONTROL_SOCKET": f"{apart}/c.sock", "ASK_TIMEOUT": "30"}
        with running_file(dockerd.socket, POLICY, **settings) as (_, proxy):
            made = make_client(socket=proxy.socket)
            yield Office(proxy, made, f"{apart}/c.sock")


@contextmanager
def seated(office: Office, *words: str) -> Iterator[Person]:
    person = Person(office, *words)  # type: ignore[arg-type] # it has a control socket
    try:
        person.wait_for("waiting for requests")
        yield person
    finally:
        person.close()


def answer(person: Person, operation: str, word: str) -> str:
    """Answer the next question, which must be about this operation; return what was shown."""
    assert operation in OPERATIONS
    shown = person.wait_for("[a]lways? ")
    assert f"{operation} on socket client" in shown
    person.type(f"{word}\n")
    return shown


def test_a_container_runs_step_by_step_as_a_person_allows(asking: Office) -> None:
    with seated(asking) as person:
        with asking.client.watch("run", "--rm", "--network=none", BUSYBOX, "echo", "hel" + "lo") as running:
            shown = answer(person, "ContainerCreate", "o")
            assert "docker" in shown
            assert "busybox" in shown
            for operation in ("ContainerAttach", "ContainerWait", "ContainerStart"):
                answer(person, operation, "o")
            running.wait_for("hello")
            assert running.wait_end() == 0
        assert "root on the host" not in shown
        with asking.client.watch("run", "--rm", "--privileged", BUSYBOX, "true") as running:
            shown = answer(person, "ContainerCreate", "d")
            assert "Privileged" in shown
            running.wait_for("ContainerCreate denied: a person denied it")
        record = asking.proxy.wait_for_record(operation="ContainerCreate", decision="denied")
        assert record["source"].startswith("asked: deny, by uid 0 pid ")


def test_a_program_approves_what_it_finds_harmless(asking: Office, tmp_path: Path) -> None:
    program = tmp_path / "approve"
    program.write_text(APPROVE.format(python=sys.executable))
    program.chmod(0o700)
    with Running("ask", "--control", asking.control, "--exec", str(program)) as answering:
        answering.wait_for("answers")
        assert asking.client.text("run", "--rm", "--network=none", BUSYBOX, "echo", "fine").endswith("fine")
        assert "denied" in asking.client.refused("run", "--rm", "-v", "/etc:/host", BUSYBOX, "true")
    assert "denied" in asking.client.refused("volume", "ls")  # Nobody is there any more.


def test_a_build_is_asked_about_once_with_the_names_that_it_gives(asking: Office, tmp_path: Path, label: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {BUSYBOX}\nRUN true\n")
    with seated(asking) as person:
        with asking.client.watch("build", "--progress=plain", "--tag", f"asked-{label}", str(tmp_path)) as building:
            assert f"POST /build?t=asked-{label}&" in answer(person, "ImageBuild", "o")
            building.wait_for("naming to")
            assert building.wait_end() == 0
        with asking.client.watch("build", "--progress=plain", "--tag", f"asked-{label}", str(tmp_path)) as building:
            answer(person, "ImageBuild", "d")
            building.wait_for("ImageBuild denied: a person denied it")
    assert asking.proxy.wait_for_record(operation="ImageBuild", decision="denied")["target"].startswith("/build?")
