"""A hostile client of gRPC's own library is denied with our words, and nothing of what it says reaches the engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import grpc
from builds.ends import INFO, framed
from builds.messages import flag, text
from builds.said import BRIDGE, CONTROL, FRONTEND, SOLVE, STEP, attrs, export, old_export
from proxy.builders import SWITCH, TAGS, UPGRADE, Speaker, accept, building
from proxy.harness import Wire, World, in_loop, request, world
from waiting import PATIENCE


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes until it ends."""
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def adapter(here: World) -> AsyncIterator[str]:
    """A socket for clients that speak HTTP/2 from their first byte: the upgrade is asked for them."""
    pumps: list[asyncio.Future[object]] = []
    path = str(here.directory / "adapter.sock")

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy = await here.connect()
        here.wires.append(Wire(reader, writer))
        await proxy.send(request("POST", "/grpc", *UPGRADE))
        assert await proxy.head() == SWITCH
        pumps.append(asyncio.ensure_future(pump(reader, proxy.writer)))
        pumps.append(asyncio.ensure_future(pump(proxy.reader, writer)))

    server = await asyncio.start_unix_server(connect, path)
    try:
        yield path
    finally:
        server.close()
        for each in pumps:
            each.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


def call(channel: grpc.Channel, path: str, content: bytes) -> bytes | tuple[grpc.StatusCode, str]:
    """Make a call; return its answer, or its status and message."""
    try:
        answer: bytes = channel.unary_unary(path)(content, timeout=PATIENCE)
    except grpc.RpcError as error:
        return error.code(), error.details()
    return answer


DENIED: list[tuple[str, bytes, str]] = [
    (SOLVE, export("moby", {"name": "other"}), 'ImageBuild denied: ?t is "docker.io/library/other:latest", an image'),
    (SOLVE, old_export("moby", {"name": "job-1,other"}), "ImageBuild denied: "),
    (SOLVE, export("moby", {"name": "job-1", "push": ""}), "ImagePush denied: "),
    (SOLVE, text(2, "llb"), "ImageBuild denied: Build.definition is raw LLB"),
    (STEP, text(1, "llb"), "ImageBuild denied: Step.definition is raw LLB"),
    (SOLVE, text(6, "gateway.v0"), 'ImageBuild denied: the frontend "gateway.v0" is not dockerfile.v0'),
    (SOLVE, text(9, "network.host"), "ImageBuild denied: its steps would have rights on the host"),
    (SOLVE, flag(14, 1), "ImageBuild denied: Build.session_exporter is"),
    (SOLVE, flag(99, 1), "ImageBuild denied: Build has the unknown field 99"),
    (SOLVE, text(1, "é")[:-1], "ImageBuild denied: Build is truncated"),
    (STEP, attrs({"build-arg:BUILDKIT_SYNTAX": "é\n"}, path=STEP), "ImageBuild denied: "),
    (SOLVE, attrs({"build-arg:BUILDKIT_ATTEST_SBOM": ""}), 'ImageBuild denied: "build-arg:BUILDKIT_ATTEST_SBOM='),
    (SOLVE, attrs({"ulimit": "x" * 10_000}), 'ImageBuild denied: "ulimit=xxx'),
    (CONTROL + "Prune", b"", "ImageBuild denied: Control/Prune is not a call"),
    (CONTROL + "DiskUsage", b"", "ImageBuild denied: Control/DiskUsage is not a call"),
    (BRIDGE + "NewContainer", b"", "ImageBuild denied: LLBBridge/NewContainer is not a call"),
    ("/containerd.services.content.v1.Content/Info", b"", "ImageBuild denied: Content/Info is not a call"),
]  # fmt: skip


@in_loop
async def test_what_may_not_be_said_is_denied_in_words_that_the_client_reads() -> None:
    async with world(policy=building(TAGS)) as here, adapter(here) as path:
        with grpc.insecure_channel(f"unix:{path}") as channel:
            first = asyncio.ensure_future(asyncio.to_thread(partial(call, channel, INFO, b"")))
            engine = Speaker(await accept(here), is_client=False)
            await engine.wire.send(SWITCH)
            await engine.asked()
            await engine.answer(b"version")
            assert await first == b"version"
            for method, content, says in DENIED:
                told = await asyncio.to_thread(call, channel, method, content)
                assert isinstance(told, tuple), method
                assert told[0] is grpc.StatusCode.PERMISSION_DENIED
                assert told[1].startswith(says), told[1]
            allowed = asyncio.ensure_future(
                asyncio.to_thread(call, channel, SOLVE, export("moby", {"name": "job-1"}) + text(6, FRONTEND))
            )
            info, solve = await engine.asked(2)
            assert (info.fields[":path"], solve.fields[":path"]) == (INFO, SOLVE)
            assert solve.data != framed(b"")
            await engine.answer(b"done")
            assert await allowed == b"done"
            assert len(engine.peer.streams) == 2
