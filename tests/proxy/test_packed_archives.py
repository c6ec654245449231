"""What is packed goes on unpacked, only as fast as the engine takes it."""

import asyncio
import gzip

import pytest
from policy.policies import policy_with
from proxy.archives import ARCHIVES, GOOD, ask_for_web, chunks, names_in, put
from proxy.harness import OK, PATIENCE, get, in_loop, request, world
from proxy.lookups import tell, the_client
from wire.tars import block


@pytest.mark.parametrize("chunked", [False, True])
@in_loop
async def test_a_packed_archive_goes_on_unpacked_and_the_next_request_behind_it(*, chunked: bool) -> None:
    async with world(policy=policy_with(*ARCHIVES)) as here:
        client, packed = await here.connect(), gzip.compress(GOOD)
        sent = put(packed, chunked=chunked).replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1)
        await client.send(sent + get("/_ping"))
        await tell(here)
        engine = await here.engine_side()
        head = await engine.head()
        assert b"\r\ntransfer-encoding: chunked\r\n" in head
        assert b"content-encoding" not in head
        content, whole_ = await chunks(engine)
        assert (names_in(content), whole_) == (["one", "two"], True)
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        assert (await engine.head()).startswith(b"GET /_ping ")
        first = (await here.records(1))[0]
    assert (first["decision"], first["received"]) == ("allowed", len(packed))


@pytest.mark.parametrize("chunked", [False, True])
@in_loop
async def test_for_an_engine_that_does_not_read_no_more_is_unpacked(*, chunked: bool) -> None:
    size = 2**24
    packed = gzip.compress(block(size=b"%011o" % size) + bytes(size), 9)
    async with world(policy=policy_with(*ARCHIVES)) as here:
        client = await here.connect()
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(packed) + 1}"
        start = b"%x\r\n" % (len(packed) + 1) if chunked else b""
        await client.send(request("PUT", "/containers/w/archive?path=/", framing, "Content-Type: application/x-tar"))
        await client.send(start + packed)
        engine = await ask_for_web(here)
        engine.pause()
        kept = the_client(here)
        for _ in range(10_000):
            if kept.engine is not None and kept.engine.is_slow:
                break
            await asyncio.sleep(0)
        assert kept.engine is not None
        assert kept.engine.transport.get_write_buffer_size() < 2**20
        assert kept.exchange.has_more_of_body
        engine.resume()
        read = 0
        async with asyncio.timeout(PATIENCE):
            while read < size:
                length = int((await engine.reader.readuntil(b"\r\n")).strip(), 16)
                read += len(await engine.exactly(length + 2)) - 2
        assert not kept.exchange.has_more_of_body
        client.end()
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


@in_loop
async def test_a_client_that_ends_behind_a_packed_archive_has_all_of_it_passed_on() -> None:
    packed = gzip.compress(block(size=b"%011o" % 2**24) + bytes(2**24))
    async with world(policy=policy_with(*ARCHIVES)) as here:
        client = await here.connect()
        await client.send(put(packed, chunked=False))
        engine = await ask_for_web(here)
        client.end()
        content, ended = await chunks(engine)
        assert (content.count(b"\0") > 2**24, ended) == (True, True)
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
