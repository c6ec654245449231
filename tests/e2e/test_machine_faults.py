"""A disk that is full and a clock that jumps are the machine's faults: nobody who is served notices."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.programs import OK, Running, ask, engine_at
from e2e.talk import connect, read_until
from folders import short_folder

pytestmark = pytest.mark.engine

LEARNING = "sockets: {{new: {{path: {folder}/docker.sock, mode: learn}}}}"
LIBRARY = "/usr/$LIB/faketime/libfaketime.so.1"


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """Have a file system with room for a few kilobytes at a place."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def test_on_a_full_disk_what_was_learned_is_kept_and_written_when_there_is_room() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), small_disk(folder / "learned"):
        (folder / "policy.yaml").write_text(LEARNING.format(folder=folder))
        filler = folder / "learned/filler"
        with pytest.raises(OSError, match="No space left"):
            filler.write_bytes(b"x" * 100_000)
        places = {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", "LEARN_DIR": f"{folder}/learned"}
        with Running("serve", "--policy", f"{folder}/policy.yaml", **places) as proxy:
            proxy.wait_for("sandboxed: system calls")
            assert ask(f"{folder}/docker.sock", "GET", "/containers/json")[0] == 200
            proxy.signal(signal.SIGUSR1)
            proxy.wait_for("new.learned.yaml: No space left on device; the learned policy stays")
            assert ask(f"{folder}/docker.sock", "GET", "/info")[0] == 200
            assert [path.name for path in filler.parent.iterdir()] == ["filler"]
            filler.unlink()
            proxy.signal(signal.SIGUSR1)
            proxy.wait_for("new.learned.yaml\n")
            written = (folder / "learned/new.learned.yaml").read_text()
    assert "ContainerList" in written
    assert "SystemInfo" in written


def test_a_clock_that_jumps_ends_nothing_that_waits() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        clock = folder / "clock"
        clock.write_text("+0d")
        faked = {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
        places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        # The file with the time is read again and again, which a process that is locked in could not.
        variables = {**faked, **places, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "SANDBOX": "off", "HEADER_TIMEOUT": "60"}
        with Running("serve", **variables) as proxy:
            proxy.wait_for("listening on")
            socket = folder / "docker.sock"
            with connect(socket) as idle, connect(socket) as slow, connect(socket) as busy:
                idle.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
                assert read_until(idle, b"OK").endswith(b"OK")
                slow.sendall(b"GET /_ping HTTP/1.1\r\nHost: ")
                busy.sendall(b"GET /_ping?busy HTTP/1.1\r\nHost: x\r\n\r\n")
                assert read_until(busy, b"OK").endswith(b"OK")
                for jump in ("+400d", "-400d", "+0d"):
                    clock.with_suffix(".new").write_text(jump)
                    clock.with_suffix(".new").replace(clock)
                    for _ in range(2):  # The sweep, which comes once a second, has been by.
                        with pytest.raises(subprocess.TimeoutExpired):
                            proxy.process.wait(1.1)
                        assert ask(str(socket), "GET", f"/_ping?{jump.strip('+-')}")[0] == 200
                slow.sendall(b"x\r\n\r\n")
                assert read_until(slow, b"OK").endswith(OK[-2:])
                idle.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
                assert read_until(idle, b"OK").endswith(b"OK")
            proxy.signal(signal.SIGTERM)
            assert proxy.wait_end() == 0
    years = {line[:4] for line in proxy.printed.splitlines()}
    assert len(years) > 1, "the clock did jump"
