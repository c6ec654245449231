"""The life of a whole server: it starts before its engine, survives it, and ends when it is told to."""

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli.programs import OK, Running, engine_at, environment_of, run, serving
from folders import short_folder
from waiting import PATIENCE

from dockerproxy.cli.request import ask
from dockerproxy.config.environment import read_environment
from dockerproxy.observe.log import Log
from dockerproxy.problems import Problem, UserError
from dockerproxy.process_settings import LogFormat, Settings
from dockerproxy.server import Server
from dockerproxy.settings import Level


@dataclass(frozen=True)
class UnderWay:
    """A request that the engine has got and not yet answered: both ends, and the proxy between them."""

    folder: Path
    proxy: Running
    client: socket.socket
    engine: socket.socket


def connect(folder: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    client.connect(f"{folder}/docker.sock")
    return client


def accept_request(listener: socket.socket) -> socket.socket:
    """Accept connections until one brings a request; the proxy also looks whether the engine is there at all."""
    while True:
        connection, _ = listener.accept()
        connection.settimeout(PATIENCE)
        if connection.recv(4096):
            return connection
        connection.close()


@contextmanager
def request_under_way(**variables: str) -> Iterator[UnderWay]:
    """Have a request under way, at an engine that does nothing by itself."""
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(PATIENCE)
        listener.bind(f"{folder}/engine.sock")
        listener.listen()
        with serving(folder, **variables) as proxy, connect(folder) as client:
            client.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
            with accept_request(listener) as engine:
                yield UnderWay(folder, proxy, client, engine)


def read_all(client: socket.socket) -> bytes:
    """Read to the end of the stream, however it ends."""
    data = b""
    try:
        while piece := client.recv(4096):
            data += piece
    except ConnectionResetError:
        pass
    return data


def test_it_starts_before_the_engine_and_finds_it_when_it_comes() -> None:
    with short_folder() as folder, serving(folder) as proxy:
        proxy.wait_for("no engine; the proxy tries again for every client: the engine")
        status, message = ask(f"{folder}/docker.sock", "GET", "/_ping")
        assert status == 503
        assert message.startswith(f"the engine's socket is not there: {folder}/engine.sock")
        with engine_at(folder / "engine.sock"):
            assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 200


def test_an_engine_that_was_stopped_and_started_again_is_found_again() -> None:
    with short_folder() as folder, serving(folder):
        for _ in range(2):
            with engine_at(folder / "engine.sock"):
                assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 200
            assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 503


def test_told_to_stop_it_takes_nobody_new_and_lets_what_is_under_way_finish() -> None:
    with request_under_way() as exchange:
        exchange.proxy.signal(signal.SIGTERM)
        exchange.proxy.wait_for("stopping; 1 connections have up to 10s to finish")
        assert not (exchange.folder / "docker.sock").exists()
        exchange.engine.sendall(OK)
        assert read_all(exchange.client) == OK
        assert exchange.proxy.wait_end() == 0
        assert "cutting" not in exchange.proxy.printed


def test_what_does_not_finish_in_time_is_cut() -> None:
    with request_under_way(SHUTDOWN_GRACE="0.1") as exchange:
        exchange.proxy.signal(signal.SIGTERM)
        assert exchange.proxy.wait_end() == 0
        assert "cutting 1 connections" in exchange.proxy.printed
        assert read_all(exchange.client) == b""
        assert exchange.engine.recv(1) == b""
        assert "the proxy stopped" in exchange.proxy.printed


def test_a_second_signal_cuts_at_once() -> None:
    with request_under_way(SHUTDOWN_GRACE="600") as exchange:
        exchange.proxy.signal(signal.SIGTERM)
        exchange.proxy.wait_for("up to 600s to finish")
        exchange.proxy.signal(signal.SIGTERM)
        assert exchange.proxy.wait_end() == 0
        assert read_all(exchange.client) == b""


def test_an_idle_client_does_not_delay_the_end() -> None:
    with short_folder() as folder, serving(folder, SHUTDOWN_GRACE="600") as proxy, connect(folder) as client:
        client.sendall(b"GET /info HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 403 ")
        proxy.signal(signal.SIGTERM)
        assert proxy.wait_end() == 0
        assert client.recv(4096) == b""


def test_a_proxy_takes_over_from_another_one_and_no_request_is_lost() -> None:
    asked, statuses, is_over = threading.Semaphore(0), list[int](), threading.Event()

    def keep_asking(socket: str) -> None:
        while not is_over.is_set():
            statuses.append(ask(socket, "GET", "/_ping")[0])
            asked.release()

    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder) as first:
        path = f"{folder}/docker.sock"
        with ThreadPoolExecutor() as clients, connect(folder) as idle:
            asking = [clients.submit(keep_asking, path) for _ in range(2)]
            try:
                with serving(folder, TAKE_OVER="1") as second:
                    second.wait_for("listening on")
                    first.signal(signal.SIGTERM)
                    assert first.wait_end() == 0
                    assert idle.recv(1) == b""
                    for _ in range(10):
                        assert asked.acquire(timeout=PATIENCE)
                    is_over.set()
                    assert [each.result() for each in asking] == [None, None]
                    second.signal(signal.SIGTERM)
                    assert second.wait_end() == 0
                    assert not Path(path).exists()
            finally:
                is_over.set()
        assert set(statuses) == {200}


