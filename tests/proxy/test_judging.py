"""What takes long to judge is judged beside the loop, and what becomes of it is the same."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from policy.policies import ID, policy_with
from proxy.bodies import CONTAINED, GRANTS, TWO_UNFILLED, TWO_VOLUMES, contained, create, whole
from proxy.harness import OK, World, get, in_loop, request, world
from proxy.lookups import POLICY, WEB, serve, tell, the_client
from proxy.stage import busy, until

from dockerproxy.errors import Refusal
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import Mode
from dockerproxy.policy.phases import Judged
from dockerproxy.proxy.sockets import LONG_HEAD, is_quick
from dockerproxy.wire.exchange import State

if TYPE_CHECKING:
    pass

IMAGE = "docker.io/library/busybox"
PORTS = json.dumps({"Image": IMAGE, "ExposedPorts": {f"{port}/tcp": {} for port in range(1, 1025)}}).encode()
SENT_PORTS = {**json.loads(PORTS), "HostConfig": {"CapDrop": ["MKNOD"]}}
LONG = "X-Registry-Auth: " + "x" * LONG_HEAD
BENCH = Path(__file__).parents[2] / "bench"


async def held(here: World) -> None:
    """Wait until the one client's request is there, and waits to be judged."""
    await until(
        lambda: bool(here.clients and the_client(here).exchange.state is State.HELD and the_client(here)._task),
        "a held request",
    )


