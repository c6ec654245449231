"""A prune removes what is own and not in use, and nothing else, whatever a client says."""

import json
from urllib.parse import quote

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from policy.stamping import MINE as MINE_IN_TEAM
from policy.stamping import engine, send
from proxy.harness import in_loop, request, world
from proxy.lookups import answer
from proxy.owned import MINE, POLICY, THEIRS, Docker, container, identify, make, network, volume
from proxy.podman import claims, standing_in
from proxy.stage import turn, until

from dockerproxy.owner_labels import NONCE, OWNER
from dockerproxy.policy.planning import is_removal

ALL = quote('{"all":["true"]}')
QUERY = "?filters=%7B%22label%22:%5B%22io.dockerproxy.owner%3Dci%22%5D%7D"
SERVICES = "?filters=%7B%22label%22%3A%20%5B%22io.dockerproxy.owner%3Dci%22%5D%7D"
PRUNE = request("POST", "/v1.45/containers/prune")

LABELS = st.fixed_dictionaries(
    {}, optional={OWNER: st.sampled_from(["ci", "other"]), NONCE: st.sampled_from(["", "1", "2"])}
)
CONTAINERS = st.lists(
    st.tuples(LABELS, st.sampled_from(["exited", "created", "running", "paused"]), st.sampled_from([1, 2, 3])),
    max_size=6,
)


async def prune(engine: Docker, target: str) -> tuple[int, bytes]:
    async with world(policy=POLICY) as here, standing_in(here, engine):
        client = await here.connect()
        await client.send(request("POST", target))
        return await client.answer()


@given(CONTAINERS)
def test_a_prune_removes_nothing_that_an_inspection_would_not_show(made: list[tuple[dict[str, str], str, int]]) -> None:
    there = [
        container(number + 16, labels, state=state, image=image) for number, (labels, state, image) in enumerate(made)
    ]
    engine = make(*there)
    engine.images = {identify(1): {}, identify(2): {OWNER: "ci", NONCE: "2"}}  # The third is gone.
    status, body = uvloop.run(prune(engine, "/containers/prune"))
    expected = [  # All are of the same second: the last of the list goes first.
        identify(number + 16)
        for number, (labels, state, image) in reversed([*enumerate(made)])
        if labels.get(OWNER) == "ci"
        and labels.get(NONCE)
        and state in {"exited", "created"}
        and (image == 1 or (image == 2 and labels[NONCE] != "2"))
    ]
    assert (status, json.loads(body)) == (200, {"ContainersDeleted": expected, "SpaceReclaimed": 0})
    assert engine.removed == expected


@in_loop
async def test_each_kind_is_answered_as_the_engine_does() -> None:
    for target, told in (
        ("/networks/prune", {"NetworksDeleted": ["n32"]}),
        (f"/volumes/prune?filters={ALL}", {"VolumesDeleted": ["a"], "SpaceReclaimed": 0}),
    ):
        engine = make(
            container(16, MINE),
            container(17, THEIRS),
            networks=[network(32, MINE), network(33, THEIRS), network(34, {}), network(35, MINE)],
            volumes=[volume("a", MINE), volume("b", THEIRS), volume("c", MINE), volume("d", MINE, Driver="nfs")],
        )
        engine.in_use = {identify(35), "c"}
        status, body = await prune(engine, target)
        assert (status, json.loads(body)) == (200, told)
        assert len(engine.removed) == 1


@in_loop
async def test_no_filter_reaches_the_engine() -> None:
    engine = make(container(16, MINE), volumes=[volume("a", MINE), volume("b", THEIRS)])
    engine.things["volumes"][0]["Labels"] = {**MINE, "x": "y"}
    filters = quote(json.dumps({"label": ["x"], "all": ["t"]}))
    status, _ = await prune(engine, f"/volumes/prune?filters={filters}")
    assert (status, engine.removed) == (200, ["a"])
    assert engine.asked == [f"/volumes{QUERY}", *["/volumes/a"] * 2]


@in_loop
async def test_a_volume_that_is_anothers_by_now_stays() -> None:
    engine = make(volumes=[volume("a", MINE)])
    async with world(policy=POLICY) as here, standing_in(here, engine):
        listed = engine._do

        def replace_it(method: str, target: str) -> bytes:
            told = listed(method, target)
            if target.startswith("/volumes?"):
                engine.things["volumes"][0] = volume("a", THEIRS)
            return told

        engine._do = replace_it  # type: ignore[method-assign] # the engine is the test's
        client = await here.connect()
        await client.send(request("POST", f"/volumes/prune?filters={ALL}"))
        assert json.loads((await client.answer())[1]) == {"VolumesDeleted": [], "SpaceReclaimed": 0}
        assert (engine.removed, engine.heard) == ([], [])


