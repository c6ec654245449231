"""Whoever asks for too much is told so, and everybody else is served as before."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from proxy.harness import OK, Wire, World, get, in_loop, request, world
from proxy.lookups import tell
from proxy.owned import POLICY, THEIRS, identify

from dockerproxy.settings import DEFAULTS

STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SWITCH = b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\n\r\n"
ATTACH = request("POST", "/containers/x/attach", "Upgrade: tcp", "Connection: Upgrade")


@asynccontextmanager
async def served_besides(here: World) -> AsyncIterator[None]:
    """Check that another client of the socket is served before and after."""
    other, engine = await here.exchange(get("/_ping"))
    assert await other.answer() == (200, b"OK")
    yield
    await other.send(get("/_ping"))
    await engine.head()
    await engine.send(OK)
    assert await other.answer() == (200, b"OK")


async def told(client: Wire, status: int, limit: str) -> bytes:
    """Check that a client is told of a limit in Docker's shape; return the head of the answer."""
    head = await client.head()
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    assert limit in json.loads(await client.exactly(length))["message"]
    assert (b"\r\nRetry-After: 1\r\n" in head) is (status in {429, 503})
    return head


@pytest.mark.parametrize(
    ("limit", "first", "answer"),
    [
        ("MAX_REQUESTS", get("/containers/json"), b""),
        ("MAX_REQUESTS", request("POST", "/containers/x/stop"), b""),
        ("MAX_STREAMS", get("/events"), STREAM),
        ("MAX_STREAMS", get("/events"), b""),
        ("MAX_TUNNELS", ATTACH, SWITCH),
        ("MAX_TUNNELS", ATTACH, b""),
    ],
)
@in_loop
async def test_one_exchange_too_many_is_turned_away_and_the_next_goes_on(
    limit: str, first: bytes, answer: bytes
) -> None:
    async with world(policy=None, engine=True, notes_created=False, **{limit: "2"}) as here, served_besides(here):
        under_way = [await here.exchange(first, answer) for _ in range(2)]
        late = await here.connect()
        await late.send(first)
        assert b"Connection: close" not in await told(late, 503, limit)
        [record] = [line for line in await here.records(2) if line["status"] == 503]
        assert (record["decision"], record["level"]) == ("denied", "warning")
        await under_way[0][0].close()
        assert (await under_way[0][1].rest()) == b""
        await late.send(first)
        assert await (await here.engine_side()).head()
        for client in (under_way[1][0], late):
            await client.close()
        await here.records(5)


@in_loop
async def test_a_request_that_is_over_gives_its_place_back_however_it_ended() -> None:
    async with world(MAX_REQUESTS="1", DENY="ContainerStart") as here:
        for turn in range(3):
            client = await here.connect()
            for sent in (
                request("POST", "/containers/x/start"),
                get("/containers/x/start"),
                get("/containers/../x", "X: 1"),
            )[: 2 if turn else 3]:
                await client.send(sent)
                await client.head()
            await client.close()
            client, engine = await here.exchange(get("/_ping"), b"")
            await (client if turn else engine).close()
        client, _ = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_requests_that_come_too_fast_are_turned_away_and_the_connection_ends() -> None:
    async with world(MAX_RATE="50", CONTAINERS="0") as here:
        client = await here.connect()
        await client.send(get("/containers/json") * 200)
        answers = await client.rest()
        assert answers.count(b"HTTP/1.1 403 ") in range(50, 101)
        assert answers.count(b"HTTP/1.1 429 ") == 1
        assert b"MAX_RATE sets this limit" in answers
        [record] = [line for line in await here.records(51) if line["status"] == 429]
        assert (record["decision"], record["method"], record["target"]) == ("refused", "GET", "/containers/json")


@in_loop
async def test_a_client_in_a_hurry_leaves_others_their_share() -> None:
    async with world(MAX_RATE="100", CONTAINERS="0") as here:
        modest, engine = await here.exchange(get("/_ping"))
        assert await modest.answer() == (200, b"OK")
        for _ in range(3):
            greedy = await here.connect()
            await greedy.send(get("/containers/json") * 1000)
            assert b"HTTP/1.1 429 " in await greedy.rest()
            await modest.send(get("/_ping"))
            await engine.head()
            await engine.send(OK)
            assert await modest.answer() == (200, b"OK")