def held_for(body: bytes, policy: CompiledPolicy = CONTAINED) -> Judged:
    judged = judge(policy, create(body).partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    assert not isinstance(judged, Refusal)
    return judged


# What is quick


def test_what_makes_an_ordinary_container_is_judged_at_once() -> None:
    for name in ("creation.json", "container.json"):
        content = (BENCH / name).read_bytes()
        assert is_quick(held_for(content), content)


@pytest.mark.parametrize("content", [PORTS, b'"%b"' % (b"x" * 20_000), b"[" * 600])
def test_what_is_long_or_has_many_parts_is_not(content: bytes) -> None:
    assert not is_quick(held_for(content), content)


def test_the_more_grants_are_tried_the_fewer_parts_are_quick() -> None:
    content = (BENCH / "creation.json").read_bytes()
    many = policy_with(*(contained("ContainerCreate", volumes=(f"data-{number}",)) for number in range(10)))
    assert not is_quick(held_for(content, many), content)


def test_what_is_learned_from_is_never_quick_except_without_a_body() -> None:
    learning = policy_with(*GRANTS, mode=Mode.LEARN)
    assert not is_quick(held_for(b"{}", learning), b"{}")
    assert is_quick(held_for(b"", learning), b"")


# Over real sockets


@in_loop
async def test_another_client_is_answered_while_a_body_is_judged() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        async with busy(here):
            await client.send(create(PORTS))
            await held(here)
            other = await here.connect()
            await other.send(get("/images/json") + create(b'{"Image":"busybox","HostConfig":{"Privileged":true}}'))
            assert (await other.answer())[0] == 403
            assert (await other.answer())[0] == 403
            assert [record.target for record, _ in here.heard.records] == [
                "/images/json",
                "/v1.45/containers/create?name=x",
            ]
        head, body = await whole(await here.engine_side())
        assert head.startswith(b"POST /v1.45/containers/create?name=x ")
        assert json.loads(body) == SENT_PORTS


@in_loop
async def test_a_long_body_is_denied_or_refused_as_a_short_one_is_and_what_follows_goes_on() -> None:
    denied = PORTS[:-1] + b',"HostConfig":{"Privileged":true}}'
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(create(denied) + get("/_ping") + create(PORTS[:-1]))
        status, body = await client.answer()
        assert status == 403
        assert b"HostConfig.Privileged" in body
        await serve(here, "GET /_ping")
        assert await client.answer() == (200, b"OK")
        status, body = await client.answer()
        assert status == 400
        assert b"malformed JSON in the body" in body


@in_loop
async def test_a_long_body_whose_names_are_asked_for_is_judged_again() -> None:
    ports = TWO_VOLUMES[:-1] + b"," + PORTS[1:].replace(f'"Image": "{IMAGE}", '.encode(), b"")
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(create(ports))
        for name in ("data", "more"):
            await tell(here, {"Name": name, "Driver": "local", "Options": None}, f"/v1.45/volumes/{name}")
        _, body = await whole(await here.engine_side())
        assert json.loads(body)["HostConfig"] == json.loads(TWO_UNFILLED)["HostConfig"]
        assert json.loads(body)["ExposedPorts"] == json.loads(ports)["ExposedPorts"]


@pytest.mark.parametrize("leaves", [True, False])
@in_loop
async def test_a_client_that_goes_while_its_request_is_judged_leaves_nothing(*, leaves: bool) -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        async with busy(here):
            await client.send(create(PORTS))
            await held(here)
            gone = the_client(here)
            if leaves:
                await client.close()
                await until(lambda: not here.clients, "the end of the client")
            else:
                gone.exchange.answering.fail(503, "on purpose")
                assert (await client.answer())[0] == 503
        other = await here.connect()
        await other.send(create(PORTS))
        await here.engine_side()
        assert here.arrivals.empty()
        assert gone.socket.usage.held == len(PORTS)


@in_loop
async def test_a_client_that_has_ended_its_side_still_gets_its_answer() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        async with busy(here):
            await client.send(create(PORTS))
            client.end()
            await held(here)
        engine = await here.engine_side()
        await whole(engine)
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_a_long_head_goes_the_way_of_a_short_one() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        async with busy(here):
            await client.send(get("/_ping", LONG) + get("/images/json", LONG) + create(b'{"Image":"x.io/y"}', LONG))
            await held(here)
            assert the_client(here).buffers.size >= LONG_HEAD, "it counts as held for the client"
            assert here.arrivals.empty()
        engine = await here.engine_side()
        assert LONG.partition(" ")[2].encode() in await engine.head()
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        assert (await client.answer())[0] == 403
        head, body = await whole(engine)
        assert head.startswith(b"POST /v1.45/containers/create?name=x ")
        assert body == b'{"Image":"x.io/y","HostConfig":{"CapDrop":["MKNOD"]}}'
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")
        await client.send(get("/_ping", LONG, "Content-Length: 1", "Content-Length: 2"))
        assert (await client.answer())[0] == 400
        assert await client.rest() == b""


@in_loop
async def test_a_long_head_that_names_an_object_is_asked_for_and_its_body_follows() -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(request("POST", "/containers/w/start", LONG, "Content-Length: 2", body=b"{}"))
        await tell(here, WEB)
        engine = await here.engine_side()
        assert (await engine.head()).startswith(f"POST /containers/{ID}/start ".encode())
        assert await engine.exactly(2) == b"{}"


@in_loop
async def test_a_reload_does_not_change_what_a_request_that_is_being_judged_is_judged_by() -> None:
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        async with busy(here):
            await client.send(create(PORTS, LONG))
            await held(here)
            the_client(here).socket.policy = policy_with()
        _, body = await whole(await here.engine_side())
        assert json.loads(body) == SENT_PORTS


@in_loop
async def test_where_nothing_is_refused_shorter_heads_wait_too() -> None:
    async with world(policy=policy_with(*GRANTS, mode=Mode.REPORT)) as here:
        client = await here.connect()
        async with busy(here):
            await client.send(get("/images/json", "X: " + "x" * 1024))
            await held(here)
            assert here.arrivals.empty()
        engine = await here.engine_side()
        assert (await engine.head()).startswith(b"GET /images/json ")


@in_loop
async def test_a_long_head_that_must_make_way_is_answered_and_recorded() -> None:
    async with world() as here, busy(here):
        client = await here.connect()
        await client.send(get("/_ping", LONG) + get("/_ping"))
        await held(here)
        the_client(here).give_way()
        status, body = await client.answer()
        assert (status, b"MAX_BUFFERED" in body) == (503, True)
        [record] = await here.records(1)
        assert (record["decision"], record["method"], record["target"]) == ("refused", "GET", "/_ping")
        assert await client.rest() == b""
