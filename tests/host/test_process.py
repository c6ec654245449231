"""What the kernel says of this process."""

import time
from concurrent.futures import ThreadPoolExecutor

from dockerproxy.host.libc import call
from dockerproxy.host.process import Process, give_back_memory, wait_precisely

PR_GET_TIMERSLACK = 30


def test_it_has_begun_and_takes_memory() -> None:
    ours = Process()
    assert ours.find_memory() > 1 << 20
    assert ours.started <= time.time()
    ours.close()
    ours.close()
    assert ours.find_memory() == 0


def test_without_proc_it_does_without() -> None:
    assert Process("/nonexistent").find_memory() == 0


def test_a_wait_is_hardly_longer_than_asked() -> None:
    def find_slack() -> int:
        wait_precisely()
        return call("prctl", PR_GET_TIMERSLACK, 0, 0, 0, 0)

    with ThreadPoolExecutor(1) as aside:
        assert aside.submit(find_slack).result() == 1_000


def test_free_memory_is_given_back() -> None:
    process, pieces = Process(), [bytes(2000) for _ in range(100_000)]
    kept = pieces[::200]  # So glibc finds no end that it could give back by itself.
    del pieces
    before = process.find_memory()
    give_back_memory()
    assert process.find_memory() < before - 100 * 2**20
    assert kept
    process.close()
