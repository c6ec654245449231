"""What is removed because of its name is what was judged, and whoever removes it keeps nobody else waiting for good."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import grant_on, policy_with
from proxy.harness import Wire, in_loop, request, world
from proxy.podman import ALL, DB, DELETE, add_socket, ask, claims, podman, status_of
from proxy.stage import turn, until
from waiting import PATIENCE

from dockerproxy.plans.removing import hold_for_removal
from dockerproxy.policy.judge import judge
from dockerproxy.policy.objects import Kind
from dockerproxy.policy.phases import NeedsLookup, Verdict
from dockerproxy.policy.steps import Fills, Hold, hold_object
from dockerproxy.proxy.holding import Holding, StillHeldError
from dockerproxy.proxy.running import settle
from dockerproxy.proxy.sockets import REMOVALS

# What is removed


def send_normally(wire: Wire) -> None:
    wire.writer.write(DELETE)


def hang_up(wire: Wire) -> None:
    wire.writer.write(DELETE)
    wire.writer.transport.abort()


def break_the_chunks(wire: Wire) -> None:
    wire.writer.write(request("DELETE", "/v4.0.0/libpod/volumes/db", "Transfer-Encoding: chunked", body=b"zz\r\n"))


def end_before_the_body(wire: Wire) -> None:
    wire.writer.write(request("DELETE", "/volumes/db", "Content-Length: 5"))
    wire.end()


def end_sending(wire: Wire) -> None:
    wire.writer.write(DELETE)
    wire.end()


def pipeline(wire: Wire) -> None:
    wire.writer.write(DELETE * 3)


WAYS = (send_normally, hang_up, break_the_chunks, end_before_the_body, end_sending, pipeline)


@pytest.mark.parametrize("ways", [WAYS, *((send_normally, way) for way in WAYS)])
@in_loop
async def test_a_volume_that_only_begins_so_stays_however_its_removals_end(
    ways: tuple[Callable[[Wire], None], ...],
) -> None:
    async with world(policy=DB) as here, podman(here, "db", "db-secret") as engine:
        for round_ in range(30):
            engine.volumes.add("db")
            wires = [await here.connect() for _ in range(6)]
            for index, wire in enumerate(wires):
                ways[(round_ + index) % len(ways)](wire)
            for wire in wires:
                if wire.writer.transport.is_closing():
                    continue
                await asyncio.wait_for(wire.reader.read(10), PATIENCE)
                wire.writer.transport.abort()
            await until(lambda: not claims(here), "all removals are over")
        assert engine.removed.count("db") >= 10
        assert "db-secret" not in engine.removed


@pytest.mark.parametrize("line", ["DELETE /volumes/db", "DELETE /volumes/d", "POST /volumes/prune"])
@in_loop
async def test_what_nobody_judged_waits_for_what_was_and_the_other_way_round(line: str) -> None:
    method, target = line.split()
    async with world(policy=DB) as here, podman(here, "db", "db-secret", lasting=True) as engine:
        operator = await add_socket(here, ALL)
        engine.goes_on.clear()
        first = await ask(here, DELETE)
        await engine.hears(1)
        second = await ask(here, request(method, target), operator)
        await until(lambda: claims(here) == 2, "the second one waits")
        third = await ask(here, DELETE)
        await until(lambda: claims(here) == 3, "the third one waits")
        await turn()
        assert engine.heard == ["DELETE /volumes/db"]
        engine.goes_on.set()
        assert await status_of(first) == b"200"
        assert (await second.answer())[0] in {200, 404}
        assert await status_of(third) == b"200"
        assert engine.heard == ["DELETE /volumes/db", line, "DELETE /volumes/db"]


@in_loop
async def test_what_was_judged_is_judged_again_when_it_is_its_turn() -> None:
    async with world(policy=DB) as here, podman(here, "db", "db-secret") as engine:
        engine.goes_on.clear()
        first, second = [await ask(here, DELETE) for _ in range(2)]
        await engine.hears(1)
        await until(lambda: claims(here) == 2, "the second one waits")
        engine.goes_on.set()
        assert await status_of(first) == b"200"
        assert (await second.answer())[0] == 404
        assert engine.removed == ["db"]


# Who waits for whom


@in_loop
async def test_volumes_that_have_nothing_to_do_with_each_other_do_not_wait() -> None:
    async with world(policy=DB) as here, podman(here, "db", "db-log", "other") as engine:
        operator = await add_socket(here, ALL)
        engine.goes_on.clear()
        await ask(here, DELETE)
        await ask(here, request("DELETE", "/volumes/db-log"))
        await ask(here, request("DELETE", "/volumes/other"), operator)
        await engine.hears(3)


@in_loop
async def test_what_nobody_judged_does_not_wait_for_its_like() -> None:
    async with world(policy=ALL) as here, podman(here, "db") as engine:
        engine.goes_on.clear()
        for data in (DELETE, DELETE, request("POST", "/volumes/prune"), request("POST", "/libpod/system/prune")):
            await ask(here, data)
        await engine.hears(4)


@in_loop
async def test_who_may_not_remove_a_volume_keeps_nobody_waiting() -> None:
    async with world(policy=DB) as here, podman(here, "other", "db") as engine:
        operator = await add_socket(here, ALL)
        denied = [await ask(here, request("DELETE", "/volumes/other")) for _ in range(20)]
        await ask(here, request("DELETE", "/volumes/other"), operator)
        await engine.hears(1)
        for wire in denied:
            assert (await wire.answer())[0] in {403, 404}
            assert claims(here) <= 1


@in_loop
async def test_many_removals_of_one_socket_do_not_keep_that_of_another_waiting() -> None:
    names = [f"ci-{number}" for number in range(3 * REMOVALS)]
    async with world(policy=DB) as here, podman(here, *names, "db") as engine:
        other = await add_socket(here, DB)
        engine.goes_on.clear()
        for name in names:
            await ask(here, request("DELETE", f"/volumes/{name}"))
        await engine.hears(REMOVALS)
        await turn()
        assert len(engine.heard) == REMOVALS
        await ask(here, DELETE, other)
        await engine.hears(REMOVALS + 1)
        assert engine.heard[-1] == "DELETE /volumes/db"


@in_loop
async def test_who_waits_for_too_long_is_told_for_what() -> None:
    async with world(policy=DB) as here, podman(here, "db", lasting=True) as engine:
        engine.goes_on.clear()
        await ask(here, DELETE)
        await engine.hears(1)
        [begun] = here.clients
        second = await ask(here, DELETE)
        await until(lambda: claims(here) == 2, "it waits")
        [waiting] = [client for client in here.clients if client is not begun]
        judged = waiting.socket.judge(DELETE)
        assert isinstance(judged, NeedsLookup)
        waiting.socket.patience = 0.1
        await settle(waiting.exchange, judged)
        assert b"another request still uses the same container or volumes" in await second.rest()
        assert claims(here) == 1


@pytest.mark.parametrize("spelled", ["d", "_b"])
@in_loop
async def test_a_volume_is_claimed_by_its_own_name(spelled: str) -> None:
    """Podman's own API tells of the one volume whose name begins so."""
    async with world(policy=DB) as here, podman(here, "db") as engine:
        engine.goes_on.clear()
        first = await ask(here, request("DELETE", f"/v4.0.0/libpod/volumes/{spelled}"))
        await engine.hears(1)
        engine.volumes.add("db-secret")
        second = await ask(here, DELETE)
        await until(lambda: claims(here) == 2, "the second one waits")
        await turn()
        assert engine.heard == ["DELETE /v4.0.0/libpod/volumes/db"]
        engine.goes_on.set()
        assert await status_of(first) == b"200"
        assert await status_of(second) == b"404"
        assert engine.removed == ["db"]


