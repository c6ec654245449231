"""The control socket of a whole proxy, locked in as it is served."""

import json
import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from cli.programs import Running, ask, engine_at, run, serving
from folders import short_folder
from waiting import PATIENCE


@contextmanager
def watched() -> Iterator[tuple[Path, Running, str]]:
    """A proxy with a control socket; gives the folder of its own socket, and the path of that."""
    with short_folder() as folder, short_folder() as apart, engine_at(folder / "engine.sock"):
        path = f"{apart}/c.sock"
        with serving(folder, PING="1", SANDBOX="required", CONTROL_SOCKET=path) as proxy:
            yield folder, proxy, path


@contextmanager
def reading(path: str) -> Iterator[IO[str]]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(path)
        with connection.makefile() as lines:
            yield lines


def find(lines: IO[str], kind: str) -> dict[str, Any]:
    """Return the next line of a kind."""
    while True:
        read: dict[str, Any] = json.loads(lines.readline())
        if read["kind"] == kind:
            return read


def test_an_operator_sees_records_and_what_is_open() -> None:
    with watched() as (folder, proxy, path):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with reading(path) as lines:
            hello = json.loads(lines.readline())
            assert (hello["kind"], hello["protocol"], hello["pid"]) == ("hello", 1, proxy.process.pid)
            first = json.loads(lines.readline())
            assert [(each["name"], each["mode"]) for each in first["sockets"]] == [("docker", "enforce")]
            assert first["connections"] == []
            assert ask(f"{folder}/docker.sock", "GET", "/info")[0] == 403
            record = find(lines, "record")
            assert (record["operation"], record["decision"]) == ("SystemInfo", "denied")
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(f"{folder}/docker.sock")
                while not (told := find(lines, "open"))["connections"]:
                    pass
            [connection] = told["connections"]
            assert (connection["socket"], connection["pid"]) == ("docker", os.getpid())
            assert told["sockets"][0]["exchanges"] == {"denied": 1}
        proxy.signal(signal.SIGTERM)
        proxy.wait_end()
        assert not os.path.exists(path)


def test_who_takes_over_has_the_operators_and_keeps_their_socket() -> None:
    with watched() as (folder, first, path):
        with serving(folder, SANDBOX="required", CONTROL_SOCKET=path, TAKE_OVER="1") as second:
            second.wait_for("listening on")
            first.signal(signal.SIGTERM)
            first.wait_end()
            with reading(path) as lines:
                assert json.loads(lines.readline())["pid"] == second.process.pid
            second.signal(signal.SIGTERM)
            second.wait_end()
        assert not os.path.exists(path)


def test_the_control_socket_is_where_no_client_is() -> None:
    with short_folder() as folder, short_folder() as apart:
        os.symlink(folder, apart / "link")
        (folder / "below").mkdir()
        places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{apart}/engine.sock"}
        for path, said in (
            (f"{folder}/docker.sock", "is in the directory of the socket docker"),
            (f"{folder}/c.sock", "is in the directory of the socket docker"),
            (f"{folder}/below/c.sock", "is in the directory of the socket docker"),
            (f"{apart}/link/c.sock", "is in the directory of the socket docker"),
            (f"{apart}/engine.sock", "is the socket of the engine"),
            ("c.sock", "is not an absolute path"),
        ):
            done = run("serve", **places, CONTROL_SOCKET=path)
            assert (done.status, said in done.err) == (2, True), (path, done.err)
        both = {"CONTROL_SOCKET": f"{apart}/c.sock", "METRICS_SOCKET": f"{apart}/c.sock"}
        done = run("serve", **places, **both)
        assert "is another socket of this proxy" in done.err
