"""What takes long is done one job at a time, in a thread."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from proxy.harness import PATIENCE, in_loop

from dockerproxy.proxy.worker import Worker


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


def note(name: str, done: list[str]) -> Callable[[], str]:
    def work() -> str:
        done.append(name)
        return name

    return work


@in_loop
async def test_the_loop_goes_on_while_a_job_runs_and_its_result_comes() -> None:
    job = Job("a", [])
    running = asyncio.ensure_future(Worker().run(asyncio.Lock(), job))
    await asyncio.wait_for(job.began.wait(), PATIENCE)
    assert not running.done()
    job.end()
    assert await running == "a"


@in_loop
async def test_what_a_job_raises_is_raised_where_it_is_waited_for_and_the_next_one_runs() -> None:
    worker, line = Worker(), asyncio.Lock()
    with pytest.raises(ValueError, match="invalid literal"):
        await worker.run(line, lambda: int("no number"))
    assert await worker.run(line, lambda: 1) == 1


@in_loop
async def test_sockets_take_turns() -> None:
    worker, done, busy, other = Worker(), list[str](), asyncio.Lock(), asyncio.Lock()
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
async def test_a_job_that_was_left_alone_keeps_its_place_until_it_is_over() -> None:
    worker, line, done = Worker(), asyncio.Lock(), list[str]()
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