@in_loop
async def test_a_name_that_means_another_volume_when_it_is_its_turn_removes_none() -> None:
    async with world(policy=policy_with(grant_on("VolumeDeleteLibpod", "*"))) as here, podman(here, "db") as engine:
        engine.goes_on.clear()
        await ask(here, request("DELETE", "/v4.0.0/libpod/volumes/db"))
        await engine.hears(1)
        second = await ask(here, request("DELETE", "/v4.0.0/libpod/volumes/d"))
        await until(lambda: claims(here) == 2, "the second one waits")
        engine.goes_on.set()
        engine.volumes.add("data")
        engine.volumes.discard("db")
        assert await status_of(second) == b"503"
        assert "data" not in engine.removed


# Claims by themselves


def test_an_underscore_may_stand_for_any_character() -> None:
    judged = Hold("ci-1", was_judged=True)
    for name, waits in {"ci_1": True, "____": True, "ci_": True, "": True, "ci_2": False, "ci-1_": False}.items():
        other = Hold(name, was_judged=False)
        assert (judged.precedes(other), other.precedes(judged)) == (waits, waits)


def test_two_names_that_differ_in_capitals_are_claimed_apart() -> None:
    own, other, beginning = (
        hold_object(Kind.VOLUME, "data"),
        hold_object(Kind.VOLUME, "Data"),
        Hold("volume/DA", was_judged=False),
    )
    assert (own.precedes(other), other.precedes(own)) == (False, False)
    assert all(each.precedes(beginning) and beginning.precedes(each) for each in (own, other))


