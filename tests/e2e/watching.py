"""An engine that is watched: which of its routes a request takes shows in the function that it calls."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from e2e.calls import Calls, counted
from e2e.engines import Engine, docker_engine, podman_engine
from e2e.proxies import Proxy, running_proxy
from e2e.spellings import MARK, Request, canonical
from e2e.talk import ask, connect
from folders import short_folder
from waiting import wait_until

from dockerproxy.api.catalog import HEALTH, OPERATIONS

Route = frozenset[str]
"""Names of the functions that an engine called for a request: one, or none where it has no route."""

NOTHING: Route = frozenset()

# In dockerd a route is a method of a router. In Podman it is a closure of its own, made where it is registered; those
# for plugins only say that there are none.
FUNCTIONS = {
    "dockerd": re.compile(r"/server/router/(\w+\.\(\*\w+Router\)\.\w+)-fm$"),
    "podman": re.compile(
        r"/pkg/api/server\.\(\*APIServer\)\.(register(?!Plugins)\w+(\.\(\*APIServer\)\.\w+)?\.func\d+)$"
    ),
}


class Observed(NamedTuple):
    """What became of a request.

    Attributes:
        request: As it was sent to the proxy.
        status: Of the answer.
        route: What the engine called.
        decision: What the proxy's log says of it.
        operation: What the log says that it is.
        target: What the log says that it asks for.
    """

    request: Request
    status: int
    route: Route
    decision: str
    operation: str
    target: str


class Watched:
    """An engine whose calls are counted, behind a proxy that allows every operation.

    Attributes:
        name: The engine's.
        version: Podman's own; of a dockerd that of its API.
        routes: What the engine calls for each operation in its plainest form, with and without a version.
    """

    def __init__(self, engine: Engine, proxy: Proxy, calls: Calls) -> None:
        self.name = engine.name
        self._proxy = proxy
        self._calls = calls
        self._sent = 0
        said = ask(engine.socket, "GET", "/version").json()
        self.version = number(said["ApiVersion" if self.name == "dockerd" else "Version"])
        self._oldest = number(said["MinAPIVersion"]) if self.name == "dockerd" else None
        self._calls.called()
        self.routes = {
            (name, versioned): self._send(engine.socket, canonical(operation, versioned=versioned))[1]
            for name, operation in OPERATIONS.items()
            for versioned in (False, True)
        }

    def has(self, operation: str) -> bool:
        """Whether the engine has an operation at all."""
        return any(self.routes[operation, versioned] for versioned in (False, True))

    def route_of(self, operation: str, target: str) -> Route:
        """Return the route that an operation should take that is asked for by a canonical target."""
        if operation == HEALTH.name:
            return self.routes["SystemPing", False]  # It is the proxy that asks, whatever a client writes.
        version = re.match(r"/v([0-9.]+)/", target)
        if version and self._oldest and not self._oldest <= number(version[1]) <= self.version:
            return NOTHING  # Docker refuses a version before it calls anything.
        return self.routes[operation, version is not None]

    def observe(self, requests: Iterable[Request]) -> list[Observed]:
        """Send requests through the proxy, one after the other."""
        first = self._sent
        seen = [(request, *self._send(self._proxy.socket, request)) for request in requests]
        log = wait_until(lambda: self._read_log(range(first, self._sent)), "each request has its line in the log")
        assert log is not None
        return [
            Observed(*one, record["decision"], record["operation"], record["target"])
            for one, record in zip(seen, log, strict=True)
        ]

    def _send(self, path: Path, request: Request) -> tuple[int, Route]:
        status = send(path, request.marked(self._sent))
        self._sent += 1
        return status, self._calls.called()

    def _read_log(self, wanted: range) -> list[dict[str, Any]] | None:
        records = {}
        for record in self._proxy.records():
            mark = re.search(rf"\b{MARK}=(\d+)$", record.get("target", ""))
            if mark and record["event"] == "exchange":
                records[int(mark[1])] = record
        return [records[number] for number in wanted] if records.keys() >= set(wanted) else None


def send(path: Path, request: Request) -> int:
    """Send a request, read the answer and return its status; of one that is well only the head, as it may never end."""
    head = f"{request.method} {request.target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    received = b""
    with connect(path) as client:
        client.sendall(head.encode(errors="surrogateescape"))
        while not (received[9:10] == b"2" and b"\r\n\r\n" in received) and (piece := client.recv(65536)):
            received += piece
    return int(received[9:12])


def number(version: str) -> tuple[int, ...]:
    """Read a version as Docker compares them: what is missing counts as 0."""
    return (*map(int, re.findall("[0-9]+", version)), 0, 0)[:3]


@contextlib.contextmanager
def on_one_processor() -> Iterator[int]:
    """Keep this process, and all that it starts, on one processor."""
    before = os.sched_getaffinity(0)
    processor = max(before)
    os.sched_setaffinity(0, {processor})
    try:
        yield processor
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def counted_programs() -> Iterator[Mapping[str, tuple[Path, Calls]]]:
    """Copy the engines' programs, and count the calls of their routes."""
    with contextlib.ExitStack() as stack:
        processor = stack.enter_context(on_one_processor())
        folder = stack.enter_context(short_folder())
        programs = {}
        for name, wanted in FUNCTIONS.items():
            copy = Path(shutil.copy(str(shutil.which(name)), folder))
            programs[name] = copy, stack.enter_context(counted(copy, wanted, processor))
        yield programs


@contextlib.contextmanager
def watched_engine(name: str, program: Path, calls: Calls) -> Iterator[Watched]:
    """Run an engine of that name and a proxy before it."""
    everything = {"ALLOW": ",".join(OPERATIONS), "LOG_LEVEL": "debug"}
    make = docker_engine(str(program), experimental=True) if name == "dockerd" else podman_engine(str(program))
    with make as engine:
        engine.start()
        with running_proxy(engine.socket, everything) as proxy:
            yield Watched(engine, proxy, calls)
