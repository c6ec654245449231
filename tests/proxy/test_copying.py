"""Which volumes no container can have had before, so that the engine may copy files into them."""

import json

import pytest
from policy.policies import policy_with
from proxy.bodies import CONTAINED, OUTSIDE, TWO_UNFILLED, TWO_VOLUMES, contained, create, whole
from proxy.harness import World, in_loop, world
from proxy.lookups import answer, asked, tell, the_client
from proxy.podman import add_socket, claims
from proxy.stage import turn, until

from dockerproxy.proxy.copying import Fresh


def test_a_volume_is_new_until_a_container_may_have_it() -> None:
    fresh = Fresh()
    fresh.add(["a"])
    assert ("a" in fresh, "b" in fresh) == (True, False)
    fresh.discard(["a", "b"])
    assert "a" not in fresh


def test_only_so_many_volumes_are_remembered() -> None:
    fresh = Fresh()
    fresh.add(map(str, range(10_000)))
    fresh.add(["a"])
    assert ("0" in fresh, "1" in fresh, "a" in fresh) == (False, True, True)


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
            for _ in range(2):
                await tell(here, describe(name), f"/v1.45/volumes/{name}")
            await whole(await here.engine_side())
        assert claims(here) == 2


@in_loop
async def test_one_create_mounts_two_names_that_differ_in_capitals() -> None:
    policy = policy_with(contained("ContainerCreate", volumes=("data", "datA")))
    async with world(policy=policy) as here:
        client = await here.connect()
        await client.send(create(TWO_VOLUMES.replace(b"more", b"datA")))
        for name in ("data", "datA") * 2:
            await tell(here, describe(name), f"/v1.45/volumes/{name}")
        await (await here.engine_side()).head()


@in_loop
async def test_a_service_waits_for_a_volume_that_is_being_filled() -> None:
    grants = (contained("ContainerCreate", volumes=("data",)), contained("ServiceCreate", volumes=("data",)))
    async with world(policy=policy_with(*grants)) as here:
        client = await here.connect()
        await client.send(create(DATA))
        for _ in range(2):
            await tell(here, {"message": "no"}, "/v1.45/volumes/data", "404 Not Found")
        await tell(here, OUTSIDE, "/info")
        filling = await here.engine_side()
        assert (await whole(filling))[1] == DATA
        serving = await here.connect()
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
    for name in ("data", "more") * 2:
        await until(lambda: len(here.clients) == 1, "it is there")
        the_client(here).socket.patience = 2
        await tell(here, {"message": "no"}, f"/v1.45/volumes/{name}", "404 Not Found")


@pytest.mark.parametrize("said", UNCLEAR)
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
