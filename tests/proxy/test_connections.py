"""Many connections: who waits too long, who makes room, and that others are served."""

import asyncio
import os
import socket
from contextlib import ExitStack, suppress

import pytest
from proxy.harness import OK, Wire, World, get, in_loop, request, world

from dockerproxy.proxy.client import Client

STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@in_loop
async def test_when_full_the_one_that_has_waited_longest_without_a_request_makes_room() -> None:
    async with world(MAX_CONNECTIONS="2") as here:
        client, engine = await here.exchange(get("/events"), STREAM)
        await client.head()
        silent = await here.connect()
        served, _ = await here.exchange(get("/_ping"))
        assert await served.answer() == (200, b"OK")
        assert await silent.rest() == b""
        await engine.send(b"1\r\n.\r\n")
        assert await client.exactly(6) == b"1\r\n.\r\n"


@in_loop
async def test_when_all_are_busy_a_new_client_is_told_so() -> None:
    async with world(MAX_CONNECTIONS="1") as here:
        client, _ = await here.exchange(get("/events"), STREAM)
        await client.head()
        late = await here.connect()
        answer = await late.rest()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"MAX_CONNECTIONS" in answer
        await client.close()
        again, _ = await here.exchange(get("/_ping"))
        assert await again.answer() == (200, b"OK")


@in_loop
async def test_a_stream_that_is_silent_for_longer_than_every_timeout_stays_open() -> None:
    async with world(HEADER_TIMEOUT="0.1") as here:
        client, engine = await here.exchange(get("/events"), STREAM)
        await client.head()
        for _ in range(2):
            assert await (await here.connect()).rest() == b""  # A silent client is dropped: the sweep has been by.
        await engine.send(b"1\r\n.\r\n")
        assert await client.exactly(6) == b"1\r\n.\r\n"


@in_loop
async def test_stopping_lets_an_exchange_finish() -> None:
    async with world() as here:
        idle, _ = await here.exchange(get("/_ping"))
        assert await idle.answer() == (200, b"OK")
        client, engine = await here.exchange(get("/_ping"), b"")
        here.server.stop()
        assert await idle.rest() == b""
        await engine.send(OK)
        assert await client.rest() == OK


@in_loop
async def test_a_request_that_came_before_the_end_is_answered() -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        await engine.close()
        os.write(
            client.writer.get_extra_info("socket").fileno(), get("/_ping")
        )  # Nobody can read it before the server stops.
        here.server.stop()
        for state in here.server._list_sockets():
            state.connections.finish_all()
        engine = await here.engine_side()
        await engine.head()
        await engine.send(OK)
        assert await client.rest() == OK


@in_loop
async def test_a_request_that_came_behind_another_one_is_answered() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(get("/_ping"))
        engine = await here.engine_side()
        await engine.head()
        await client.send(get("/_ping"))
        here.server.stop()
        for state in here.server._list_sockets():
            state.connections.finish_all()
        await engine.send(OK)
        engine = await here.engine_side()
        await engine.head()
        await engine.send(OK)
        assert await client.rest() == OK + OK


@in_loop
async def test_a_request_that_waits_for_its_turn_is_answered() -> None:
    async with world() as here:
        client, engine = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        await engine.close()
        here.server._shared.turns.spend(1)
        for piece in (get("/_ping")[:9], get("/_ping")[9:]):
            here.clients[0].data_received(piece)
        here.clients[0].finish()
        engine = await here.engine_side()
        await engine.head()
        await engine.send(OK)
        assert await client.rest() == OK


@in_loop
async def test_what_does_not_finish_in_the_grace_period_is_cut() -> None:
    async with world(SHUTDOWN_GRACE="0.2") as here:
        client, engine = await here.exchange(get("/events"), STREAM)
        here.server.stop()
        assert await client.rest() == STREAM
        assert await engine.rest() == b""


@pytest.mark.parametrize("target", ["/containers/x/kill", "/images/x/tag"])
@in_loop
async def test_a_client_that_never_sends_the_rest_of_an_answered_request_makes_room(target: str) -> None:
    async with world(MAX_CONNECTIONS="4", CONTAINERS="0") as here:
        allowed = target == "/images/x/tag"
        held = [await here.connect() for _ in range(4)]
        for client in held:
            await client.send(request("POST", target, "Content-Length: 10"))
            if allowed:
                engine = await here.engine_side()
                await engine.head()
                await engine.send(OK)
            assert (await client.answer())[0] == (200 if allowed else 403)
        served, _ = await here.exchange(get("/_ping"))
        assert await served.answer() == (200, b"OK")


@in_loop
async def test_a_head_that_comes_byte_by_byte_gets_no_more_time_for_it() -> None:
    async with world(HEADER_TIMEOUT="0.5") as here:
        client = await here.connect()
        answered = asyncio.ensure_future(client.rest())
        for byte in b"GET /_ping HTTP/1.1\r\nX: " + b"y" * 1000:
            if answered.done():
                break
            client.writer.write(bytes([byte]))
            await asyncio.wait([answered], timeout=0.05)
        assert (await answered).startswith(b"HTTP/1.1 408 ")


