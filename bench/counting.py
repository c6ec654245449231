"""What metrics cost: the processor time of counting a request, beside that of the whole request, and of a scrape.

    python bench/counting.py

Requests are always counted, so the counting is timed alone: as of a request like one before, and as of one that is new.
What a whole request takes is what the kernel says of a proxy that is asked on many connections, in each of these ways.
"""

import itertools
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from time import process_time
from timeit import repeat
from typing import Final

from client import connect, wait_until_it_answers
from contenders import UNBOUNDED, Running
from launch import Program, launched
from measure import processor_time
from turns import running, serve_engine

from dockerproxy.observe.metrics import Counts
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.settings import Level

CONNECTIONS: Final = 16
ROUNDS: Final = 3000
SCRAPES: Final = 1000
TIMES: Final = 200_000
SCRAPE: Final = b"GET /metrics HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"

RECORD: Final = Record(
    "docker", Peer(0, 0, 1), "GET", "/_ping", "SystemPing", "", Outcome.ALLOWED, "PING=1", "", 200, 0, 119, 0.4
)
WAYS: Final[Mapping[str, tuple[Iterator[str], str]]] = {
    "a request like one before": (itertools.repeat("/_ping"), "count(0.4, 119)"),
    "a request that is new": (map("/containers/c{}/json".format, itertools.count(0)), "counts.note(record, level)"),
}
"""What is asked for, and how the proxy counts it."""


def time_counting(call: str, counts: Counts) -> float:
    """Return the seconds that a call takes: the least of several measurements, since other programs only add to it."""
    count = counts.find(RECORD.operation, RECORD.decision).note
    names = {"counts": counts, "count": count, "record": RECORD, "level": Level.INFO}
    return min(repeat(call, globals=names, number=TIMES, repeat=9, timer=process_time)) / TIMES


def time_requests(targets: Iterator[str], proxy: Running) -> float:
    """Return the seconds of processor that a request takes, of several connections at one time."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(proxy.socket)) for _ in range(CONNECTIONS)]
        began = processor_time(proxy) or 0.0
        for _ in range(ROUNDS):
            for connection in connections:
                connection.sendall(f"GET {next(targets)} HTTP/1.1\r\nHost: d\r\n\r\n".encode())
            for connection in connections:
                if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
                    raise SystemExit("a request was not answered")
        return ((processor_time(proxy) or 0.0) - began) / ROUNDS / CONNECTIONS


def time_scrapes(path: Path, proxy: Running) -> float:
    """Return the seconds of processor that it takes to tell all metrics."""
    began = processor_time(proxy) or 0.0
    for _ in range(SCRAPES):
        with connect(path) as connection:
            connection.sendall(SCRAPE)
            while connection.recv(1 << 20):
                pass
    return ((processor_time(proxy) or 0.0) - began) / SCRAPES


def main() -> int:
    """Print what each takes."""
    with tempfile.TemporaryDirectory() as name, running(serve_engine, f"{name}/engine.sock"):
        folder = Path(name)
        places = {"DOCKER_SOCKET_PATH": f"{name}/engine.sock", "PROXIED_SOCKET_PATH": f"{name}/docker.sock"}
        settings = {
            **places,
            **UNBOUNDED,
            "CONTAINERS": "1",
            "METRICS_SOCKET": f"{name}/metrics.sock",
            "SHUTDOWN_GRACE": "0.1",
        }
        program = Program((sys.executable, "-m", "dockerproxy", "serve"), settings)
        with launched(program, folder / "output") as process:
            wait_until_it_answers(folder / "docker.sock", process, folder / "output")
            proxy = Running(socket=folder / "docker.sock", pid=process.pid)
            for what, (targets, call) in WAYS.items():
                request, counting = time_requests(targets, proxy), time_counting(call, Counts())
                print(f"{what}: {request * 1e6:.1f} us, counting it {counting * 1e6:.2f} us, {counting / request:.1%}")
            scrape = time_scrapes(folder / "metrics.sock", proxy)
    print(f"telling all metrics: {scrape * 1e3:.2f} ms, every 15 s {scrape / 15:.3%} of a processor")
    return 0


if __name__ == "__main__":
    sys.exit(main())