def test_a_proxy_that_cannot_open_all_its_sockets_takes_none_over() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder):
        paths = (f"{folder}/docker.sock", f"{folder}/none/docker.sock")
        sockets = {f"s{number}": {"path": path, "allow": ["preset:ping"]} for number, path in enumerate(paths)}
        (folder / "policy.yaml").write_text(json.dumps({"sockets": sockets}))
        done = run("serve", "--policy", f"{folder}/policy.yaml", TAKE_OVER="1")
        assert (done.status, "does not exist" in done.err) == (2, True), done.err
        assert ask(f"{folder}/docker.sock", "GET", "/_ping")[0] == 200


def test_a_proxy_does_not_take_over_from_its_engine_under_another_name() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        os.link(folder / "engine.sock", folder / "docker.sock")
        places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        done = run("serve", **places, TAKE_OVER="1")
        assert (done.status, "another process listens" in done.err) == (2, True), done.err


def test_it_says_where_it_listens_and_for_whom() -> None:
    with short_folder() as folder, serving(folder, PROXIED_SOCKET_MODE="0600") as proxy:
        line = f"notice listening on {folder}/docker.sock with mode 0600 for the engine at {folder}/engine.sock\n"
        proxy.wait_for(line)


def test_it_says_how_many_connections_the_limit_of_open_files_leaves_room_for() -> None:
    with short_folder() as folder:
        words = f'ulimit -n 189; exec "{sys.executable}" -m dockerproxy'
        environment = environment_of({"PROXIED_SOCKET_PATH": f"{folder}/docker.sock"})
        with subprocess.Popen(["sh", "-c", words], stdout=subprocess.PIPE, text=True, env=environment) as proxy:
            assert proxy.stdout is not None
            line = next(line for line in proxy.stdout if "limit" in line)
            proxy.terminate()
            proxy.stdout.read()
            assert proxy.wait(PATIENCE) == 0
    assert line.endswith(
        "notice the limit of open files leaves room for 30 connections of 2048; `ulimit -n` raises it\n"
    )


# In this process: more than one socket


def settings_with(*paths: Path) -> Settings:
    settings = read_environment({"DOCKER_SOCKET_PATH": "/nonexistent"}).settings
    (served,) = settings.sockets
    return settings._replace(sockets=tuple(served._replace(name=path.name, path=str(path)) for path in paths))


@contextmanager
def logged_to(path: Path) -> Iterator[Log]:
    with path.open("wb") as file:
        log = Log(Level.DEBUG, LogFormat.TEXT, file.fileno())
        yield log
        log.close(PATIENCE)


async def start(server: Server) -> asyncio.Future[None]:
    serving = asyncio.ensure_future(server.run())
    await server.wait_ready(serving)
    return serving


def test_every_socket_is_served_and_removed_at_the_end() -> None:
    async def serve(folder: Path, log: Log) -> None:
        server = Server(settings_with(folder / "one", folder / "two"), log)
        serving = await start(server)
        for name in ("one", "two"):
            _, writer = await asyncio.open_unix_connection(folder / name)
            writer.close()
            await writer.wait_closed()
        server.stop()
        await asyncio.wait_for(serving, PATIENCE)

    with short_folder() as folder, logged_to(folder / "log") as log:
        asyncio.run(serve(folder, log))
        assert [path.name for path in folder.iterdir()] == ["log"]


