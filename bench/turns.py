"""How long everybody else waits while one client is busy or hostile.

    python bench/turns.py [NAME ...]

Starts the proxy with a policy of some sockets. One client attacks over one connection of another socket, or over many,
without a pause; another one pings over the second, two hundred times a second at most. The table has what a ping takes:
alone, and beside each attack. Below it is the memory of the proxy. Engine, attacker and victim are processes of their
own.
"""

import contextlib
import itertools
import json
import multiprocessing
import os
import signal
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
SWITCH: Final = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PINGS, CONTINUATION = 0, 1, 4, 6, 9
"""Kinds of frames of HTTP/2."""
POLICY: Final = """
sockets:
  hostile:
    path: {folder}/hostile.sock
    allow:
      - SystemPing
      - ContainerCreate: {{images: [x], publish: {{ports: [1-65535]}}}}
      - ImageLoad: unrestricted
      - ImageBuild: {{tags: ["docker.io/library/x:*"]}}
      - ContainerLogs
  owning: {{path: {folder}/owning.sock, allow: [own]}}
  hiding: {{path: {folder}/hiding.sock, allow: ["containers:read", SystemEvents], hide: [labels]}}
  lines: {{path: {folder}/lines.sock, allow: [{lines}]}}
  victim: {{path: {folder}/victim.sock, allow: [SystemPing], limits: {{rate: 1000000}}}}
"""


LINES: Final = ", ".join(f"ContainerInspect: {{containers: [web{number}-*]}}" for number in range(200))
"""Grants of one operation, which a reload compares."""

LABELS: Final = {
    "io.dockerproxy.owner": "owning",
    "io.dockerproxy.nonce": "0",
    **dict.fromkeys(map(str, range(300_000)), ""),
}
DESCRIBED: Final = json.dumps(
    {"Id": "a" * 64, "Names": ["/web"], "Name": "/web", "ImageID": f"sha256:{'b' * 64}", "Config": {"Labels": LABELS}}
).encode()
ANSWERS: Final = {
    b"/containers/web/json": DESCRIBED,
    b"/containers/json": b"[%b]"
    % DESCRIBED.replace(b'"Config": {"Labels"', b'"Config": {}, "Labels"').removesuffix(b"}"),
    b"/images/": DESCRIBED,
    b"/logs": b"9\r\n\x01\0\0\0\0\0\0\x01\n\r\n" * 4000,
    b"/events": b"1\r\n\n\r\n" * 10_000,
}
"""Contents of answers by a part of the target; the last ones are chunks of streams without an end."""


def get(target: str) -> Iterator[bytes]:
    """Ask for something again and again, which for a stream is once."""
    return itertools.repeat(f"GET {target} HTTP/1.1\r\nHost: docker\r\n\r\n".encode())


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


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write a frame of HTTP/2."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def tunnel(frames: Iterable[bytes]) -> Iterator[bytes]:
    """Open a tunnel for builds, and send frames."""
    yield b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    yield PREFACE + frame(SETTINGS, 0, 0)
    yield from frames


def call() -> Iterator[bytes]:
    """Call a method that is refused, again and again."""
    fields = {":method": "POST", ":path": "/x/y", ":scheme": "http", "content-type": "application/grpc"}
    block = b"".join(b"\0%c%b%c%b" % (len(k), k.encode(), len(v), v.encode()) for k, v in fields.items())
    for stream in itertools.count(1, 2):
        yield frame(HEADERS, 4, stream, block) + frame(DATA, 1, stream, bytes(5))


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
    "inspection of 300,000 labels": lambda: get("/containers/web/json"),
    "list of 300,000 labels": lambda: get("/containers/json?all=1"),
    "logs of 300,000 labels": lambda: get("/containers/web/logs?stdout=1"),
    "hidden labels": lambda: get("/containers/web/json"),
    "empty lines of logs": lambda: get("/containers/web/logs?stdout=1"),
    "events": lambda: get("/events?since=1"),
    "header block": lambda: tunnel(
        [frame(HEADERS, 0, 1, b"\x20" * 16384), *[frame(CONTINUATION, 0, 1, b"\x20" * 16384)] * 60]
    ),
    "refused calls": lambda: tunnel(call()),
    "pings in a tunnel": lambda: tunnel(itertools.repeat(frame(PINGS, 0, 0, bytes(8)) * 100)),
    "settings in a tunnel": lambda: tunnel(itertools.repeat(frame(SETTINGS, 0, 0) * 100)),
}

SOCKETS: Final = {
    **dict.fromkeys([name for name in ATTACKS if name.endswith("300,000 labels")], "owning"),
    **dict.fromkeys(["hidden labels", "events"], "hiding"),
}
"""Where an attack is made, unless on `hostile`."""

