"""What the kernel says of this process."""

import time

from dockerproxy.host.process import Process


def test_it_has_begun_and_takes_memory() -> None:
    ours = Process()
    assert ours.find_memory() > 1 << 20
    assert ours.started <= time.time()
    ours.close()
    ours.close()
    assert ours.find_memory() == 0


def test_without_proc_it_does_without() -> None:
    assert Process("/nonexistent").find_memory() == 0
