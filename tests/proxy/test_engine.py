"""The engine's end lives as long as its client's, and neither is read faster than the other takes."""

import asyncio
import socket

import pytest
from proxy.harness import OK, get, in_loop, request, world
from waiting import PATIENCE

SWITCH = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
HIJACK = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@in_loop
async def test_an_engine_that_closes_between_two_requests_is_asked_again_over_a_new_connection() -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        await engine.close()
        for _ in range(100):
            await asyncio.sleep(0)
        await client.send(get("/_ping"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_connection_close_of_the_engine_closes_the_clients_connection_after_the_answer() -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nOK"
    async with world() as here:
        client, _ = await here.exchange(get("/_ping"), answer)
        assert await client.rest() == answer


@in_loop
async def test_an_early_answer_reaches_a_client_that_still_sends() -> None:
    answer = b"HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!"
    async with world() as here:
        client = await here.connect()
        await client.send(request("POST", "/build", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(answer)
        await engine.close()
        assert await client.exactly(len(answer)) == answer
        await client.send(b"3\r\ndef\r\n")
        assert await client.rest() == b""


@in_loop
async def test_a_build_answers_while_its_context_is_still_being_sent() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(request("POST", "/build", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(STREAM + b"1\r\n.\r\n")
        assert await client.head() == STREAM
        await client.send(b"3\r\ndef\r\n0\r\n\r\n")
        assert await engine.exactly(21) == b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"
        await engine.send(b"0\r\n\r\n")
        assert await client.exactly(11) == b"1\r\n.\r\n0\r\n\r\n"
        await client.send(get("/_ping"))
        assert (await engine.head()).startswith(b"GET /_ping ")


@in_loop
async def test_when_the_client_hangs_up_the_engines_side_goes_at_once() -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/events"), STREAM)
        await client.head()
        await client.close()
        assert await engine.rest() == b""
        [record] = await here.records(1)
        assert (record["operation"], record["reason"]) == ("SystemEvents", "the client went away")


@in_loop
async def test_a_client_that_hangs_up_while_its_next_request_waits_is_noticed() -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/events"), STREAM)
        await client.head()
        await client.send(get("/_ping"))
        await client.close()
        assert await engine.rest() == b""


@in_loop
async def test_a_slow_reader_slows_the_writer_and_nothing_is_queued_in_between() -> None:
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    async with world() as here:
        client, engine = await here.exchange(get("/events"), STREAM)
        await client.head()
        client.pause()
        written = 0

        async def fill() -> None:
            nonlocal written
            while True:
                await engine.send(piece)
                written += len(piece)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fill(), 1)
        assert written < 8 * 1024 * 1024
        client.resume()
        assert await client.exactly(len(piece)) == piece


@in_loop
async def test_a_slow_engine_slows_the_client() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(request("POST", "/build", "Content-Length: 100000000"))
        engine = await here.engine_side()
        await engine.head()
        engine.pause()
        written = 0

        async def fill() -> None:
            nonlocal written
            while True:
                await client.send(b"x" * 65536)
                written += 65536

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fill(), 1)
        assert written < 90_000_000
        engine.resume()
        assert await engine.exactly(written) == b"x" * written


@pytest.mark.parametrize("rest", [b"4\r\nlostZZ\r\n", b""])
@in_loop
async def test_a_request_that_breaks_after_its_answer_ends_the_connection(rest: bytes) -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(request("POST", "/build", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        await client.send(rest)
        if not rest:
            client.end()
        assert await client.rest() == b""
        assert await engine.rest() == b"3\r\nabc\r\n"
        assert [line["level"] for line in await here.records(1)] == ["info"]
        assert (await here.line("cut off"))["level"] == "warning"


@in_loop
async def test_tiny_chunks_are_passed_on_together() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(
            request("POST", "/build", "Transfer-Encoding: chunked", body=b"1\r\nX\r\n" * 1000 + b"0\r\n\r\n")
        )
        engine = await here.engine_side()
        await engine.head()
        body = await engine.reader.readuntil(b"\r\n0\r\n\r\n")
        assert body.count(b"X") == 1000
        assert body.count(b"\r\n") < 50


@in_loop
async def test_an_engine_whose_queue_is_full_is_tried_again() -> None:
    async with world(engine=False) as here:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as busy, socket.socket(socket.AF_UNIX) as first:
            busy.bind(str(here.directory / "engine.sock"))
            busy.listen(0)
            first.connect(str(here.directory / "engine.sock"))
            client = await here.connect()
            await client.send(get("/_ping"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.reader.read(1), 0.2)
            busy.accept()[0].close()
            busy.settimeout(PATIENCE)
            accepted, _ = await asyncio.to_thread(busy.accept)
            with accepted:
                assert (await asyncio.to_thread(accepted.recv, 1000)).startswith(b"GET /_ping ")
                accepted.sendall(OK)
                assert await client.answer() == (200, b"OK")
