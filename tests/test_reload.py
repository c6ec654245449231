"""SIGHUP: the policy file is read again, all of it or nothing, and nobody is disturbed who need not be."""

import os
import signal
import socket
import stat
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.programs import OK, Running, ask, engine_at
from folders import short_folder
from test_server import accept_request, read_all
from waiting import PATIENCE

PING = """
sockets:
  one:
    path: {folder}/one.sock
    allow: [SystemPing]
"""
VERSION = """
sockets:
  one:
    path: {folder}/one.sock
    allow: [SystemVersion]
"""
TWO = """
sockets:
  one:
    path: {folder}/one.sock
    allow: [SystemPing]
  two:
    path: {folder}/two.sock
    allow: [SystemVersion]
"""
OTHER = b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n"
TURNED = "configuration reloaded"
KEPT = "nothing changed"


class Reloaded:
    """A proxy whose policy file can be changed."""

    def __init__(self, folder: Path, proxy: Running) -> None:
        self.folder = folder
        self.proxy = proxy
        self._turns = 0

    def write(self, text: str, **words: object) -> None:
        write(self.folder, text, **words)

    def turn(self, text: str, says: str = TURNED, **words: object) -> str:
        """Change the file, have it read, and return what the log says of it."""
        before = len(self.proxy.printed)
        self.write(text, **words)
        self.proxy.signal(signal.SIGHUP)
        self.proxy.wait_for_new(says, before)
        return self.proxy.printed[before:]

    def status(self, name: str, target: str) -> int:
        return ask(f"{self.folder}/{name}.sock", "GET", target)[0]


def write(folder: Path, text: str, **words: object) -> None:
    (folder / "policy.yaml").write_text(textwrap.dedent(text).format(folder=folder, **words))


