"""An engine that cannot be reached is noticed before a client asks."""

import socket
from pathlib import Path

from dockerproxy.proxy.probing import find_trouble


def test_an_engine_is_no_trouble_while_it_listens(tmp_path: Path) -> None:
    path = str(tmp_path / "docker.sock")
    assert find_trouble((path,)).startswith(f"the engine's socket is not there: {path}")
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(path)
        assert find_trouble((path,)).startswith(f"nothing listens on {path}")
        engine.listen()
        assert not find_trouble((path,))
