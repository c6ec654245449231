"""Lists that are too long to be held whole: what a client may not see costs it nothing."""

import asyncio
import json
import re
from collections.abc import Callable

import pytest
from plans.test_showing import MINE, POLICY, send_all
from proxy.harness import World, get, in_loop, world
from proxy.lookups import answer

from dockerproxy.settings import Level


async def list_networks(here: World, data: bytes) -> tuple[int, bytes]:
    """Ask for networks, have the engine answer so and hang up; return what the client gets."""
    client = await here.connect()
    await client.send(get("/networks"))
    engine = await here.engine_side()
    await engine.head()
    sending = asyncio.ensure_future(send_all(engine, data))
    status, body = await client.answer()
    await sending
    return status, body


def in_chunks(data: bytes) -> bytes:
    """The same answer, in chunks."""
    head, _, body = data.partition(b"\r\n\r\n")
    pieces = (body[at : at + 60_000] for at in range(0, len(body), 60_000))
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", head) + b"\r\n\r\n" + chunks


def to_the_end(data: bytes) -> bytes:
    """The same answer, which ends with the connection."""
    return re.sub(rb"Content-Length: \d+\r\n", b"", data, count=1)


MINE_SHOWN = {"Id": "1f", "Name": "mine", "Labels": MINE}


@pytest.mark.parametrize("framed", [bytes, in_chunks, to_the_end])
@in_loop
async def test_a_list_is_shown_however_long_what_is_hidden_is(framed: Callable[[bytes], bytes]) -> None:
    hidden = [{"Id": "2e", "Name": "other", "Labels": {"x": "y" * 900_000}}] * 30
    async with world(policy=POLICY) as here:
        status, body = await list_networks(here, framed(answer([*hidden, MINE_SHOWN, *hidden])))
        assert (status, json.loads(body)) == (200, [MINE_SHOWN])
        assert not [text for level, text in here.heard.messages if level is Level.WARNING]


@in_loop
async def test_elements_that_are_too_long_are_left_out_and_said_once() -> None:
    long = {"Id": "2e", "Name": "x" * 5_000_000, "Labels": MINE}
    async with world(policy=POLICY) as here:
        for _ in range(2):
            status, body = await list_networks(here, answer([MINE_SHOWN, long, MINE_SHOWN, long]))
            assert (status, json.loads(body)) == (200, [MINE_SHOWN, MINE_SHOWN])
        said = [text for level, text in here.heard.messages if level is Level.WARNING]
        assert said == ["socket docker: NetworkList leaves out 2 objects with more than 1536 KiB"]


@in_loop
async def test_a_list_of_which_too_much_may_be_seen_is_refused() -> None:
    shown = [{"Id": "1f", "Name": "x" * 1_000_000, "Labels": MINE}]
    async with world(policy=POLICY) as here:
        for count, expected in ((10, 200), (20, 502)):
            status, body = await list_networks(here, answer(shown * count))
            assert status == expected
            assert json.loads(body) == shown * count if status == 200 else b"too long" in body


@pytest.mark.parametrize("framed", [bytes, in_chunks])
@in_loop
async def test_a_list_that_is_cut_short_is_refused(framed: Callable[[bytes], bytes]) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(get("/networks"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(framed(answer([MINE_SHOWN]))[:-9])
        engine.end()
        status, body = await client.answer()
        assert status == 502
        assert b"cut short or too long" in body
