"""What adds to a quota is counted before it goes on, whatever else is under way."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from typing import Any, Final

import pytest
from decisions import split_decision
from proxy.counting import Standing, ask, counting, create, post, quota_policy
from proxy.harness import World, in_loop, request
from proxy.lookups import answer, the_client
from proxy.podman import claims
from proxy.stage import until
from rows import for_each
from waiting import PATIENCE

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import NONCE, OWNER
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject
from dockerproxy.tenancy.neighbours import is_counted

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
        expected = 'ContainerCreate denied: 5 of 5 containers exist; remove one, or raise quota of socket "ci"'
        assert (status, says) == (403, expected)
        denied = [each for each in await here.records(21) if each["decision"] == "denied"]
        assert (len(denied), {each["reason"] for each in denied}) == (16, {expected})
        assert await ask_all(here, request("DELETE", f"/containers/{1:064x}")) == {200: 1}
        assert await ask_all(here, create(), create()) == {201: 1, 403: 1}
        assert not here.clients
        assert not is_counting(here)


@in_loop
async def test_creates_of_one_owner_wait_for_a_slow_one_and_those_of_others_do_not() -> None:
    """One that waits may leave, and makes nothing; one that waits too long is denied."""
    async with counting(quota_policy("{containers: 3, networks: 3}")) as (here, engine):
        engine.gate = held = Held("before", "/containers/create")
        slow = asyncio.ensure_future(ask(here, create()))
        await held.comes.wait()
        engine.gate = Standing().gate
        leaving, impatient = await here.connect(), await here.connect()
        await leaving.send(create())
        here.clients[0].socket.patience = 0.2
        await impatient.send(create())
        status, body = await impatient.answer()
        assert (status, b"cannot be checked: another request did not end for 0.2 seconds" in body) == (503, True)
        await leaving.close()
        assert (await ask(here, post("/volumes/create", Name="v")))[0] == 201
        held.goes.set()
        assert (await slow)[0] == 201
        assert len(engine.containers) == 1


@in_loop
async def test_what_a_client_left_is_counted_when_the_engine_is_done() -> None:
    async with counting(quota_policy("{containers: 1, volumes: 1}")) as (here, engine):
        for target in ("/volumes/create", "/containers/create"):
            engine.gate = held = Held("before", target)
            client = await here.connect()
            await client.send(create(Binds=["data:/data"]))
            await held.comes.wait()
            await client.close()
            await here.records(1)
            engine.gate = Standing().gate
            others = asyncio.gather(ask(here, create(Binds=["other:/x"])), ask(here, post("/volumes/create", Name="y")))
            held.goes.set()
            assert [status for status, _ in await others] == [403, 403]
            assert [*engine.volumes] == ["data"]
            for made in (engine.containers, engine.volumes):
                made.clear()


def is_counting(here: World) -> bool:
    """Whether a request of some owner is counted, or the engine works on one that was."""
    return any(lock.locked() for lock in here.server._shared.counting.values())


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


@for_each("seed", range(12))
@in_loop
async def test_no_order_of_what_happens_passes_a_quota(seed: int) -> None:
    """The engine acts and answers in any order; totals are looked at after each of its acts."""
    chance = random.Random(seed)  # noqa: S311 (an order to try)
    waiting: list[asyncio.Event] = []

    async def gate(_when: str, _target: str) -> None:
        waiting.append(asyncio.Event())
        await waiting[-1].wait()

    policy = quota_policy("{containers: 3, volumes: 3, networks: 2}")
    async with counting(policy, gate) as (here, engine), asyncio.timeout(PATIENCE):
        acting = asyncio.gather(*(act(here, engine, chance) for _ in range(5)))
        while not acting.done() or is_counting(here) or waiting:
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
        assert (status, "cannot be checked: " in says) == (503, True)
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
        assert (status, b"cannot be checked: the engine did not answer for 0.2 seconds" in body) == (503, True)
        engine.gate = Standing().gate
        assert (await ask(here, create()))[0] == 201


@in_loop
async def test_an_answer_that_does_not_end_keeps_no_lock() -> None:
    async with counting(quota_policy("{containers: 2}")) as (here, engine):
        client = await here.connect()
        the_client(here).socket.patience = 0.2
        engine.answers["/containers/create"] = b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{"
        await client.send(create())
        status, body = await client.answer()
        assert (status, b"the engine did not answer for 0.2 seconds" in body) == (504, True)
        engine.answers.clear()
        assert (await ask(here, create()))[0] == 201


@pytest.mark.parametrize("mode", ["report", "learn"])
@in_loop
async def test_where_nothing_is_refused_a_quota_refuses_nothing(mode: str) -> None:
    async with counting(quota_policy("{containers: 1}", mode=mode)) as (here, engine):
        assert await ask_all(here, create(), create()) == {201: 2}
        records = await here.records(2)
        assert {each["decision"] for each in records} == ({"allowed", "reported"} if mode == "report" else {"allowed"})
        assert any("1 of 1 containers exist" in each.get("reason", "") for each in records) is (mode == "report")
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


@in_loop
async def test_volumes_count_by_their_names_and_anonymous_ones_each() -> None:
    async with counting(quota_policy("{volumes: 3}")) as (here, engine):
        for body, expected in (
            (post("/volumes/create", Name="v"), 201),
            (post("/volumes/create", Name="v"), 201),
            (create(Binds=["v:/v", "/a", "/b", "/c"]), 403),
            (create(Binds=["v:/v", "w:/w", "x:/x"]), 201),
            (create(Binds=["v:/v"], Mounts=[{"Type": "volume", "Target": "/a"}]), 403),
            (create(Binds=["v:/v", "w:/w"]), 201),
            (post("/volumes/create", Name=""), 403),
            (post("/volumes/create", Name="v"), 201),
        ):
            status, says = await ask(here, body)
            assert status == expected, says
        assert sorted(engine.volumes) == ["v", "w", "x"]


def test_a_forged_stamp_does_not_count_and_one_that_cannot_be_proven_does() -> None:
    own = ResolvedObject("1" * 64, ("web",), labels={OWNER: "ci", NONCE: "n1"})
    lookup = Lookup(Kind.CONTAINER, "i", "/images/i/json", OPERATIONS["ContainerList"], of=own)
    for inherited, expected in (({}, True), (None, True), ({NONCE: "n0"}, True), ({NONCE: "n1"}, False)):
        assert is_counted(lookup, "ci", {"/images/i/json": inherited}) is expected
    assert is_counted(lookup, "ci", {})
    assert is_counted(own, "ci", {})
    assert not is_counted(own, "other", {})
    assert not is_counted(replace(own, labels={OWNER: "ci"}), "ci", {})


@pytest.mark.parametrize("mode", ["report", "learn"])
@in_loop
async def test_above_a_quota_that_refuses_nothing_new_volumes_are_own_all_the_same(mode: str) -> None:
    """One of the volumes is not new, so that the body is written anew."""
    async with counting(quota_policy("{containers: 1}", mode=mode)) as (here, engine):
        for binds in (["old:/a"], ["old:/a", "new:/b"]):
            assert (await ask(here, create(Binds=binds)))[0] == 201
        assert {each["Labels"][OWNER] for each in engine.volumes.values()} == {"ci"}
        assert [*engine.volumes] == ["old", "new"]
        assert engine.asked.count("POST /containers/create") == 2
        assert not len(here.server._shared.holding)


SHARED = """
sockets:
  ci:
    path: /ci.sock
    ALLOW
