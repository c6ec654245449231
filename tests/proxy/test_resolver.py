"""The engine is asked over connections that are kept, and no answer is taken for another one."""

import asyncio
import contextlib
import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import ID
from proxy.harness import Wire, World, in_loop, world
from proxy.lookups import OTHER, POLICY, START, WEB, answer, asked, serve
from proxy.stage import until

from dockerproxy.policy.steps import UnknownObjectError, Whole
from dockerproxy.proxy.resolver import Inquiry
from dockerproxy.wire.head import END_OF_HEAD

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
GOES_ON = answer(WEB, ends=False)
IN_CHUNKS = CHUNKED % (len(json.dumps(WEB)), json.dumps(WEB).encode())


async def kept(here: World, told: bytes = GOES_ON) -> Wire:
    """Have a lookup answered by a first request; return its connection, which is kept."""
    client = await here.connect()
    await client.send(START)
    wire = await asked(here)
    await wire.send(told)
    await serve(here, f"POST /containers/{ID}/start")
    assert (await client.answer())[0] == 200
    return wire


@pytest.mark.parametrize("told", [GOES_ON, IN_CHUNKS], ids=["counted", "chunked"])
@in_loop
async def test_the_next_lookup_goes_over_the_same_connection(told: bytes) -> None:
    async with world(policy=POLICY) as here:
        wire = await kept(here, told)
        client = await here.connect()
        await client.send(START)
        assert (await wire.head()).startswith(b"GET /containers/w/json ")
        await wire.send(answer(OTHER, ends=False))
        assert (await client.answer())[0] == 403
        assert here.arrivals.empty()


@pytest.mark.parametrize("told", [GOES_ON, IN_CHUNKS], ids=["counted", "chunked"])
@in_loop
async def test_what_comes_behind_an_answer_ends_its_connection(told: bytes) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        wire = await asked(here)
        await wire.send(told + GOES_ON)
        assert (await client.answer())[0] == 502
        assert await wire.rest() == b""
        await kept(here)


@in_loop
async def test_what_comes_unasked_ends_a_kept_connection() -> None:
    async with world(policy=POLICY) as here:
        wire = await kept(here)
        await wire.send(answer(OTHER, ends=False))
        assert await wire.rest() == b""
        await kept(here)


@in_loop
async def test_a_connection_whose_lookup_was_given_up_is_not_kept() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        wire = await asked(here)
        await client.close()
        assert await wire.rest() == b""
        await kept(here)


@in_loop
async def test_an_interim_answer_ends_a_lookup_and_its_connection() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        wire = await asked(here)
        await wire.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        assert (await client.answer())[0] == 502
        assert await wire.rest() == b""
        await kept(here)


@pytest.mark.parametrize("comes_first", [True, False])
@in_loop
async def test_a_lookup_that_is_given_up_in_the_turn_in_which_it_is_answered_leaves_no_connection(
    *, comes_first: bool
) -> None:
    inquiry = Inquiry()
    closed: list[bool] = []
    transport = Transport()
    transport.abort = lambda: closed.append(True)  # type: ignore[method-assign]
    inquiry.connection_made(transport)
    asking = asyncio.ensure_future(inquiry.ask(b"GET / HTTP/1.1\r\n\r\n"))
    await asyncio.sleep(0)
    if comes_first:
        inquiry.data_received(GOES_ON)
    asking.cancel()
    if not comes_first:
        inquiry.data_received(GOES_ON)
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert closed
    assert not inquiry.is_open


@in_loop
async def test_a_client_that_hangs_up_while_it_is_answered_is_no_bug() -> None:
    async with world(policy=POLICY) as here:
        for turns in range(1, 6):
            client = await here.connect()
            await client.send(START)
            wire = await asked(here)
            cast("asyncio.Transport", client.writer.transport).abort()
            for _ in range(turns):
                await asyncio.sleep(0)
            wire.writer.write(GOES_ON)
            wire.end()
            await until(lambda: not here.clients, "it is gone")
            with contextlib.suppress(ConnectionResetError):
                await wire.rest()