def connect(path: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    client.connect(path)
    return client


def read_digest(log: str) -> str:
    """Return what identifies the policy of the socket `one`."""
    return log.partition("socket one: policy ")[2].partition("\n")[0]


def exchange(client: socket.socket, target: str) -> bytes:
    """Send a request over a connection that stays, and return the status line's number."""
    client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.recv(4096)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += client.recv(4096)
    return head[9:12]


@contextmanager
def serving(text: str, **variables: str) -> Iterator[Reloaded]:
    with short_folder() as folder:
        write(folder, text)
        places = {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        with Running("serve", "--policy", f"{folder}/policy.yaml", **{**places, **variables}) as proxy:
            proxy.wait_for("listening on")
            yield Reloaded(folder, proxy)


def test_the_next_request_of_a_kept_connection_is_judged_by_the_new_policy() -> None:
    with (
        serving(PING) as reloaded,
        engine_at(reloaded.folder / "engine.sock"),
        connect(f"{reloaded.folder}/one.sock") as client,
    ):
        assert (exchange(client, "/_ping"), exchange(client, "/version")) == (b"200", b"403")
        reloaded.turn(VERSION)
        assert (exchange(client, "/_ping"), exchange(client, "/version")) == (b"403", b"200")


def test_the_log_says_what_each_socket_gains_and_loses_and_which_policy_it_has() -> None:
    with serving(PING) as reloaded:
        first = read_digest(reloaded.proxy.printed)
        said = reloaded.turn(VERSION)
        assert read_digest(said) != first
        assert read_digest(reloaded.turn(PING)) == first
        assert "SystemVersion" in said
        assert "SystemPing" in said
        assert "socket one: policy " in said


BINDS = """
    sockets:
      one:
        path: {{folder}}/one.sock
        allow: [ContainerCreate: {{{{binds: ["{bind}"]}}}}]
"""


@pytest.mark.parametrize(("before", "after"), [("/srv", "/srv/x:ro"), ("/srv/x", "/srv"), ("/srv/*", "/srv/a/x/**:ro")])
def test_the_log_warns_of_mounts_that_nest_with_those_of_the_policy_before(before: str, after: str) -> None:
    """Containers from before the reload keep their mounts, and those that stopped mount again when they start."""
    with serving(BINDS.format(bind=before)) as reloaded:
        said = reloaded.turn(BINDS.format(bind=after))
        assert " below " in said
        assert "where containers may write: one can be made a link" in said
        assert "; remove the containers from before this reload" in said
        for apart in (after, "/other"):
            assert "below" not in reloaded.turn(BINDS.format(bind=apart))


def test_the_log_warns_of_sockets_whose_clients_are_root_together_once_they_are() -> None:
    other = "\n      two: {{path: {folder}/two.sock, allow: [ContainerCreate: {{binds: ['/srv/x:ro']}}]}}\n"
    with serving(BINDS.format(bind="/srv")) as reloaded:
        assert 'socket two: "/srv/x" lies below' in reloaded.turn(BINDS.format(bind="/srv").rstrip() + other)
        assert "lies below" not in reloaded.turn(BINDS.format(bind="/srv").rstrip() + other)


def test_with_one_mistake_the_old_policy_stays_and_the_mistake_is_said() -> None:
    with serving(PING) as reloaded, engine_at(reloaded.folder / "engine.sock"):
        said = reloaded.turn(PING.replace("SystemPing", "SystemPong"), KEPT)
        assert "policy.yaml:5:13: unknown operation 'SystemPong'" in said
        assert (reloaded.status("one", "/_ping"), reloaded.status("one", "/version")) == (200, 403)


def test_a_file_that_is_gone_changes_nothing() -> None:
    with serving(PING) as reloaded, engine_at(reloaded.folder / "engine.sock"):
        (reloaded.folder / "policy.yaml").unlink()
        reloaded.proxy.signal(signal.SIGHUP)
        reloaded.proxy.wait_for(KEPT)
        assert reloaded.status("one", "/_ping") == 200


def test_a_new_socket_appears_and_the_old_one_is_the_same_as_before() -> None:
    with serving(PING) as reloaded, engine_at(reloaded.folder / "engine.sock"):
        before = (reloaded.folder / "one.sock").stat().st_ino
        reloaded.turn(TWO)
        assert reloaded.status("two", "/version") == 200
        assert (reloaded.folder / "one.sock").stat().st_ino == before


def test_where_a_new_socket_cannot_be_opened_nothing_changes() -> None:
    with serving(PING) as reloaded, engine_at(reloaded.folder / "engine.sock"):
        text = TWO.replace("SystemPing", "SystemInfo").replace("{folder}/two.sock", "{folder}/no/two.sock")
        said = reloaded.turn(text, KEPT)
        assert "no/two.sock: directory " in said
        assert (reloaded.status("one", "/_ping"), reloaded.status("one", "/info")) == (200, 403)


def test_a_socket_in_a_new_directory_needs_a_restart_of_a_process_that_is_locked_in() -> None:
    with short_folder() as new, serving(PING) as reloaded, engine_at(reloaded.folder / "engine.sock"):
        said = reloaded.turn(TWO.replace("{folder}/two.sock", f"{new}/two.sock"), KEPT)
        assert f"{new}/two.sock: permission denied\n" in said
        assert "restart the proxy: in the sandbox, it makes no socket in a new directory" in said
        assert reloaded.status("one", "/_ping") == 200


def test_a_socket_that_goes_lets_its_exchange_finish_and_then_closes_its_connections() -> None:
    with serving(TWO) as reloaded, socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(PATIENCE)
        listener.bind(f"{reloaded.folder}/engine.sock")
        listener.listen()
        with (
            connect(f"{reloaded.folder}/two.sock") as busy,
            connect(f"{reloaded.folder}/two.sock") as idle,
        ):
            busy.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
            engine = accept_request(listener)
            reloaded.turn(PING)
            assert not (reloaded.folder / "two.sock").exists()
            assert read_all(idle) == b""
            engine.sendall(OK)
            assert read_all(busy) == OK
            engine.close()


def test_an_exchange_keeps_the_policy_it_began_with() -> None:
    with serving(PING) as reloaded, socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(PATIENCE)
        listener.bind(f"{reloaded.folder}/engine.sock")
        listener.listen()
        with connect(f"{reloaded.folder}/one.sock") as client:
            client.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            with accept_request(listener) as engine:
                reloaded.turn(VERSION)
                engine.sendall(OK)
                assert read_all(client) == OK


HELD = """
sockets:
  one:
    path: {folder}/one.sock
    allow:
      - ContainerStart: {{containers: [{name}]}}
"""


def test_a_request_that_waits_for_its_objects_name_keeps_the_policy_it_began_with() -> None:
    with serving(HELD.replace("{name}", "web")) as reloaded, socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(PATIENCE)
        listener.bind(f"{reloaded.folder}/engine.sock")
        listener.listen()
        with connect(f"{reloaded.folder}/one.sock") as client:
            client.sendall(b"POST /containers/web/start HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            with accept_request(listener) as engine:
                reloaded.turn(HELD, name="other")
                content = b'{"Id": "%b", "Name": "/web"}' % (b"ab" * 32)
                engine.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))
            with accept_request(listener) as engine:
                engine.sendall(OK)
                assert read_all(client) == OK


PERMISSIONS = """
sockets:
  one:
    path: {folder}/one.sock
    permissions: "{permissions}"
    allow: [SystemPing]
"""


@pytest.mark.parametrize("permissions", ["0600", "0666"])
def test_a_socket_that_stays_gets_its_new_permissions(permissions: str) -> None:
    with serving(PING, SANDBOX="off") as reloaded:
        said = reloaded.turn(PERMISSIONS, permissions=permissions)
        assert f"socket one: permissions {permissions}, were 0660; uid ours gid ours, was uid ours gid ours" in said
        assert stat.S_IMODE((reloaded.folder / "one.sock").stat().st_mode) == int(permissions, 8)


@pytest.mark.root
def test_a_socket_that_gets_an_owner_and_loses_it_again_belongs_to_us_again() -> None:
    with serving(PING, SANDBOX="off") as reloaded:
        reloaded.turn(PERMISSIONS + "    group: 12345\n", permissions="0660")
        assert (reloaded.folder / "one.sock").stat().st_gid == 12345
        reloaded.turn(PING)
        assert (reloaded.folder / "one.sock").stat().st_gid == os.getegid()


@pytest.mark.parametrize("words", [{"permissions": "0666"}, {"permissions": "0660", "more": "    group: 12345\n"}])
def test_a_socket_is_opened_to_nobody_else_by_a_process_that_is_locked_in(words: dict[str, str]) -> None:
    with serving(PING) as reloaded, engine_at(reloaded.folder / "engine.sock"):
        said = reloaded.turn(PERMISSIONS + words.get("more", ""), KEPT, **words)
        assert "one.sock: cannot change its mode or owner in the sandbox\n" in said
        status = (reloaded.folder / "one.sock").stat()
        assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, os.getegid())
        assert reloaded.status("one", "/_ping") == 200