"""
LISTED = 'allow: [own, VolumeCreate, ContainerCreate: {images: ["**"], volumes: [tools]}]'
COUNTED = f"quota: {{volumes: 5}}\n    {LISTED}"
ANY = "allow: [own, VolumeCreate, ContainerCreate: unrestricted]"
UNCOPIED = [{"NoCopy": True}]
OVERTAKEN: Final[tuple[tuple[str, str, str, int, list[Any]], ...]] = (
    (LISTED, "tools", "other", 201, UNCOPIED),
    (COUNTED, "tools", "other", 201, UNCOPIED),
    (LISTED, "tools", "ci", 201, UNCOPIED),
    (LISTED, "more", "ci", 201, UNCOPIED),
    (LISTED, "more", "other", 403, []),
    (ANY, "more", "other", 201, []),
)
"""Whether a container is made if an owner makes the volume that it would have made, and how it mounts it."""


@for_each(("allow", "name", "owner", "expected", "options"), OVERTAKEN)
@in_loop
async def test_a_create_whose_volume_another_client_made_meanwhile_is_judged_by_that_volume(
    allow: str, name: str, owner: str, expected: int, options: list[Any]
) -> None:
    """A contained one has nothing copied into it: others may have it already. It counts until the engine is done."""
    under_way = list[int]()

    async def make(when: str, target: str) -> None:
        under_way[:] = the_client(here).socket.usage._open.values()
        if (when, target) == ("before", "/volumes/create"):
            engine.volumes.setdefault(name, {"Name": name, "Driver": "local", "Labels": {OWNER: owner, NONCE: "n"}})

    policy = read_policy(SHARED.replace("ALLOW", allow), "policy.yaml").sockets[0].policy
    async with counting(policy, make) as (here, engine):
        client = await here.connect()
        await client.send(create(Binds=[f"{name}:/x"]))
        status, _ = await client.answer()
        mounts = [each for made in engine.containers.values() for each in made["HostConfig"].get("Mounts", [])]
        assert (status, [each["VolumeOptions"] for each in mounts]) == (expected, options)
        assert [*engine.volumes] == [name]
        assert not is_counting(here)
        assert claims(here) == 0
        assert sum(under_way) == 1
        usage = the_client(here).socket.usage
        await until(lambda: not any(usage._open.values()), "nothing is under way")
