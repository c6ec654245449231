"""Requests: what reaches the engine, what is answered here, and what becomes of the connection."""

import asyncio

import pytest
from proxy.harness import OK, get, in_loop, request, world


@in_loop
async def test_the_engine_gets_a_head_of_ours_made_from_what_was_judged() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(
            b"GET /v1.45/containers/%6ason?all=1&x=%41 HTTP/1.1\r\nHOST:  docker\r\nAccept: */*\r\n"
            b"Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nUpgrade: h2c\r\nTE: trailers\r\n\r\n"
        )
        engine = await here.engine_side()
        assert await engine.head() == (
            b"GET /v1.45/containers/json?all=1&x=A HTTP/1.1\r\nhost: docker\r\naccept: */*\r\n\r\n"
        )


@in_loop
async def test_the_client_gets_the_answer_byte_for_byte() -> None:
    answer = b"HTTP/1.1 200 Fine\r\nApi-Version: 1.45\r\nX-oDD:  \tvalue\r\nContent-Length: 3\r\n\r\n\x00\xff\n"
    async with world() as here:
        client, _ = await here.exchange(get("/containers/json"), answer)
        assert await client.exactly(len(answer)) == answer


@in_loop
async def test_one_connection_serves_many_requests_over_one_engine_connection() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(get("/_ping"))
        engine = await here.engine_side()
        for _ in range(5):
            await engine.head()
            await engine.send(OK)
            assert await client.answer() == (200, b"OK")
            await client.send(get("/_ping"))
        assert here.arrivals.empty()


@in_loop
async def test_a_request_that_is_not_allowed_never_reaches_the_engine_and_the_connection_goes_on() -> None:
    async with world(POST="0") as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/x/start", "Content-Length: 5", body=b"12345") + get("/_ping"))
        status, body = await client.answer()
        assert status == 403
        assert b"ContainerStart denied: no rule allows it; to allow it for every container, set ALLOW_START=1" in body
        engine = await here.engine_side()
        assert (await engine.head()).startswith(b"GET /_ping ")
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (["Transfer-Encoding: chunked"], b"5\r\n12345\r\n0\r\n\r\n"),
        (["Content-Length: 100000"], b"x" * 100000),
        (["Content-Length: 5", "Expect: 100-continue"], b"12345"),
        (["Connection: close"], b""),
    ],
)
@in_loop
async def test_after_a_denial_whose_body_was_not_read_the_connection_ends(fields: list[str], body: bytes) -> None:
    async with world(POST="0") as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/x/kill", *fields, body=body) + get("/_ping"))
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"Connection: close\r\n" in answer
        assert answer.count(b"HTTP/1.1") == 1
        assert here.arrivals.empty()


@in_loop
async def test_after_a_refusal_nothing_that_follows_is_read() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(get("/containers/../secrets") + get("/_ping"))
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1") == 1
        assert here.arrivals.empty()
        [record] = await here.records(1)
        assert (record["decision"], record["method"], record["target"]) == ("refused", "GET", "/containers/../secrets")


@in_loop
async def test_pipelined_requests_are_answered_in_order_and_the_engine_gets_one_at_a_time() -> None:
    async with world(DENY="ContainerInspect") as here:
        client = await here.connect()
        await client.send(get("/_ping") + get("/containers/x/json") + get("/containers/json"))
        engine = await here.engine_side()
        assert (await engine.head()).startswith(b"GET /_ping ")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(engine.reader.read(1), 0.1)
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        assert (await client.answer())[0] == 403
        assert (await engine.head()).startswith(b"GET /containers/json ")


@in_loop
async def test_thousands_of_pipelined_denials_are_all_answered() -> None:
    count = 5000
    async with world(CONTAINERS="0") as here:
        client = await here.connect()
        await client.send(get("/containers/json") * count)
        for _ in range(count):
            assert (await client.answer())[0] == 403
        assert len(await here.records(count)) == count


@in_loop
async def test_pipelined_requests_are_all_answered_though_the_client_is_done_sending() -> None:
    count = 1000
    async with world(CONTAINERS="0") as here:
        client = await here.connect()
        client.writer.write(get("/containers/json") * count)
        client.end()
        assert (await client.rest()).count(b"HTTP/1.1 403 ") == count


