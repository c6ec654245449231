"""Whatever happens to a connection, an exchange ends well; most of all while its request waits to be decided."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from policy.policies import ID, grant_on, policy_with
from proxy.bodies import contained
from proxy.ends import Ends
from proxy.harness import OK, get, in_loop, request, world
from proxy.lookups import OTHER, POLICY, START, WEB, answer, asked, serve, tell

from dockerproxy.config.environment import read_environment
from dockerproxy.policy.model import Mode
from dockerproxy.proxy.exchange import HELD
from dockerproxy.proxy.sockets import LOOKUPS
from dockerproxy.wire.exchange import State

CREATE = ("Content-Type: application/json", "Content-Length: 17")
CAME = (
    get("/_ping"),
    request("HEAD", "/_ping"),
    get("/events"),
    get("/secrets"),
    get("/containers/web/json"),
    get("/containers/w/json"),
    get("/_ping", "Connection: close"),
    request("POST", "/containers/create", *CREATE, body=b'{"Image":"nginx"}'),
    request("POST", "/containers/create", *CREATE, "Expect: 100-continue"),
    request("POST", "/containers/web/attach", "Connection: Upgrade", "Upgrade: tcp"),
    request("POST", "/secrets/create", "Content-Type: application/json", "Transfer-Encoding: chunked"),
    request("POST", "/images/load", "Content-Type: application/x-tar", "Transfer-Encoding: chunked"),
    *(b'{"Image":"nginx"}', b"5\r\n12345\r\n", b"0\r\n\r\n", b"GET", b"\r\n", b"\r\n\r\n", bytes(70_000)),
)
ANSWERED = (
    OK,
    OK + b"more",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    *(b"HTTP/1.1 200 OK\r\n\r\n", b"5\r\n12345\r\n", b"0\r\n\r\n", b"12345", b"HTTP/1.1 2", b"\r\n\r\n"),
)
EVENTS = st.one_of(
    st.sampled_from(CAME).map(lambda data: partial(Ends.receive, data=data)),
    st.sampled_from(ANSWERED).map(lambda data: partial(Ends.answer, data=data)),
    st.sampled_from([Ends.work, Ends.work, Ends.work, Ends.lose_engine, Ends.end_input]),
    st.sampled_from([lambda ends: ends.exchange.time_out(), lambda ends: ends.exchange.give_way()]),
)
ALLOWED = policy_with(
    grant_on("ContainerInspect", "web"),
    *(grant_on(name) for name in ("SystemPing", "SystemPingHead", "SystemEvents", "ContainerAttach", "ImageLoad")),
    grant_on("VolumeCreate"),
    contained("ContainerCreate", images=("nginx",)),
)
REPORTED = policy_with(grant_on("SystemPing"), mode=Mode.REPORT)
POLICIES = {"allowed": ALLOWED, "reported": REPORTED}


@given(st.sampled_from(list(POLICIES)), st.lists(EVENTS, max_size=30))
def test_whatever_happens_each_request_leaves_one_record_and_gives_back_what_it_used(
    name: str, events: list[Callable[[Ends], None]]
) -> None:
    policy = POLICIES[name]
    ends = Ends(read_environment({"MAX_BODY": "64KiB"}).settings.sockets[0]._replace(policy=policy))
    for happen in events:
        happen(ends)
        event(ends.exchange.state.name)
        assert ends.socket.usage.held <= HELD * 2**16 + 2**16
    ends.lose_client()
    assert len(ends.log.records) == ends.account.count
    assert not any(ends.socket.usage._open.values())
    assert ends.socket.usage.held == 0
    passed = b"".join(bytes(engine.got) for engine in ends.engines)
    assert b"/secrets" not in passed or policy is REPORTED
    assert bool(passed) <= bool(ends.log.records)


@in_loop
async def test_requests_that_follow_wait_for_their_turn() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START + get("/_ping") + START)
        first = await asked(here)
        assert here.arrivals.empty()
        await first.send(answer(WEB))
        first.end()
        engine = await serve(here, f"POST /containers/{ID}/start")
        assert (await engine.head()).startswith(b"GET /_ping ")
        assert await client.answer() == (200, b"OK")
        assert here.arrivals.empty()
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        await tell(here, OTHER)
        assert (await client.answer())[0] == 403


@pytest.mark.parametrize("chunked", [False, True])
@in_loop
async def test_a_body_waits_with_its_head_and_arrives_whole(*, chunked: bool) -> None:
    body = bytes(range(256)) * 8_000
    async with world(policy=POLICY) as here:
        client = await here.connect()
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
        await client.send(request("PUT", "/containers/w/archive?path=/", framing))
        wire = await asked(here)
        whole = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
        sending = asyncio.ensure_future(client.send(whole + get("/_ping")))
        await wire.send(answer(WEB))
        wire.end()
        engine = await here.engine_side()
        assert (await engine.head()).startswith(f"PUT /containers/{ID}/archive?path=%2F ".encode())
        if chunked:
            received = b""
            while size := int((await engine.reader.readuntil(b"\r\n")).strip(), 16):
                received += (await engine.exactly(size + 2))[:-2]
            assert await engine.exactly(2) == b"\r\n"
            assert received == body
        else:
            assert await engine.exactly(len(body)) == body
        await sending
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        assert (await engine.head()).startswith(b"GET /_ping ")


@in_loop
async def test_a_client_that_is_done_sending_gets_its_answer() -> None:
    async with world(policy=POLICY) as here:
        for told, status in ((WEB, b"200"), (OTHER, b"403")):
            client = await here.connect()
            await client.send(START)
            wire = await asked(here)
            client.end()
            await wire.send(answer(told))
            wire.end()
            if told is WEB:
                engine = await here.engine_side()
                assert (await engine.rest()).startswith(f"POST /containers/{ID}/start ".encode())
                await engine.send(OK)
            assert (await client.rest()).startswith(b"HTTP/1.1 " + status)


@in_loop
async def test_a_body_that_ends_too_early_while_it_waits_is_not_completed() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/w/exec", "Content-Length: 10", body=b"{}"))
        client.end()
        await tell(here)
        engine = await here.engine_side()
        assert (await engine.rest()).partition(b"\r\n\r\n")[2] in {b"", b"{}"}
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")


@in_loop
async def test_for_a_client_that_has_gone_nothing_is_asked_any_longer_and_nothing_is_done() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        wire = await asked(here)
        await client.close()
        assert await wire.rest() == b""
        [record] = await here.records(1)
        assert (record["decision"], record["status"], record["reason"]) == ("denied", 0, "the client went away")
        assert here.arrivals.empty()


@in_loop
async def test_a_client_that_goes_between_two_lookups_is_not_asked_for_again() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/exec/e1/start"))
        wire = await asked(here, "/exec/e1/json")
        await client.close()
        assert await wire.rest() == b""  # Cut at once.
        await here.records(1)
        assert here.arrivals.empty()


@in_loop
async def test_who_has_gone_does_not_keep_others_waiting_for_their_turn() -> None:
    async with world(policy=POLICY) as here:
        first = [await here.connect() for _ in range(LOOKUPS)]
        for client in first:
            await client.send(START)
        wires = [await asked(here) for _ in first]
        gone = [await here.connect() for _ in range(50)]
        for client in gone:
            await client.send(START)
        last = await here.connect()
        await last.send(request("POST", "/containers/last/start"))
        for client in (*gone, first[0]):
            await client.close()
        assert await wires[0].rest() == b""
        await tell(here, target="/containers/last/json")
        await serve(here, f"POST /containers/{ID}/start")
        assert await last.answer() == (200, b"OK")


@in_loop
async def test_a_connection_that_came_just_before_its_socket_went_ends_unheard() -> None:
    async with world(policy=POLICY) as here:
        (door,) = here.server._doors.values()
        door.state.is_gone = True
        client = await here.connect()
        assert await client.rest() == b""


@in_loop
async def test_an_engine_connection_that_ends_while_a_request_waits_is_made_anew() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        await client.send(START)
        wire = await asked(here)
        await engine.close()
        await wire.send(answer(WEB))
        wire.end()
        await serve(here, f"POST /containers/{ID}/start")
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_an_engine_that_answers_what_still_waits_breaks_the_protocol_and_nothing_passes() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        await client.send(START)
        wire = await asked(here)
        await engine.send(OK)
        assert (await client.rest()).startswith(b"HTTP/1.1 502 ")
        assert await wire.rest() == b""  # Nothing is asked any longer.
        assert here.arrivals.empty()
        assert [record["status"] for record in await here.records(2)] == [200, 502]


@in_loop
async def test_when_the_proxy_stops_what_waits_is_still_decided_and_answered() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        wire = await asked(here)
        here.server.stop()
        await wire.send(answer(WEB))
        wire.end()
        await serve(here, f"POST /containers/{ID}/start")
        assert (await client.rest()).endswith(b"OK")


@in_loop
async def test_when_the_proxy_is_cut_short_what_waits_is_dropped() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        wire = await asked(here)
        here.server.stop()
        here.server.stop()
        assert await client.rest() == b""
        assert await wire.rest() == b""
        assert here.arrivals.empty()


@in_loop
async def test_an_exchange_is_decided_by_the_policy_that_it_began_with() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(START)
        wire = await asked(here)
        settings = here.server._settings
        nothing = settings.sockets[0]._replace(policy=policy_with())
        await here.server.reload(settings._replace(sockets=(nothing,)))
        await wire.send(answer(WEB))
        wire.end()
        await serve(here, f"POST /containers/{ID}/start")
        assert await client.answer() == (200, b"OK")
        await client.send(START)
        assert (await client.answer())[0] == 403


@pytest.mark.parametrize("told", [WEB, OTHER])
@in_loop
async def test_who_waits_for_100_gets_it_from_the_engine_or_a_last_answer_from_us(told: object) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/w/exec", "Content-Length: 2", "Expect: 100-continue"))
        await tell(here, told)
        if told is OTHER:
            denied = await client.rest()
            assert denied.startswith(b"HTTP/1.1 403 ")
            assert b"Connection: close\r\n" in denied
            return
        engine = await serve(here, f"POST /containers/{ID}/exec", b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"{}")
        assert await engine.exactly(2) == b"{}"
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_a_tunnel_opens_after_the_wait_and_early_bytes_are_not_lost() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        upgrade = ("Connection: Upgrade", "Upgrade: tcp", "Content-Length: 2")
        await client.send(request("POST", "/exec/e1/start", *upgrade, body=b"{}early"))
        await tell(here, {"ID": "e1", "ContainerID": ID}, "/exec/e1/json")
        await tell(here, WEB, f"/containers/{ID}/json")
        engine = await here.engine_side()
        assert b"\r\nupgrade: tcp\r\n" in await engine.head()
        assert await engine.exactly(2) == b"{}"
        await engine.send(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello")
        assert await engine.exactly(5) == b"early"
        assert (await client.head()).startswith(b"HTTP/1.1 101 ")
        assert await client.exactly(5) == b"hello"
        await client.send(b"more")
        assert await engine.exactly(4) == b"more"


@pytest.mark.parametrize(("told", "status"), [(WEB, b"200"), (OTHER, b"403"), (None, b"403")])
@in_loop
async def test_a_lookup_about_a_head_is_a_get_and_the_answer_to_a_head_has_no_body(told: object, status: bytes) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("HEAD", "/containers/w/archive?path=/", "Connection: close"))
        await tell(here, told or {"message": "no"}, status="200 OK" if told else "404 Not Found")
        if told is WEB:
            length = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
            await serve(here, f"HEAD /containers/{ID}/archive?path=%2F", length)
        answered = await client.rest()
        assert answered.startswith(b"HTTP/1.1 " + status)
        assert answered.endswith(b"\r\n\r\n")


@in_loop
async def test_one_who_waits_holds_up_nobody_else() -> None:
    async with world(policy=POLICY) as here:
        waiting = await here.connect()
        await waiting.send(START)
        await asked(here)
        client = await here.connect()
        await client.send(get("/_ping"))
        await serve(here, "GET /_ping")
        assert await client.answer() == (200, b"OK")
        assert State.HELD in {one.exchange.state for one in here.clients}
