"""A client that speaks HTTP/2 is told in HTTP/2 that it may not, and the engine hears nothing of it."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from proxy.harness import get, in_loop, request, world
from proxy.lookups import the_client
from proxy.stage import until
from waiting import PATIENCE
from wire.test_http2 import GRPC, TYPES, Asker

from dockerproxy.wire.http2 import SETTINGS, START

CALL = (*GRPC, ("content-type", TYPES[0]), ("te", "trailers"))


def call() -> tuple[Asker, bytes]:
    """A client of HTTP/2 and all that it sends for a call."""
    asker = Asker()
    asker.ask(*CALL)
    return asker, asker.connection.data_to_send()


@in_loop
async def test_a_call_is_denied_and_the_log_has_the_reason_for_which_grpc_would_be_denied() -> None:
    async with world() as here:
        asker, data = call()
        client = await here.connect()
        await client.send(data)
        asker.hear(await client.rest())
        assert asker.fields()["grpc-status"] == "7"
        [record] = await here.records(1)
        assert (record["operation"], record["decision"], record["status"]) == ("Grpc", "denied", 403)
        assert record["level"] == "warning"
        assert record["reason"].startswith(
            'Grpc denied: no rule allows it; to allow it if contained, write a policy file with "ImageBuild: '
        )
        assert here.arrivals.empty()


@in_loop
async def test_where_grpc_is_allowed_the_client_learns_that_it_has_to_ask_for_it() -> None:
    async with world(GRPC="1") as here:
        client = await here.connect()
        await client.send(call()[1])
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
        [record] = await here.records(1)
        assert (record["decision"], record["level"]) == ("refused", "info")
        assert here.arrivals.empty()


@in_loop
async def test_only_a_connection_begins_so() -> None:
    async with world() as here:
        client, _ = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        await client.send(call()[1])
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
        assert [record["level"] for record in await here.records(2)] == ["info", "warning"]


@in_loop
async def test_a_client_that_asks_for_nothing_is_not_waited_for_for_ever() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(START + b"SM\r\n\r\n")
        assert await client.exactly(len(SETTINGS)) == SETTINGS
        end = the_client(here)
        assert end.waits_in is end.socket.connections.heads
        end.time_out()
        assert await client.rest() == b""
        await until(lambda: not here.clients, "it is gone")


@in_loop
async def test_what_comes_in_pieces_or_ends_early_is_denied_as_well() -> None:
    async with world() as here:
        asker, data = call()
        client = await here.connect()
        for byte in data:
            client.writer.write(bytes((byte,)))
            await asyncio.sleep(0)
        asker.hear(await client.rest())
        assert asker.fields()["grpc-status"] == "7"
        asker, data = call()
        client = await here.connect()
        await client.send(data)
        client.end()
        asker.hear(await client.rest())
        assert asker.fields()["grpc-status"] == "7"
        await until(lambda: not here.clients, "they are gone")


@settings(max_examples=25)
@given(st.binary(max_size=200), st.booleans())
def test_whatever_follows_the_preface_reaches_no_engine(junk: bytes, begins: bool) -> None:  # noqa: FBT001 (hypothesis gives it)
    @in_loop
    async def run() -> None:
        async with world() as here:
            client = await here.connect()
            rest = b"SM\r\n\r\n" * begins + junk
            await client.send(START + rest + request("GET", "/_ping") + call()[1])
            client.end()
            told = await asyncio.wait_for(client.reader.read(), PATIENCE)
            assert told.startswith(SETTINGS)
            assert b"HTTP/1" not in told
            await until(lambda: not here.clients, "it is gone")
            assert here.arrivals.empty()
            await here.records(1)
            assert len(here.heard.records) == 1

    run()
