"""Tunnels: bytes both ways, each direction with its own end, and nothing left behind."""

import asyncio

import pytest
from proxy.harness import Wire, World, get, in_loop, request, world
from waiting import PATIENCE

SWITCH = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
HIJACK = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"


async def open_tunnel(here: World, answer: bytes = SWITCH) -> tuple[Wire, Wire]:
    client = await here.connect()
    await client.send(request("POST", "/containers/x/attach?stream=1", "Connection: Upgrade", "Upgrade: tcp"))
    engine = await here.engine_side()
    assert b"connection: upgrade\r\nupgrade: tcp\r\n" in await engine.head()
    await engine.send(answer)
    assert await client.head() == answer
    return client, engine


@pytest.mark.parametrize("answer", [SWITCH, HIJACK])
@in_loop
async def test_a_tunnel_passes_bytes_both_ways_and_each_direction_ends_on_its_own(answer: bytes) -> None:
    async with world() as here:
        client, engine = await open_tunnel(here, answer)
        await client.send(b"\x00GET / HTTP/1.1\r\n\r\n")
        assert await engine.exactly(19) == b"\x00GET / HTTP/1.1\r\n\r\n"
        client.end()
        assert await engine.rest() == b""
        await engine.send(b"late output")
        assert await client.exactly(11) == b"late output"
        engine.end()
        assert await client.rest() == b""
        [record] = await here.records(1)
        assert (record["operation"], record["received"], record["sent"]) == ("ContainerAttach", 19, len(answer) + 11)


@in_loop
async def test_the_engine_may_end_its_direction_first() -> None:
    async with world() as here:
        client, engine = await open_tunnel(here)
        engine.end()
        assert await client.rest() == b""
        await client.send(b"still typing")
        assert await engine.exactly(12) == b"still typing"
        client.end()
        assert await engine.rest() == b""


@in_loop
async def test_bytes_and_an_end_that_come_before_the_switch_are_kept_for_the_tunnel() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(request("POST", "/exec/x/start", "Upgrade: tcp", "Content-Length: 2", body=b"{}early"))
        client.end()
        engine = await here.engine_side()
        await engine.head()
        assert await engine.exactly(2) == b"{}"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.reader.read(1), 0.1)
        await engine.send(SWITCH + b"hello")
        assert await engine.rest() == b"early"
        assert await client.exactly(len(SWITCH) + 5) == SWITCH + b"hello"


@in_loop
async def test_what_follows_a_tunnel_request_that_the_engine_declines_is_a_request() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/x/attach", "Upgrade: tcp") + get("/debug/vars"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
        assert await client.answer() == (404, b"no")
        assert (await client.answer())[0] == 403


@in_loop
async def test_a_client_that_ended_its_side_of_a_silent_tunnel_and_then_hangs_up_is_noticed() -> None:
    async with world() as here:
        client, engine = await open_tunnel(here)
        client.end()
        assert await engine.rest() == b""
        await client.close()

        async def until_gone() -> None:
            while True:
                await engine.send(b"")
                engine.writer.write(b".")
                await engine.writer.drain()
                await asyncio.sleep(0.05)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(until_gone(), PATIENCE)


@in_loop
async def test_a_client_that_goes_while_the_engine_takes_nothing_is_noticed() -> None:
    async with world() as here:
        client, engine = await open_tunnel(here)
        engine.pause()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.send(b"x" * 2_000_000), 0.5)
        client.writer.transport.abort()
        await here.records(1)
        assert not here.clients


@in_loop
async def test_when_the_engine_goes_the_clients_side_goes_at_once() -> None:
    async with world() as here:
        client, engine = await open_tunnel(here)
        engine.writer.transport.abort()
        assert await client.rest() == b""


@in_loop
async def test_what_is_on_its_way_arrives_though_both_ends_have_ended() -> None:
    data = b"x" * 5_000_000
    async with world() as here:
        client, engine = await open_tunnel(here)
        engine.end()
        assert await client.rest() == b""
        client.writer.write(data)
        client.end()
        assert await engine.rest() == data


@in_loop
async def test_neither_end_of_a_tunnel_is_read_faster_than_the_other_drains() -> None:
    async with world() as here:
        client, engine = await open_tunnel(here)
        for slow, fast in ((client, engine), (engine, client)):
            slow.pause()
            written = 0

            async def fill(wire: Wire) -> None:
                nonlocal written
                while True:
                    await wire.send(b"x" * 65536)
                    written += 65536

            with pytest.raises(TimeoutError):
                await asyncio.wait_for(fill(fast), 0.5)
            assert written < 8 * 1024 * 1024
            slow.resume()
            assert await slow.exactly(written) == b"x" * written
