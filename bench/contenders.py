"""Who is compared, and how each is started: all filter, all log every request, all on unix sockets.

A contender is a line of `CONTENDERS` and a function that says how to start it.
"""

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client import wait_until_it_answers
from haproxy import CLOSED, PREDECESSOR, write_configuration
from launch import Program, find, launched
from policy import SOCKETS, write_policy

HERE: Final = Path(__file__).parent

# What every contender lets through: what the measurements ask for.
SWITCHES: Final = {"CONTAINERS": "1", "EVENTS": "1", "IMAGES": "1", "NETWORKS": "1", "PING": "1", "POST": "1"}

# The long list, of those that know Podman's own API.
LISTS: Final = {"LIBPOD_CONTAINERS": "1"}

# Requests are counted all the same, but a load generator makes more of them than any honest client.
UNBOUNDED: Final = {"MAX_RATE": "1000000"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender runs: the engine's socket and its own, beside which its files are."""

    engine: Path
    socket: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A column of the comparison."""

    key: str
    title: tuple[str, str]
    # None stands for no proxy at all: clients talk to the engine.
    start: Callable[[Place], Program] | None
    installed: Callable[[], bool]
    # How to install it.
    remedy: str = ""

    @property
    def name(self) -> str:
        """The title on one line."""
        return " ".join(filter(None, self.title))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A contender at work: its socket, and where it is a process, that process, its log and its policy file."""

    socket: Path
    pid: int | None = None
    log: Path | None = None
    policy: Path | None = None
    seconds_to_answer: float | None = None


def dockerproxy(place: Place) -> Program:
    """Start this project's proxy, as the running interpreter finds it."""
    paths = {"DOCKER_SOCKET_PATH": str(place.engine), "PROXIED_SOCKET_PATH": str(place.socket)}
    return Program((sys.executable, "-m", "dockerproxy", "serve"), {**SWITCHES, **LISTS, **paths, **UNBOUNDED})


def dockerproxy_policy(place: Place) -> Program:
    """Start it with a large policy file, one socket of which lets through what the switches do."""
    policy = policy_file(place)
    policy.write_text(write_policy(place.engine, place.socket))
    return Program((sys.executable, "-m", "dockerproxy", "serve", "--policy", str(policy)), UNBOUNDED)


def policy_file(place: Place) -> Path:
    """Say where the policy file of a contender is that has one."""
    return place.socket.with_suffix(".yaml")


def dockerproxy_installed() -> bool:
    """Tell whether the running interpreter has this project."""
    return importlib.util.find_spec("dockerproxy") is not None


def haproxy_predecessor(place: Place) -> Program:
    """Start HAProxy as the predecessor does: each request opens a connection to the engine."""
    return haproxy(place, PREDECESSOR)


def haproxy_tuned(place: Place) -> Program:
    """Start HAProxy with connections to the engine kept, and shared by all clients."""
    return haproxy(place, "option http-keep-alive\n    http-reuse always")


def haproxy(place: Place, connections: str) -> Program:
    """Start HAProxy as one process, without the master that its image adds: that costs memory, not time."""
    configuration = place.socket.with_suffix(".cfg")
    configuration.write_text(write_configuration(engine=place.engine, socket=place.socket, connections=connections))
    return Program((find("haproxy") or "haproxy", "-db", "-f", str(configuration)), {**CLOSED, **SWITCHES})


def relay(place: Place) -> Program:
    """Start what passes bytes on unseen. It filters nothing and logs nothing: a floor, no rival."""
    return Program((sys.executable, str(HERE / "relay.py"), str(place.engine), str(place.socket)), {})


def haproxy_installed() -> bool:
    """Tell whether this machine has HAProxy."""
    return find("haproxy") is not None


@contextmanager
def running(contender: Contender, engine: Path, folder: Path) -> Iterator[Running]:
    """Run `contender` in front of `engine` during the block, which begins when it answers.

    Its socket, configuration and log are in `folder`; the log begins empty.

    Raises:
        BenchError: It did not start.
    """
    if contender.start is None:
        yield Running(socket=engine)
        return
    place = Place(engine=engine, socket=folder / f"{contender.key}.sock")
    program = contender.start(place)
    log = place.socket.with_suffix(".log")
    log.unlink(missing_ok=True)
    began = time.perf_counter()
    with launched(program, log) as process:
        wait_until_it_answers(place.socket, process, log)
        seconds = time.perf_counter() - began
        policy = policy_file(place)
        yield Running(
            socket=place.socket,
            pid=process.pid,
            log=log,
            policy=policy if policy.exists() else None,
            seconds_to_answer=seconds,
        )


# In the order in which they take turns.
CONTENDERS: Final = (
    Contender(key="none", title=("no proxy", ""), start=None, installed=lambda: True),
    Contender(
        key="dockerproxy",
        title=("dockerproxy", "environment"),
        start=dockerproxy,
        installed=dockerproxy_installed,
        remedy="pip install --editable .",
    ),
    Contender(
        key="policy",
        title=("dockerproxy", f"{SOCKETS}-socket policy"),
        start=dockerproxy_policy,
        installed=dockerproxy_installed,
        remedy="pip install --editable .",
    ),
    Contender(
        key="predecessor",
        title=("HAProxy", "predecessor"),
        start=haproxy_predecessor,
        installed=haproxy_installed,
        remedy="apt-get install haproxy",
    ),
    Contender(
        key="tuned",
        title=("HAProxy", "tuned"),
        start=haproxy_tuned,
        installed=haproxy_installed,
        remedy="apt-get install haproxy",
    ),
    Contender(key="relay", title=("blind relay", "on uvloop"), start=relay, installed=dockerproxy_installed),
)