@in_loop
async def test_a_head_that_is_too_long_is_refused_whole_or_in_pieces() -> None:
    async with world(MAX_HEAD="1KiB") as here, served_besides(here):
        for pieces in (1, 50):
            client = await here.connect()
            sent = get("/_ping", "X: " + "x" * 1000)
            size = len(sent) // pieces
            for start in range(0, len(sent), size):
                client.writer.write(sent[start : start + size])
            await told(client, 431, "MAX_HEAD")
        client, _ = await here.exchange(get("/_ping", "X: " + "x" * 900))
        assert await client.answer() == (200, b"OK")


@pytest.mark.parametrize("sent", [b"", b'{"Image":', b'{"Image":"x"'])
@in_loop
async def test_a_body_in_json_has_its_time_though_nobody_looks_at_it(sent: bytes) -> None:
    async with world(BODY_TIMEOUT="0.5") as here, served_besides(here):
        client = await here.connect()
        await client.send(request("POST", "/containers/create", "Content-Length: 100", body=sent))
        engine = await here.engine_side()
        await told(client, 408, "BODY_TIMEOUT")
        assert (await engine.rest()).endswith(b"\r\n\r\n" + sent)
        [record] = [line for line in await here.records(2) if line["status"] == 408]
        assert record["received"] == len(sent)


@in_loop
async def test_an_archive_takes_as_long_as_it_takes() -> None:
    async with world(BODY_TIMEOUT="0.2", HEADER_TIMEOUT="0.2") as here:
        client = await here.connect()
        await client.send(request("POST", "/images/load", "Content-Length: 100", body=b"x" * 50))
        engine = await here.engine_side()
        for _ in range(2):
            assert await (await here.connect()).rest() == b""  # A silent client is dropped: the sweep has been by.
        await client.send(b"x" * 50)
        assert (await engine.head()).startswith(b"POST /images/load ")
        assert await engine.exactly(100) == b"x" * 100


@in_loop
async def test_an_engine_that_takes_a_request_and_says_nothing_is_given_up() -> None:
    async with world(ENGINE_TIMEOUT="0.5") as here:
        client = await here.connect()
        await client.send(get("/containers/json"))
        engine = await here.engine_side()
        await told(client, 504, "ENGINE_TIMEOUT")
        assert (await engine.rest()).startswith(b"GET /containers/json ")
        [record] = await here.records(1)
        assert (record["decision"], record["status"], record["level"]) == ("allowed", 504, "err")


@pytest.mark.parametrize(
    "sent",
    [
        get("/events"),
        get("/containers/x/logs?follow=1"),
        request("POST", "/containers/x/wait"),
        request("POST", "/containers/x/stop"),
        request("POST", "/images/create?fromImage=x"),
        request("POST", "/build", "Content-Length: 1", body=b"x"),
        ATTACH,
    ],
)
@in_loop
async def test_what_waits_is_waited_for(sent: bytes) -> None:
    async with world(ENGINE_TIMEOUT="0.2", HEADER_TIMEOUT="0.2") as here:
        client, engine = await here.exchange(sent, b"")
        for _ in range(2):
            assert await (await here.connect()).rest() == b""  # A silent client is dropped: the sweep has been by.
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_an_answer_that_has_begun_takes_as_long_as_it_takes() -> None:
    async with world(ENGINE_TIMEOUT="0.2", HEADER_TIMEOUT="0.2") as here:
        client, engine = await here.exchange(get("/containers/json"), OK[:-1])
        for _ in range(2):
            assert await (await here.connect()).rest() == b""
        await engine.send(OK[-1:])
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_limits_of_a_reload_hold_for_the_next_request() -> None:
    async with world() as here:
        client, _ = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        settings = here.server._settings
        socket = settings.sockets[0]._replace(limits=DEFAULTS._replace(head=1000))
        await here.server.reload(settings._replace(sockets=(socket,)))
        await client.send(get("/_ping", "X: " + "x" * 1000))
        await told(client, 431, "MAX_HEAD")


@pytest.mark.parametrize("found", [None, THEIRS])
@in_loop
async def test_what_another_has_is_removed_by_force_like_what_is_not_there(found: dict[str, str] | None) -> None:
    """Podman's client wants no error then, and Podman answers with a list of what is removed."""
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("DELETE", "/v5.0.0/libpod/containers/x?force=true&ignore=true"))
        document = {"message": "no"} if found is None else {"Id": identify(1), "Name": "x", "Config": {"Labels": found}}
        status = "404 Not Found" if found is None else "200 OK"
        await tell(here, document, "/v5.0.0/libpod/containers/x/json", status)
        assert await client.answer() == (200, b"[]")
        assert here.arrivals.empty()