@in_loop
async def test_a_request_split_at_any_byte_is_the_same_request() -> None:
    whole = request(
        "POST", "/containers/create", "Transfer-Encoding: chunked", body=b"3;x=y\r\n{}\n\r\n0\r\nT: 1\r\n\r\n"
    )
    async with world() as here:
        for cut in range(1, len(whole)):
            client = await here.connect()
            await client.send(whole[:cut])
            await asyncio.sleep(0)
            await client.send(whole[cut:])
            engine = await here.engine_side()
            assert await engine.head() == (
                b"POST /containers/create HTTP/1.1\r\nhost: docker\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            body = await engine.reader.readuntil(b"0\r\n\r\n")
            assert b"".join(body.split(b"\r\n")[1:-3:2]) == b"{}\n"
            await engine.send(OK)
            assert await client.answer() == (200, b"OK")
            await client.close()


@in_loop
async def test_a_body_with_a_length_arrives_whole() -> None:
    body = bytes(range(256)) * 20_000
    async with world() as here:
        client = await here.connect()
        sending = asyncio.ensure_future(
            client.send(request("POST", "/build", f"Content-Length: {len(body)}", body=body))
        )
        engine = await here.engine_side()
        assert f"content-length: {len(body)}".encode() in await engine.head()
        assert await engine.exactly(len(body)) == body
        await sending
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        [record] = await here.records(1)
        assert (record["received"], record["status"]) == (len(body), 200)


@pytest.mark.parametrize(
    "bad", [b"x\r\n", b"5\r\n123456\r\n", b"5\n12345\r\n", b"-1\r\n", b"0x5\r\n", b"5 \r\n", b"0\r\nbad\r\n\r\n"]
)
@in_loop
async def test_a_broken_chunk_ends_the_request_unfinished_on_the_engines_side(bad: bytes) -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(
            request("POST", "/containers/create", "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n" + bad)
        )
        engine = await here.engine_side()
        await engine.head()
        assert b"0\r\n\r\n" not in await engine.rest()
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


@in_loop
async def test_a_request_that_ends_before_its_body_is_not_completed() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/create", "Content-Length: 10", body=b"{}"))
        engine = await here.engine_side()
        await engine.head()
        client.end()
        assert await engine.rest() == b"{}"
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


@in_loop
async def test_100_continue_is_passed_on_to_who_waits_for_it() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(request("POST", "/build", "Content-Length: 2", "Expect: 100-continue"))
        engine = await here.engine_side()
        assert b"expect: 100-continue\r\n" in await engine.head()
        await engine.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"{}")
        assert await engine.exactly(2) == b"{}"
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_nobody_gets_a_100_that_did_not_ask() -> None:
    async with world() as here:
        client, _ = await here.exchange(get("/_ping"), b"HTTP/1.1 100 Continue\r\n\r\n" * 1000 + OK)
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_an_http_1_0_client_needs_no_host_and_gets_the_connection_closed() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(b"GET /_ping HTTP/1.0\r\n\r\n")
        engine = await here.engine_side()
        assert await engine.head() == b"GET /_ping HTTP/1.0\r\nconnection: close\r\n\r\n"
        await engine.send(b"HTTP/1.0 200 OK\r\n\r\nOK")
        engine.end()
        assert await client.rest() == b"HTTP/1.0 200 OK\r\n\r\nOK"


@in_loop
async def test_a_client_that_is_done_sending_still_gets_its_answer_and_the_engine_is_told() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(get("/containers/json"))
        client.end()
        engine = await here.engine_side()
        assert (await engine.rest()).startswith(b"GET /containers/json ")
        await engine.send(OK)
        assert (await client.rest()).endswith(b"OK")


@in_loop
async def test_a_head_that_is_too_long_is_refused_with_431() -> None:
    async with world() as here:
        client = await here.connect()
        sending = asyncio.ensure_future(client.send(b"GET /_ping HTTP/1.1\r\nX: " + b"y" * 2_000_000))
        assert (await client.rest()).startswith(b"HTTP/1.1 431 ")
        await sending


@in_loop
async def test_a_long_credential_and_a_long_filter_are_no_problem() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(get("/containers/json?filters=" + "x" * 40_000, "X-Registry-Auth: " + "y" * 20_000))
        engine = await here.engine_side()
        assert len(await engine.head()) > 60_000


@in_loop
async def test_a_request_head_that_never_ends_is_answered_with_408_and_a_silent_client_is_dropped() -> None:
    async with world(HEADER_TIMEOUT="0.2") as here:
        slow, silent = await here.connect(), await here.connect()
        await slow.send(b"GET /_ping HTTP/1.1\r\n")
        assert (await slow.rest()).startswith(b"HTTP/1.1 408 ")
        assert await silent.rest() == b""


@in_loop
async def test_a_client_between_two_requests_is_not_dropped() -> None:
    async with world(HEADER_TIMEOUT="0.2") as here:
        client, engine = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        silent = await here.connect()
        assert await silent.rest() == b""  # The sweep has been by.
        await client.send(get("/_ping"))
        await engine.head()


@in_loop
async def test_a_bare_line_feed_is_refused_at_once() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(b"GET /_ping HTTP/1.1\nHost: x\n\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


@in_loop
async def test_the_health_check_asks_the_engine_whatever_ping_says_and_shows_nothing_of_it() -> None:
    async with world(PING="0") as here:
        client = await here.connect()
        await client.send(get("/_dockerproxy/health"))
        engine = await here.engine_side()
        assert (await engine.head()).startswith(b"GET /_ping HTTP/1.1\r\n")
        await engine.send(b"HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nContent-Length: 2\r\n\r\nOK")
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"Api-Version" not in answer
        [record] = await here.records(1)
        assert record["level"] == "debug"


@in_loop
async def test_the_health_check_fails_when_the_engine_does() -> None:
    async with world() as here:
        client = await here.connect()
        await client.send(get("/_dockerproxy/health"))
        engine = await here.engine_side()
        await engine.head()
        await engine.send(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 502 ")


@in_loop
async def test_an_engine_that_is_not_there_is_explained_and_found_when_it_comes() -> None:
    async with world(engine=False) as here:
        client = await here.connect()
        await client.send(get("/_ping"))
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"engine.sock" in answer
        await here.start_engine()
        client, _ = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        refused, answered = await here.records(2)
        assert (refused["level"], refused["status"], answered["status"]) == ("err", 503, 200)


@in_loop
async def test_a_health_check_brings_no_body_to_the_engine() -> None:
    async with world() as here:
        for body in (["Content-Length: 21"], ["Transfer-Encoding: chunked"]):
            client = await here.connect()
            await client.send(request("GET", "/_dockerproxy/health", *body, body=b"GET /secrets HTTP/1.1"))
            assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
        assert here.arrivals.empty()
