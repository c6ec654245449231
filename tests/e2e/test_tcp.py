"""A client that speaks TCP only works through the relay of the example, and the proxy opens no network socket."""

import shlex
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from e2e.conftest import remove_containers
from e2e.engines import Engine
from e2e.programs import Client
from e2e.proxies import Proxy
from waiting import wait_until

pytestmark = pytest.mark.engine

EXAMPLE = Path(__file__).parents[2] / "examples/compose/tcp.yaml"


@pytest.fixture
def port(open_dockerd: Proxy) -> Iterator[int]:
    """The port of a relay with the words of the example, but on this machine's own address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    words = yaml.safe_load(EXAMPLE.read_text())["services"]["socket-proxy"]["command"]
    here = words.replace("TCP-LISTEN:2375", f"TCP-LISTEN:{number},bind=127.0.0.1")
    here = here.replace("/proxied/docker.sock", str(open_dockerd.socket))
    assert here != words
    with subprocess.Popen(["socat", *shlex.split(here)]) as relay:
        wait_until(lambda: is_open(number), "the relay listens")
        yield number
        relay.terminate()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return not probe.connect_ex(("127.0.0.1", port))


def test_who_ends_its_input_still_reads_all_that_comes(
    port: int, dockerd: Engine, make_client: partial[Client], label: str
) -> None:
    docker = make_client(program=("docker", f"--host=tcp://127.0.0.1:{port}"), socket=Path("/nonexistent"))
    words = ("run", "--interactive", "--rm", f"--label=case={label}", "busybox", "sh", "-c", "cat; sleep 1.5; echo end")
    assert docker.text(*words, data=b"sent\n").split() == ["sent", "end"]
    remove_containers(dockerd, label)
