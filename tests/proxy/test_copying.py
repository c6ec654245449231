"""Which volumes no container can have had before, so that the engine may copy files into them."""

import pytest
from policy.policies import policy_with
from proxy.bodies import CONTAINED, TWO_UNFILLED, TWO_VOLUMES, contained, create, whole
from proxy.harness import in_loop, world
from proxy.lookups import asked, tell, the_client
from proxy.podman import add_socket, claims

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


@pytest.mark.parametrize("said", ["503 Service Unavailable", "200 OK", ""])
@in_loop
async def test_without_a_list_of_services_nothing_is_copied(said: str) -> None:
    """There is none on a worker of a swarm, and it may be too long, or not come."""
    async with world(policy=CONTAINED) as here:
        client = await here.connect()
        await client.send(create(TWO_VOLUMES))
        for name in ("data", "more") * 2:
            await tell(here, {"message": "no"}, f"/v1.45/volumes/{name}", "404 Not Found")
            the_client(here).socket.patience = 2
        if said:
            await tell(here, {"message": "no"}, "/services", said)
        else:
            await asked(here, "/services")
        assert (await whole(await here.engine_side()))[1] == TWO_UNFILLED
