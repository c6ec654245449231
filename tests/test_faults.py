"""Whatever the engine, a client or the machine does wrong: it is said, nothing leaks, and nobody else is disturbed."""

import contextlib
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli.programs import Running, ask, engine_of, environment_of
from folders import short_folder
from rows import for_each
from waiting import PATIENCE, wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
MANY = 60
LOCKS = {"SANDBOX": "off"} if os.geteuid() else {}
"""Of a process that is locked in, only root may count the open files."""


def ping(target: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join((b"GET %b HTTP/1.1" % target, b"Host: x", *fields, b"", b""))


def reset(peer: socket.socket) -> None:
    """Leave what has come unread, so that closing is a reset."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def hang(peer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        peer.recv(1)


ENGINE_FAULTS: dict[str, tuple[Callable[[socket.socket], object], int, str]] = {
    "says nothing and leaves": (lambda _: None, 502, "the engine gave no answer"),
    "resets": (reset, 502, "the engine gave no answer"),
    "takes the request and hangs": (hang, 504, "ENGINE_TIMEOUT"),
    "says what is no HTTP": (lambda peer: peer.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"), 502, "malformed"),
    "says half a head": (lambda peer: peer.sendall(OK[:20]), 502, "the engine gave no answer"),
    "says half a body": (lambda peer: peer.sendall(OK[:-1]), 200, "the engine cut its answer short"),
    "ends chunks without the last": (lambda peer: peer.sendall(STREAM + b"1\r\nx\r\n"), 200, "cut its answer short"),
    "says a bad chunk": (lambda peer: peer.sendall(STREAM + b"x\r\n"), 200, "broke the protocol"),
    "says two answers": (lambda peer: peer.sendall(OK + OK), 200, ""),
    "switches unasked": (lambda peer: peer.sendall(b"HTTP/1.1 101 X\r\n\r\n"), 502, "switched protocols"),
    "answers for ever": (lambda peer: peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), 502, "gave no answer"),
}


class Handler(socketserver.StreamRequestHandler):
    """Answers well, but to `/info` as the fault says, which the head names."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            fields = {}
            while field := self.rfile.readline().strip():
                name, _, value = field.decode().partition(": ")
                fields[name] = value
            if b" /events" in line:
                self.wfile.write(STREAM + b"1\r\n.\r\n")
            elif b" /info" in line:
                self.request.settimeout(PATIENCE)
                ENGINE_FAULTS[fields["x-fault"]][0](self.request)
                return
            else:
                self.wfile.write(LONG if b" /images/" in line else OK)


class Proxy:
    """A running proxy before an engine, and what it has open."""

    def __init__(self, folder: Path, running: Running) -> None:
        self.folder = folder
        self.running = running

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(f"{self.folder}/docker.sock")
        return client

    def say(self, data: bytes) -> bytes:
        """Send bytes; return all that comes back."""
        with self.connect() as client:
            client.sendall(data)
            answer = b""
            with contextlib.suppress(ConnectionError):
                while piece := client.recv(1 << 16):
                    answer += piece
            return answer

    def record(self, mark: str) -> dict[str, Any]:
        """Wait for the record whose target has a mark."""
        self.running.wait_for(f'{mark}","operation"')
        line = next(line for line in self.running.printed.splitlines() if f'{mark}","operation"' in line)
        found: dict[str, Any] = json.loads(line)
        return found

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.running.process.pid}/fd"))

    def resident(self) -> int:
        """Kilobytes in memory."""
        status = Path(f"/proc/{self.running.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def wait_until_it_rests(self, descriptors: int) -> None:
        """Wait until no more is open than before; the last connections are let go of by the next sweep."""
        wait_until(lambda: self.descriptors() <= descriptors, f"only {descriptors} descriptors are open, as before")


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[Proxy]:
    places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
    limits = {"ENGINE_TIMEOUT": "0.2", "SHUTDOWN_GRACE": "0.1", "LOG_FORMAT": "json"}
    with Running(
        "serve", **{**places, **limits, "INFO": "1", "IMAGES": "1", "POST": "1", **LOCKS, **variables}
    ) as running:
        running.wait_for("sandboxed: ")
        yield Proxy(folder, running)
        running.signal(signal.SIGTERM)
        assert running.wait_end() == 0
        assert '"crit"' not in running.printed


@contextmanager
def nothing_lost(proxy: Proxy) -> Iterator[None]:
    """Check that a stream of another client goes on, and that nothing more is held than before."""
    at_rest = proxy.descriptors()
    assert ask(f"{proxy.folder}/docker.sock", "GET", "/_ping")[0] == 200
    with proxy.connect() as other:
        other.sendall(ping(b"/events"))
        heard = b""
        while not heard.endswith(b".\r\n"):
            heard += other.recv(1000)
        before, resident = proxy.descriptors(), proxy.resident()
        yield
        proxy.wait_until_it_rests(before)
        assert proxy.resident() < resident + 8_000
        other.settimeout(0)
        with pytest.raises(BlockingIOError):
            other.recv(1)
    assert ask(f"{proxy.folder}/docker.sock", "GET", "/_ping")[0] == 200
    proxy.wait_until_it_rests(at_rest)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """One proxy for all rows of a table: after each, it rests as it did at its start."""
    with short_folder() as folder, engine_of(folder / "engine.sock", Handler), serving(folder) as proxy:
        yield proxy


@for_each("fault", ENGINE_FAULTS)
def test_a_fault_of_the_engine_is_said_and_leaves_nothing(fault: str, proxy: Proxy) -> None:
    _, status, reason = ENGINE_FAULTS[fault]
    marks = [f"mark={fault.replace(' ', '-')}-{number}" for number in range(3 if status == 504 else MANY)]
    with nothing_lost(proxy):
        for mark in marks:
            target = f"/info?{mark}".encode()
            answer = proxy.say(ping(target, b"X-Fault: " + fault.encode(), b"Connection: close"))
            assert answer.startswith(b"HTTP/1.1 %d " % status)
        for mark in marks:
            record = proxy.record(mark)
            assert (record["status"], record["decision"]) == (status, "allowed")
            assert reason in record["reason"]


def test_an_engine_that_is_not_there_is_said_to_each_client_and_found_when_it_comes() -> None:
    with short_folder() as folder, serving(folder) as proxy:
        before = proxy.descriptors()
        for number in range(MANY):
            assert proxy.say(ping(b"/_ping?mark=%d." % number)).startswith(b"HTTP/1.1 503 ")
            assert "the engine's socket is not there" in proxy.record(f"mark={number}.")["reason"]
        proxy.wait_until_it_rests(before)
        with engine_of(folder / "engine.sock", Handler):
            assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 200


def test_an_engine_that_goes_in_the_middle_of_streams_cuts_them_and_no_more() -> None:
    with short_folder() as folder, serving(folder) as proxy:
        before = proxy.descriptors()
        for _ in range(3):
            with engine_of(folder / "engine.sock", Handler), contextlib.ExitStack() as stack:
                clients = [stack.enter_context(proxy.connect()) for _ in range(10)]
                for client in clients:
                    client.sendall(ping(b"/images/x/get"))
                    assert client.recv(12) == b"HTTP/1.1 200"
                assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 200
            assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 503
        proxy.wait_until_it_rests(before)


CLIENT_FAULTS = {
    "connects and leaves": b"",
    "leaves within a head": ping(b"/_ping")[:20],
    "leaves before the answer": ping(b"/_ping"),
    "leaves within the answer": ping(b"/images/x/get"),
    "leaves a stream": ping(b"/events"),
    "leaves within a body": b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx",
    "leaves within a chunk": b"POST /images/load HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nx",
    "leaves requests behind": ping(b"/_ping") * 20,
    "leaves what is no HTTP": b"\x16\x03\x01\x00\r\n\r\n",
}


@for_each("half", [False, True])
@for_each("fault", CLIENT_FAULTS)
def test_a_client_that_goes_at_any_step_leaves_nothing(fault: str, proxy: Proxy, *, half: bool) -> None:
    with nothing_lost(proxy):
        for number in range(MANY):
            with proxy.connect() as client:
                client.sendall(CLIENT_FAULTS[fault])
                if half:
                    client.shutdown(socket.SHUT_WR)
                if number % 2 and b"\r\n\r\n" in CLIENT_FAULTS[fault] and b"POST" not in CLIENT_FAULTS[fault]:
                    client.recv(10)


def test_a_log_that_nobody_can_be_told_of_stops_nothing() -> None:
    with short_folder() as folder, engine_of(folder / "engine.sock", Handler):
        places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        words = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "dockerproxy", "serve"]
        with subprocess.Popen(words, env=environment_of(places), stderr=subprocess.PIPE) as process:
            while not (folder / "docker.sock").exists():
                assert process.poll() is None
            for _ in range(MANY):
                assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 200
            process.terminate()
            assert process.stderr is not None
            assert (process.wait(PATIENCE), process.stderr.read()) == (0, b"")