@in_loop
async def test_a_client_that_pipelines_without_end_does_not_keep_others_waiting() -> None:
    requests = get("/containers/json") * 20_000
    async with world(CONTAINERS="0", MAX_RATE="1000000") as here:
        greedy = await here.connect()
        sending = asyncio.ensure_future(greedy.send(requests))
        reading = asyncio.ensure_future(greedy.exactly(1_000_000))
        for _ in range(5):
            client, _ = await here.exchange(get("/_ping"))
            assert await client.answer() == (200, b"OK")
        served = [line["operation"] for line in here.log() if line["event"] == "exchange"]
        assert served.count("ContainerList") < 20_000
        await reading
        sending.cancel()


@in_loop
async def test_a_client_that_does_not_read_its_answers_is_not_read_either() -> None:
    async with world(CONTAINERS="0", MAX_RATE="1000000") as here:
        client = await here.connect()
        client.pause()
        sent = 0
        with suppress(TimeoutError):
            while True:
                await asyncio.wait_for(client.send(get("/containers/json") * 1000), 0.5)
                sent += 1000
        assert 0 < sent < 50_000
        client.resume()
        for _ in range(sent):
            assert (await client.answer())[0] == 403


@in_loop
async def test_the_engine_is_not_read_for_a_client_that_was_slow_before() -> None:
    async with world(DENY="ContainerList") as here:
        client = await here.connect()
        client.pause()
        await client.send(get("/containers/json") * 4000 + get("/images/get?names=x"))
        client.writer.write(get("/images/get?names=x"))
        client.resume()
        for _ in range(4000):
            assert (await client.answer())[0] == 403
        engine = await here.engine_side()
        await engine.head()
        client.pause()
        await engine.send(STREAM)
        written = 0

        async def fill() -> None:
            nonlocal written
            while True:
                await engine.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                written += 65536

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fill(), 0.5)
        assert written < 8 * 1024 * 1024


LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 250000\r\n\r\n" + b"x" * 250_000
"""More than the kernel keeps for a client, and not so much more that the engine is not read any further."""


async def not_taken(here: World) -> tuple[Wire, Client]:
    """A client that does not take all of its last answer, and its end in the proxy."""
    client = await here.connect()
    client.pause()
    await client.send(get("/images/get?names=x", "Connection: close"))
    engine = await here.engine_side()
    await engine.head()
    await engine.send(LARGE)
    await here.records(1)
    [end] = here.clients
    return client, end


@in_loop
async def test_a_client_that_does_not_take_its_last_answer_makes_room() -> None:
    async with world(MAX_CONNECTIONS="1") as here:
        _, end = await not_taken(here)
        assert end.transport.get_write_buffer_size()
        other, _ = await here.exchange(get("/_ping"))
        assert await other.answer() == (200, b"OK")


@in_loop
async def test_a_client_that_takes_its_last_answer_slowly_gets_all_of_it() -> None:
    async with world() as here:
        client, end = await not_taken(here)
        for _ in end.socket.connections.sweep(here.server._shared.now() + 60):
            pass
        client.resume()
        assert len((await client.rest()).partition(b"\r\n\r\n")[2]) == 250_000


@in_loop
async def test_for_a_client_that_has_gone_no_connection_to_the_engine_is_tried() -> None:
    async with world(engine=False) as here:
        with socket.socket(socket.AF_UNIX) as full, ExitStack() as stack:
            full.bind(f"{here.directory}/engine.sock")
            full.listen(0)
            with suppress(BlockingIOError):
                while True:
                    waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
                    waiting.setblocking(False)  # noqa: FBT003
                    waiting.connect(f"{here.directory}/engine.sock")
            client = await here.connect()
            await client.send(get("/_ping"))
            stranger = await here.connect()
            await stranger.send(get("/secrets"))
            await stranger.answer()
            assert "opening an engine connection" in {task.get_name() for task in asyncio.all_tasks()}
            client.writer.transport.abort()
            await here.records(2)
            await asyncio.sleep(0)
            assert "opening an engine connection" not in {task.get_name() for task in asyncio.all_tasks()}


@in_loop
async def test_a_body_where_none_belongs_must_come_in_time_as_well() -> None:
    async with world(BODY_TIMEOUT="1") as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/x/kill", "Content-Length: 5"))
        await (await here.engine_side()).head()
        status, body = await client.answer()
        assert (status, b"BODY_TIMEOUT" in body) == (408, True)


@in_loop
async def test_who_has_ended_and_takes_nothing_makes_room_when_the_engine_is_late_as_well() -> None:
    async with world(MAX_CONNECTIONS="1", ENGINE_TIMEOUT="1") as here:
        client = await here.connect()
        client.pause()
        await client.send(get("/images/get?names=x") + get("/containers/json"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(LARGE)
        await engine.head()
        client.end()
        assert [record["status"] for record in await here.records(2)] == [200, 504]
        other, _ = await here.exchange(get("/_ping"))
        assert await other.answer() == (200, b"OK")
