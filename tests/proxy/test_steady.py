"""Of what the engine has said twice, it is asked once more each time, and a request goes on when it says the same."""

from dataclasses import replace

import pytest
from policy.policies import ID, policy_with
from proxy.harness import OK, Wire, World, get, in_loop, world
from proxy.lookups import OTHER, POLICY, START, WEB, answer, asked, serve, the_client
from proxy.stage import until

from dockerproxy.proxy.resolver import Inquiry
from dockerproxy.proxy.sockets import LOOKUPS
from dockerproxy.wire.exchange import State

GOES_ON = answer(WEB, ends=False)
STARTED = f"POST /containers/{ID}/start ".encode()


async def twice(here: World) -> tuple[Wire, Wire, Wire]:
    """Have a client start a container twice; return its connection, that of lookups, and its engine's."""
    client = await here.connect()
    await client.send(START)
    wire = await asked(here)
    await wire.send(GOES_ON)
    engine = await serve(here, f"POST /containers/{ID}/start")
    assert await client.answer() == (200, b"OK")
    await client.send(START)
    await wire.head()
    await wire.send(GOES_ON)
    await engine.head()
    await engine.send(OK)
    assert await client.answer() == (200, b"OK")
    return client, wire, engine


async def ask_again(here: World, client: Wire, wire: Wire) -> None:
    """Send the request a third time, until the engine is asked."""
    await client.send(START)
    assert (await wire.head()).startswith(b"GET /containers/w/json ")
    assert isinstance(the_client(here)._task, Inquiry)


async def ask_about_another(here: World, client: Wire, wire: Wire) -> None:
    """Send it when the name means something else by now: the engine is asked anew, and the request denied."""
    await ask_again(here, client, wire)
    await wire.send(answer(OTHER, ends=False))
    await wire.head()
    await wire.send(answer(OTHER, ends=False))
    assert (await client.answer())[0] == 403


async def finish(client: Wire, engine: Wire) -> None:
    """Answer the start when it goes on as before."""
    assert (await engine.head()).startswith(STARTED)
    await engine.send(OK)
    assert await client.answer() == (200, b"OK")


@in_loop
async def test_the_engine_is_asked_each_time_and_the_request_goes_on_as_before() -> None:
    async with world(policy=POLICY) as here:
        client, wire, engine = await twice(here)
        for _ in range(2):
            await ask_again(here, client, wire)
            await wire.send(GOES_ON)
            await finish(client, engine)
        records = await here.records(4)
        assert [(each["decision"], each["object"], each["status"]) for each in records] == [("allowed", "web", 200)] * 4
        assert here.arrivals.empty()


@in_loop
async def test_a_name_that_means_something_else_is_judged_anew() -> None:
    async with world(policy=POLICY) as here:
        client, wire, _ = await twice(here)
        await ask_about_another(here, client, wire)


@pytest.mark.parametrize("told", [b"", b"HTTP/1.1 200 OK\r\n\r\n", GOES_ON[:-1], GOES_ON + b"more", b"HTTP/1.1 100 C"])
@in_loop
async def test_what_is_no_answer_is_asked_for_anew(told: bytes) -> None:
    async with world(policy=POLICY) as here:
        client, wire, engine = await twice(here)
        await ask_again(here, client, wire)
        await wire.send(told)
        wire.end()
        again = await asked(here)
        await again.send(GOES_ON)
        await finish(client, engine)


@in_loop
async def test_an_engine_that_does_not_say_it_again_is_not_waited_for_for_ever() -> None:
    async with world(policy=POLICY) as here:
        client, wire, engine = await twice(here)
        waiting = the_client(here)
        waiting.socket.connections.lookups.patience = 0.5
        await ask_again(here, client, wire)
        status, body = await client.answer()
        assert (status, b"does not say within 0.5 seconds what a name means" in body) == (502, True)
        assert (await wire.rest(), await engine.rest()) == (b"", b"")
        assert (await here.records(3))[-1]["decision"] == "denied"


