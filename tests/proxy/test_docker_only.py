"""A contained build goes to Docker only, which says so over the connection on which it then gets the build."""

import asyncio
import json
import tarfile

import pytest
from decisions import read_message
from policy.policies import grant_on, policy_with
from proxy.bodies import contained
from proxy.harness import OK, Wire, World, get, in_loop, request, world
from proxy.stage import turn
from proxy.test_http2 import call
from rows import for_each
from wire.tars import archive_of, item

from dockerproxy.owner_labels import make_built
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.model import Mode
from dockerproxy.policy.vocabulary import UNRESTRICTED

GRANTS = (contained("ImageBuild", tags=("docker.io/library/app:*",)), grant_on("SystemPing"))
POLICY = policy_with(*GRANTS)
DOCKER = "Server: Docker/26.1.5 (linux)"
STEPS = f"nocache=1&rm=1&forcerm=1&labels=%7B%22dockerproxy.build%22:%22{make_built('')}%22%7D"
CONTEXT = bytes(1024)  # An archive without entries.
BUILD = request(
    "POST", "/build?q=1", f"Content-Length: {len(CONTEXT)}", "Content-Type: application/x-tar", body=CONTEXT
)
SAYS = "the engine does not say that it is Docker, and only Docker's builder is contained"


def said(*fields: str, status: str = "200 OK", body: bytes = b"OK") -> bytes:
    """Write the answer to a ping."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def pinged(here: World) -> Wire:
    """A new connection over which the proxy asks which engine it is."""
    engine = await here.engine_side()
    assert await engine.head() == b"GET /_ping HTTP/1.1\r\nhost: dockerproxy\r\n\r\n"
    return engine


async def built(engine: Wire, query: str = STEPS) -> None:
    """Take a build, and answer it."""
    assert (await engine.head()).startswith(f"POST /build?q=1&{query} HTTP/1.1\r\n".encode())
    assert await engine.exactly(len(CONTEXT)) == CONTEXT
    await engine.send(OK)


@in_loop
async def test_a_build_goes_to_the_engine_that_said_that_it_is_docker() -> None:
    async with world(policy=POLICY) as here:
        client, before = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        for _ in range(2):  # Another engine may be there by the next one.
            await client.send(BUILD)
            engine = await pinged(here)
            assert await before.rest() == b""
            await engine.send(said(DOCKER))
            await built(engine)
            assert await client.answer() == (200, b"OK")
            before = engine
        await client.send(get("/_ping"))
        await before.head()
        await before.send(OK)
        assert await client.answer() == (200, b"OK")
        assert [each["decision"] for each in await here.records(4)] == ["allowed"] * 4


DEVICE = archive_of(item("Dockerfile", type=tarfile.BLKTYPE))
SAYS_DEVICE = "entry 1 of the archive is a block device, not a file, directory or link"
FORBIDDEN = f"ImageBuild denied: {SAYS_DEVICE}; to allow it, leave that out; or, to let "


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", OK])
@in_loop
async def test_no_engine_gets_a_device_in_a_context(begun: bytes) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        head = request("POST", "/build", f"Content-Length: {len(DEVICE)}", "Content-Type: application/x-tar")
        await client.send(head + DEVICE[:300])
        engine = await pinged(here)
        await engine.send(said(DOCKER))
        await engine.head()
        assert await engine.exactly(300) == DEVICE[:300]
        if begun:
            await engine.send(begun)
            assert await client.exactly(len(begun)) == begun
        await client.send(DEVICE[300:])
        if not begun:
            status, body = await client.answer()
            assert (status, read_message(body).startswith(FORBIDDEN)) == (403, True)
        assert (await client.rest(), await engine.rest()) == (b"", b"")
        [record] = await here.records(1)
        assert begun == OK or (record["decision"], FORBIDDEN in record["reason"]) == ("denied", True)


@pytest.mark.parametrize("mode", [Mode.REPORT, Mode.LEARN])
@in_loop
async def test_where_nothing_is_refused_a_device_passes_and_the_record_says_so(mode: Mode) -> None:
    async with world(policy=policy_with(*GRANTS, mode=mode)) as here:
        client = await here.connect()
        await client.send(request("POST", "/build?t=app:1", f"Content-Length: {len(DEVICE)}", body=DEVICE))
        engine = await pinged(here)
        await engine.send(said(DOCKER))
        await engine.head()
        assert await engine.exactly(len(DEVICE)) == DEVICE
        await engine.send(OK)
        assert (await client.answer())[0] == 200
        [record] = await here.records(1)
        assert record["decision"] == "reported"
        if mode is Mode.REPORT:
            assert FORBIDDEN in record["reason"]
        else:
            assert record["body"] == {"unrestricted": SAYS_DEVICE}


ANSWERS = [
    said(),
    said("Server: Libpod/5.4.2 (linux)", "Libpod-Api-Version: 5.4.2"),
    said(DOCKER, "Libpod-API-Version: 5.4.2"),
    said(DOCKER, DOCKER),
    said(DOCKER, "server: Libpod/5.4.2 (linux)"),
    said("Server: Docker"),
    said("Server: docker/26"),
    said("Server: x Docker/26"),
    said("X-Server: Docker/26"),
    said(DOCKER, status="403 Forbidden"),
    said(DOCKER, status="404 Not Found"),
    said(body=DOCKER.encode()),
    said("X: y", body=b"\r\nServer: Docker/26\r\n\r\n"),
]
"""Of engines that are not clearly Docker."""


@for_each("answer", ANSWERS)
@in_loop
async def test_no_contained_build_goes_to_an_engine_that_does_not_say_that_it_is_docker(answer: bytes) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(BUILD + get("/_ping"))
        engine = await pinged(here)
        await engine.send(answer)
        status, body = await client.answer()
        assert status == 403
        told = read_message(body)
        remedy = 'remove its line and add "ImageBuild: unrestricted" to "allow"'
        assert told.startswith(
            f"ImageBuild denied: {SAYS}; to allow it and let clients become root on the host, {remedy}"
        )
        assert (await engine.head()).startswith(b"GET /_ping HTTP/1.1\r\nhost: docker\r\n")
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        first, _ = await here.records(2)
        assert (first["operation"], first["decision"], first["received"]) == ("ImageBuild", "denied", 0)


@in_loop
async def test_a_client_of_buildkit_is_told_in_its_protocol_and_starts_no_builder_of_its_own() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/grpc", "Connection: Upgrade", "Upgrade: h2c"))
        engine = await pinged(here)
        await engine.send(said("Server: Libpod/5.4.2 (linux)"))
        assert (await client.head()).startswith(b"HTTP/1.1 101 ")
        asker, data = call()
        await client.send(data)
        asker.hear(await client.rest())
        assert asker.fields()["grpc-message"].startswith(f"ImageBuild denied: {SAYS}")
        [record] = await here.records(1)
        assert (record["target"], record["operation"], record["decision"]) == ("/grpc", "ImageBuild", "denied")
        assert await engine.rest() == b""


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        (said(DOCKER, "Connection: close"), True),
        (said(DOCKER), True),
        (said(DOCKER) + b"HTTP/1.1 200 OK\r\n\r\n", False),
        (b"nonsense\r\n\r\n", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + said(DOCKER), False),
        (b"", True),
    ],
)
@in_loop
async def test_an_engine_whose_connection_does_not_go_on_gets_no_build(answer: bytes, *, ends: bool) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(BUILD)
        engine = await pinged(here)
        await engine.send(answer)
        if ends:
            await engine.close()
        status, _ = await client.answer()
        assert status == 502
        if not ends:
            assert await engine.rest() == b""
        assert here.arrivals.empty()


@in_loop
async def test_an_engine_that_cannot_be_reached_is_said_to_be_so() -> None:
    async with world(policy=POLICY, engine=False) as here:
        client = await here.connect()
        await client.send(BUILD)
        assert (await client.answer())[0] == 503


@in_loop
async def test_a_client_that_goes_meanwhile_leaves_no_connection() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(BUILD)
        engine = await pinged(here)
        client.writer.transport.abort()
        assert await engine.rest() == b""
        [record] = await here.records(1)
        assert record["operation"] == "ImageBuild"


@in_loop
async def test_a_context_of_gigabytes_waits_in_the_client_until_the_engine_has_said_what_it_is() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/build", f"Content-Length: {2**30}", "Content-Type: application/x-tar"))
        engine = await pinged(here)

        async def fill() -> None:
            while True:
                await client.send(bytes(65536))

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fill(), 0.5)
        [kept] = here.clients
        assert len(kept.inbox.data) < 2**18
        await engine.send(said(DOCKER))
        assert (await engine.head()).startswith(b"POST /build?")
        assert await engine.exactly(2**18) == bytes(2**18)


@pytest.mark.parametrize("answer", [said(DOCKER), said("Server: Libpod/5.4.2")])
@in_loop
async def test_an_unrestricted_build_goes_to_any_engine_as_it_came(answer: bytes) -> None:
    opened = GRANTS[0]._replace(conditions=(UNRESTRICTED,))
    async with world(policy=policy_with(opened)) as here:
        client = await here.connect()
        await client.send(BUILD)
        engine = await here.engine_side()
        assert (await engine.head()).startswith(b"POST /build?q=1 HTTP/1.1\r\n")
        await engine.send(answer)
        assert (await client.answer())[0] == 200


@pytest.mark.parametrize("mode", [Mode.REPORT, Mode.LEARN])
@in_loop
async def test_where_nothing_is_refused_a_build_passes_and_the_record_says_what_it_needs(mode: Mode) -> None:
    for answer, decision, needs in (
        (said(DOCKER), "allowed", {}),
        (said("Server: Libpod/5.4.2"), "reported", {"unrestricted": SAYS}),
    ):
        async with world(policy=policy_with(*GRANTS, mode=mode)) as here:
            client = await here.connect()
            await client.send(BUILD)
            engine = await pinged(here)
            await engine.send(answer)
            assert (await engine.head()).startswith(b"POST /build?q=1 HTTP/1.1\r\n")
            assert await engine.exactly(len(CONTEXT)) == CONTEXT
            await engine.send(OK)
            assert (await client.answer())[0] == 200
            [record] = await here.records(1)
            if mode is Mode.REPORT:
                assert (record["decision"], SAYS in record["reason"]) == (decision, decision == "reported")
            else:
                assert json.loads(json.dumps(record["body"])) == needs


@in_loop
async def test_no_more_builds_run_at_one_time_than_the_quota_has() -> None:
    bounds = POLICY.policy.bounds._replace(builds=1)
    async with world(policy=compile_policy(POLICY.policy._replace(bounds=bounds))) as here:
        client = await here.connect()
        await client.send(BUILD)
        engine = await pinged(here)
        await engine.send(said(DOCKER))
        assert (await engine.head()).startswith(b"POST /build")
        assert await engine.exactly(len(CONTEXT)) == CONTEXT
        await client.close()  # The engine may go on.
        late = await here.connect()
        await late.send(BUILD)
        await turn(100)
        assert here.arrivals.empty()
        assert await engine.rest() == b""
        await engine.close()
        engine = await pinged(here)
        await engine.send(said(DOCKER))
        await built(engine)
        assert await late.answer() == (200, b"OK")
