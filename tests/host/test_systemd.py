"""As a service of systemd: its sockets are served, and it hears how we are."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.programs import OK, Running, engine_at, environment_of
from folders import short_folder
from waiting import PATIENCE

from dockerproxy.host.systemd import ALIVE, NO_SERVICE, READY, STOPPING, Service, find_real, read_service
from dockerproxy.problems import UserError

_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.execve(sys.executable, [sys.executable, "-m", "dockerproxy", *sys.argv[2:]],
          {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
"""
"""Does what systemd does before it starts a service: the socket is descriptor 3."""


class Handed(Running):
    """The proxy, with a socket of somebody else."""

    program = (sys.executable, "-c", _HAND_OVER)

    def __init__(self, handed: socket.socket, *words: str, **variables: str) -> None:
        self.descriptors = [handed.fileno()]
        super().__init__(str(handed.fileno()), *words, **variables)


@contextmanager
def made(path: Path | str, mode: int = 0o660, kind: int = socket.SOCK_STREAM) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, kind) as listener:
        listener.bind(str(path))
        if kind == socket.SOCK_STREAM:
            listener.listen()
        if not str(path).startswith("\0"):
            os.chmod(path, mode)
        yield listener


def ask(path: Path | str) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := client.recv(4096):
            answer += piece
        return answer


def places(folder: Path) -> dict[str, str]:
    return {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}


def test_a_socket_that_is_handed_over_is_served_and_stays_when_we_end() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), made(folder / "docker.sock") as listener:
        identity = os.stat(folder / "docker.sock").st_ino
        for _ in range(2):
            with Handed(listener, "serve", **places(folder)) as proxy:
                assert ask(folder / "docker.sock").startswith(b"HTTP/1.1 200")
                proxy.signal(signal.SIGTERM)
                assert proxy.wait_end() == 0, proxy.printed
            assert os.stat(folder / "docker.sock").st_ino == identity


def test_a_client_that_connects_before_we_run_is_served() -> None:
    with (
        short_folder() as folder,
        engine_at(folder / "engine.sock"),
        made(folder / "docker.sock") as listener,
        socket.socket(socket.AF_UNIX) as client,
    ):
        client.settimeout(PATIENCE)
        client.connect(f"{folder}/docker.sock")
        client.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
        with Handed(listener, "serve", **places(folder)):
            assert client.recv(4096) == OK


def test_the_path_may_be_spelled_through_a_link() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        (folder / "run").mkdir()
        (folder / "var").symlink_to("run")
        assert find_real(f"{folder}/var/docker.sock") == os.path.realpath(f"{folder}/run/docker.sock")
        with made(folder / "run/docker.sock") as listener:
            variables = places(folder) | {"PROXIED_SOCKET_PATH": f"{folder}/var/docker.sock"}
            with Handed(listener, "serve", **variables):
                assert ask(folder / "run/docker.sock").startswith(b"HTTP/1.1 200")