@in_loop
async def test_a_kept_connection_that_the_engine_has_closed_is_replaced() -> None:
    async with world(policy=POLICY) as here:
        wire = await kept(here)
        wire.end()
        await kept(here)


@in_loop
async def test_an_engine_that_was_replaced_is_not_asked() -> None:
    async with world(policy=POLICY) as here:
        wire = await kept(here)
        path = here.directory / "engine.sock"
        path.rename(here.directory / "old.sock")
        arrived: asyncio.Queue[bytes] = asyncio.Queue()

        async def serve_anew(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer):
                await arrived.put(await reader.readuntil(b"\r\n\r\n"))

        async with await asyncio.start_unix_server(serve_anew, path):
            client = await here.connect()
            await client.send(START)
            assert (await arrived.get()).startswith(b"GET /containers/w/json ")
            assert await wire.rest() == b""
            assert (await client.answer())[0] == 502
        path.unlink(missing_ok=True)  # Python 3.13 has done so.


@in_loop
async def test_a_server_that_ends_closes_what_is_kept() -> None:
    async with world(policy=POLICY) as here:
        wire = await kept(here)
        here.server.stop()
        assert await wire.rest() == b""


class Transport(asyncio.Transport):
    """Takes what is written; an inquiry needs no more."""

    def write(self, data: object) -> None:
        del data

    def abort(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False


@pytest.mark.parametrize("size", [1000, 100_000])
@in_loop
async def test_a_connection_that_is_not_read_is_not_kept(size: int) -> None:
    inquiry = Inquiry()
    inquiry.connection_made(Transport())
    answered = asyncio.ensure_future(inquiry.ask(b"GET / HTTP/1.1\r\n\r\n"))
    await asyncio.sleep(0)
    inquiry.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
    assert len((await answered).content) == size
    assert inquiry.is_open is (size == 1000)


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
@in_loop
async def test_an_answer_that_ends_with_its_connection_is_whole_only_if_the_engine_ended_it(
    error: Exception | None,
) -> None:
    inquiry = Inquiry()
    inquiry.connection_made(Transport())
    answered = asyncio.ensure_future(inquiry.ask(b"GET / HTTP/1.1\r\n\r\n"))
    await asyncio.sleep(0)
    inquiry.data_received(b"HTTP/1.1 200 OK\r\n\r\n[]")
    inquiry.connection_lost(error)
    [came] = await asyncio.gather(answered, return_exceptions=True)
    assert isinstance(came, UnknownObjectError if error else Whole)


NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
TOLD = st.one_of(
    st.sampled_from([GOES_ON, answer(WEB), answer({}, "404 Not Found", ends=False), NO_CONTENT]),
    st.binary(min_size=1, max_size=40).map(lambda content: CHUNKED % (len(content), content)),
)


@given(TOLD, st.data())
def test_what_is_whole_can_be_read_and_nothing_less_however_it_comes(told: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(told) - 1), max_size=5)))
    pieces = [told[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(told)], strict=True)]

    async def ask() -> None:
        inquiry = Inquiry()
        inquiry.connection_made(Transport())
        answered = asyncio.ensure_future(inquiry.ask(b"GET / HTTP/1.1\r\n\r\n"))
        for piece in pieces:
            await asyncio.sleep(0)
            assert not answered.done()
            inquiry.data_received(piece)
        assert (await answered).data == told
        assert inquiry.is_open is (b"Connection: close" not in told.partition(END_OF_HEAD)[0])

    async def ask_in_vain() -> None:
        inquiry = Inquiry()
        inquiry.connection_made(Transport())
        answered = asyncio.ensure_future(inquiry.ask(b"GET / HTTP/1.1\r\n\r\n"))
        await asyncio.sleep(0)
        inquiry.data_received(told[:-1])
        inquiry.connection_lost(None)
        with pytest.raises(UnknownObjectError):
            await answered
        assert not inquiry.is_open

    asyncio.run(ask())
    asyncio.run(ask_in_vain())
