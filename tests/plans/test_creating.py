"""Which volumes no container can have had before, so that the engine may copy files into them."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable

import pytest
from policy.policies import grant_on, policy_with
from policy.stamping import MINE as MADE
from policy.stamping import POLICY, THEIRS, engine, send
from proxy.bodies import CONTAINED, OUTSIDE, TWO_UNFILLED, TWO_VOLUMES, contained, create, whole
from proxy.harness import Wire, World, in_loop, request, world
from proxy.lookups import answer, asked, tell, the_client
from proxy.podman import add_socket, claims, standing_in, status_of
from proxy.stage import turn, until
from rows import for_each

from dockerproxy.plans.table import PLANS
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.model import Grant, Mode
from dockerproxy.policy.objects import Kind
from dockerproxy.policy.phases import Act
from dockerproxy.policy.steps import Ask, Fills, Hold, Says, Scene, Whole, Work, hold_object


def test_a_volume_is_new_until_a_container_may_have_it() -> None:
    fills = Fills()
    fills.add(["a"])
    assert ("a" in fills, "b" in fills) == (True, False)
    fills.discard(["a", "b"])
    assert "a" not in fills


def test_only_so_many_volumes_are_remembered() -> None:
    fills = Fills()
    fills.add(map(str, range(10_000)))
    fills.add(["a"])
    assert ("0" in fills, "1" in fills, "a" in fills) == (False, True, True)


@pytest.mark.parametrize(
    ("claim", "left"),
    [
        (hold_object(Kind.VOLUME, "db"), {"DB", "db-log", "web"}),
        (Hold("volume/d", was_judged=False), {"web"}),
        (Hold("", was_judged=False), set()),
        (hold_object(Kind.NETWORK, "db"), {"db", "DB", "db-log", "web"}),
    ],
)
def test_what_is_claimed_is_forgotten(claim: Hold, left: set[str]) -> None:
    fills = Fills()
    fills.add(["db", "DB", "db-log", "web"])
    fills.forget(claim)
    assert {name for name in ("db", "DB", "db-log", "web") if name in fills} == left


class Docker:
    """An engine with volumes, which fails to create containers, or takes its time for that, as a test says."""

    def __init__(self) -> None:
        self.volumes: set[str] = set()
        self.status = "201 Created"
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.mounted: list[bool] = []

    async def serve(self, wire: Wire) -> None:
        """Answer the requests of one connection. Of each create, note whether it lets a volume be filled."""
        while True:
            try:
                head = (await wire.head()).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            length = re.search("content-length: ([0-9]+)", head)
            body = await wire.exactly(int(length[1])) if length else b""
            method, target, _ = head.split(" ", 2)
            name = target.rpartition("/")[2]
            if method == "POST" and name.startswith("create?"):
                self.mounted.append(b'"NoCopy":true' not in body)
                await self.goes_on.wait()
            await wire.send(self._do(method, name, body))
            if "connection: close" in head:
                await wire.close()
                return

    def _do(self, method: str, name: str, body: bytes) -> bytes:
        if method == "GET" and name == "info":
            return answer(OUTSIDE, ends=False)
        if method == "GET":
            there = name in self.volumes
            return answer(describe(name) if there else {}, "200 OK" if there else "404 Not Found", ends=False)
        if method == "DELETE":
            self.volumes.remove(name)
        elif name == "prune":
            self.volumes.clear()
        elif b"Name" in body:
            self.volumes.add(json.loads(body)["Name"])
        else:
            self.volumes.update(name for name in ("data", "more") if self.status < "3" and name.encode() in body)
            return answer({"Id": "1"}, self.status, ends=False)
        return answer({"Name": name}, ends=False)


MAKE = request(
    "POST", "/v1.45/volumes/create", "Content-Type: application/json", "Content-Length: 15", body=b'{"Name":"data"}'
)
REMOVE = request("DELETE", "/v1.45/volumes/data")
OPEN = policy_with(*map(grant_on, ("ContainerCreate", "ServiceCreate", "ServiceUpdate", "VolumeDelete", "VolumePrune")))
MAKING: tuple[Grant, ...] = (
    contained("ContainerCreate", volumes=("data",)),
    contained("VolumeCreate"),
    grant_on("VolumeDelete", "data"),
)
MAKES = policy_with(*MAKING)


async def done(connect: Callable[[], Awaitable[Wire]], sent: bytes) -> bytes:
    """Send a request on a new connection; return the status of its answer."""
    wire = await connect()
    await wire.send(sent)
    return await status_of(wire)


@in_loop
async def test_the_first_of_two_creates_at_once_fills_a_volume_and_the_other_waits_for_the_engine() -> None:
    engine = Docker()
    async with world(policy=MAKES) as here, standing_in(here, engine):
        await done(here.connect, MAKE)
        engine.goes_on.clear()
        both = [await here.connect(), await here.connect()]
        for each in both:
            await each.send(create(DATA))
        await until(lambda: claims(here) == 2 and len(engine.mounted) == 1, "one is at it, the other one waits")
        await turn()
        assert engine.mounted == [True]
        engine.goes_on.set()
        assert [await status_of(each) for each in both] == [b"201", b"201"]
        assert engine.mounted == [True, False]


@pytest.mark.parametrize("makes", [True, False])
@in_loop
async def test_only_an_error_of_the_engine_leaves_a_volume_new(*, makes: bool) -> None:
    """One that `VolumeCreate` made, or that is made by the create itself."""
    engine = Docker()
    async with world(policy=MAKES) as here, standing_in(here, engine):
        if makes:
            await done(here.connect, MAKE)
        engine.status = "404 Not Found"
        assert await done(here.connect, create(DATA)) == b"404"
        engine.status = "201 Created"
        for _ in range(2):
            assert await done(here.connect, create(DATA)) == b"201"
        assert engine.mounted == [True, True, False]


REMOVALS = {
    "by name": (MAKES, REMOVE),
    "by an unrestricted client": (OPEN, REMOVE),
    "by a prune": (OPEN, request("POST", "/v1.45/volumes/prune")),
}


@pytest.mark.parametrize("way", REMOVALS)
@in_loop
async def test_a_volume_made_after_a_removal_is_not_filled(way: str) -> None:
    """Who made it, at the engine itself, may have it in a container."""
    engine, (policy, removal) = Docker(), REMOVALS[way]
    async with world(policy=MAKES) as here, standing_in(here, engine):
        await done(here.connect, MAKE)
        assert await done(await add_socket(here, policy), removal) == b"200"
        engine.volumes.add("data")
        assert await done(here.connect, create(DATA)) == b"201"
        assert engine.mounted == [False]


def reporting(*grants: Grant) -> CompiledPolicy:
    return policy_with(*grants, mode=Mode.REPORT)


OTHERS = {"unrestricted": OPEN, "where nothing is refused": reporting(grant_on("SystemPing"))}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("target", ["containers/create?name=y", "services/create", "services/s/update?version=1"])
@in_loop
async def test_a_volume_that_an_unrestricted_create_mounts_is_not_filled(target: str, other: str) -> None:
    engine = Docker()
    async with world(policy=MAKES) as here, standing_in(here, engine):
        await done(here.connect, MAKE)
        body = DATA if "containers" in target else SERVICE.replace(b'"Name"', b'"name"')
        assert await done(await add_socket(here, OTHERS[other]), create(body, target=f"/v1.45/{target}")) == b"201"
        engine.mounted.clear()
        assert await done(here.connect, create(DATA)) == b"201"
        assert engine.mounted == [False]


@in_loop
async def test_an_unrestricted_create_of_another_volume_leaves_it_new() -> None:
    """Nor does a body that no engine reads matter."""
    engine = Docker()
    async with world(policy=MAKES) as here, standing_in(here, engine):
        other = await add_socket(here, OPEN)
        await done(here.connect, MAKE)
        for body in (CAPITAL, b'{"Image":"data","Labels":{"data":"data:/d"}}', b"{", b""):
            assert await done(other, create(body)) == b"201"
        await (await other()).send(create(DATA, length=len(DATA) + 1))  # It never comes whole.
        engine.mounted.clear()
        assert await done(here.connect, create(DATA)) == b"201"
        assert engine.mounted == [True]


@in_loop
async def test_an_unrestricted_create_waits_until_the_engine_has_filled_a_volume() -> None:
    engine = Docker()
    async with world(policy=MAKES) as here, standing_in(here, engine):
        other = await add_socket(here, OPEN)
        engine.goes_on.clear()
        filling, waiting = await here.connect(), await other()
        await filling.send(create(DATA))
        await until(lambda: engine.mounted == [True], "it is being filled")
        await waiting.send(create(DATA.replace(b'"data:', b'"\\u0064ata:')))
        await until(lambda: claims(here) == 2, "the other one waits")
        await turn()
        assert engine.mounted == [True]
        engine.goes_on.set()
        assert [await status_of(each) for each in (filling, waiting)] == [b"201", b"201"]


@pytest.mark.parametrize("service", ["ServiceCreate", "ServiceUpdate"])
@in_loop
async def test_a_socket_with_grants_of_services_fills_no_volume(service: str) -> None:
    engine = Docker()
    serving = policy_with(*MAKING, contained(service, volumes=("data",)))
    async with world(policy=serving) as here, standing_in(here, engine):
        await done(here.connect, MAKE)
        assert await done(here.connect, create(DATA)) == b"201"
        assert engine.mounted == [False]


@in_loop
async def test_a_proxy_that_starts_anew_fills_no_volume_from_before() -> None:
    engine = Docker()
    for sent in (MAKE, create(DATA)):
        async with world(policy=MAKES) as here, standing_in(here, engine):
            await done(here.connect, sent)
    assert engine.mounted == [False]


DATA, CAPITAL = (TWO_VOLUMES.replace(b',"more:/m"', b"").replace(b"data", name) for name in (b"data", b"Data"))
SERVICE = json.dumps(
    {
        "Name": "s",
        "TaskTemplate": {
            "ContainerSpec": {"Image": "busybox", "Mounts": [{"Type": "volume", "Source": "data", "Target": "/w"}]}
        },
    }
).encode()


def describe(name: str) -> dict[str, object]:
    return {"Name": name, "Driver": "local", "Options": None}


@in_loop
async def test_creates_with_names_that_differ_in_capitals_do_not_wait() -> None:
    policy = policy_with(contained("ContainerCreate", volumes=("data", "Data")))
    async with world(policy=policy) as here:
        other = await add_socket(here, policy)
        for body, name, connect in ((DATA, "data", here.connect), (CAPITAL, "Data", other)):
            await (await connect()).send(create(body))
            await tell(here, describe(name), f"/v1.45/volumes/{name}")
            await whole(await here.engine_side())
        assert claims(here) == 2


@in_loop
async def test_one_create_mounts_two_names_that_differ_in_capitals() -> None:
    policy = policy_with(contained("ContainerCreate", volumes=("data", "datA")))
    async with world(policy=policy) as here:
        client = await here.connect()
        await client.send(create(TWO_VOLUMES.replace(b"more", b"datA")))
        for name in ("data", "datA"):
            await tell(here, describe(name), f"/v1.45/volumes/{name}")
        await (await here.engine_side()).head()


@in_loop
async def test_a_service_waits_for_a_volume_that_is_being_filled() -> None:
    async with world(policy=MAKES) as here:
        other = await add_socket(here, policy_with(contained("ServiceCreate", volumes=("data",))))
        client = await here.connect()
        await client.send(create(DATA))
        await tell(here, {"message": "no"}, "/v1.45/volumes/data", "404 Not Found")
        await tell(here, OUTSIDE, "/info")
        filling = await here.engine_side()
        assert (await whole(filling))[1] == DATA
        serving = await other()
        await serving.send(create(SERVICE, target="/v1.45/services/create"))
        await tell(here, describe("data"), "/v1.45/volumes/data")
        await until(lambda: claims(here) == 2, "the service waits")
        await turn()
        assert here.arrivals.empty()
        await filling.send(answer({"Id": "1"}, "201 Created"))
        await tell(here, describe("data"), "/v1.45/volumes/data")
        assert (await (await here.engine_side()).head()).startswith(b"POST /v1.45/services/create ")


STATES = ("active", "pending", "error", "locked", "INACTIVE", "", None)
UNCLEAR: list[object] = [
    *({"Swarm": {"LocalNodeState": state}} for state in STATES),
    {},
    {"Swarm": {}},
    {"Swarm": "inactive"},
    [OUTSIDE],
    None,
]


async def send_create_of_new_volumes(here: World) -> None:
    """Send a create, and answer what is asked about its volumes; the engine has a second for what is asked then."""
    client = await here.connect()
    await client.send(create(TWO_VOLUMES))
    for name in ("data", "more"):
        await until(lambda: len(here.clients) == 1, "it is there")
        the_client(here).socket.patience = 2
        await tell(here, {"message": "no"}, f"/v1.45/volumes/{name}", "404 Not Found")


@for_each("said", UNCLEAR)
@in_loop
async def test_an_unclear_swarm_state_keeps_volumes_empty(said: object) -> None:
    async with world(policy=CONTAINED) as here:
        await send_create_of_new_volumes(here)
        await tell(here, said, "/info")
        assert (await whole(await here.engine_side()))[1] == TWO_UNFILLED


@pytest.mark.parametrize("status", ["503 Service Unavailable", "500 Internal Server Error", "404 Not Found", ""])
@in_loop
async def test_an_error_or_timeout_keeps_volumes_empty(status: str) -> None:
    async with world(policy=CONTAINED) as here:
        await send_create_of_new_volumes(here)
        if status:
            await tell(here, OUTSIDE, "/info", status)
        else:
            await asked(here, "/info")
        assert (await whole(await here.engine_side()))[1] == TWO_UNFILLED


@pytest.mark.parametrize(
    ("labels", "mode", "is_theirs"), [(THEIRS, "enforce", True), (MADE, "enforce", False), (THEIRS, "report", False)]
)
def test_a_volume_that_another_client_made_meanwhile_is_not_had(
    labels: dict[str, str], mode: str, *, is_theirs: bool
) -> None:
    policy = compile_policy(POLICY.policy._replace(mode=Mode(mode)))
    verdict = send("POST /v1.41/volumes/create", {"Name": "web"}, engine(None), policy=policy)
    assert verdict.plan is not None
    plan, answer = (
        PLANS[verdict.plan](verdict, Scene(Fills(), {}, 0.0)),
        json.dumps({"Name": "web", "Labels": labels}).encode(),
    )
    step = next(plan)
    while not isinstance(step, Act):
        step = plan.send((200, b"{}") if isinstance(step, Ask) else step.do() if isinstance(step, Work) else None)
    with pytest.raises(StopIteration) as end:
        step = plan.send(Whole(b"HTTP/1.1 201 Created\r\n\r\n", 201, answer))
    assert isinstance(end.value.value, Says) is is_theirs
