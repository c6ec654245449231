"""Many connections: who waits too long, who makes room, and that others are served."""

from proxy.harness import OK, get, in_loop, world

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
async def test_what_does_not_finish_in_the_grace_period_is_cut() -> None:
    async with world(SHUTDOWN_GRACE="0.2") as here:
        client, engine = await here.exchange(get("/events"), STREAM)
        here.server.stop()
        assert await client.rest() == STREAM
        assert await engine.rest() == b""
