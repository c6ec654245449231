"""An engine that cannot be reached is noticed before a client asks."""

import socket
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from waiting import PATIENCE

from dockerproxy.proxy.probing import connect, find_trouble


def test_an_engine_is_no_trouble_while_it_listens(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    assert find_trouble((path,)).startswith(f"the engine's socket is not there: {path}")
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(path)
        assert find_trouble((path,)).startswith(f"nothing listens on {path}")
        engine.listen()
        assert not find_trouble((path,))


def test_an_engine_whose_queue_is_full_is_waited_for(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    with (
        socket.socket(socket.AF_UNIX) as engine,
        socket.socket(socket.AF_UNIX) as first,
        socket.socket(socket.AF_UNIX) as late,
        ThreadPoolExecutor() as pool,
    ):
        engine.bind(path)
        engine.listen(0)
        first.connect(path)
        assert find_trouble((path,)) == f"the engine at {path} cannot be reached: its queue of connections is full"
        waiting = pool.submit(connect, late, path, PATIENCE)
        assert not wait([waiting], timeout=0.1).done
        engine.accept()[0].close()
        waiting.result()
        assert late.getpeername() == path
