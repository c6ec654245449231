"""Where the microseconds of a request go: of a ping like one before, which is how most requests are.

    python bench/microseconds.py

The kernel says what a request takes in all, of the proxy and of the blind relay under the same load. What the two ends
of a connection take of it is timed here, where nobody gets what they write: the request, its answer, and the line of
the log. The rest moves bytes. Each is the median of several rounds.
"""

import asyncio
import os
import socket
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic, process_time
from typing import Any, Final

from client import connect
from contenders import CONTENDERS, SWITCHES, UNBOUNDED, Place, dockerproxy, running
from engines import engines
from launch import BenchError, Program
from load import PINGING
from measure import Plan, Subject, Work, ask, processor_time

from dockerproxy.advice.questions import propose
from dockerproxy.config.environment import read_environment
from dockerproxy.observe.journal import Journal
from dockerproxy.observe.log import Log
from dockerproxy.observe.metrics import Counts
from dockerproxy.observe.record import Outcome
from dockerproxy.process_settings import LogFormat
from dockerproxy.proxy.client import Client
from dockerproxy.proxy.engine import Engine
from dockerproxy.proxy.scheduling import Tasks
from dockerproxy.proxy.sockets import Shared, SocketState
from dockerproxy.settings import Level

ROUNDS: Final = 9
TIMES: Final = 20_000
SCRAPES: Final = 200
PLAN: Final = Plan(rounds=ROUNDS, seconds=1, size=0)
PING: Final = b"GET /_ping HTTP/1.1\r\nUser-Agent: h2load nghttp2/1.64.0\r\nHost: docker\r\n\r\n"
SCRAPE: Final = b"GET /metrics HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"


class Nowhere(asyncio.Transport):
    """A connection that drops what is written to it, and has the descriptor of a socket."""

    def __init__(self, end: socket.socket) -> None:
        super().__init__({"socket": end})

    def is_closing(self) -> bool:
        """It never is."""
        return False

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing waits."""

    def write(self, data: Any) -> None:
        """Drop it."""


def time_conversation(level: Level, answer: bytes) -> tuple[float, float]:
    """Return the seconds that a request and its answer take, with a log of this level."""
    settings = read_environment({**SWITCHES, **UNBOUNDED}).settings.sockets[0]
    with ExitStack() as stack:
        log = Log(level, LogFormat.TEXT, stack.enter_context(open(os.devnull, "wb")).fileno())
        log.open()
        stack.callback(log.close)
        end, _ = (stack.enter_context(one) for one in socket.socketpair())
        client = Client(SocketState(settings, Journal(settings), Shared(("",), Tasks(log), log, monotonic, propose)))
        client.connection_made(Nowhere(end))
        engine = Engine(client)
        engine.connection_made(Nowhere(end))
        client.take_engine(engine)
        return time_pair(partial(client.data_received, PING), partial(engine.data_received, answer))


def time_pair(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of processor that each takes, one after the other again and again."""
    firsts = seconds = clock = 0.0
    for _ in range(TIMES):
        times = process_time(), process_time(), first(), process_time(), second(), process_time()
        clock += times[1] - times[0]
        firsts += times[3] - times[1]
        seconds += times[5] - times[3]
    return (firsts - clock) / TIMES, (seconds - clock) / TIMES


def time_whole(key: str, engine: Path, folder: Path) -> float:
    """Return the seconds that a request takes a contender."""
    contender = next(one for one in CONTENDERS if one.key == key)
    with running(contender, engine, folder) as proxy:
        subject = Subject(contender, proxy)
        ask(Work(PINGING), subject, PLAN, folder)
    return subject.sample["processor"]


def time_scrape(engine: Path, folder: Path) -> float:
    """Return the seconds that it takes to tell all metrics."""
    path = folder / "metrics.sock"

    def start(place: Place) -> Program:
        program = dockerproxy(place)
        return replace(program, environment={**program.environment, "METRICS_SOCKET": str(path)})

    contender = next(one for one in CONTENDERS if one.start is dockerproxy)
    with running(replace(contender, start=start), engine, folder) as proxy:
        began = processor_time(proxy) or 0.0
        for _ in range(SCRAPES):
            scrape(path)
        return ((processor_time(proxy) or 0.0) - began) / SCRAPES


def scrape(path: Path) -> None:
    """Ask for the metrics, and read them."""
    with connect(path) as connection:
        connection.sendall(SCRAPE)
        while connection.recv(1 << 20):
            pass


def measure_round(engine: Path, folder: Path) -> Mapping[str, float]:
    """Return the seconds that each measured piece takes."""
    with connect(engine) as connection:
        connection.sendall(PING)
        answer = connection.recv(65536)
    asked, told = time_conversation(Level.ERR, answer)
    counted, _ = time_pair(partial(Counts().find("SystemPing", Outcome.ALLOWED).note, 0.4, 119), int)
    return {
        "asked": asked,
        "told": told,
        "counted": counted,
        "logged": sum(time_conversation(Level.INFO, answer)),
        "whole": time_whole("dockerproxy", engine, folder),
        "relayed": time_whole("relay", engine, folder),
        "scraped": time_scrape(engine, folder),
    }


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="dockerproxy-bench-") as name, engines(Path(name)) as sockets:
        rounds = [measure_round(sockets.prompt, Path(name)) for _ in range(ROUNDS)]
    took = {piece: statistics.median(one[piece] for one in rounds) for piece in rounds[0]}
    table = {
        "the event loop and the kernel move it": took["whole"] - took["logged"],
        "the line of the log": took["logged"] - took["asked"] - took["told"],
        "the end of the answer is found": took["told"] - took["counted"],
        "the request is recognized, and counted against the limits": took["asked"],
        "counted for the metrics": took["counted"],
        "all": took["whole"],
        "the blind relay": took["relayed"],
        "a scrape of the metrics": took["scraped"],
    }
    for part, seconds in table.items():
        print(f"| {part} | {seconds * 1e6:.1f} |")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(str(error))