def make_tcp(_: Path) -> socket.socket:
    listener = socket.socket(socket.AF_INET)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def make_datagram(folder: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(f"{folder}/docker.sock")
    return listener


def make_abstract(folder: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"\0{folder}/docker.sock")
    listener.listen()
    return listener


def make_deaf(folder: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/docker.sock")
    return listener


@pytest.mark.parametrize("make", [make_tcp, make_datagram, make_abstract, make_deaf])
def test_what_is_no_listening_unix_socket_is_refused(make: Callable[[Path], socket.socket]) -> None:
    with short_folder() as folder, make(folder) as handed, Handed(handed, "serve", **places(folder)) as proxy:
        assert proxy.wait_end() == 2
        assert "descriptor 3 is not a unix socket that listens on a path" in proxy.printed


def test_a_socket_with_another_mode_is_refused_with_the_line_to_write() -> None:
    with (
        short_folder() as folder,
        made(folder / "docker.sock", mode=0o666) as listener,
        Handed(listener, "serve", **places(folder)) as proxy,
    ):
        assert proxy.wait_end() == 2
        assert "write SocketMode=0660 in the .socket unit" in proxy.printed


def test_a_socket_that_the_policy_does_not_have_is_refused() -> None:
    with (
        short_folder() as folder,
        made(folder / "other.sock") as listener,
        Handed(listener, "serve", **places(folder)) as proxy,
    ):
        assert proxy.wait_end() == 2
        assert f"{folder}/other.sock: systemd listens here" in proxy.printed


def test_a_reload_cannot_lose_a_socket_of_systemd() -> None:
    """Its clients would connect, and wait forever for somebody to accept them."""
    with short_folder() as folder, engine_at(folder / "engine.sock"), made(folder / "a.sock") as listener:
        policy = folder / "policy.yaml"
        policy.write_text(f"sockets: {{a: {{path: {folder}/a.sock, allow: [SystemPing]}}}}")
        variables = {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", "POLICY_FILE": str(policy)}
        with Handed(listener, "serve", **variables) as proxy:
            proxy.wait_for("listening on")
            policy.write_text(f"sockets: {{b: {{path: {folder}/b.sock, allow: [SystemPing]}}}}")
            assert ask(folder / "a.sock").startswith(b"HTTP/1.1 200")
            proxy.signal(signal.SIGHUP)
            proxy.wait_for("reload failed, nothing changed")
            assert ask(folder / "a.sock").startswith(b"HTTP/1.1 200")


def test_a_reload_may_spell_its_path_through_a_link() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        (folder / "run").mkdir()
        (folder / "var").symlink_to("run")
        policy = folder / "policy.yaml"
        policy.write_text(f"sockets: {{a: {{path: {folder}/run/a.sock, allow: [SystemPing]}}}}")
        variables = {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", "POLICY_FILE": str(policy)}
        with made(folder / "run/a.sock") as listener, Handed(listener, "serve", **variables) as proxy:
            proxy.wait_for("listening on")
            policy.write_text(f"sockets: {{a: {{path: {folder}/var/a.sock, allow: [SystemPing]}}}}")
            proxy.signal(signal.SIGHUP)
            proxy.wait_for("configuration reloaded")
            assert ask(folder / "run/a.sock").startswith(b"HTTP/1.1 200")


def test_no_two_policies_are_for_one_socket_of_systemd() -> None:
    with short_folder() as folder:
        (folder / "run").mkdir()
        (folder / "var").symlink_to("run")
        with made(folder / "run/a.sock") as listener:
            service = Service({f"{folder}/run/a.sock": listener}, 0, NO_SERVICE.tell)
            service.check([f"{folder}/run/a.sock", f"{folder}/run/b.sock"])
            with pytest.raises(UserError, match="several sockets of the policy"):
                service.check([f"{folder}/run/a.sock", f"{folder}/var/a.sock"])


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_that_we_are_ready_alive_reload_and_stop(*, abstract: bool) -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        place = "\0" if abstract else ""
        with made(f"{place}{folder}/notify", kind=socket.SOCK_DGRAM) as systemd:
            systemd.settimeout(PATIENCE)
            variables = {"NOTIFY_SOCKET": f"{'@' if abstract else ''}{folder}/notify", "WATCHDOG_USEC": "20000"}
            with Running("serve", **places(folder), **variables) as proxy:
                hear(systemd, READY)
                hear(systemd, ALIVE)
                hear(systemd, ALIVE)
                proxy.signal(signal.SIGHUP)
                hear(systemd, "RELOADING=1\nMONOTONIC_USEC=")
                hear(systemd, READY)
                proxy.signal(signal.SIGTERM)
                hear(systemd, STOPPING)
                assert proxy.wait_end() == 0


def hear(systemd: socket.socket, beginning: str) -> None:
    """Wait for a message."""
    while not systemd.recv(4096).decode().startswith(beginning):
        pass


def test_what_is_meant_for_another_process_is_left_alone() -> None:
    another = str(os.getppid())
    environment = {"LISTEN_PID": another, "LISTEN_FDS": "1", "WATCHDOG_PID": another, "WATCHDOG_USEC": "1000000"}
    assert read_service(environment) == NO_SERVICE


def test_a_systemd_that_does_not_read_delays_nobody() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), made(folder / "notify", kind=socket.SOCK_DGRAM):
        variables = {"NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "2"}
        with Running("serve", **places(folder), **variables) as proxy:
            proxy.wait_for("sandboxed")
            for _ in range(200):
                assert ask(folder / "docker.sock").startswith(b"HTTP/1.1 200")


def test_a_place_where_nobody_listens_is_a_mistake() -> None:
    with pytest.raises(UserError, match="NOTIFY_SOCKET: cannot connect to /nonexistent/notify"):
        read_service({"NOTIFY_SOCKET": "/nonexistent/notify"})


def test_without_systemd_there_is_nothing_to_take_and_nobody_to_tell() -> None:
    assert read_service(environment_of({})) == NO_SERVICE
