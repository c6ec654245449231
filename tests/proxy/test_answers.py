"""Answers: what the engine says reaches the client as it is, and never another one's."""

import asyncio

import pytest
from proxy.harness import OK, get, in_loop, request, world
from rows import for_each

SWITCH = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
HIJACK = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@in_loop
async def test_the_answer_to_head_may_leave_its_length_out_and_the_connection_goes_on() -> None:
    answer = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\n"
    async with world() as here:
        client, engine = await here.exchange(request("HEAD", "/_ping"), answer)
        assert await client.head() == answer
        await client.send(get("/_ping"))
        assert (await engine.head()).startswith(b"GET /_ping ")


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
@in_loop
async def test_answers_without_a_body_end_at_their_head(status: bytes) -> None:
    answer = b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n"
    async with world() as here:
        client, engine = await here.exchange(get("/_ping"), answer)
        assert await client.head() == answer
        await client.send(get("/_ping"))
        assert (await engine.head()).startswith(b"GET /_ping ")


@in_loop
async def test_the_answer_to_head_ends_at_its_head_whatever_length_it_names() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
    async with world() as here:
        client, engine = await here.exchange(request("HEAD", "/_ping"), answer)
        assert await client.head() == answer
        await client.send(get("/_ping"))
        assert (await engine.head()).startswith(b"GET /_ping ")


@in_loop
async def test_a_stream_is_passed_on_as_it_comes() -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/events"), STREAM)
        assert await client.head() == STREAM
        for number in range(20):
            piece = b"3\r\n%03d\r\n" % number
            await engine.send(piece)
            assert await client.exactly(len(piece)) == piece
        await engine.send(b"0\r\n\r\n")
        assert await client.exactly(5) == b"0\r\n\r\n"
        await client.send(get("/_ping"))
        assert (await engine.head()).startswith(b"GET /_ping ")
        await here.records(1)
        assert [line["event"] for line in here.log() if line["event"] != "message"] == ["start", "exchange"]


@in_loop
async def test_a_chunked_answer_split_at_any_byte_ends_where_it_ends() -> None:
    whole = STREAM + b"a;ext=1\r\n0123456789\r\n000\r\nTrailer: x\r\n\r\n"
    async with world() as here:
        client = await here.connect()
        await client.send(get("/events"))
        engine = await here.engine_side()
        for cut in range(1, len(whole)):
            await engine.head()
            await engine.send(whole[:cut])
            await asyncio.sleep(0.001)
            await engine.send(whole[cut:])
            assert await client.exactly(len(whole)) == whole
            await client.send(get("/events"))
        assert here.arrivals.empty()


@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
        STREAM + b"8\r\nhalf",
        STREAM + b"4\r\nhalf\r\n",
    ],
)
@in_loop
async def test_an_answer_that_the_engine_cuts_short_looks_cut_short(begun: bytes) -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/images/get?names=x"), begun)
        await engine.close()
        assert await client.rest() == begun
        [record] = await here.records(1)
        assert (record["level"], record["reason"]) == ("err", "the engine cut its answer short")


@in_loop
async def test_an_answer_that_ends_with_the_connection_is_whole() -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\nto the end"
    async with world() as here:
        client, engine = await here.exchange(get("/_ping"), answer)
        await engine.close()
        assert await client.rest() == answer
        [record] = await here.records(1)
        assert record["level"] == "info"


@in_loop
async def test_an_engine_that_closes_instead_of_answering_is_a_502() -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/_ping"), b"")
        await engine.close()
        assert (await client.rest()).startswith(b"HTTP/1.1 502 ")


@for_each(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n bad: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 2_000_000,
        SWITCH,
    ],
)
@in_loop
async def test_an_engine_that_breaks_the_protocol_is_a_502_and_its_connection_is_cut(answer: bytes) -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(get("/_ping"))
        engine = await here.engine_side()
        await engine.head()
        engine.writer.write(answer)
        assert (await client.rest()).startswith(b"HTTP/1.1 502 ")
        assert await engine.rest() == b""


@in_loop
async def test_a_broken_chunk_of_the_engine_cuts_the_answer() -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/events"), STREAM + b"zz\r\n")
        assert not (await client.rest()).endswith(b"0\r\n\r\n")
        assert await engine.rest() == b""


@in_loop
async def test_a_second_answer_never_reaches_the_client() -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/_ping"), OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        assert await client.answer() == (200, b"OK")
        assert await engine.rest() == b""
        await client.send(get("/_ping"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_an_answer_that_nobody_asked_for_is_dropped_with_its_connection() -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        await engine.send(OK)
        assert await engine.rest() == b""
        await client.send(get("/_ping"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_an_upgrade_is_dropped_where_there_can_be_no_tunnel() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(get("/containers/json", "Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: x"))
        engine = await here.engine_side()
        assert b"upgrade" not in (await engine.head()).lower()


@in_loop
async def test_a_stream_type_on_an_ordinary_operation_is_no_tunnel() -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/containers/x/logs"), HIJACK)
        assert await client.head() == HIJACK
        await client.send(get("/containers/json"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.reader.read(1), 0.1)