def test_all_sockets_are_opened_or_none_and_every_problem_is_said_at_once() -> None:
    with short_folder() as folder, logged_to(folder / "log") as log:
        (folder / "file").write_text("")
        settings = settings_with(folder / "one", folder / "file", folder / "none" / "three")
        with pytest.raises(UserError) as caught:
            asyncio.run(Server(settings, log).run())
        problems = caught.value.problems
        assert [problem.where for problem in problems] == [f"{folder}/file", f"{folder}/none/three"]
        assert not (folder / "one").exists()
        del caught
        gc.collect()  # What was opened and is not closed shows now, and not in some other test.


def test_waiting_for_a_server_that_cannot_start_ends() -> None:
    async def serve(folder: Path, log: Log) -> None:
        serving = await asyncio.wait_for(start(Server(settings_with(folder / "none" / "one"), log)), PATIENCE)
        with pytest.raises(UserError):
            await serving

    with short_folder() as folder, logged_to(folder / "log") as log:
        asyncio.run(serve(folder, log))


def test_a_server_that_cannot_be_locked_in_leaves_every_socket_to_the_one_before_it() -> None:
    def fail() -> str:
        raise UserError(Problem("SANDBOX", "a lock is not available"))

    async def serve(folder: Path, log: Log) -> None:
        settings = settings_with(folder / "one", folder / "two")._replace(
            metrics_socket=f"{folder}/metrics",
            control_socket=f"{folder}/control",
            takes_over=True,
        )
        first = Server(settings, log)
        serving = await start(first)
        before = list_sockets(folder)
        assert before.keys() == {"one", "two", "metrics", "control"}
        with pytest.raises(UserError, match="a lock is not available"):
            await Server(settings, log).run(fail)
        assert list_sockets(folder) == before
        for name in before:
            _, writer = await asyncio.open_unix_connection(folder / name)
            writer.close()
            await writer.wait_closed()
        first.stop()
        await asyncio.wait_for(serving, PATIENCE)

    with short_folder() as folder, logged_to(folder / "log") as log:
        asyncio.run(serve(folder, log))
        assert list_sockets(folder) == {}


def test_a_socket_that_cannot_be_put_in_its_place_any_more_is_named() -> None:
    """Its directory has gone while the server was locked in; only one that takes over finds out so late."""

    async def serve(folder: Path, log: Log) -> None:
        (folder / "directory").mkdir()
        settings = settings_with(folder / "directory" / "one")._replace(takes_over=True)
        serving = await start(Server(settings, log))

        def move() -> str:
            (folder / "directory").rename(folder / "moved")
            return ""

        with pytest.raises(UserError, match="one: cannot move the socket there: No such file or directory"):
            await Server(settings, log).run(move)
        serving.cancel()

    with short_folder() as folder, logged_to(folder / "log") as log:
        asyncio.run(serve(folder, log))


def list_sockets(folder: Path) -> dict[str, int]:
    """Return the inodes of the sockets in a folder, also of those that are not in their places yet."""
    return {path.name: path.lstat().st_ino for path in folder.iterdir() if path.is_socket()}


def test_a_bug_in_a_callback_is_logged_and_does_not_end_the_server() -> None:
    def fail() -> None:
        raise LookupError("a bug")

    async def serve(folder: Path, log: Log) -> None:
        loop = asyncio.get_running_loop()
        server = Server(settings_with(folder / "one"), log)
        serving = await start(server)
        loop.call_soon(fail)
        loop.call_exception_handler({"message": "something without an error"})
        await asyncio.sleep(0)
        assert not serving.done()
        server.stop()
        await asyncio.wait_for(serving, PATIENCE)

    with short_folder() as folder:
        with logged_to(folder / "log") as log:
            asyncio.run(serve(folder, log))
        lines = (folder / "log").read_text()
    assert "crit a bug in dockerproxy, in " in lines
    assert "LookupError: a bug" in lines
    assert "err something without an error\n" in lines
