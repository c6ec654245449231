"""Operators are told what is under way, without secrets, and no more than a bounded part of it."""

import time

from proxy.harness import OK, get, in_loop, request, world
from proxy.stage import turn

from dockerproxy.proxy.overview import describe_open

UPGRADE = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


@in_loop
async def test_what_is_under_way_is_told_with_its_bytes() -> None:
    async with world() as at:
        client, engine = await at.exchange(
            request("POST", "/containers/a/attach?stdin=1&stream=1", "Connection: Upgrade", "Upgrade: tcp"), UPGRADE
        )
        await client.head()
        await client.send(b"abc")
        await engine.exactly(3)
        await engine.send(b"12345")
        await client.exactly(5)
        idle, _ = await at.exchange(get("/containers/json"))
        await idle.answer()
        waits = await at.connect()
        await waits.send(get("/containers/json?filters=%7B%7D"))
        await at.engine_side()
        wall = time.time()
        told = describe_open(at.server._list_measured(), wall, time.monotonic())
    connections = told["connections"]
    assert isinstance(connections, list)
    by_state = {each.get("state", "idle"): each for each in connections}
    tunnel = by_state["tunnel"]
    assert (tunnel["operation"], tunnel["shape"], tunnel["received"]) == ("ContainerAttach", "tunnel", 3)
    assert tunnel["sent"] >= 5
    assert abs(tunnel["since"] - wall) < 60
    assert by_state["sent"]["operation"] == "ContainerList"
    assert "operation" not in by_state["idle"]
    assert connections[-1] is by_state["idle"]
    assert len({each["id"] for each in connections}) == 3


@in_loop
async def test_no_more_than_so_many_connections_are_told() -> None:
    async with world() as at:
        for _ in range(3):
            await at.connect()
        await turn()
        told = describe_open(at.server._list_measured(), 0, 0, most=2)
    assert isinstance(told["connections"], list)
    assert (len(told["connections"]), told["more"]) == (2, 1)


@in_loop
async def test_secrets_of_a_target_are_not_told() -> None:
    async with world() as at:
        client = await at.connect()
        await client.send(request("POST", "/build?buildargs=%7B%22A%22%3A%22hunter2%22%7D", "Content-Length: 5"))
        engine = await at.engine_side()
        told = describe_open(at.server._list_measured(), 0, 0)
        assert "hunter2" not in str(told)
        assert "ImageBuild" in str(told)
        await client.send(b"12345")
        await engine.head()
        await engine.send(OK)
