"""Before a request is decided by its body, nothing of it reaches the engine, whatever its client does meanwhile."""

import asyncio
import json

import pytest
from policy.policies import policy_with
from proxy.bodies import (
    BODY,
    CONTAINED,
    DENIED,
    OUTSIDE,
    REPORTING,
    TWO_UNFILLED,
    TWO_VOLUMES,
    UNDERSTOOD,
    create,
    has_taken,
    is_untouched,
    volume,
    whole,
)
from proxy.harness import OK, get, in_loop, request, world
from proxy.lookups import asked, serve, tell
from rows import for_each

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Mode
from dockerproxy.proxy.exchange import HELD
from dockerproxy.settings import Limits

CREATED = b"POST /v1.45/containers/create?name=x HTTP/1.1\r\n"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@in_loop
async def test_a_body_is_held_until_its_last_byte_and_goes_on_as_it_was_understood(*, size: int, chunked: bool) -> None:
    sent = create(chunked=chunked) + get("/_ping")
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        for start in range(0, len(sent), size):
            await client.send(sent[start : start + size])
            assert is_untouched(here) or start + size >= len(create(chunked=chunked))
            await asyncio.sleep(0)
        engine = await here.engine_side()
        head, body = await whole(engine)
        assert head == CREATED + (
            b"host: docker\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(UNDERSTOOD)
        )
        assert body == UNDERSTOOD
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        assert (await engine.head()).startswith(b"GET /_ping ")
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        first, _ = await here.records(2)
    assert (first["operation"], first["decision"], first["received"]) == ("ContainerCreate", "allowed", len(BODY))


@pytest.mark.parametrize("chunked", [False, True])
@in_loop
async def test_what_is_denied_by_its_body_never_reaches_the_engine_and_the_connection_goes_on(*, chunked: bool) -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        for expecting in ((), ("Expect: 100-continue",)):
            await client.send(create(DENIED, *expecting, chunked=chunked) + create(DENIED))
            if expecting:
                assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
            for _ in range(2):
                status, told = await client.answer()
                assert status == 403
                assert b"HostConfig.Privileged is true" in told
        await client.send(get("/_ping"))
        await serve(here, "GET /_ping")
        assert await client.answer() == (200, b"OK")
        records = await here.records(5)
    kept = {(r["operation"], r["decision"], r["status"], r["received"]) for r in records[:4]}
    assert kept == {("ContainerCreate", "denied", 403, len(DENIED))}
    assert all("HostConfig.Privileged" in record["reason"] for record in records[:4])


@in_loop
async def test_who_waits_for_100_gets_it_from_us_and_the_engine_is_not_asked_for_it() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        head, _, body = create(BODY, "Expect: 100-continue").partition(b"\r\n\r\n")
        await client.send(head + b"\r\n\r\n")
        assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(body)
        engine = await here.engine_side()
        head, _ = await whole(engine)
        assert b"expect" not in head
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


# What has no reading


