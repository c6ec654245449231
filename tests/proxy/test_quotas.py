"""What adds to a quota is counted before it goes on, whatever else is under way."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import pytest
from decisions import split_decision
from proxy.counting import Standing, ask, counting, create, post, quota_policy
from proxy.harness import World, in_loop, request
from proxy.lookups import answer, the_client

from dockerproxy.proxy.sockets import COUNTED

LISTS = "/containers/json"


class Held:
    """Holds what the engine does at one point, for targets that begin in one way, until it is told to go on.

    Attributes:
        comes: Set when something is held.
        goes: Set when it may go on.
    """

    def __init__(self, when: str, target: str) -> None:
        self._place = when, target
        self.comes, self.goes = asyncio.Event(), asyncio.Event()

    async def __call__(self, when: str, target: str) -> None:
        if (when, target.partition("?")[0]) == self._place:
            self.comes.set()
            await self.goes.wait()


async def ask_all(here: World, *requests: bytes) -> Counter[int]:
    """Send requests at once; return how often there was which status."""
    answers = await asyncio.gather(*(ask(here, each) for each in requests))
    return Counter(status for status, _ in answers)


@in_loop
async def test_creates_at_once_do_not_pass_a_quota() -> None:
    async with counting(quota_policy("{containers: 5}")) as (here, engine):
        assert await ask_all(here, *[create()] * 20) == {201: 5, 403: 15}
        assert len(engine.containers) == 5
        status, says = await ask(here, create())
        says, _ = split_decision(says)
        expected = 'ContainerCreate denied: 5 of 5 containers are there; remove one, or raise quota of socket "ci"'
        assert (status, says) == (403, expected)
        denied = [each for each in await here.records(21) if each["decision"] == "denied"]
        assert (len(denied), {each["reason"] for each in denied}) == (16, {expected})
        assert await ask_all(here, request("DELETE", f"/containers/{1:064x}")) == {200: 1}
        assert await ask_all(here, create(), create()) == {201: 1, 403: 1}
        assert not here.clients
        assert not len(here.server._shared.ledgers)


@in_loop
async def test_a_slow_engine_keeps_no_other_create_waiting() -> None:
    async with counting(quota_policy("{containers: 3}")) as (here, engine):
        engine.gate = held = Held("before", "/containers/create")
        slow = asyncio.ensure_future(ask(here, create()))
        await held.comes.wait()
        engine.gate = Standing().gate
        assert await ask_all(here, *[create()] * 4) == {201: 2, 403: 2}
        held.goes.set()
        assert (await slow)[0] == 201
        assert len(engine.containers) == 3


@in_loop
async def test_what_a_client_left_is_counted_until_the_engine_is_done() -> None:
    async with counting(quota_policy("{containers: 1, volumes: 1}")) as (here, engine):
        for target in ("/volumes/create", "/containers/create"):
            engine.gate = held = Held("before", target)
            client = await here.connect()
            await client.send(create(Binds=["data:/data"]))
            await held.comes.wait()
            await client.close()
            await here.records(1)
            engine.gate = Standing().gate
            assert (await ask(here, create()))[0] == 403
            assert (await ask(here, post("/volumes/create", Name="other")))[0] == 403
            held.goes.set()
            await wait_until(lambda: not len(here.server._shared.ledgers))
            for made in (engine.containers, engine.volumes):
                made.clear()


async def wait_until(holds: Callable[[], bool]) -> None:
    """Let others go on until something holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 (no event says it)
            await asyncio.sleep(0.01)


@in_loop
async def test_a_create_that_ends_while_another_one_counts_is_not_missed() -> None:
    async with counting(quota_policy("{containers: 1}")) as (here, engine):
        engine.gate = first = Held("before", "/containers/create")
        making = asyncio.ensure_future(ask(here, create()))
        await first.comes.wait()
        engine.gate = second = Held("after", LISTS)
        counted = asyncio.ensure_future(ask(here, create()))
        await second.comes.wait()
        engine.gate = Standing().gate
        first.goes.set()
        assert (await making)[0] == 201
        second.goes.set()
        assert (await counted)[0] == 403
        assert len(engine.containers) == 1


def choose(chance: random.Random, engine: Standing) -> bytes:
    """Write a request that adds something or takes something away."""
    one, name = chance.choice([*engine.containers, "none"]), f"v{chance.randrange(5)}"
    requests = [
        create(),
        create(Binds=[f"{name}:/data"]),
        post("/volumes/create", Name=name),
        post("/networks/create", Name=name),
        request("DELETE", f"/containers/{one}"),
        request("DELETE", f"/volumes/{name}"),
    ]
    return chance.choice(requests)


