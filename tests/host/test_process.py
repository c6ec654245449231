"""What the kernel says of this process."""

import time
from concurrent.futures import ThreadPoolExecutor

from dockerproxy.host.libc import call
from dockerproxy.host.process import Process, wait_precisely

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