def test_a_log_that_nobody_reads_stops_nothing() -> None:
    with (
        short_folder() as folder,
        engine_of(folder / "engine.sock", Handler),
        serving(folder, MAX_RATE="1000000") as proxy,
        nothing_lost(proxy),
    ):
        for _ in range(20):
            assert proxy.say(ping(b"/_ping") * 1000 + ping(b"/_ping", b"Connection: close")).count(b"200 OK") > 900


POLICY = "sockets: {{a: {{path: {folder}/docker.sock, allow: [preset:ping, events:read, {more}]}}}}"


def test_a_storm_of_reloads_under_load_disturbs_nobody() -> None:
    with short_folder() as folder, engine_of(folder / "engine.sock", Handler):
        (folder / "policy.yaml").write_text(POLICY.format(folder=folder, more="info:read"))
        places = {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        with Running("serve", "--policy", f"{folder}/policy.yaml", **places, **LOCKS) as running:
            running.wait_for("sandboxed: ")
            proxy = Proxy(folder, running)
            with nothing_lost(proxy), proxy.connect() as client:
                for number in range(200):
                    more = "info:read" if number % 3 else "no such thing"
                    (folder / "policy.yaml").write_text(POLICY.format(folder=folder, more=more))
                    running.signal(signal.SIGHUP)
                    client.sendall(ping(b"/_ping"))
                    answer = b""
                    while len(answer) < len(OK):
                        answer += client.recv(1000)
                    assert answer == OK
            running.signal(signal.SIGTERM)
            assert running.wait_end() == 0
            assert " crit " not in running.printed