@in_loop
async def test_a_client_that_goes_while_it_is_asked_takes_the_lookup_with_it() -> None:
    async with world(policy=POLICY) as here:
        client, wire, engine = await twice(here)
        await ask_again(here, client, wire)
        await client.close()
        assert (await wire.rest(), await engine.rest()) == (b"", b"")
        await until(lambda: not here.clients, "it is gone")
        assert len(await here.records(3)) == 3


@in_loop
async def test_a_client_that_went_leaves_alone_who_has_its_connection_for_lookups() -> None:
    async with world(policy=POLICY) as here:
        client, wire, _ = await twice(here)
        await ask_about_another(here, client, wire)
        other = await here.connect()
        await other.send(START)
        await wire.head()
        await client.close()
        await wire.send(GOES_ON)
        await serve(here, f"POST /containers/{ID}/start")
        assert await other.answer() == (200, b"OK")


@in_loop
async def test_a_client_that_ends_its_side_while_it_is_asked_is_answered() -> None:
    async with world(policy=POLICY) as here:
        client, wire, engine = await twice(here)
        await ask_again(here, client, wire)
        client.end()
        await until(lambda: the_client(here).has_ended, "that is known")
        await wire.send(GOES_ON)
        await finish(client, engine)
        assert await client.rest() == b""


@in_loop
async def test_requests_that_follow_are_answered_in_their_order() -> None:
    async with world(policy=POLICY) as here:
        client, wire, engine = await twice(here)
        await client.send(START)
        await wire.head()
        await client.send(get("/_ping"))
        await until(lambda: bool(the_client(here).inbox.data), "it has come")
        await wire.send(GOES_ON)
        await finish(client, engine)
        assert (await engine.head()).startswith(b"GET /_ping ")
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_it_is_judged_by_the_policy_under_which_it_came() -> None:
    async with world(policy=POLICY) as here:
        client, wire, engine = await twice(here)
        await ask_again(here, client, wire)
        settings = here.server._settings
        await here.server.reload(replace(settings, sockets=(replace(settings.sockets[0], policy=policy_with()),)))
        await wire.send(GOES_ON)
        await wire.head()
        await wire.send(GOES_ON)
        await finish(client, engine)
        await client.send(START)
        assert (await client.answer())[0] == 403


@in_loop
async def test_a_connection_without_one_to_the_engine_gets_one() -> None:
    async with world(policy=POLICY) as here:
        first, wire, _ = await twice(here)
        await first.close()
        await until(lambda: not here.clients, "it is gone")
        client = await here.connect()
        await ask_again(here, client, wire)
        await wire.send(GOES_ON)
        await serve(here, f"POST /containers/{ID}/start")
        assert await client.answer() == (200, b"OK")
        assert the_client(here).exchange.state is State.IDLE


@in_loop
async def test_it_counts_among_what_is_asked_at_one_time() -> None:
    async with world(policy=POLICY) as here:
        client, wire, _ = await twice(here)
        lookups = the_client(here).socket.lookups
        stuck, clients = [], [client, *[await here.connect() for _ in range(LOOKUPS)]]
        for asking in clients[:LOOKUPS]:
            await asking.send(START)
            await wire.head()
            stuck.append(wire)
            if len(stuck) < LOOKUPS:
                other = await here.connect()
                await other.send(get("/containers/v/json"))
                wire = await asked(here, "/containers/v/json")
                await wire.send(answer(OTHER, ends=False))
                assert (await other.answer())[0] == 403
        assert lookups.locked()
        await clients[-1].send(START)
        await until(lambda: len(lookups._waiters or ()) == 1, "it waits for its turn")
        await stuck[0].send(GOES_ON)
        assert (await stuck[0].head()).startswith(b"GET /containers/w/json ")
        for each in clients:
            await each.close()
        await until(lambda: lookups._value == LOOKUPS, "all places are free")
