"""Where conversations are played: a running proxy, ends of connections that keep all that came, and whose they are."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from proxy.bodies import CONTAINED
from proxy.harness import World, world
from proxy.lookups import POLICY
from proxy.transcripts import Case
from waiting import PATIENCE

from dockerproxy.observe.record import Record
from dockerproxy.proxy.connections import Connections
from dockerproxy.proxy.scheduling import Line
from dockerproxy.settings import Level

POLICIES = {"contained": CONTAINED, "objects": POLICY}
"""Policies that the environment cannot say."""

TURNS = 12
"""Turns of the event loop in which all that a proxy does at once has reached who waits for it, and more."""


async def until(condition: Callable[[], bool], what: str) -> None:
    """Let the event loop turn until something is so."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while not condition():
        assert loop.time() < deadline, f"waited in vain: {what}"
        await asyncio.sleep(0)


async def turn(times: int = TURNS) -> None:
    """Let the event loop turn, so that what is on its way arrives."""
    for _ in range(times):
        await asyncio.sleep(0)


class End(asyncio.Protocol):
    """One end of a connection: the client's, or the engine's.

    Attributes:
        sent: All that was written here.
        received: All that has come.
        taken: How much of it was expected and is as it should be.
        over: Whether nothing more will come.
    """

    transport: asyncio.Transport

    def __init__(self, heard: "Callable[[End], None]", greeting: bytes = b"") -> None:
        self.sent = bytearray()
        self.received = bytearray()
        self.taken = 0
        self.over = False
        self._heard = heard
        self._greeting = greeting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if self._greeting:
            self.write(self._greeting)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self._heard(self)

    def eof_received(self) -> bool:
        self.over = True
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.over = True
        del error

    @property
    def is_gone(self) -> bool:
        """Whether nothing more will come, or nobody listens here."""
        return self.over or self.transport.is_closing()

    @property
    def rest(self) -> bytes:
        """What has come and nobody has expected yet."""
        return bytes(self.received[self.taken :])

    def write(self, data: bytes) -> None:
        self.sent += data
        if not self.transport.is_closing():
            self.transport.write(data)

    def end(self) -> None:
        """Send no more."""
        if not self.transport.is_closing():
            self.transport.write_eof()

    def leave(self) -> None:
        """Hang up. What has come and was not read makes a reset of it."""
        self.transport.abort()


@dataclass
class Stage:
    """A running proxy and the ends of all its connections.

    Attributes:
        world: The proxy.
        greeting: What the engine says to everybody who connects.
        unclaimed: Engine connections of which nobody knows whose they are.
        ends: All that may be open.
        claimed: Engine connections by the mark of those whose they are, in the order in which that was known.
    """

    world: World
    greeting: bytes = b""
    unclaimed: list[End] = field(default_factory=list)
    ends: set[End] = field(default_factory=set)
    claimed: dict[str, list[End]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._traces = self._find_traces()

    async def connect(self) -> End:
        """Connect a client."""
        loop = asyncio.get_running_loop()
        _, end = await loop.create_unix_connection(lambda: End(lambda _: None), self.world.path)
        self.ends.add(end)
        return end

    def arrive(self) -> End:
        """Take a connection to the engine."""
        end = End(self._claim, self.greeting)
        self.ends.add(end)
        self.unclaimed.append(end)
        return end

    def forget(self) -> None:
        """Forget connections that have ended. What came over them to the engine must have been somebody's."""
        assert not [end for end in self.unclaimed if end.received]
        self.unclaimed.clear()
        self.ends = {end for end in self.ends if not end.transport.is_closing()}

    def close(self) -> None:
        """Close what a conversation has left open that was not played to its end."""
        for end in self.ends:
            end.leave()

    def _claim(self, end: End) -> None:
        if end in self.unclaimed:
            mark = next((mark for mark in self.claimed if mark.encode() in end.received), None)
            if mark is not None:
                self.unclaimed.remove(end)
                self.claimed[mark].append(end)

    @property
    def registry(self) -> Connections:
        """Of the client connections."""
        [door] = self.world.server._doors.values()
        return door.state.connections

    def sweep(self) -> None:
        """Look at those who wait, as the server does every second."""
        for _ in self.registry.sweep(time.monotonic()):
            pass

    def has_left_nothing(self, connections: int) -> bool:
        """Whether nothing is there but these client connections, between two requests."""
        return len(self.registry) == connections and self._find_traces() == self._traces

    def _find_traces(self) -> tuple[object, ...]:
        """Return what conversations change while they last."""
        server = self.world.server
        [served] = (door.state for door in server._doors.values())
        registry, usage = served.connections, served.usage
        passing = {registry.heads, registry.bodies, registry.lingering}
        under_way = sum(client.exchange.judged is not None for client in self.world.clients)
        waiting = (*(one for one in self.world.clients if one.waits_in in passing), *registry.unwatched)
        return (
            waiting,
            {task.get_name() for task in server._tasks._running},
            served.usage.held,
            usage.buffered,
            sum(usage._open.values()) - under_way,
            served.lookups._value,
            len(server._shared.holding),
            served.removals._value,
        )

    def records(self, *, but: str) -> list[Record]:
        """Take the records of all exchanges, but for those whose target has this in it."""
        found = [record for record, _ in self.world.heard.records if but not in record.target]
        self.world.heard.records.clear()
        return found

    def complaints(self) -> list[tuple[Level, str]]:
        """Take the warnings and worse that the log has besides records."""
        found = [(level, text) for level, text in self.world.heard.messages if level.rank >= Level.WARNING.rank]
        self.world.heard.messages.clear()
        return found


@asynccontextmanager
async def stage_for(case: Case) -> AsyncIterator[Stage]:
    """A proxy as a conversation needs it."""
    policy = next((POLICIES[name] for name in case.setting("policy")), None)
    environment = dict(text.split("=", 1) for text in case.setting("set"))
    environment["MAX_RATE"] = "1000000"
    async with world(engine=False, policy=policy, notes_created=False, **environment) as here:
        stage = Stage(here)
        path = str(here.directory / "engine.sock")
        here.engine = await asyncio.get_running_loop().create_unix_server(stage.arrive, path)
        here.heard.messages.clear()
        try:
            yield stage
        finally:
            stage.close()


@asynccontextmanager
async def busy(here: World) -> AsyncIterator[None]:
    """Keep the thread busy for another socket during the block; no other job passes by."""
    worker, end = here.server._shared.worker, threading.Event()
    worker._after = PATIENCE
    running = asyncio.ensure_future(worker.run(Line(), lambda: end.wait(PATIENCE)))
    try:
        yield
    finally:
        end.set()
        assert await running