RELOADS: Final = "reloads of 200 lines"
CROWDS: Final = {", 50 connections": 50, ", 200 connections": 200, ", 8 tunnels": 8}
BY_A_CROWD: Final = (
    "ports",
    "one-byte chunks",
    "context of headers",
    "context as a bomb",
    "heads of fields",
    "inspection of 300,000 labels",
)
BY_READERS: Final = ("empty lines of logs", "events")
BY_TUNNELS: Final = ("refused calls", "pings in a tunnel")
MEMORY: Final = "memory"
MANY: Final = 512


class Engine(socketserver.StreamRequestHandler):
    """Answers everything, after it has read what was sent."""

    def handle(self) -> None:
        """Serve one connection."""
        while line := self.rfile.readline():
            is_read = line.startswith(b"GET")
            while self.rfile.readline().strip():
                pass
            if b"/grpc" in line:
                self.wfile.write(SWITCH + frame(SETTINGS, 0, 0))
            while not is_read and self.rfile.read(65536):
                pass
            content = next((content for part, content in ANSWERS.items() if part in line), b"OK")
            with contextlib.suppress(OSError):
                if content[:1] in b"{[O":
                    self.wfile.write(
                        b"HTTP/1.1 200 OK\r\nServer: Docker/26.1.5\r\nContent-Length: %d\r\n\r\n%b"
                        % (len(content), content)
                    )
                    continue
                self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    self.wfile.write(content)


def serve_engine(path: str) -> None:
    """Be the engine, one whose threads do not wait for each other."""
    sys.setswitchinterval(0.0001)
    with socketserver.ThreadingUnixStreamServer(path, Engine) as server:
        server.daemon_threads = True
        server.request_queue_size = 100
        server.serve_forever()


def attack(path: str, name: str) -> None:
    """Attack over one connection at a time, or over many if the name says so."""
    name, _, crowd = name.partition(", ")
    for _ in range(CROWDS.get(f", {crowd}", 1) - 1):
        threading.Thread(target=attack, args=(path, name), daemon=True).start()
    while True:
        with contextlib.suppress(OSError), connect(Path(path)) as connection:
            threading.Thread(target=drain, args=(connection,), daemon=True).start()
            for piece in ATTACKS[name]():
                connection.sendall(piece)


def reload(process: int) -> None:
    """Have the proxy read its policy again and again."""
    while True:
        os.kill(process, signal.SIGHUP)
        time.sleep(0.1)


def find_memory(process: int) -> float:
    """Return the resident memory of a process, in MiB."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def show_memory(path: Path, process: int) -> None:
    """Ask for a long description over many connections; print the memory before, at most and after."""
    with connect(path) as connection:  # What stays in memory after the first one counts as before.
        connection.sendall(next(get("/containers/web/json")))
        connection.recv(65536)
    before = most = find_memory(process)
    with contextlib.ExitStack() as stack:
        for _ in range(MANY):
            connection = stack.enter_context(connect(path))
            threading.Thread(target=drain, args=(connection,), daemon=True).start()
            connection.sendall(next(get("/containers/web/json")))
        end = time.perf_counter() + 3 * SECONDS
        while time.perf_counter() < end:
            most = max(most, find_memory(process))
            time.sleep(0.02)
    time.sleep(SECONDS)
    after = find_memory(process)
    print(f"memory in MiB beside {MANY} readers: {before:.0f} before, {most:.0f} at most, {after:.0f} after")


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
        (folder / "policy.yaml").write_text(POLICY.format(folder=folder, lines=LINES))
        program = Program(
            (sys.executable, "-m", "dockerproxy", "serve", "--policy", f"{folder}/policy.yaml"),
            {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", "SHUTDOWN_GRACE": "0.1", "LOG_LEVEL": "err"},
        )
        with launched(program, folder / "output") as process:
            wait_until_it_answers(folder / "victim.sock", process, folder / "output")
            print(f"| {'':36} | p50, ms | p99 | longest | pings |\n|---|---|---|---|---|")
            show("nobody", ping(folder / "victim.sock"))
            crowds = [
                name + crowd
                for crowd, names in zip(CROWDS, (BY_A_CROWD, BY_READERS, BY_TUNNELS), strict=True)
                for name in names
            ]
            for each in names or (*ATTACKS, *crowds, RELOADS, MEMORY):
                if each == MEMORY:
                    show_memory(folder / "hiding.sock", process.pid)
                    continue
                where = SOCKETS.get(each.partition(", ")[0], "hostile")
                work = (reload, process.pid) if each == RELOADS else (attack, f"{folder}/{where}.sock", each)
                with running(*work):
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
