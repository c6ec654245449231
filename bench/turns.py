"""How long everybody else waits while one client is busy or hostile.

    python bench/turns.py [NAME ...]

Starts the proxy with a policy of two sockets. One client attacks over one connection of the first socket, or over many,
without a pause; another one pings over the second, two hundred times a second at most. The table has what a ping takes:
alone, and beside each attack. Engine, attacker and victim are processes of their own.
"""

import contextlib
import itertools
import json
import multiprocessing
import socket
import socketserver
import statistics
import sys
import tarfile
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from client import connect, wait_until_it_answers
from launch import Program, launched

SECONDS: Final = 3.0
PAUSE: Final = 0.005
"""Seconds between two pings: enough that quiet moments and busy ones are met by their length."""

PING: Final = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
ANSWER: Final = b"HTTP/1.1 200 OK\r\nServer: Docker/26.1.5\r\nContent-Length: 2\r\n\r\nOK"
POLICY: Final = """
sockets:
  hostile:
    path: {folder}/hostile.sock
    allow:
      - SystemPing
      - ContainerCreate: {{images: [x], publish: {{ports: [1-65535]}}}}
      - ImageLoad: unrestricted
      - ImageBuild: {{tags: ["docker.io/library/x:*"]}}
  victim: {{path: {folder}/victim.sock, allow: [SystemPing], limits: {{rate: 1000000}}}}
"""


def request(target: str, *fields: str, body: bytes = b"", length: int | None = None) -> bytes:
    """Write a request of JSON, or of an archive as long as `length` says."""
    kind = "application/json" if length is None else "application/x-tar"
    lines = (f"POST {target} HTTP/1.1", "Host: docker", f"Content-Type: {kind}")
    size = fields or (f"Content-Length: {len(body) if length is None else length}",)
    return "\r\n".join((*lines, *size, "", "")).encode() + body


def create(body: object) -> Iterator[bytes]:
    """Make a container again and again, by a body that is JSON or becomes it."""
    content = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    return itertools.repeat(request("/containers/create", body=content))


def send_chunks() -> Iterator[bytes]:
    """Send an image in chunks of one byte."""
    yield request("/images/load", "Transfer-Encoding: chunked", length=0)
    yield from itertools.repeat(b"1\r\nx\r\n" * 40_000)


INFO: Final = tarfile.TarInfo("x")
INFO.type = tarfile.DIRTYPE
DIRECTORIES: Final = INFO.tobuf() * 1000
"""A piece of an archive of directories, which are only headers."""

PACKER: Final = zlib.compressobj(wbits=-zlib.MAX_WBITS)
PACKED: Final = PACKER.compress(DIRECTORIES * 40) + PACKER.flush(zlib.Z_FULL_FLUSH)
"""A piece of 20 MiB, without the header of gzip."""


def send_context(content: bytes, start: bytes = b"") -> Iterator[bytes]:
    """Build with a piece of a context again and again."""
    yield request("/build", length=2**40) + start
    yield from itertools.repeat(content)


def send_heads() -> Iterator[bytes]:
    """Ping with heads of as many fields as they may have, no two of them the same, as fast as they may come."""
    fields = b"".join(b"X%d:\r\n" % field for field in range(990))
    for number in itertools.count():
        yield b"GET /_ping HTTP/1.1\r\nHost: docker%d\r\n" % number + fields + b"\r\n"
        time.sleep(0.0005)


def send_long_heads() -> Iterator[bytes]:
    """Ping with heads as long as they may be, and what takes longest to read in them."""
    fields = b"Connection: " + b",".join(b"%x" % number for number in range(43_000)) + b"\r\n"
    while True:
        yield b"GET /_ping HTTP/1.1\r\nHost: docker\r\n" + fields + b"\r\n"
        time.sleep(0.012)


def ports() -> bytes:
    """Publish as many ports as a body may have."""
    return json.dumps(
        {"Image": "x", "HostConfig": {"PortBindings": {f"{n}/tcp": [{}] for n in range(1, 1025)}}}
    ).encode()


