"""A proxy, an engine that does what the test says, and raw clients: all over real unix sockets, in one event loop."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import uvloop
from folders import short_folder
from waiting import PATIENCE

from dockerproxy.config.environment import read_environment
from dockerproxy.observe.log import Log
from dockerproxy.observe.record import Record
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.process_settings import LogFormat
from dockerproxy.proxy.client import Client
from dockerproxy.server import Server
from dockerproxy.settings import Level
from dockerproxy.workbench.learning import Learner

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


class Wire:
    """One end of a connection, read and written as bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)

    async def exactly(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), PATIENCE)

    async def rest(self) -> bytes:
        """Everything up to the end of the stream, or nothing if writing to it has failed."""
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE)
        except BrokenPipeError:
            return b""

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of a response with a length."""
        head = await self.head()
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return int(head[9:12]), await self.exactly(length)

    def pause(self) -> None:
        """Read no more, so that the other end comes to wait."""
        cast("asyncio.Transport", self.writer.transport).pause_reading()

    def resume(self) -> None:
        """Read again."""
        cast("asyncio.Transport", self.writer.transport).resume_reading()

    def end(self) -> None:
        """Send no more."""
        self.writer.write_eof()

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with suppress(ConnectionError):  # The other end may be faster.
            await self.writer.wait_closed()


class Heard(Log):
    """A log of which a test knows at once what it was told, while the thread still writes.

    Attributes:
        records: Of finished exchanges, with how grave they are.
        messages: All else, with how grave it is.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(Level.DEBUG, LogFormat.JSON, descriptor)
        self.records: list[tuple[Record, Level]] = []
        self.messages: list[tuple[Level, str]] = []

    def exchange(self, record: Record, level: Level = Level.INFO) -> None:
        self.records.append((record, level))
        super().exchange(record, level)

    def message(self, level: Level, text: str) -> None:
        self.messages.append((level, text))
        super().message(level, text)


@dataclass
class World:
    """What a test has in its hands."""

    directory: Path
    server: Server
    heard: Heard
    arrivals: asyncio.Queue[Wire]
    wires: list[Wire] = field(default_factory=list)
    engine: asyncio.Server | None = None

    @property
    def path(self) -> str:
        return str(self.directory / "proxied.sock")

    @property
    def clients(self) -> list[Client]:
        """The proxy's ends of all connections."""
        connections = [one for each in self.server._list_sockets() for one in each.connections._all]
        return [one for one in connections if isinstance(one, Client)]

    async def connect(self) -> Wire:
        wire = Wire(*await asyncio.open_unix_connection(self.path, limit=2**26))
        self.wires.append(wire)
        return wire

    async def engine_side(self) -> Wire:
        """The next connection that the proxy opens to the engine."""
        return await asyncio.wait_for(self.arrivals.get(), PATIENCE)

    async def exchange(self, request: bytes, answer: bytes = OK) -> tuple[Wire, Wire]:
        """Send a request, have the engine answer it; return the client's and the engine's wire."""
        client = await self.connect()
        await client.send(request)
        engine = await self.engine_side()
        await engine.head()
        await engine.send(answer)
        return client, engine

    async def begin_stream(self) -> Wire:
        """Ping, then begin a stream of events; return the client's wire."""
        client, engine = await self.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        await client.send(get("/events"))
        await engine.head()
        await engine.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.head()
        return client

    async def start_engine(self) -> None:
        async def arrive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            wire = Wire(reader, writer)
            self.wires.append(wire)
            await self.arrivals.put(wire)

        self.engine = await asyncio.start_unix_server(arrive, str(self.directory / "engine.sock"), limit=2**26)

    def log(self) -> list[dict[str, Any]]:
        """The whole lines of the log: its thread may be writing one."""
        written, _, _ = (self.directory / "log").read_text().rpartition("\n")
        return [json.loads(line) for line in written.splitlines()]

    async def line(self, text: str) -> dict[str, Any]:
        """The first line of the log that says this, once it is there."""

        async def wait() -> dict[str, Any]:
            while True:
                for line in self.log():
                    if text in line.get("text", ""):
                        return line
                await asyncio.sleep(0.01)

        return await asyncio.wait_for(wait(), PATIENCE)

    async def records(self, count: int) -> list[dict[str, Any]]:
        """The records of finished exchanges, once there are as many as this."""

        async def wait() -> list[dict[str, Any]]:
            while True:
                found = [line for line in self.log() if line["event"] == "exchange"]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.01)

        return await asyncio.wait_for(wait(), PATIENCE)


@asynccontextmanager
async def world(
    *, engine: bool = True, policy: CompiledPolicy | None = None, notes_created: bool = False, **environment: str
) -> AsyncIterator[World]:
    """A running proxy, by default with all sections open and an engine that waits to be told what to do."""
    with short_folder() as directory:
        settings = read_environment(
            {
                **dict.fromkeys(("CONTAINERS", "IMAGES", "EXEC", "POST", "BUILD"), "1"),
                "DOCKER_SOCKET_PATH": f"{directory}/engine.sock",
                "PROXIED_SOCKET_PATH": f"{directory}/proxied.sock",
                **environment,
            }
        ).settings
        if policy is not None:
            served = settings.sockets[0]._replace(policy=policy, notes_created=notes_created)
            settings = settings._replace(sockets=(served,))
        with (directory / "log").open("wb") as sink:
            log = Heard(sink.fileno())
            server = Server(settings, log, Learner)
            made = World(directory, server, log, asyncio.Queue())
            if engine:
                await made.start_engine()
            serving = asyncio.ensure_future(server.run())
            await server.wait_ready(serving)
            if engine:
                assert await (await made.engine_side()).rest() == b"", (
                    "a look at the start, whether the engine is there"
                )
            try:
                yield made
            finally:
                server.stop()
                server.stop()
                await serving
                for wire in made.wires:
                    await wire.close()
                if made.engine is not None:
                    made.engine.close()
                log.close(PATIENCE)
                bugs = [line["text"] for line in made.log() if line["level"] == "crit"]
                assert not bugs, "\n".join(bugs)
                assert not list(Path.cwd().glob("*.learned.yaml")), "nobody said where to write what is learned"


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in the event loop that the product uses."""

    def run(**arguments: Any) -> None:
        uvloop.run(test(**arguments))

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    run.__dict__.update(test.__dict__)
    run.__signature__ = __import__("inspect").signature(test)  # type: ignore[attr-defined] # pytest reads parameters here
    return run


def get(target: str, *fields: str) -> bytes:
    return request("GET", target, *fields)


def request(method: str, target: str, *fields: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: docker", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
