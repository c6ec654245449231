"""Each build counts and leaves a record, whatever it is made of."""

from builds.ends import framed
from builds.messages import text
from builds.said import BRIDGE, FRONTEND, SOLVE, attrs, export
from proxy.builders import TAGS, building, open_builds
from proxy.harness import in_loop, world
from proxy.lookups import the_client
from proxy.operators import asking, office
from proxy.stage import turn

from dockerproxy.proxy.building import _MOST_BUILDS

PART = framed(text(2, FRONTEND))


@in_loop
async def test_a_build_without_a_result_counts_and_is_recorded_at_its_first_part() -> None:
    async with world(policy=building(TAGS, quota={"builds": 2})) as here:
        trial, name = framed(text(1, "r")), ("buildkit-controlapi-buildid", "r")
        client, engine = await open_builds(here)
        for count in (1, 4):
            client.begin(SOLVE, trial)
            await client.flush()
            await engine.asked(count)
            for each in (1, 2):
                client.begin(BRIDGE + "Solve", PART, name)
                await client.flush()
                await engine.asked(count + each)
        the_client(here).socket.patience = 1
        other, _ = await open_builds(here)
        other.begin(SOLVE, trial)
        heard = await other.call(BRIDGE + "Solve", PART, name)
        assert "2 builds are in progress" in heard.fields["grpc-message"]
        assert [(each["target"], each["decision"]) for each in await here.records(3)] == [
            *[("/build", "allowed")] * 2,
            ("/grpc", "denied"),
        ]


@in_loop
async def test_a_part_that_is_denied_does_not_let_the_next_pass_without_a_record() -> None:
    async with world(policy=building(TAGS)) as here:
        client, engine = await open_builds(here)
        client.begin(SOLVE, framed(text(1, "r")))
        labels = framed(attrs({"label:a": "b"}, path=BRIDGE + "Solve") + text(2, FRONTEND))
        name = ("buildkit-controlapi-buildid", "r")
        heard = await client.call(BRIDGE + "Solve", labels, name)
        assert heard.fields["grpc-message"].startswith("ImageBuild denied: ")
        client.begin(BRIDGE + "Solve", PART, name)
        await client.flush()
        await engine.asked(2)
        assert [each["decision"] for each in await here.records(2)] == ["denied", "allowed"]


@in_loop
async def test_the_builds_of_one_connection_are_bounded() -> None:
    async with world(policy=building(TAGS)) as here:
        client, engine = await open_builds(here)
        for count in range(_MOST_BUILDS):
            await client.call(SOLVE, framed(text(1, f"r{count}") + export("moby", {"name": "other"})[3:]))
        heard = await client.call(SOLVE, framed(text(1, "more") + export("moby", {"name": "job-1"})[3:]))
        assert "one connection has more than 1000 builds" in heard.fields["grpc-message"]
        assert engine.peer.streams == {}


@in_loop
async def test_an_answer_is_for_one_of_two_builds_with_the_same_name() -> None:
    """The second one waits for a place meanwhile."""
    async with office(asking(quota={"builds": 2})) as at:
        operator = await at.sit()
        (other, taken), (client, engine) = [await open_builds(at.here) for _ in range(2)]
        other.begin(SOLVE, framed(text(1, "r") + export("moby", {"name": "a"})[3:]))
        await other.flush()
        await operator.answer_next("once")
        await taken.asked()
        build = framed(text(1, "r") + export("moby", {"name": "b"})[3:])
        first = client.begin(SOLVE, build)
        await client.flush()
        asked = await operator.next("asked")
        second = client.begin(SOLVE, build)
        await client.flush()
        await turn()
        operator.answer(asked["id"], "once")
        await engine.asked()
        await other.wire.close()
        await operator.answer_next("deny")
        assert "a person denied it" in (await client.answered(second)).fields["grpc-message"]
        assert [*engine.peer.streams] == [first]