ATTACKS: Final[dict[str, Callable[[], Iterable[bytes]]]] = {
    "floats": lambda: create(b'{"Image":"x","Cmd":[' + b",".join([b"0.1"] * 262_000) + b"]}"),
    "floats, 19,000": lambda: create(b'{"Image":"x","Cmd":[' + b",".join([b"1.10e-1"] * 19_000) + b"]}"),
    "strings": lambda: create(b'{"Image":"x","Cmd":[' + b",".join([b'""'] * 340_000) + b"]}"),
    "objects": lambda: create(b'{"Image":"x","Cmd":[' + b",".join([b"{}"] * 340_000) + b"]}"),
    "escapes": lambda: create(b'{"Image":"x","Cmd":["' + b"\\u0041" * 174_000 + b'"]}'),
    "ports": lambda: create(ports()),
    "one-byte chunks": send_chunks,
    "context of headers": lambda: send_context(DIRECTORIES),
    "context as a bomb": lambda: send_context(PACKED, b"\x1f\x8b\x08" + bytes(7)),
    "heads of fields": send_heads,
    "long heads": send_long_heads,
}

CROWD: Final = 50
OF_A_CROWD: Final = ", 50 connections"
BY_A_CROWD: Final = ("ports", "one-byte chunks", "context of headers", "context as a bomb", "heads of fields")


class Engine(socketserver.StreamRequestHandler):
    """Answers everything, after it has read what was sent."""

    def handle(self) -> None:
        """Serve one connection."""
        while line := self.rfile.readline():
            is_ping = line.startswith(b"GET")
            while self.rfile.readline().strip():
                pass
            while not is_ping and self.rfile.read(65536):
                pass
            with contextlib.suppress(OSError):
                self.wfile.write(ANSWER)


def serve_engine(path: str) -> None:
    """Be the engine, one whose threads do not wait for each other."""
    sys.setswitchinterval(0.0001)
    with socketserver.ThreadingUnixStreamServer(path, Engine) as server:
        server.daemon_threads = True
        server.request_queue_size = 100
        server.serve_forever()


def attack(path: str, name: str) -> None:
    """Attack over one connection at a time, or over many if the name says so."""
    for _ in range(CROWD - 1 if name.endswith(OF_A_CROWD) else 0):
        threading.Thread(target=attack, args=(path, name.removesuffix(OF_A_CROWD)), daemon=True).start()
    name = name.removesuffix(OF_A_CROWD)
    while True:
        with contextlib.suppress(OSError), connect(Path(path)) as connection:
            threading.Thread(target=drain, args=(connection,), daemon=True).start()
            for piece in ATTACKS[name]():
                connection.sendall(piece)


def drain(connection: socket.socket) -> None:
    """Take what is answered."""
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass


@contextmanager
def running(work: Callable[..., None], *arguments: str) -> Iterator[None]:
    """Do something in another process during the block."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def ping(path: Path) -> list[float]:
    """Ping for some seconds; return how many milliseconds each one took."""
    times, end = [], time.perf_counter() + SECONDS
    with connect(path) as connection:
        while (began := time.perf_counter()) < end:
            connection.sendall(PING)
            if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
                raise SystemExit("a ping was not answered")
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(PAUSE)
    return times


def main(names: list[str]) -> int:
    """Attack in each way, or in those that are named."""
    with tempfile.TemporaryDirectory() as name, running(serve_engine, f"{name}/engine.sock"):
        folder = Path(name)
        (folder / "policy.yaml").write_text(POLICY.format(folder=folder))
        program = Program(
            (sys.executable, "-m", "dockerproxy", "serve", "--policy", f"{folder}/policy.yaml"),
            {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", "SHUTDOWN_GRACE": "0.1", "LOG_LEVEL": "err"},
        )
        with launched(program, folder / "output") as process:
            wait_until_it_answers(folder / "victim.sock", process, folder / "output")
            print(f"| {'':36} | p50, ms | p99 | longest | pings |\n|---|---|---|---|---|")
            show("nobody", ping(folder / "victim.sock"))
            for each in names or (*ATTACKS, *(name + OF_A_CROWD for name in BY_A_CROWD)):
                with running(attack, f"{folder}/hostile.sock", each):
                    time.sleep(0.3)
                    show(each, ping(folder / "victim.sock"))
    return 0


def show(name: str, times: list[float]) -> None:
    """Print a row."""
    hundredths = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
    row = f"| {name:36} | {hundredths[49]:7.2f} | {hundredths[98]:7.1f} | {max(times):7.1f} | {len(times)} |"
    print(row, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