def test_a_socket_that_is_new_has_the_permissions_and_the_owner_it_should_if_that_is_us() -> None:
    ours = f'"0606"\n    owner: {os.geteuid()}\n    group: {os.getegid()}'
    with serving(TWO) as reloaded:
        reloaded.turn(PERMISSIONS.replace("one", "new").replace('"{permissions}"', ours))
        assert stat.S_IMODE((reloaded.folder / "new.sock").stat().st_mode) == 0o606


def test_a_policy_that_is_replaced_as_kubernetes_does_is_read() -> None:
    with short_folder() as folder:
        for name, text in (("old", PING), ("new", VERSION)):
            (folder / name).mkdir()
            (folder / name / "policy.yaml").write_text(text.format(folder=folder))
        (folder / "policy.yaml").symlink_to("data/policy.yaml")
        (folder / "data").symlink_to("old")
        places = {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        with Running("serve", "--policy", f"{folder}/policy.yaml", **places) as proxy:
            proxy.wait_for("listening on")
            (folder / "beside").symlink_to("new")
            (folder / "beside").rename(folder / "data")
            proxy.signal(signal.SIGHUP)
            proxy.wait_for(TURNED)
            assert ask(f"{folder}/one.sock", "GET", "/_ping")[0] == 403


def test_a_storm_of_signals_leaves_the_last_policy_in_force() -> None:
    with serving(PING) as reloaded, engine_at(reloaded.folder / "engine.sock"):
        for number in range(200):
            reloaded.write(VERSION if number % 2 else PING)
            reloaded.proxy.signal(signal.SIGHUP)
        reloaded.turn(TWO.replace("SystemPing", "SystemVersion"), "socket two: new")
        reloaded.proxy.wait_for_new(TURNED, reloaded.proxy.printed.index("socket two: new"))
        assert reloaded.status("one", "/version") == 200


ENGINE = "engine: {folder}/{engine}.sock\n" + PING


def test_an_engine_that_moves_is_found_by_the_next_client() -> None:
    with short_folder() as folder, engine_at(folder / "b.sock"):
        write(folder, ENGINE, engine="a")
        with Running("serve", "--policy", f"{folder}/policy.yaml", DOCKER_SOCKET_PATH="") as proxy:
            proxy.wait_for("listening on")
            reloaded = Reloaded(folder, proxy)
            assert reloaded.status("one", "/_ping") == 503
            reloaded.turn(ENGINE, engine="b")
            assert reloaded.status("one", "/_ping") == 200


def test_nobody_goes_on_with_the_engine_that_was_left() -> None:
    with short_folder() as folder, engine_at(folder / "a.sock"), engine_at(folder / "b.sock", OTHER):
        write(folder, ENGINE, engine="a")
        with Running("serve", "--policy", f"{folder}/policy.yaml", DOCKER_SOCKET_PATH="") as proxy:
            proxy.wait_for("listening on")
            with connect(f"{folder}/one.sock") as client:
                assert exchange(client, "/_ping") == b"200"
                Reloaded(folder, proxy).turn(ENGINE, engine="b")
                assert client.recv(1) == b""
            assert ask(f"{folder}/one.sock", "GET", "/_ping")[0] == 418


LEARNING = """
sockets:
  one:
    path: {folder}/one.sock
    mode: {mode}
    allow: [SystemPing]
"""


def test_what_was_learned_is_written_before_the_socket_stops_learning() -> None:
    with short_folder() as learned, serving(LEARNING.replace("{mode}", "learn"), LEARN_DIR=str(learned)) as reloaded:
        with engine_at(reloaded.folder / "engine.sock"):
            assert reloaded.status("one", "/info") == 200
        reloaded.turn(LEARNING, mode="enforce")
        assert "SystemInfo" in (learned / "one.learned.yaml").read_text()
        assert reloaded.status("one", "/info") == 403
