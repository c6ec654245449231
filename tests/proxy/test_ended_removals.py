"""Whenever and however a removal is ended, the engine ends it, and others can remove."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from proxy.harness import OK, Wire, World, in_loop, request, world
from proxy.lookups import the_client
from proxy.podman import ALL, DB, DELETE, Podman, add_socket, ask, claims, podman, status_of
from proxy.stage import turn, until
from rows import for_each

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.policy.objects import BY_NAME, SWEEPING
from dockerproxy.proxy.client import Client
from dockerproxy.proxy.sockets import REMOVALS

# Whoever ends, and whenever

Ending = Callable[[World, Client, Wire], Awaitable[None]]


async def end_by_leaving(here: World, client: Client, wire: Wire) -> None:
    del here, client
    wire.writer.transport.abort()


async def end_by_failing(here: World, client: Client, wire: Wire) -> None:
    del here, wire
    client.exchange.answering.fail(503, "for a test")


async def end_to_make_way(here: World, client: Client, wire: Wire) -> None:
    del here, wire
    client.give_way()


async def end_late(here: World, client: Client, wire: Wire) -> None:
    del here, wire
    client.time_out()


async def end_with_the_socket(here: World, client: Client, wire: Wire) -> None:
    """Take the socket away, and cut what is left of it, as a shutdown does."""
    settings = here.server._settings
    await here.server.reload(settings._replace(sockets=settings.sockets[1:]))
    del wire
    client.abort()


ENDINGS = (end_by_leaving, end_by_failing, end_to_make_way, end_late, end_with_the_socket)
STEPS = ("asking", "in line", "asking again", "removing", "answering")


async def reach(step: str, here: World, engine: Podman) -> tuple[Wire, Client]:
    """Bring a removal as far as this."""
    known = set(here.clients)
    if step == "in line":
        engine.goes_on.clear()
        await ask(here, DELETE)
        await engine.hears(1)
        known = set(here.clients)
    elif step == "removing":
        engine.goes_on.clear()
    elif step == "answering":
        engine.goes_on_answering.clear()
    wire = await ask(here, DELETE)
    await until(lambda: len(here.clients) == len(known) + 1, "it is there")
    [client] = set(here.clients) - known
    reached = {
        "asking": lambda: client._task is not None and not claims(here),
        "in line": lambda: claims(here) == 2,
        "asking again": lambda: claims(here) == 1,
        "removing": lambda: len(engine.heard) == 1,
        "answering": lambda: "db" in engine.removed,
    }[step]
    await until(reached, step)
    return wire, client


def is_idle(client: Client) -> bool:
    """Whether nothing more is done for its exchange."""
    return not isinstance(client._task, asyncio.Task) or client._task.done()


@for_each("end", ENDINGS)
@for_each("step", STEPS)
@in_loop
async def test_whenever_a_removal_is_ended_others_can_remove(step: str, end: Ending) -> None:
    async with world(policy=DB) as here, podman(here, "db", lasting=True) as engine:
        other = await add_socket(here, DB)
        wire, client = await reach(step, here, engine)
        await end(here, client, wire)
        await until(lambda: is_idle(client), "what was not sent yet is not sent any more")
        if step in {"removing", "answering"}:
            heard = len(engine.heard)
            waiting = await ask(here, DELETE, other)
            await until(lambda: claims(here) == 2, "the next one waits until the engine is done")
            await turn()
            assert len(engine.heard) == heard
            engine.goes_on.set()
            engine.goes_on_answering.set()
            assert await status_of(waiting) == b"200"
        engine.goes_on.set()
        await until(lambda: not claims(here), "nothing is left")
        assert await status_of(await ask(here, DELETE, other)) == b"200"
        if end is not end_with_the_socket:
            assert await status_of(await ask(here, DELETE)) == b"200"


@in_loop
async def test_who_ends_while_waiting_for_a_place_takes_none() -> None:
    names = [f"ci-{number}" for number in range(REMOVALS)]
    async with world(policy=DB) as here, podman(here, *names, "db", lasting=True) as engine:
        engine.goes_on.clear()
        for name in names:
            await ask(here, request("DELETE", f"/volumes/{name}"))
        await engine.hears(REMOVALS)
        known = set(here.clients)
        await ask(here, DELETE)
        await until(lambda: len(here.clients) > len(known), "it is there")
        [client] = set(here.clients) - known
        await until(lambda: bool(client.socket.removals._waiters), "it waits")
        client.exchange.answering.fail(503, "for a test")
        engine.goes_on.set()
        await until(lambda: not claims(here) and client.socket.removals._value == REMOVALS, "all are done")
        assert "DELETE /volumes/db" not in engine.heard
        assert await status_of(await ask(here, DELETE)) == b"200"


@in_loop
async def test_an_engine_that_closes_without_an_answer_ends_the_removal() -> None:
    async with world(policy=DB, engine=False) as here:
        heard: list[bytes] = []

        async def arrive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            heard.append(head)
            if head.startswith(b"GET"):
                writer.write(b'HTTP/1.0 200 OK\r\n\r\n{"Name":"db"}')
            writer.close()

        here.engine = await asyncio.start_unix_server(arrive, f"{here.directory}/engine.sock")
        for _ in range(2):
            assert await status_of(await ask(here, DELETE)) == b"502"
        assert [head.split()[0] for head in heard] == [b"GET", b"DELETE"] * 2
        assert claims(here) == 0


@for_each("body", [b"", b"{}"])
@for_each("end", ENDINGS[:-1])
@in_loop
async def test_a_sweep_is_over_when_the_engine_is_done_with_it(end: Ending, body: bytes) -> None:
    async with world(policy=ALL) as here, podman(here, "db") as engine:
        judged = await add_socket(here, DB)
        engine.goes_on.clear()
        wire = await ask(here, request("POST", "/volumes/prune", f"Content-Length: {len(body)}", body=body))
        await engine.hears(1)
        [client] = here.clients
        waiting = await ask(here, DELETE, judged)
        await until(lambda: claims(here) == 2, "the next one waits")
        await end(here, client, wire)
        await until(lambda: client.exchange.judged is None, "its client is told, or has gone")
        await turn()
        assert engine.heard == ["POST /volumes/prune"]
        assert claims(here) == 2
        engine.goes_on.set()
        assert await status_of(waiting) == b"404"
        assert not claims(here)
        assert client.socket.usage.held == 0


@in_loop
async def test_a_sweep_whose_body_does_not_come_keeps_nobody_waiting() -> None:
    async with world(policy=ALL) as here, podman(here, "db") as engine:
        judged = await add_socket(here, DB)
        await ask(here, request("POST", "/volumes/prune", "Content-Length: 5", body=b"{"))
        await until(lambda: the_client(here).exchange.body is not None, "its body is awaited")
        assert await status_of(await ask(here, DELETE, judged)) == b"200"
        assert engine.heard == ["DELETE /volumes/db"]


@pytest.mark.parametrize("fields", [("Content-Length: 2",), ("Transfer-Encoding: chunked",)])
@in_loop
async def test_a_sweep_goes_on_with_its_body(fields: tuple[str, ...]) -> None:
    body = b"{}" if "Length" in fields[0] else b"2\r\n{}\r\n0\r\n\r\n"
    async with world(policy=ALL) as here:
        client = await ask(here, request("POST", "/volumes/prune", *fields, body=body))
        engine = await here.engine_side()
        assert b"content-length: 2\r\nconnection: close\r\n" in await engine.head()
        assert await engine.exactly(2) == b"{}"
        await engine.send(OK)
        await engine.close()
        assert await client.exactly(len(OK)) == OK


# What the client gets


@in_loop
async def test_the_answer_is_the_engines_and_leaves_one_record() -> None:
    async with world(policy=DB) as here, podman(here, "db"):
        client = await ask(here, DELETE)
        assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        assert await client.exactly(22) == b'{"message": "removed"}'
        [record] = await here.records(1)
        assert (record["operation"], record["decision"], record["status"]) == ("VolumeDelete", "allowed", 200)


@in_loop
async def test_a_removal_that_is_done_for_a_client_that_has_gone_is_recorded_as_allowed() -> None:
    async with world(policy=DB) as here, podman(here, "db") as engine:
        engine.goes_on.clear()
        client = await ask(here, DELETE)
        await engine.hears(1)
        await client.close()
        [record] = await here.records(1)
        assert (record["decision"], record["reason"]) == ("allowed", "the client went away")
        engine.goes_on.set()
        await until(lambda: engine.removed == ["db"] and not claims(here), "it is done")


@in_loop
async def test_a_removal_with_a_body_is_refused() -> None:
    async with world(policy=DB) as here, podman(here, "db") as engine:
        client = await ask(here, request("DELETE", "/volumes/db", "Content-Length: 2", body=b"{}"))
        assert await status_of(client) == b"400"
        assert not engine.heard


@in_loop
async def test_a_client_that_waits_for_an_answer_may_have_ended_its_side() -> None:
    async with world(policy=DB) as here, podman(here, "db") as engine:
        engine.goes_on.clear()
        client = await ask(here, DELETE)
        await engine.hears(1)
        client.end()
        await until(lambda: the_client(here).has_ended, "it is seen")
        engine.goes_on.set()
        assert await status_of(client) == b"200"


def test_what_may_remove_volumes_is_not_held_for_its_body() -> None:
    assert not {name for name in BY_NAME | SWEEPING if name in BODIES and BODIES[name].is_read}
