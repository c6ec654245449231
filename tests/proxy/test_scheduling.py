"""Long jobs are done one at a time, in a thread, and a bug in a task is heard."""

import asyncio
import gc
import json
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proxy.harness import in_loop, world
from proxy.stage import until
from waiting import PATIENCE

from dockerproxy.observe.log import Log
from dockerproxy.process_settings import LogFormat
from dockerproxy.proxy.scheduling import GARBAGE, MOST_LATE, PASSES, Line, Tasks, Worker
from dockerproxy.settings import Level


class Clock:
    """A clock that goes on when a job says so."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


class Job:
    """A job that is over when the test says so."""

    def __init__(self, name: str, done: list[str]) -> None:
        self.began = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._end = threading.Event()
        self._name = name
        self._done = done

    def __call__(self) -> str:
        self._loop.call_soon_threadsafe(self.began.set)
        assert self._end.wait(PATIENCE)
        self._done.append(self._name)
        return self._name

    def end(self) -> None:
        self._end.set()


def note(name: str, done: list[str], clock: Clock | None = None) -> Callable[[], str]:
    """Make a job that is over at once, or takes 1 by a clock."""

    def work() -> str:
        if clock is not None:
            clock.time += 1
        done.append(name)
        return name

    return work


@in_loop
async def test_the_loop_goes_on_while_a_job_runs_and_its_result_comes() -> None:
    job = Job("a", [])
    running = asyncio.ensure_future(Worker(Clock(), late=PATIENCE).run(Line(), job))
    await asyncio.wait_for(job.began.wait(), PATIENCE)
    assert not running.done()
    job.end()
    assert await running == "a"


@in_loop
async def test_what_a_job_raises_is_raised_where_it_is_waited_for_and_the_next_one_runs() -> None:
    worker, line = Worker(Clock(), late=PATIENCE), Line()
    with pytest.raises(ValueError, match="invalid literal"):
        await worker.run(line, lambda: int("no number"))
    assert await worker.run(line, lambda: 1) == 1


@in_loop
async def test_sockets_take_turns() -> None:
    worker, done, busy, other = (
        Worker(count().__next__, late=PATIENCE),
        list[str](),
        Line(),
        Line(),
    )  # Each job takes 1.
    first = Job("busy", done)
    jobs = [asyncio.ensure_future(worker.run(busy, first))]
    await asyncio.wait_for(first.began.wait(), PATIENCE)
    jobs += [asyncio.ensure_future(worker.run(busy, note("busy", done))) for _ in range(3)]
    jobs += [asyncio.ensure_future(worker.run(other, note("other", done))) for _ in range(2)]
    await asyncio.sleep(0)
    first.end()
    await asyncio.gather(*jobs)
    assert done == ["busy", "other", "busy", "other", "busy", "busy"]


@in_loop
async def test_a_late_job_keeps_its_own_socket_waiting_and_no_other() -> None:
    worker, done, hog, other = Worker(Clock(), late=0), list[str](), Line(), Line()
    first = Job("late", done)
    running = asyncio.ensure_future(worker.run(hog, first))
    await asyncio.wait_for(first.began.wait(), PATIENCE)
    behind = asyncio.ensure_future(worker.run(hog, note("behind", done)))
    for _ in range(3):
        await asyncio.wait_for(worker.run(other, note("other", done)), PATIENCE)
    assert not behind.done()
    first.end()
    await asyncio.gather(running, behind)
    assert await worker.run(other, note("after", done)) == "after"
    assert done == ["other", "other", "other", "late", "behind", "after"]


@in_loop
async def test_few_jobs_run_beside_each_other() -> None:
    worker, done = Worker(Clock(), late=0), list[str]()
    jobs = [Job(str(number), done) for number in range(MOST_LATE + 2)]
    running = [asyncio.ensure_future(worker.run(Line(), job)) for job in jobs]
    for job in jobs[:-1]:
        await asyncio.wait_for(job.began.wait(), PATIENCE)
    await asyncio.sleep(0)
    assert not jobs[-1].began.is_set()
    jobs[0].end()
    await asyncio.wait_for(jobs[-1].began.wait(), PATIENCE)
    for job in jobs:
        job.end()
    await asyncio.gather(*running)


@in_loop
async def test_a_job_that_was_left_alone_keeps_its_place_until_it_is_over() -> None:
    worker, line, done = Worker(Clock(), late=PATIENCE), Line(), list[str]()
    first = Job("left alone", done)
    running = asyncio.ensure_future(worker.run(line, first))
    await asyncio.wait_for(first.began.wait(), PATIENCE)
    waiting = asyncio.ensure_future(worker.run(line, note("never begun", done)))
    await asyncio.sleep(0)
    for each in (running, waiting):
        each.cancel()
    next_one = asyncio.ensure_future(worker.run(line, note("next", done)))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not next_one.done()
    first.end()
    await next_one
    assert done == ["left alone", "next"]


@in_loop
async def test_a_job_that_is_given_up_in_its_turn_keeps_nobody_waiting() -> None:
    line, done, jobs = Line(), list[str](), list[asyncio.Future[str]]()

    class Hasty(Worker):
        def _begin_next(self) -> None:
            super()._begin_next()
            if len(jobs) > 1:
                jobs[1].cancel()

    worker, first = Hasty(Clock()), Job("first", done)
    jobs.append(asyncio.ensure_future(worker.run(line, first)))
    await asyncio.wait_for(first.began.wait(), PATIENCE)
    jobs += [asyncio.ensure_future(worker.run(line, note(name, done))) for name in ("given up", "next")]
    await asyncio.sleep(0)
    first.end()
    await asyncio.wait_for(jobs[2], PATIENCE)
    assert done == ["first", "next"]


@in_loop
async def test_many_jobs_that_are_given_up_at_once_keep_nobody_waiting() -> None:
    worker, line, other, done = Worker(Clock(), late=PATIENCE), Line(), Line(), list[str]()
    first = Job("first", done)
    jobs = [asyncio.ensure_future(worker.run(line, first))]
    await asyncio.wait_for(first.began.wait(), PATIENCE)
    jobs += [asyncio.ensure_future(worker.run(each, note("given up", done))) for each in (line, other) * 5]
    last = asyncio.ensure_future(worker.run(other, note("last", done)))
    await asyncio.sleep(0)
    first.end()
    for each in jobs:
        each.cancel()
    await asyncio.wait_for(last, PATIENCE)
    assert done == ["first", "last"]


def play(lengths: dict[str, int], waiting: int, rounds: int) -> Counter[str]:
    """Have each socket keep so many jobs waiting, of its length; return what each has used after so many jobs."""
    used, clock = Counter[str](), Clock()

    async def send() -> None:
        worker, left = Worker(clock, late=PATIENCE), iter(range(rounds))

        async def repeat(name: str, line: Line) -> None:
            def work() -> None:
                clock.time += lengths[name]
                used[name] += lengths[name]

            while next(left, None) is not None:
                await worker.run(line, work)

        lines = {name: Line() for name in lengths}
        await asyncio.gather(*(repeat(name, line) for name, line in lines.items() for _ in range(waiting)))

    asyncio.run(send())
    return used


@given(st.integers(1, 100), st.integers(1, 100), st.integers(2, 5))
def test_sockets_get_equal_time_whatever_the_length_of_their_jobs(one: int, other: int, waiting: int) -> None:
    used = play({"one": one, "other": other}, waiting, 60)
    assert abs(used["one"] - used["other"]) <= (waiting + 1) * max(one, other)  # The last ones run without a rival.


@in_loop
async def test_a_short_job_of_another_socket_goes_before_long_ones() -> None:
    clock, done, hog, other = Clock(), list[str](), Line(), Line()
    worker = Worker(clock, late=PATIENCE)
    first = Job("long", done)

    jobs = [asyncio.ensure_future(worker.run(hog, first))]
    await asyncio.wait_for(first.began.wait(), PATIENCE)
    jobs += [asyncio.ensure_future(worker.run(hog, note("long", done, clock))) for _ in range(3)]
    jobs += [asyncio.ensure_future(worker.run(other, note("short", done))) for _ in range(3)]
    await asyncio.sleep(0)
    clock.time = 1
    first.end()
    await asyncio.gather(*jobs)
    assert done == ["long", "short", "short", "short", "long", "long", "long"]


@in_loop
async def test_another_socket_does_not_get_between_two_jobs_of_one_request() -> None:
    clock, done, hog, other = Clock(), list[str](), Line(), Line()
    worker = Worker(clock, late=PATIENCE)
    first = Job("long", done)

    async def answer() -> None:
        for _ in range(3):
            await worker.run(other, note("short", done))

    jobs = [asyncio.ensure_future(worker.run(hog, first))]
    await asyncio.wait_for(first.began.wait(), PATIENCE)
    jobs += [asyncio.ensure_future(worker.run(hog, note("long", done, clock))) for _ in range(3)]
    answering = asyncio.ensure_future(answer())
    await asyncio.sleep(0)
    clock.time = 1
    first.end()
    await asyncio.gather(*jobs, answering)
    assert done == ["long", "short", "short", "short", "long", "long", "long"]


@in_loop
async def test_an_idle_socket_saves_up_no_time() -> None:
    clock, done, busy, idle = Clock(), list[str](), Line(), Line()
    worker = Worker(clock, late=PATIENCE)

    for _ in range(5):
        await worker.run(busy, note("busy", done, clock))
    done.clear()
    both = ((busy, "busy"), (idle, "idle")) * 4
    await asyncio.gather(*(worker.run(line, note(name, done, clock)) for line, name in both))
    assert done[:4].count("busy") == 2


@in_loop
async def test_a_job_for_which_no_thread_can_be_started_keeps_no_other_one_waiting() -> None:
    class Full(ThreadPoolExecutor):
        """It can start no thread the first time, as at a limit of processes."""

        tries = 0

        def submit(self, *words: Any, **more: Any) -> Future[Any]:
            self.tries += 1
            if self.tries == 1:
                raise RuntimeError("can't start new thread")
            return super().submit(*words, **more)

    asyncio.get_running_loop().set_default_executor(Full())
    worker, done = Worker(Clock(), late=PATIENCE), list[str]()
    with pytest.raises(RuntimeError, match="start new thread"):
        await worker.run(Line(), note("a", done))
    assert await asyncio.wait_for(worker.run(Line(), note("b", done)), PATIENCE) == "b"


async def fail() -> None:
    raise ZeroDivisionError("on purpose")


async def wait() -> None:
    await asyncio.Event().wait()


@in_loop
async def test_a_task_that_fails_is_logged_with_its_name_and_disturbs_no_other(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as sink:
        log = Log(Level.INFO, LogFormat.JSON, sink.fileno())
        tasks = Tasks(log)
        tasks.start(wait(), "waiting")
        tasks.start(fail(), "dividing")
        for _ in range(5):
            await asyncio.sleep(0)
        assert [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "waiting"]
        tasks.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "waiting"]
        log.close(PATIENCE)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["level"] for line in lines} == {"crit"}
    text = "\n".join(line["text"] for line in lines)
    assert "dividing" in text
    assert "on purpose" in text
    assert "waiting" not in text


@in_loop
async def test_after_long_work_free_memory_is_given_back() -> None:
    async with world() as here:
        worker = here.server._shared.worker
        await worker.run(Line(), lambda: None)
        await until(lambda: worker.has_worked, "the job has ended")
        await until(lambda: not worker.has_worked, "its memory is given back")


class Ring:
    """Refers to itself."""

    def __init__(self) -> None:
        self.ring = self


@in_loop
async def test_the_collector_looks_at_everything_only_while_no_long_work_is_done() -> None:
    before = gc.get_threshold()
    async with world() as here:
        gc.set_threshold(*GARBAGE)
        try:
            worker, ring = here.server._shared.worker, Ring()
            gone = weakref.ref(ring)
            gc.collect()
            del ring
            await worker.run(Line(), lambda: [[] for _ in range(2 * GARBAGE[0] * PASSES**2)] and None)
            assert gone() is not None
            await until(lambda: gone() is None, "an idle second comes")
        finally:
            gc.set_threshold(*before)
