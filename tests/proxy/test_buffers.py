"""What is held for the clients of a socket is bounded, and the one for which most is held gives way."""

import asyncio
import json
import socket
from contextlib import suppress

import pytest
from policy.policies import condition, policy_with
from proxy.bodies import has_taken
from proxy.harness import OK, Wire, World, get, in_loop, request, world
from proxy.stage import until
from waiting import PATIENCE

from dockerproxy.policy.model import Grant, Source
from dockerproxy.proxy.usage import IN_KERNEL

STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000
CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


def held(here: World) -> int:
    (served,) = (door.state for door in here.server._doors.values())
    return served.usage.buffered


async def counted(here: World, size: int) -> None:
    """Wait until so much is known to be held."""

    async def wait() -> None:
        while True:
            if held(here) >= size:
                return
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), PATIENCE)


async def stalled(here: World, size: int = 1 << 22) -> tuple[Wire, Wire]:
    """A client that does not read what it asked for, and its engine that writes as much as it can."""
    client, engine = await here.exchange(get("/images/get?names=x"), STREAM)
    client.pause()

    async def fill() -> None:
        for _ in range(size // len(CHUNK)):
            await engine.send(CHUNK)

    with suppress(TimeoutError, ConnectionError):
        await asyncio.wait_for(fill(), 0.5)
    return client, engine


@in_loop
async def test_what_a_slow_reader_has_not_taken_is_counted_until_it_has() -> None:
    async with world() as here:
        client, engine = await stalled(here)
        assert IN_KERNEL < held(here) < 3 * IN_KERNEL
        client.resume()
        await engine.close()
        assert len(await client.rest()) > IN_KERNEL
        await here.records(1)
        assert held(here) == 0


@in_loop
async def test_a_part_of_a_head_is_counted_until_it_is_whole() -> None:
    async with world() as here:
        client = await here.connect()
        sent = get("/_ping", "X: " + "x" * 10_000)
        await client.send(sent[:-1])
        other, _ = await here.exchange(get("/_ping"))
        assert await other.answer() == (200, b"OK")
        assert held(here) == len(sent) - 1
        await client.send(sent[-1:])
        await (await here.engine_side()).send(OK)
        assert await client.answer() == (200, b"OK")
        assert held(here) == 0


@in_loop
async def test_where_too_much_is_held_the_one_for_which_most_is_gives_way() -> None:
    async with world(MAX_BUFFERED="1MiB") as here:
        modest = await here.connect()
        await modest.send(get("/_ping", "X: " + "x" * 1000)[:-1])
        greedy = [await stalled(here) for _ in range(4)]
        cut = [line for line in await here.records(1) if "MAX_BUFFERED" in line["reason"]]
        assert len(cut) in {1, 2}
        assert held(here) <= 1 << 20
        for client, _ in greedy:
            client.resume()
        await modest.send(b"\n")
        await (await here.engine_side()).send(OK)
        assert await modest.answer() == (200, b"OK")


@in_loop
async def test_parts_of_heads_give_way_politely() -> None:
    async with world(MAX_BUFFERED="64KiB", MAX_HEAD="64KiB") as here:
        first, second = await here.connect(), await here.connect()
        await first.send(get("/_ping", "X: " + "x" * 40_000)[:-1])
        await second.send(get("/_ping", "X: " + "x" * 30_000)[:-1])
        status, body = await first.answer()
        assert (status, b"MAX_BUFFERED" in body) == (503, True)
        await second.send(b"\n")
        await (await here.engine_side()).send(OK)
        assert await second.answer() == (200, b"OK")


@in_loop
async def test_who_gives_way_in_the_middle_of_its_body_ends_as_one() -> None:
    async with world(MAX_BUFFERED="200000") as here:
        client = await here.connect()
        await client.send(request("POST", "/images/load", "Content-Length: 350000"))
        engine = await here.engine_side()
        await engine.head()
        engine.pause()
        await client.send(b"x" * 200_000)
        await has_taken(here, 200_000)
        with suppress(ConnectionError):
            await client.send(b"x" * 150_000)
        [record] = await here.records(1)
        assert "MAX_BUFFERED" in record["reason"]
        assert held(here) == 0


@in_loop
async def test_where_the_limit_becomes_smaller_all_give_way_who_must() -> None:
    async with world(MAX_BUFFERED="1GiB") as here:
        for _ in range(230):
            client = await here.connect()
            client.pause()
            await client.send(get("/images/get?names=x"))
            await (await here.engine_side()).send(LARGE)
        await counted(here, 230 * IN_KERNEL)
        [first] = here.server._settings.sockets
        smaller = first._replace(limits=first.limits._replace(buffered=1 << 20))
        await here.server.reload(here.server._settings._replace(sockets=(smaller,)))
        await (await here.connect()).send(get("/_ping")[:-1])
        await here.records(225)
        await until(lambda: held(here) <= 1 << 20, "so many give way")


@in_loop
async def test_what_is_too_little_to_stop_anybody_is_counted_as_well() -> None:
    async with world() as here:
        client = await here.connect()
        client.pause()
        await client.send(get("/images/get?names=x"))
        await (await here.engine_side()).send(LARGE[:250_000])
        await counted(here, IN_KERNEL)
        [end] = here.clients
        assert not end.is_slow


@pytest.mark.parametrize("near", [True, False])
@in_loop
async def test_a_tunnel_whose_end_takes_nothing_is_counted_and_gives_way(*, near: bool) -> None:
    attach = request("POST", "/containers/x/attach", "Upgrade: tcp", "Connection: Upgrade")
    switch = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    async with world(MAX_BUFFERED="400KiB") as here:
        client, engine = await here.exchange(attach, switch)
        await client.head()
        slow, quick = (client, engine) if near else (engine, client)
        slow.pause()

        async def fill() -> None:
            while True:
                await quick.send(b"x" * 65536)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(fill(), 5)
        [record] = await here.records(1)
        assert "MAX_BUFFERED" in record["reason"]
        assert held(here) == 0


@in_loop
async def test_an_engine_that_takes_nothing_is_counted_against_whoever_sends() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(request("POST", "/images/load", "Content-Length: 100000000"))
        engine = await here.engine_side()
        await engine.head()
        engine.pause()

        async def fill() -> None:
            while True:
                await client.send(b"x" * 65536)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(fill(), 0.5)
        assert IN_KERNEL < held(here) < 4 * IN_KERNEL
        client.writer.transport.abort()
        await here.records(1)
        assert held(here) == 0


@in_loop
async def test_a_long_answer_counts_until_all_of_it_is_taken() -> None:
    policy = policy_with(Grant(frozenset({"ContainerList"}), Source("A=1"), (condition("containers", ("web",)),)))
    listed = json.dumps([{"Id": "1f", "Names": ["/web"], "Labels": {"a": "b", "x": "y" * 1_500_000}}]).encode()
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0)
        async with world(policy=policy) as here:
            await loop.sock_connect(client, here.path)
            await loop.sock_sendall(client, get("/containers/json"))
            engine = await here.engine_side()
            await engine.head()
            await engine.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(listed), listed))
            await counted(here, len(listed) - IN_KERNEL)
            [end] = here.clients
            most = held(here)
            while end.transport.get_write_buffer_size() > IN_KERNEL:
                assert await loop.sock_recv(client, 10_000)
            assert end.transport.get_write_buffer_size()
            end.buffers.count()
            assert held(here) == most
            while held(here):
                assert await loop.sock_recv(client, 10_000)
