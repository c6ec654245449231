"""A stream of lines passes as it comes, and ends as it must, whoever ends it."""

import asyncio
import json

import pytest
from plans.test_showing import POLICY
from proxy.following import MINE, TO_THE_END, chunk, event, follow, tell
from proxy.harness import get, in_loop, world
from proxy.lookups import answer, serve

WHOLE = b'HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{"Type": "network"}'
"""Not cut into events, so that nobody looks whose each is."""


@in_loop
async def test_a_stream_to_the_end_of_the_connection_ends_with_it() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here, TO_THE_END)
        await engine.send(event("network", "n1"))
        await tell(here, "/networks/n1", {"Id": "n1", "Name": "n", "Labels": MINE})
        engine.end()
        assert await client.rest() == event("network", "n1")


ERROR = answer({"message": "bad"}, "400 Bad Request")
IN_CHUNKS = b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"{}") + chunk(b"")


@pytest.mark.parametrize("error", [ERROR, IN_CHUNKS], ids=["counted", "chunked"])
@in_loop
async def test_an_error_of_the_engine_is_passed_on(error: bytes) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(get("/events?since=x"))
        (await serve(here, "GET /events?since=x", error)).end()
        assert (await client.head()).startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize("head", [b"", b"what?\r\n\r\n", b"HTTP/1.1 101 X\r\n\r\n", b"x" * 300_000, WHOLE])
@in_loop
async def test_an_engine_that_does_not_answer_well_is_not_believed(head: bytes) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(get("/events"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(head)
        engine.end()
        assert (await client.answer())[0] == 502


@pytest.mark.parametrize("data", [b"zz\r\n", b"0\r\n\r\nmore", b""])
@in_loop
async def test_a_stream_that_breaks_the_protocol_is_cut(data: bytes) -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        await engine.send(data)
        engine.end()
        assert await client.rest() == b""
        [record] = await here.records(1)
        assert record["reason"]


@in_loop
async def test_an_event_that_is_too_long_is_left_out() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        shown = event("network", "n1")
        await engine.send(
            chunk(event("network", "n2", x="y" * 300_000)) + chunk(b"x" * 900_000) + chunk(b"x\n" + shown)
        )
        await tell(here, "/networks/n1", {"Id": "n1", "Name": "n", "Labels": MINE})
        assert await client.exactly(len(chunk(shown))) == chunk(shown)


@in_loop
async def test_a_client_that_goes_ends_the_engine_connection() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        await client.close()
        assert await engine.rest() == b""


@in_loop
async def test_a_client_that_does_not_read_has_the_engine_wait() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here, TO_THE_END)
        client.pause()
        line = json.dumps({"Type": "network", "Action": "x" * 60_000, "Actor": {"ID": "n1"}}).encode() + b"\n"
        await engine.send(line)
        await tell(here, "/networks/n1", {"Id": "n1", "Name": "n", "Labels": MINE})
        sent = 1

        async def fill() -> None:
            nonlocal sent
            while True:
                sent += 1
                await engine.send(line)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fill(), 1)
        assert sent * len(line) < 8 * 1024 * 1024
        engine.end()
        client.resume()
        assert await client.rest() == line * sent
