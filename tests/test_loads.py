"""Under every load the process stays within its memory and its open files, and others are served meanwhile."""

import contextlib
import resource
import signal
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cli.programs import Running, ask, engine_of
from folders import short_folder
from waiting import PATIENCE

MEMORY = 160 * 1024 * 1024
"""Bytes of data that the process may have (RLIMIT_DATA): twice what is held for a socket, and Python itself. One
that needs more gets a MemoryError, and says so."""

POLICY = """
sockets:
  hostile:
    path: {folder}/hostile.sock
    allow:
      - SystemPing
      - ContainerCreate: {{images: [x]}}
      - ContainerInspect
      - ImageGetAll
      - ImageLoad: unrestricted
      - ContainerAttach
  other: {{path: {folder}/other.sock, allow: [SystemPing]}}
"""
CONTENT = b"x" * (4 << 20)
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT) + CONTENT
CREATE = b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


def limited(*limits: str) -> type[Running]:
    class Limited(Running):
        program = ("prlimit", *limits, sys.executable, "-m", "dockerproxy")

    return Limited


@pytest.fixture(autouse=True)
def enough_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Attack:
    """Clients of the hostile socket."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._path = str(folder / "hostile.sock")
        self._stack = stack

    def connect(self) -> socket.socket:
        client = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        client.connect(self._path)  # It waits for a place in the queue: it may not yet have a timeout.
        client.settimeout(PATIENCE)
        return client

    def send(self, data: bytes) -> socket.socket:
        """Connect, and send as much as is taken."""
        client = self.connect()
        client.settimeout(0.2)
        with contextlib.suppress(TimeoutError, ConnectionError):
            client.sendall(data)
        client.settimeout(PATIENCE)
        return client


def stall_downloads(attack: Attack) -> None:
    for _ in range(400):
        attack.send(b"GET /images/get?names=x HTTP/1.1\r\nHost: x\r\n\r\n")


def begin_long_heads(attack: Attack) -> None:
    for _ in range(1000):
        attack.send(b"GET /_ping HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000)


def begin_bodies(attack: Attack) -> None:
    for _ in range(200):
        attack.send(CREATE + b"Content-Length: 1000000\r\n\r\n" + b" " * 999_999)


def send_deep_bodies(attack: Attack) -> None:
    body = b'{"Image":"x","Cmd":[' + b",".join([b'"x"'] * 200_000) + b"]}"
    head = (
        b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    for _ in range(20):
        attack.send(head % len(body) + body)


def pipeline_without_reading(attack: Attack) -> None:
    with ThreadPoolExecutor(20) as clients:
        for _ in range(100):
            clients.submit(attack.send, b"GET /containers/json HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000)


def ask_for_ever_new_targets(attack: Attack) -> None:
    for number in range(3000):
        attack.send(b"GET /containers/%d%s/json HTTP/1.1\r\nHost: x\r\n\r\n" % (number, b"y" * 1900))


def connect_and_say_nothing(attack: Attack) -> None:
    for _ in range(6000):
        attack.connect()


LOADS = [
    stall_downloads,
    begin_long_heads,
    begin_bodies,
    send_deep_bodies,
    pipeline_without_reading,
    ask_for_ever_new_targets,
    connect_and_say_nothing,
]


class Engine(socketserver.StreamRequestHandler):
    """Answers everything with a little, but for images, which are large."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            self.wfile.write(LARGE if b"/images/get" in line else SMALL)


@contextmanager
def serving(*limits: str) -> Iterator[tuple[Path, Running]]:
    """Run the proxy within limits."""
    with short_folder() as folder, engine_of(folder / "engine.sock", Engine):
        (folder / "policy.yaml").write_text(POLICY.format(folder=folder))
        places = {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", "SHUTDOWN_GRACE": "0.1"}
        with limited(*limits)("serve", "--policy", f"{folder}/policy.yaml", **places) as proxy:
            proxy.wait_for("sandboxed: system calls")
            yield folder, proxy


@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.__name__)
def test_memory_is_bounded_and_others_are_served_meanwhile(load: Callable[[Attack], None]) -> None:
    with serving(f"--data={MEMORY}") as (folder, proxy), ExitStack() as stack:
        attacking = threading.Thread(target=load, args=(Attack(folder, stack),), daemon=True)
        attacking.start()
        while attacking.is_alive():
            assert ask(f"{folder}/other.sock", "GET", "/_ping") == (200, "")
            assert ask(f"{folder}/hostile.sock", "GET", "/_ping")[0] in {200, 429, 503}
        assert_is_well(proxy)


def assert_is_well(proxy: Running) -> None:
    """Check that the process lives, ends when it is told to, and has met no bug."""
    proxy.signal(signal.SIGTERM)
    assert proxy.wait_end() == 0
    assert " crit " not in proxy.printed
    assert "accept" not in proxy.printed


def test_with_few_descriptors_each_of_a_crowd_is_served_or_told_so() -> None:
    with serving("--nofile=320:320") as (folder, proxy), ExitStack() as stack:
        attack = Attack(folder, stack)
        crowd, answers = [], []
        for _ in range(600):
            client = attack.connect()
            with contextlib.suppress(BrokenPipeError):  # It is told already.
                client.sendall(b"GET /images/get?names=x HTTP/1.1\r\nHost: x\r\n\r\n")
            answers.append(client.recv(12))
            crowd.append(client)
        assert set(answers) == {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        assert 20 < answers.count(b"HTTP/1.1 200") < 128
        assert ask(f"{folder}/other.sock", "GET", "/_ping") == (200, "")
        for client in crowd:
            client.close()
        assert ask(f"{folder}/hostile.sock", "GET", "/_ping")[0] in {200, 503}
        assert_is_well(proxy)
