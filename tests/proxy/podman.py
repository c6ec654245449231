"""A stand-in for Podman's volumes: what it is told to remove is the one volume whose name begins so.

An underscore is any character to it, as to Podman 5.4.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from policy.policies import grant_on, policy_with
from proxy.harness import Wire, World, request
from proxy.lookups import answer
from proxy.stage import until

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.objects import BY_NAME, SWEEPING
from dockerproxy.proxy.sockets import REMOVALS

DB = policy_with(
    grant_on("VolumeDelete", "db", "db-log", *(f"ci-{number}" for number in range(3 * REMOVALS))),
    grant_on("VolumeDeleteLibpod", "db"),
    grant_on("SystemPing"),
)
ALL = policy_with(*(grant_on(name) for name in (*BY_NAME, *SWEEPING)))
DELETE = request("DELETE", "/volumes/db")

_TURNS = 40
"""Of the event loop, which pass before a change is made: so long that whoever overtakes it sees what was before."""


class Serves(Protocol):
    """An engine of which each connection is served."""

    async def serve(self, wire: Wire) -> None: ...


@dataclass
class Podman:
    """An engine that has volumes.

    Attributes:
        volumes: Those that there are.
        goes_on: Cleared to have it stand still before it does what it was told.
        goes_on_answering: Cleared to have it stand still after the first half of its answer.
        heard: The line of each request that changes or saves something, as it comes.
        removed: The volumes that it removed.
        lasting: Made anew whenever they are removed.
    """

    volumes: set[str]
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on_answering: asyncio.Event = field(default_factory=asyncio.Event)
    heard: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    lasting: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.goes_on.set()
        self.goes_on_answering.set()

    async def serve(self, wire: Wire) -> None:
        """Answer the requests of one connection; go on with what was begun when its client has gone."""
        while True:
            try:
                head = (await wire.head()).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            method, target, _ = head.split(" ", 2)
            acts = method != "GET" or "/get" in target
            if acts:
                self.heard.append(f"{method} {target}")
                await self.goes_on.wait()
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
            told = self._do(method, target)
            half = len(told) // 2
            wire.writer.write(told[:half])
            if acts:
                await self.goes_on_answering.wait()
            wire.writer.write(told[half:])
            if "connection: close" in head:
                await wire.close()
                return

    def _do(self, method: str, target: str) -> bytes:
        """Do what a request says; return the answer."""
        name = target.partition("?")[0].partition("/volumes/")[2].removesuffix("/json")
        begins_so = re.compile(re.escape(name).replace("_", ".")).match
        meant = [name] if name in self.volumes else [each for each in self.volumes if begins_so(each)]
        if method == "POST":
            self._remove(self.volumes)
            return answer({"VolumesDeleted": []})
        if len(meant) != 1 or (method == "GET" and "/libpod/" not in target and name not in self.volumes):
            return answer({"message": "no"}, "404 Not Found")
        if method == "GET":
            return answer({"Name": meant[0]})
        self._remove(meant)
        return answer({"message": "removed"})

    def _remove(self, names: Iterable[str]) -> None:
        self.removed += names
        self.volumes -= set(names)
        self.volumes |= self.lasting

    async def hears(self, count: int) -> None:
        """Wait until so many requests have come that change something."""
        await until(lambda: len(self.heard) >= count, f"{count} requests")


@asynccontextmanager
async def podman(here: World, *volumes: str, lasting: bool = False) -> AsyncIterator[Podman]:
    """Have a stand-in for Podman be the engine of a world."""
    engine = Podman(set(volumes), lasting=frozenset(volumes if lasting else ()))
    async with standing_in(here, engine):
        yield engine


@asynccontextmanager
async def standing_in(here: World, engine: Serves) -> AsyncIterator[None]:
    """Have a stand-in be the engine of a world."""
    tasks = set[asyncio.Task[None]]()

    async def take() -> None:
        while True:
            wire = await here.arrivals.get()
            tasks.add(asyncio.ensure_future(engine.serve(wire)))

    tasks.add(asyncio.ensure_future(take()))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [each for each in ended if isinstance(each, Exception)]


async def add_socket(here: World, policy: CompiledPolicy, name: str = "other") -> Callable[[], Awaitable[Wire]]:
    """Serve another socket; return what connects to it."""
    settings = here.server._settings
    other = settings.sockets[0]._replace(name=name, path=f"{here.directory}/{name}.sock", policy=policy)
    await here.server.reload(settings._replace(sockets=(*settings.sockets, other)))

    async def connect() -> Wire:
        wire = Wire(*await asyncio.open_unix_connection(other.path))
        here.wires.append(wire)
        return wire

    return connect


async def ask(here: World, data: bytes, connect: Callable[[], Awaitable[Wire]] | None = None) -> Wire:
    """Send a request on a new connection."""
    wire = await (connect or here.connect)()
    await wire.send(data)
    return wire


async def status_of(wire: Wire) -> bytes:
    """The status of the answer."""
    return (await wire.head())[9:12]


def claims(here: World) -> int:
    return len(here.server._shared.holding)