@pytest.mark.parametrize("listed", [identify(17), identify(17)[:12], f"../containers/{identify(17)}", "17?force=1"])
@in_loop
async def test_no_id_in_a_list_removes_what_is_anothers(listed: str) -> None:
    """An engine's list need not be true: under an ID of an own container, it finds another's."""
    engine = make(container(16, MINE), container(17, THEIRS))
    async with world(policy=POLICY) as here, standing_in(here, engine):
        truly = engine._do

        def lie(method: str, target: str) -> bytes:
            if target.startswith("/containers/json"):
                return answer([{**container(16, MINE), "Id": listed}])
            return truly(method, target.replace(identify(17)[:12], identify(17)) if len(target) < 64 else target)

        engine._do = lie  # type: ignore[method-assign] # the engine is the test's
        client = await here.connect()
        await client.send(request("POST", "/containers/prune"))
        _, told = await client.answer()
        assert (engine.removed, listed.encode() in told) == ([], False)


@in_loop
async def test_a_prune_ends_after_what_is_under_way_when_its_client_goes() -> None:
    engine = make(volumes=[volume("a", MINE), volume("b", MINE)])
    async with world(policy=POLICY) as here, standing_in(here, engine):
        engine.goes_on.clear()
        client = await here.connect()
        await client.send(request("POST", f"/volumes/prune?filters={ALL}"))
        await engine.hears(1)
        await client.close()
        await until(lambda: not here.clients, "the client is gone")
        await turn()
        assert claims(here) == 1
        engine.goes_on.set()
        await until(lambda: not claims(here), "the removal is over")
        assert engine.removed == ["b"]


@in_loop
async def test_the_connection_goes_on_and_there_is_one_record() -> None:
    async with world(policy=POLICY) as here, standing_in(here, make(container(16, MINE))):
        client = await here.connect()
        for expected in ([identify(16)], []):
            await client.send(PRUNE)
            assert json.loads((await client.answer())[1])["ContainersDeleted"] == expected
        records = await here.records(2)
        assert [(each["operation"], each["decision"], each["status"]) for each in records] == [
            ("ContainerPrune", "allowed", 200)
        ] * 2


@pytest.mark.parametrize(("told", "status"), [(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", 500), (b"x", 502)])
@in_loop
async def test_an_engine_that_gives_no_list_is_told(told: bytes, status: int) -> None:
    async with world(policy=POLICY) as here:
        client = await here.connect()
        await client.send(PRUNE)
        wire = await here.engine_side()
        assert (await wire.head()).startswith(b"GET /v1.45/containers/json?all=1&filters=")
        await wire.send(told)
        await wire.close()
        assert (await client.answer())[0] == status


@in_loop
async def test_a_list_of_tasks_has_those_of_the_services_that_are_shown() -> None:
    engine = make()
    engine.things["services"] = [
        {"ID": name, "Spec": {"Name": name, "Labels": labels}}
        for name, labels in (("mine", MINE), ("other", THEIRS), ("nobodys", {}))
    ]
    tasks = [{"ID": f"of-{each['ID']}", "ServiceID": each["ID"]} for each in engine.things["services"]]
    engine.things["tasks"] = [*tasks, {"ID": "of-gone", "ServiceID": "gone"}, {"ID": "of-none"}]
    async with world(policy=POLICY) as here, standing_in(here, engine):
        client = await here.connect()
        for version in ("/v1.45", ""):
            await client.send(request("GET", f"{version}/tasks"))
            status, body = await client.answer()
            assert (status, [each["ID"] for each in json.loads(body)]) == (200, ["of-mine"])
        del engine.things["services"]
        await client.send(request("GET", "/v1.45/tasks"))
        status, body = await client.answer()
        assert (status, b"to the list of services" in body) == (502, True)
    assert engine.asked[:2] == [f"/v1.45/tasks{QUERY}", f"/v1.45/services{SERVICES}"]


@pytest.mark.parametrize("line", ["DELETE /v1.41/networks/web", "DELETE /v1.41/volumes/web"])
def test_removals_of_networks_and_of_volumes_take_a_place_among_so_many(line: str) -> None:
    assert is_removal(send(line, None, engine(MINE_IN_TEAM)))
    assert not is_removal(send("POST /v1.41/containers/web/start", None, engine(MINE_IN_TEAM)))