def test_volumes_and_networks_are_claimed_apart() -> None:
    network, volume = hold_object(Kind.NETWORK, "v" * 64, uses=True), hold_object(Kind.VOLUME, "v")
    for each in (volume, Hold("volume/", was_judged=False), Hold("volume/v", was_judged=False)):
        assert (network.precedes(each), each.precedes(network)) == (False, False)
    everything = Hold("", was_judged=False)  # As a prune of Podman's system, which removes networks, too.
    assert all(each.precedes(everything) and everything.precedes(each) for each in (network, volume))


@pytest.mark.parametrize(("target", "waits"), [("/volumes/prune", False), ("/libpod/system/prune", True)])
def test_only_a_prune_that_removes_networks_claims_them(target: str, *, waits: bool) -> None:
    verdict = judge(ALL, request("POST", target))
    assert isinstance(verdict, Verdict)
    assert hold_for_removal(verdict).precedes(hold_object(Kind.NETWORK, "v", uses=True)) is waits
    assert hold_for_removal(verdict).precedes(hold_object(Kind.VOLUME, "v"))


CLAIMS = st.builds(Hold, st.sampled_from(["", "a", "ab", "abc", "b"]), st.booleans())


@given(st.lists(st.tuples(CLAIMS, st.integers(0, 4), st.booleans()), max_size=8))
def test_no_two_claims_that_matter_to_each_other_are_inside_and_all_get_their_turn(
    plan: list[tuple[Hold, int, bool]],
) -> None:
    async def run() -> None:
        removals, inside, done = Holding(), set[Hold](), list[Hold]()

        async def remove(claim: Hold, turns: int) -> None:
            async with removals.take(claim, PATIENCE):
                assert not any(each.precedes(claim) for each in inside)
                inside.add(claim)
                try:
                    await turn(turns)
                    done.append(claim)
                finally:
                    inside.discard(claim)

        tasks = [asyncio.ensure_future(remove(claim, turns)) for claim, turns, _ in plan]
        await turn(1)
        for task, (_, _, is_cancelled) in zip(tasks, plan, strict=True):
            if is_cancelled:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(claim in done for claim, _, is_cancelled in plan if not is_cancelled)
        assert not len(removals)

    asyncio.run(run())


@given(st.lists(CLAIMS, max_size=8), st.lists(CLAIMS, max_size=3), st.integers(0, 8))
def test_what_ended_since_a_moment_is_known(ended: list[Hold], mine: list[Hold], before: int) -> None:
    async def run() -> None:
        holding, since = Holding(), 0
        for nth, each in enumerate(ended):
            since = holding.moment if nth <= before else since
            async with holding.take(each, PATIENCE):
                pass
        late = ended[since:]
        assert holding.are_quiet(mine, since) is not any(each.precedes(hold) for each in late for hold in mine)

    asyncio.run(run())


def test_holds_on_other_objects_cost_nothing() -> None:
    compared = list[Hold]()

    class Counted(Hold):
        def precedes(self, later: Hold) -> bool:
            compared.append(later)
            return super().precedes(later)

    async def run() -> None:
        holding, fills = Holding(), Fills()
        ours, others = ([Counted(f"volume/{kind}{nth}") for nth in range(100)] for kind in "vw")
        fills.add(f"v{nth}" for nth in range(100))
        async with AsyncExitStack() as stack:
            for hold in ours:
                await stack.enter_async_context(holding.take(hold, PATIENCE))
            assert len(holding) == 100
        assert holding.are_quiet(others, 0)
        fills.forget(ours[7])
        assert (len(fills), "v7" in fills) == (99, False)

    asyncio.run(run())
    assert len(compared) == 1


def test_a_claim_is_not_waited_for_for_ever() -> None:
    async def run() -> None:
        removals = Holding()
        async with removals.take(Hold("a", was_judged=True), 1):
            with pytest.raises(StillHeldError):
                async with removals.take(Hold("a", was_judged=True), 0.01):
                    pass
        async with removals.take(Hold("a", was_judged=True), 0.01):
            assert len(removals) == 1

    asyncio.run(run())
