"""Engines in a swarm: each in a network namespace with a name, and all of them on one bridge."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from e2e.engines import Engine, docker_engine
from e2e.programs import Client
from folders import short_folder
from waiting import wait_until


@dataclass(frozen=True)
class Node:
    """One engine of a swarm.

    Attributes:
        name: Of its machine, and of its network namespace.
        address: In the network of the swarm.
        engine: It.
        docker: The command line on it.
    """

    name: str
    address: str
    engine: Engine
    docker: Client

    def find_volume(self, name: str) -> Path:
        """Return the place of a volume."""
        return self.engine.folder / "data/volumes" / name / "_data"

    def join(self, manager: "Node") -> None:
        """Become a worker."""
        token = manager.docker.text("swarm", "join-token", "--quiet", "worker")
        words = ("--advertise-addr", self.address, "--listen-addr", self.address)
        self.docker.run("swarm", "join", "--token", token, *words, manager.address)

    @contextlib.contextmanager
    def cut_off(self, manager: "Node") -> Iterator[None]:
        """Take it off the network, until the block ends; the manager has noticed."""
        run("ip", "-n", self.name, "link", "set", "eth0", "down")
        try:
            words = ("node", "ls", "--format={{.Hostname}} {{.Status}}")
            gone = f"{self.name} Down"
            wait_until(lambda: gone in manager.docker.text(*words), gone)
            yield
        finally:
            run("ip", "-n", self.name, "link", "set", "eth0", "up")


def run(*words: str) -> None:
    """Run a program to a good end."""
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def running_swarm(size: int, home: Path) -> Iterator[list[Node]]:
    """Run a swarm; the first node is its manager."""
    with contextlib.ExitStack() as stack:
        mark = stack.enter_context(short_folder()).name
        hub = _make_namespace(stack, f"hub-{mark}")
        run("ip", "-n", hub, "link", "add", "hub", "type", "bridge")
        run("ip", "-n", hub, "link", "set", "hub", "up")
        nodes = []
        for number in range(1, size + 1):
            name = _make_namespace(stack, f"node{number}-{mark}")
            address = _plug_in(hub, name, number)
            engine = stack.enter_context(docker_engine(network=name)).start()
            docker = Client(program=("docker",), socket=engine.socket, home=home, label="swarm")
            nodes.append(Node(name, address, engine, docker))
        first, *others = nodes
        words = ("--advertise-addr", first.address, "--listen-addr", first.address, "--dispatcher-heartbeat=1s")
        first.docker.run("swarm", "init", *words)
        for node in others:
            node.join(first)
        yield nodes
        for node in nodes:  # At once, with all that they run: nobody waits for a swarm that says farewell.
            node.engine.signal(signal.SIGKILL)


def _make_namespace(stack: contextlib.ExitStack, name: str) -> str:
    run("ip", "netns", "add", name)
    stack.callback(run, "ip", "netns", "delete", name)
    return name


def _plug_in(hub: str, name: str, number: int) -> str:
    """Connect a namespace to the hub; return its address."""
    port, address = f"port{number}", f"10.99.0.{number}"
    run("ip", "-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
    run("ip", "-n", hub, "link", "set", port, "master", "hub", "up")
    run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
    run("ip", "-n", name, "link", "set", "eth0", "up")
    return address
