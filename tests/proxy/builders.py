"""A client of BuildKit, and the engine behind the proxy, which speak HTTP/2 over real sockets."""

import asyncio
import json
from collections.abc import Callable

from builds.ends import Heard, Peer, head
from proxy.harness import Wire, World, request
from waiting import PATIENCE

from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import CompiledPolicy

UPGRADE = ("Connection: Upgrade", "Upgrade: h2c")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
DOCKER = b"HTTP/1.1 200 OK\r\nServer: Docker/26.1.5 (linux)\r\nContent-Length: 2\r\n\r\nOK"
TAGS = {"ImageBuild": {"tags": ["docker.io/library/job-*"]}}


def building(*allow: object, **keys: object) -> CompiledPolicy:
    """Return the policy of a socket that allows some lines."""
    socket = {"path": "/x/a.sock", "allow": list(allow), **keys}
    return read_policy(json.dumps({"sockets": {"docker": socket}}), "policy.yaml").sockets[0].policy


class Speaker:
    """One end of a connection that speaks HTTP/2.

    Attributes:
        is_over: Whether the connection has ended.
    """

    def __init__(self, wire: Wire, *, is_client: bool) -> None:
        self.wire = wire
        self.peer = Peer(is_client=is_client)
        self.is_over = False

    async def flush(self) -> None:
        if not self.wire.writer.is_closing():
            await self.wire.send(self.peer.sent())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Speak until something is so."""
        await self.flush()
        while not condition():
            assert not self.is_over, "the connection has ended"
            await self.hear()

    async def hear(self) -> None:
        """Take what comes next."""
        data = await asyncio.wait_for(self.wire.reader.read(65_536), PATIENCE)
        self.is_over = not data
        self.peer.hear(data)
        await self.flush()

    async def hear_the_end(self) -> None:
        """Speak until the connection ends."""
        while not self.is_over:
            try:
                await self.hear()
            except ConnectionError:
                return

    def begin(self, path: str, content: bytes, *more: tuple[str, str]) -> int:
        return self.peer.begin(head(path, *more), content)

    async def call(self, path: str, content: bytes, *more: tuple[str, str]) -> Heard:
        """Make a call, and wait until it is answered."""
        stream = self.begin(path, content, *more)
        return await self.answered(stream)

    async def answered(self, stream: int) -> Heard:
        await self.until(lambda: stream in self.peer.streams and self.peer.streams[stream].ended)
        return self.peer.streams[stream]

    async def asked(self, count: int = 1) -> list[Heard]:
        """Wait until so many calls have come whole; return them."""
        await self.until(lambda: sum(each.ended for each in self.peer.streams.values()) >= count)
        return list(self.peer.streams.values())

    async def answer(self, content: bytes) -> None:
        """Answer the call that came last."""
        self.peer.answer(max(self.peer.streams), content)
        await self.flush()


async def accept(here: World) -> Wire:
    """Return the engine's connection, on which it has said that it is Docker and has been asked for the upgrade."""
    engine = await here.engine_side()
    assert (await engine.head()).startswith(b"GET /_ping HTTP/1.1\r\n")
    await engine.send(DOCKER)
    assert (await engine.head()).startswith(b"POST /grpc HTTP/1.1\r\n")
    return engine


async def open_builds(here: World) -> tuple[Speaker, Speaker]:
    """Open a tunnel for builds; return the client and the engine."""
    wire = await here.connect()
    await wire.send(request("POST", "/grpc", *UPGRADE))
    engine = await accept(here)
    await engine.send(SWITCH)
    assert await wire.head() == SWITCH
    return Speaker(wire, is_client=True), Speaker(engine, is_client=False)


async def open_session(here: World) -> tuple[Speaker, Speaker]:
    """Open a session, in which the engine calls; return the client and the engine."""
    wire = await here.connect()
    await wire.send(request("POST", "/session", *UPGRADE, "X-Docker-Expose-Session-Uuid: a"))
    engine = await here.engine_side()
    assert (await engine.head()).startswith(b"GET /_ping HTTP/1.1\r\n")
    await engine.send(DOCKER)
    assert (await engine.head()).startswith(b"POST /session HTTP/1.1\r\n")
    await engine.send(SWITCH)
    assert await wire.head() == SWITCH
    return Speaker(wire, is_client=False), Speaker(engine, is_client=True)
