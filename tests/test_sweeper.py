"""What is own goes when nobody uses it, and only then; what cannot go is said."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from proxy.harness import Wire, World, get, in_loop, world
from proxy.owned import MINE, POLICY, THEIRS, Docker, container, identify, make, network, volume
from proxy.podman import add_socket, claims, standing_in
from proxy.stage import turn, until

from dockerproxy.host.listen import listen
from dockerproxy.policy.compile import compile_policy
from dockerproxy.settings import Level, Sweep
from dockerproxy.sweeper import AT_EXIT, Sweeper
from dockerproxy.tenancy.own import Own

IDLE = Sweep.IDLE


def some() -> Docker:
    """An engine with two things of each kind, one of them own."""
    return make(
        container(16, MINE),
        container(17, THEIRS),
        networks=[network(32, MINE), network(33, THEIRS)],
        volumes=[volume("a", MINE), volume("b", THEIRS)],
    )


@asynccontextmanager
async def swept(here: World, engine: Docker, when: Sweep, idle_after: float = 0) -> AsyncIterator[None]:
    """Have the socket of a world swept."""
    settings = here.server._settings
    served = settings.sockets[0]._replace(sweep=when, idle_after=idle_after)
    await here.server.reload(settings._replace(sockets=(served,)))
    async with standing_in(here, engine):
        yield
        await until(
            lambda: not any(each.get_name().startswith("removing") for each in tasks_of(here)), "sweeps are over"
        )


def tasks_of(here: World) -> set["asyncio.Task[None]"]:
    return here.server._tasks._running


REMOVED = [identify(16), identify(32), "a"]


def look(here: World, sweeper: Sweeper | None = None) -> None:
    """Look twice: an owner is quiet for the first time, and then for a while."""
    for _ in range(2):
        (sweeper or here.server._sweeper).look()


def says(here: World, level: Level, text: str) -> Callable[[], bool]:
    return lambda: (level, f"socket docker: {text}") in here.heard.messages


@in_loop
async def test_what_is_own_goes_in_an_order_in_which_nothing_is_in_use_and_the_log_says_so() -> None:
    engine = some()
    async with world(policy=POLICY) as here, swept(here, engine, IDLE):
        look(here)
        await until(lambda: engine.removed == REMOVED, "all that is own is gone")
        for text in ("removed container c16", "removed network n32", "removed volume a"):
            await until(says(here, Level.NOTICE, text), "it is said")
        look(here)
        await turn()
        assert sum(each.startswith("/services") for each in engine.asked) == 1, "it sweeps once"


@in_loop
async def test_what_cannot_be_removed_is_said() -> None:
    engine = some()
    engine.in_use = {"a"}
    async with world(policy=POLICY) as here, swept(here, engine, IDLE):
        look(here)
        await until(says(here, Level.WARNING, "left volume a: in use"), "it is said")


@in_loop
async def test_an_image_with_the_stamp_is_no_proof_for_a_sweep() -> None:
    engine = some()
    engine.images[identify(1)] = MINE
    async with world(policy=POLICY) as here, swept(here, engine, IDLE):
        look(here)
        await until(lambda: engine.removed == REMOVED[1:], "the rest is gone")


@in_loop
async def test_nobody_else_is_swept() -> None:
    engine = some()
    async with world(policy=POLICY) as here, swept(here, engine, Sweep.NEVER):
        look(here)
        await turn()
        look(here)
        await here.server._sweeper.sweep_at_exit()
        assert not any(each.get_name().startswith("removing") for each in tasks_of(here))
        assert engine.asked == []


@in_loop
async def test_it_is_idle_when_nobody_has_been_there_for_so_long() -> None:
    engine, now = some(), [100.0]
    async with world(policy=POLICY) as here, swept(here, engine, IDLE, idle_after=60):
        here.server._shared.now = lambda: now[0]
        sweeper = here.server._sweeper
        for seconds in (0, 59):
            now[0] = 100.0 + seconds
            look(here)
        client = await here.connect()
        await until(lambda: len(here.clients) == 1, "a client is there")
        now[0] = 200.0
        look(here)
        await client.close()
        await until(lambda: not here.clients, "it is gone")
        sweeper.look()
        now[0] = 259.0
        look(here)
        await turn()
        assert engine.asked == []
        now[0] = 260.0
        look(here)
        await until(lambda: engine.removed == REMOVED, "it is idle")


@in_loop
async def test_who_came_and_went_between_two_looks_was_there() -> None:
    engine, now = some(), [100.0]
    async with world(policy=POLICY) as here, swept(here, engine, IDLE, idle_after=60):
        here.server._shared.now = lambda: now[0]
        look(here)
        await (await here.connect()).close()
        await until(
            lambda: here.server._list_sockets()[0].connections.admitted == 1 and not here.clients, "it came and went"
        )
        now[0] = 170.0
        here.server._sweeper.look()
        await turn()
        assert engine.asked == []


@in_loop
async def test_a_health_check_is_no_client() -> None:
    """The one of the image comes each 30 seconds."""
    engine = some()
    async with world(policy=POLICY) as here, swept(here, engine, IDLE, idle_after=60):
        now = [100.0]
        here.server._shared.now = lambda: now[0]
        look(here)
        check = await here.connect()
        await check.send(get("/_dockerproxy/health"))
        await check.rest()
        await check.close()
        await until(
            lambda: here.server._list_sockets()[0].connections.admitted == 1 and not here.clients, "it came and went"
        )
        now[0] = 160.0
        here.server._sweeper.look()
        await until(lambda: engine.removed == REMOVED, "it is idle")


@in_loop
async def test_an_owner_is_idle_when_none_of_its_sockets_has_a_client() -> None:
    engine = some()
    async with world(policy=POLICY) as here, swept(here, engine, IDLE):
        connect = await add_socket(here, POLICY)
        client = await connect()
        await until(lambda: len(here.clients) == 1, "a client is there")
        look(here)
        await turn()
        assert engine.asked == []
        await client.close()
        await until(lambda: not here.clients, "it is gone")
        look(here)
        await until(lambda: engine.removed == REMOVED, "none has a client")


@in_loop
async def test_a_client_stops_a_sweep() -> None:
    engine = some()
    async with world(policy=POLICY) as here, swept(here, engine, IDLE):
        engine.goes_on.clear()
        look(here)
        await engine.hears(1)
        await here.connect()
        await until(lambda: len(here.clients) == 1, "a client is there")
        engine.goes_on.set()
        await until(says(here, Level.NOTICE, "not all that its clients own is removed: a client has come"), "it stops")
        assert engine.removed == REMOVED[:1]


@in_loop
async def test_a_sweep_that_a_health_check_stops_is_begun_again() -> None:
    """Until it has asked, it may be any client."""
    engine = some()
    async with world(policy=POLICY) as here, swept(here, engine, IDLE):
        engine.goes_on.clear()
        look(here)
        await engine.hears(1)
        check = await here.connect()
        await until(lambda: len(here.clients) == 1, "it is there")
        engine.goes_on.set()
        await until(says(here, Level.NOTICE, "not all that its clients own is removed: a client has come"), "it stops")
        await check.send(get("/_dockerproxy/health"))
        await check.rest()
        await check.close()
        await until(lambda: not here.clients, "it is gone")
        look(here)
        await until(lambda: engine.removed == REMOVED, "the rest is gone")


@in_loop
async def test_an_engine_that_hangs_ends_a_sweep() -> None:
    engine = make(volumes=[volume("a", MINE), volume("b", MINE)])
    async with world(policy=POLICY) as here, swept(here, engine, IDLE):
        sweeper = Sweeper(here.server._shared, here.server._list_sockets, patience=0.5)
        here.server._sweeper = sweeper
        engine.goes_on.clear()
        look(here, sweeper)
        text = "not all that its clients own is removed: the engine does not answer: it was silent for 0.5 seconds"
        await until(says(here, Level.WARNING, text), "it gives up")
        for _ in range(3):
            look(here, sweeper)
            await turn()
        assert (claims(here), len(engine.heard)) == (1, 1)
        engine.goes_on.set()
        await until(lambda: not claims(here), "the removal is over")
        look(here, sweeper)
        await until(lambda: engine.removed == ["b", "a"], "it is tried again")


@in_loop
async def test_an_engine_that_is_not_there_is_tried_again() -> None:
    engine = some()
    async with world(policy=POLICY) as here, swept(here, engine, IDLE):
        settings, server = here.server._settings, here.server
        server._shared.engines = (f"{here.directory}/nothing.sock",)
        look(here)
        await until(lambda: any("the engine does not answer" in text for _, text in here.heard.messages), "it is said")
        server._shared.engines = settings.engines
        look(here)
        await until(lambda: engine.removed == REMOVED, "it is tried again")


@in_loop
async def test_at_the_end_what_is_own_goes_after_the_clients() -> None:
    engine = some()
    async with world(policy=POLICY) as here, swept(here, engine, Sweep.AT_EXIT):
        look(here)
        client: Wire = await here.connect()
        await until(lambda: len(here.clients) == 1, "a client is there")
        assert engine.asked == []
        here.server.stop()
        await until(lambda: engine.removed == REMOVED, "it is swept")
        assert await client.rest() == b""
        assert says(here, Level.NOTICE, f"removing its clients' objects, for up to {AT_EXIT:g}s")()


@pytest.mark.parametrize("when", [Sweep.AT_EXIT, IDLE])
@in_loop
async def test_what_another_proxy_took_over_is_not_swept(when: Sweep) -> None:
    engine = some()
    async with world(policy=POLICY) as here, swept(here, engine, when):
        (door,) = here.server._doors.values()
        other = listen(door.listening.settings, 1, takes_over=True)
        other.appear()
        for _ in range(2):
            door.close()
        look(here)
        await here.server._sweeper.sweep_at_exit()
        assert not any(each.get_name().startswith("removing") for each in tasks_of(here))
        assert engine.asked == []
        other.remove()
        other.socket.close()


@in_loop
async def test_at_the_end_no_owner_waits_for_another() -> None:
    engine, other = some(), compile_policy(POLICY.policy._replace(tenancy=Own("other")))
    async with world(policy=POLICY) as here, swept(here, engine, Sweep.AT_EXIT):
        await add_socket(here, other)
        engine.goes_on.clear()
        here.server.stop()
        await engine.hears(2)
        engine.goes_on.set()
        await until(lambda: len(engine.removed) == 2 * len(REMOVED), "both are swept")


@in_loop
async def test_a_second_signal_ends_a_sweep() -> None:
    engine = some()
    async with world(policy=POLICY) as here, swept(here, engine, Sweep.AT_EXIT):
        engine.goes_on.clear()
        here.server.stop()
        await engine.hears(1)
        here.server.stop()
        await until(here.server._cut.is_set, "it is cut")
        await asyncio.sleep(0)
        engine.goes_on.set()
