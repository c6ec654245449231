"""One client that has much to do keeps nobody waiting."""

import asyncio
import threading
import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import grant_on, policy_with
from proxy.harness import OK, World, get, in_loop, request, world
from rows import for_each
from waiting import PATIENCE

from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.model import Tenancy
from dockerproxy.proxy.scheduling import TURN, Busy, Turns

PINGS = policy_with(grant_on("SystemPing"), grant_on("ImageLoad"))
STREAMS = policy_with(*map(grant_on, ("SystemPing", "ContainerLogs", "SystemEvents")))
HIDING = compile_policy(STREAMS.policy._replace(hides=frozenset({"labels"})))
CHUNKS_OF_A_STEP = 128


class Clock:
    """A clock that goes on by so much whenever somebody looks at it."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._now = time.monotonic()

    def __call__(self) -> float:
        self._now += self._step
        return self._now


class Counting(Turns):
    """Notes who could not do everything in one turn, and what had been done by then."""

    def __init__(self, here: World) -> None:
        super().__init__()
        self.done: list[int] = []
        self._here = here

    def wait(self, busy: Busy, socket: object) -> None:
        self.done.append(len(self._here.heard.records))
        super().wait(busy, socket)


def count_turns(here: World, step: float) -> Counting:
    """Have each look at the clock take so long, and count turns from now on."""
    shared = here.server._shared
    shared.now, shared.turns = Clock(step), (counting := Counting(here))
    return counting


class Hog:
    """One that has something to do for so many turns."""

    def __init__(self, turns: Turns, left: int, done: list[int], number: int) -> None:
        self.turns, self.left, self.done, self.number = turns, left, done, number

    def advance(self) -> None:
        self.done.append(self.number)
        self.turns.spend(TURN)
        self.left -= 1
        if self.left:
            self.turns.wait(self, 1)


@given(crowd=st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_of_a_crowd_one_has_its_turn_before_all_others_are_served(crowd: list[int]) -> None:
    done, others = list[int](), list[int]()

    async def play() -> None:
        turns = Turns()
        for number, left in enumerate(crowd):
            hog = Hog(turns, left, done, number)
            turns.wait(hog, 1)
            turns.wait(hog, 1)  # To stand in line twice changes nothing.
        while len(done) < sum(crowd):
            await asyncio.sleep(0)
            others.append(len(done))

    asyncio.run(play())
    assert all(after - before <= 1 for before, after in zip([0, *others], others, strict=False))
    assert done == [number for turn in range(max(crowd)) for number, left in enumerate(crowd) if left > turn]


@in_loop
async def test_a_turn_ends_with_the_step_after_which_its_time_is_over() -> None:
    async with world(policy=PINGS) as here:
        turns = count_turns(here, TURN)
        client = await here.connect()
        await client.send(get("/containers/json") * 40)
        for _ in range(40):
            assert (await client.answer())[0] == 403
        assert turns.done == list(range(1, 41))


@in_loop
async def test_what_fits_into_a_turn_is_done_in_one() -> None:
    async with world(policy=PINGS) as here:
        turns = count_turns(here, 0)
        client = await here.connect()
        await client.send(get("/containers/json") * 40)
        for _ in range(40):
            assert (await client.answer())[0] == 403
        assert not turns.done


@pytest.mark.parametrize("step", [0, TURN])
@in_loop
async def test_a_body_of_many_chunks_is_read_in_steps(step: float) -> None:
    async with world(policy=PINGS) as here:
        client = await here.connect()
        await client.send(request("POST", "/images/load", "Transfer-Encoding: chunked"))
        engine = await here.engine_side()
        await engine.head()
        turns = count_turns(here, step)
        await client.send(b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n")
        await engine.reader.readuntil(b"\r\n0\r\n\r\n")
        assert (len(turns.done) >= 5000 // CHUNKS_OF_A_STEP - 2) is (step > 0)
        await engine.send(OK)
        assert await client.answer() == (200, b"OK")


@in_loop
async def test_another_client_is_answered_between_two_turns() -> None:
    async with world(policy=PINGS) as here:
        count_turns(here, TURN)
        busy, other = await here.connect(), await here.connect()
        await busy.send(get("/containers/json") * 3000)
        await other.send(get("/images/json"))
        assert (await other.answer())[0] == 403
        paths = [record.target for record, _ in here.heard.records]
        assert "/images/json" in paths
        assert paths.count("/containers/json") < 3000


@in_loop
async def test_a_crowd_has_one_turn_together() -> None:
    async with world(policy=PINGS) as here:
        count_turns(here, TURN)
        crowd = [await here.connect() for _ in range(40)]
        other = await here.connect()
        for each in crowd:
            each.writer.write(get("/containers/json") * 2)  # All of it comes in one round.
        other.writer.write(get("/images/json"))
        assert (await other.answer())[0] == 403
        assert [record.target for record, _ in here.heard.records].index("/images/json") < 5
        for each in crowd:
            assert [(await each.answer())[0] for _ in range(2)] == [403, 403]


@in_loop
async def test_sockets_take_turns() -> None:
    turns, done = Turns(), list[int]()
    for number in range(4):
        turns.wait(Hog(turns, 1, done, number), "busy")
    turns.wait(Hog(turns, 1, done, 9), "other")
    while len(done) < 5:  # noqa: ASYNC110 (each turn of the loop is one that is looked at)
        await asyncio.sleep(0)
    assert done == [0, 9, 1, 2, 3]


@in_loop
async def test_those_with_little_to_do_have_their_turn_together() -> None:
    turns, done = Turns(), list[str]()

    class Little:
        def __init__(self, name: str) -> None:
            self._name = name

        def advance(self) -> None:
            done.append(self._name)
            turns.spend(TURN / 3)

    for name in "abcde":
        turns.wait(Little(name), name)
    await asyncio.sleep(0)
    assert done == ["a", "b", "c"]
    assert turns.is_over
    await asyncio.sleep(0)
    assert done == ["a", "b", "c", "d", "e"]
    assert not turns.is_over


@in_loop
async def test_a_bug_in_one_turn_takes_nobody_out_of_the_line() -> None:
    turns, done, heard = Turns(), list[int](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context["exception"]))

    class Broken:
        def advance(self) -> None:
            raise ZeroDivisionError

    turns.wait(Broken(), "broken")
    turns.wait(Hog(turns, 2, done, 1), "busy")
    for _ in range(4):
        await asyncio.sleep(0)
    assert done == [1, 1]
    assert len(heard) == 1


@for_each(
    ("policy", "target", "piece", "steps"),
    [(STREAMS, "/containers/web/logs", b"1\r\nx\r\n", 5), (HIDING, "/events", b"3\r\n{}\n\r\n", 5_000)],
)
@in_loop
async def test_an_answer_of_many_pieces_is_passed_on_in_steps(
    policy: CompiledPolicy, target: str, piece: bytes, steps: int
) -> None:
    async with world(policy=policy) as here:
        client, engine = await here.exchange(get(target), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.head()
        turns = count_turns(here, TURN)
        await engine.send(piece * 5_000 + b"0\r\n\r\n")
        await asyncio.wait_for(client.reader.readuntil(b"\r\n0\r\n\r\n"), PATIENCE)
        assert len(turns.done) >= steps - 1


@in_loop
async def test_the_end_of_an_answer_comes_after_what_waits_for_its_turn() -> None:
    async with world(policy=STREAMS) as here:
        client, engine = await here.exchange(get("/containers/web/logs"), b"HTTP/1.1 200 OK\r\n\r\n")
        await client.head()
        here.server._shared.turns.spend(TURN)
        await engine.send(b"x" * 1000)
        engine.end()
        assert await client.rest() == b"x" * 1000


@in_loop
async def test_of_tasks_that_wait_one_goes_on_in_a_round() -> None:
    turns, done, rounds = Turns(), list[int](), list[int]()

    async def work(number: int) -> None:
        await turns.enter(number % 3)
        done.append(number)
        turns.spend(TURN)

    turns.spend(TURN)
    tasks = [asyncio.ensure_future(work(number)) for number in range(30)]
    tasks[4].cancel()
    while not all(task.done() for task in tasks):
        before = len(done)
        await asyncio.sleep(0)
        rounds.append(len(done) - before)
    assert max(rounds) == 1
    assert sorted(done) == [number for number in range(30) if number != 4]


class Slow(Tenancy):
    """Takes as long to compare as a test wants."""

    is_free = threading.Event()

    @property
    def most(self) -> Mapping[str, int]:
        """Wait."""
        self.is_free.wait(PATIENCE)
        return {}


@in_loop
async def test_policies_are_compared_beside_the_loop() -> None:
    async with world(policy=PINGS) as here:
        settings = here.server._settings
        slow = PINGS._replace(policy=PINGS.policy._replace(tenancy=Slow()))
        sockets = (settings.sockets[0]._replace(policy=slow),)
        reloading = asyncio.ensure_future(here.server.reload(settings._replace(sockets=sockets)))
        client = await here.connect()
        await client.send(get("/images/json"))
        assert (await client.answer())[0] == 403
        assert not reloading.done()
        Slow.is_free.set()
        await reloading