WITHOUT_READING = {
    "no JSON": (create(b"{"), 400, "malformed JSON"),
    "two values": (create(b"{}{}"), 400, "malformed JSON"),
    "a key twice": (create(b'{"Image":"a","Image":"b"}'), 400, "duplicate key"),
    "no UTF-8": (create(b'{"Image":"\xff"}'), 400, "UTF-8"),
    "a bad chunk": (create(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + b"x\r\n", 400, "chunk"),
    "no type": (request("POST", "/containers/create", "Content-Length: 2", body=b"{}"), 400, "content-type"),
    "another type": (create().replace(b"application/json", b"text/plain"), 400, 'content-type \\"text/plain'),
    "a form": (create().replace(b"application/json", b"application/x-www-form-urlencoded"), 400, "form"),
    "two types": (create(BODY, "Content-Type: application/json"), 400, "content-type"),
    "two lengths": (create(BODY, "Content-Length: 3"), 400, "content-length"),
    "two framings": (create(BODY, "Transfer-Encoding: chunked"), 400, "ambiguous request"),
    "packed": (create(BODY, "Content-Encoding: gzip"), 400, "content-encoding"),
    "gigabytes": (create(b"", "Expect: 100-continue", length=1 << 40), 413, "MAX_BODY"),
    "one byte too long": (create(b" " * 500 + b"{}"), 413, "MAX_BODY"),
    "endless chunks": (create(b" " * 600, chunked=True)[:-5], 413, "MAX_BODY"),
}


@for_each(("sent", "status", "reason"), WITHOUT_READING.values())
@for_each("policy", [CONTAINED, REPORTING])
@in_loop
async def test_what_has_no_reading_or_no_end_never_reaches_the_engine(
    policy: CompiledPolicy, sent: bytes, status: int, reason: str
) -> None:
    async with world(policy=policy, MAX_BODY="501") as here:
        client = await here.connect()
        await client.send(sent)
        told = await client.rest()
        assert told.startswith(b"HTTP/1.1 %d " % status), told
        assert told.count(b"HTTP/1.1") == 1
        assert reason in told.decode()
        assert is_untouched(here)
        [record] = await here.records(1)
    assert (record["decision"], record["status"]) == ("refused", status)


@pytest.mark.parametrize("sent", [create(b""), create(b"null"), create(b"[]"), create(b"3"), create(b"", chunked=True)])
@in_loop
async def test_a_body_in_which_nothing_is_said_is_denied(sent: bytes) -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(sent + get("/_ping"))
        status, told = await client.answer()
        assert status == 403
        assert b"the body" in told
        await serve(here, "GET /_ping")
        assert await client.answer() == (200, b"OK")
        assert [record["status"] for record in await here.records(2)] == [403, 200]


@in_loop
async def test_a_body_that_is_as_long_as_it_may_be_passes() -> None:
    longest = UNDERSTOOD + b" " * (501 - len(UNDERSTOOD))
    async with world(policy=CONTAINED, MAX_BODY="501") as here:
        for chunked in (False, True):
            client = await here.connect()
            await client.send(create(longest, chunked=chunked))
            assert (await whole(await here.engine_side()))[1] == UNDERSTOOD


# A client that does something else meanwhile


@in_loop
async def test_a_client_that_ends_before_its_body_does_is_refused_and_one_that_ends_behind_it_gets_its_answer() -> None:
    for chunked in (False, True):
        async with world(policy=CONTAINED) as here:
            client = await here.connect()
            await client.send(create(chunked=chunked)[:-3])
            client.end()
            assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
            assert is_untouched(here)
            client = await here.connect()
            await client.send(create(chunked=chunked))
            client.end()
            engine = await here.engine_side()
            assert (await whole(engine))[1] == UNDERSTOOD
            assert await engine.rest() == b""
            await engine.send(OK)
            assert (await client.rest()).endswith(b"OK")
            refused, allowed = await here.records(2)
        assert (refused["decision"], refused["status"], refused["received"]) == ("refused", 400, refused["received"])
        assert allowed["decision"] == "allowed"


@in_loop
async def test_of_a_client_that_leaves_while_its_body_comes_there_is_a_record_and_nothing_else() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(create()[:-3])
        await client.close()
        [record] = await here.records(1)
        assert is_untouched(here)
    assert (record["decision"], record["status"]) == ("denied", 0)
    assert record["reason"] == "the client went away"


@in_loop
async def test_a_body_that_is_held_has_its_time() -> None:
    async with world(policy=CONTAINED, BODY_TIMEOUT="1") as here:
        client = await here.connect()
        await client.send(create()[:-1])
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")
        assert is_untouched(here)
        [record] = await here.records(1)
    assert (record["decision"], record["status"], record["received"]) == ("refused", 408, len(BODY) - 1)
    assert "BODY_TIMEOUT" in record["reason"]


@in_loop
async def test_a_request_is_judged_by_the_policy_that_it_came_under() -> None:
    async with world(policy=CONTAINED) as here:
        first, second = await here.connect(), await here.connect()
        await first.send(create()[:-1])
        await second.send(create(DENIED)[:-1])
        await has_taken(here, len(BODY + DENIED) - 2)
        settings = here.server._settings
        for policy in (policy_with(), policy_with(mode=Mode.REPORT)):
            socket = settings.sockets[0]._replace(policy=policy, limits=Limits(body=1))
            await here.server.reload(settings._replace(sockets=(socket,)))
        await second.send(DENIED[-1:])
        assert (await second.answer())[0] == 403
        await first.send(BODY[-1:])
        assert (await whole(await here.engine_side()))[1] == UNDERSTOOD


@in_loop
async def test_an_engine_that_is_not_there_is_explained_once_the_body_is() -> None:
    async with world(engine=False, policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(create())
        assert (await client.rest()).startswith(b"HTTP/1.1 503 ")
        client = await here.connect()
        await client.send(create(TWO_VOLUMES))
        assert (await client.rest()).startswith(b"HTTP/1.1 503 ")
        assert [record["status"] for record in await here.records(2)] == [503, 503]


@in_loop
async def test_when_the_proxy_stops_a_body_is_still_waited_for() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(create()[:-1])
        await has_taken(here, len(BODY) - 1)
        here.server.stop()
        await client.send(BODY[-1:])
        engine = await here.engine_side()
        assert (await whole(engine))[1] == UNDERSTOOD
        await engine.send(OK)
        assert (await client.rest()).endswith(b"OK")


# Names in a body


@in_loop
async def test_the_engine_is_asked_for_each_name_in_a_body_before_it_gets_the_request() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(create(TWO_VOLUMES) + get("/_ping"))
        wires = {name: await asked(here, f"/v1.45/volumes/{name}") for name in ("data", "more")}
        assert is_untouched(here)
        for name, wire in wires.items():
            await wire.send(volume(name))
            wire.end()
        engine = await here.engine_side()
        assert (await whole(engine))[1] == TWO_UNFILLED
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        await serve(here, "GET /_ping")


@pytest.mark.parametrize(
    ("told", "status", "reason"),
    [
        (volume("more", Options={"device": "/"}), 403, "any directory"),
        (volume("more", Driver="nfs"), 403, "any directory"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", 502, "the engine answered 500"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]", 502, "the engine answered 200"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n{", 502, "cut short"),
        (b"no HTTP at all", 502, "cannot be read"),
        (b"", 502, "cannot be read"),
    ],
)
@in_loop
async def test_a_request_that_the_engine_s_answer_speaks_against_never_reaches_it(
    told: bytes, status: int, reason: str
) -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(create(TWO_VOLUMES))
        for name, answered in (("data", volume("data")), ("more", told)):
            wire = await asked(here, f"/v1.45/volumes/{name}")
            await wire.send(answered)
            await wire.close()
        found, body = await client.answer()
        assert found == status
        assert reason in json.loads(body)["message"]
        assert is_untouched(here)
        [record] = await here.records(1)
    assert (record["decision"], record["status"], record["received"]) == ("denied", status, len(TWO_VOLUMES))


@in_loop
async def test_a_volume_that_does_not_exist_is_made_by_the_engine_as_one_of_its_own() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(create(TWO_VOLUMES))
        for name in ("data", "more"):
            wire = await asked(here, f"/v1.45/volumes/{name}")
            await wire.send(b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno")
            wire.end()
        await tell(here, OUTSIDE, "/info")
        assert (await whole(await here.engine_side()))[1] == TWO_VOLUMES


@in_loop
async def test_for_a_client_that_leaves_nothing_more_is_asked() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(create(TWO_VOLUMES))
        wires = [await asked(here, f"/v1.45/volumes/{name}") for name in ("data", "more")]
        await client.close()
        assert [await wire.rest() for wire in wires] == [b"", b""]
        await here.records(1)
        assert is_untouched(here)


# All bodies together


@in_loop
async def test_the_bodies_that_are_held_for_a_socket_are_bounded_together_and_one_too_many_is_refused() -> None:
    async with world(policy=CONTAINED, MAX_BODY="1000") as here:
        [served] = (door.state for door in here.server._doors.values())
        clients = [await here.connect() for _ in range(HELD)]
        for client in clients:
            await client.send(create(b" " * 990, length=1000))
        await has_taken(here, 990 * HELD)
        last = await here.connect()
        await last.send(create(b" " * 200, length=300))
        assert (await last.rest()).startswith(b"HTTP/1.1 503 ")
        [record] = await here.records(1)
        assert (record["decision"], record["status"], record["level"]) == ("denied", 503, "warning")
        assert served.usage.held == 990 * HELD
        await clients[0].send(b"#" * 10)
        assert (await clients[0].rest()).startswith(b"HTTP/1.1 400 ")
        for client in clients[1:]:
            await client.close()
        await here.records(HELD + 1)
        assert served.usage.held == 0


@pytest.mark.parametrize("told", [volume("data"), volume("data", Driver="nfs"), b""])
@in_loop
async def test_a_body_has_its_place_until_its_exchange_is_over(told: bytes) -> None:
    async with world(policy=CONTAINED) as here:
        [served] = (door.state for door in here.server._doors.values())
        client = await here.connect()
        await client.send(create(TWO_VOLUMES))
        wire = await asked(here, "/v1.45/volumes/data")
        assert served.usage.held == len(TWO_VOLUMES)
        await wire.send(told)
        await wire.close()
        if told:
            wire = await asked(here, "/v1.45/volumes/more")
            await wire.send(volume("more"))
            await wire.close()
        if told == volume("data"):
            engine = await here.engine_side()
            await whole(engine)
            assert served.usage.held == len(TWO_VOLUMES)
            await engine.send(OK)
        await client.answer()
        await here.records(1)
        assert served.usage.held == 0