async def act(here: World, engine: Standing, chance: random.Random) -> None:
    """Send requests one after the other, and leave before some are answered."""
    for _ in range(6):
        client = await here.connect()
        await client.send(choose(chance, engine))
        if chance.random() < 0.8:
            await client.answer()
        await client.close()


@pytest.mark.parametrize("seed", range(12))
@in_loop
async def test_no_order_of_what_happens_passes_a_quota(seed: int) -> None:
    """The engine acts and answers in any order; totals are looked at after each of its acts."""
    chance = random.Random(seed)  # noqa: S311 (an order to try)
    waiting: list[asyncio.Event] = []

    async def gate(_when: str, _target: str) -> None:
        waiting.append(asyncio.Event())
        await waiting[-1].wait()

    policy = quota_policy("{containers: 3, volumes: 3, networks: 2}")
    async with counting(policy, gate) as (here, engine), asyncio.timeout(60):
        acting = asyncio.gather(*(act(here, engine, chance) for _ in range(5)))
        while not acting.done() or len(here.server._shared.ledgers) or waiting:
            if waiting:
                waiting.pop(chance.randrange(len(waiting))).set()
            await asyncio.sleep(0)
            check(engine)
        await acting


def check(engine: Standing) -> None:
    """Look whether what there is keeps to the quota."""
    assert len(engine.containers) <= 3
    assert len(engine.volumes) <= 3
    assert len(engine.networks) <= 2


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (LISTS, answer({"message": "broken"}, "500 Internal Server Error", ends=False)),
        (LISTS, answer([{"Name": "x"}], ends=False)),
        (LISTS, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{"),
    ],
)
@in_loop
async def test_what_cannot_be_counted_is_denied(target: str, told: bytes) -> None:
    async with counting(quota_policy("{containers: 8}")) as (here, engine):
        assert (await ask(here, create()))[0] == 201
        engine.answers[target] = told
        status, says = await ask(here, create())
        assert (status, "what counts for quota of socket ci is not known: " in says) == (503, True)
        assert len(engine.containers) == 1
        engine.answers = {}
        assert (await ask(here, create()))[0] == 201


@in_loop
async def test_an_engine_that_says_nothing_is_not_waited_for_and_the_lock_is_free_then() -> None:
    async with counting(quota_policy("{containers: 1}")) as (here, engine):
        client = await here.connect()
        the_client(here).socket.patience = 0.2
        engine.gate = Held("before", LISTS)
        await client.send(create())
        status, body = await client.answer()
        assert (status, b"is not counted within 0.2 seconds; try again later" in body) == (503, True)
        engine.gate = Standing().gate
        assert (await ask(here, create()))[0] == 201


@in_loop
async def test_so_many_are_counted_at_one_time_and_one_that_waits_may_leave() -> None:
    async with counting(quota_policy("{networks: 1000}")) as (here, engine):
        engine.gate = held = Held("before", "/networks/create")
        clients = [await here.connect() for _ in range(COUNTED + 2)]
        for client in clients:
            await client.send(post("/networks/create", Name="n"))
        await wait_until(lambda: engine.asked.count("POST /networks/create") == COUNTED)
        for client in clients:
            await client.close()
        await here.records(COUNTED + 2)
        held.goes.set()
        await wait_until(lambda: not len(here.server._shared.ledgers))
        assert len(engine.networks) == COUNTED
        assert (await ask(here, post("/networks/create", Name="n")))[0] == 201


@pytest.mark.parametrize("mode", ["report", "learn"])
@in_loop
async def test_where_nothing_is_refused_a_quota_refuses_nothing(mode: str) -> None:
    async with counting(quota_policy("{containers: 1}", mode=mode)) as (here, engine):
        assert await ask_all(here, create(), create()) == {201: 2}
        records = await here.records(2)
        assert {each["decision"] for each in records} == ({"allowed", "reported"} if mode == "report" else {"allowed"})
        assert any("1 of 1 containers are there" in each.get("reason", "") for each in records) is (mode == "report")
        assert all(each["Labels"] for each in engine.containers.values())
        engine.answers[LISTS] = answer({"message": "broken"}, "500 Internal Server Error", ends=False)
        assert (await ask(here, create()))[0] == 201


@in_loop
async def test_only_what_adds_to_a_quota_is_counted() -> None:
    async with counting(quota_policy("{networks: 2}")) as (here, engine):
        one = (await ask(here, create()))[1]
        await ask(here, post(f"/containers/{one}/start"))
        await ask(here, post("/volumes/create", Name="v"))
        assert not any(line.startswith(("GET /networks?", f"GET {LISTS}?")) for line in engine.asked)
        assert (await ask(here, post("/networks/create", Name="n")))[0] == 201
        assert sum(line.startswith("GET /networks?") for line in engine.asked) == 1
