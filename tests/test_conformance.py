"""The suite for anyone's proxy tells proxies apart that keep its promises and that do not.

It runs as its users run it, against this proxy, HAProxy with the predecessor's rules, and a relay that filters nothing.
"""

import ast
import contextlib
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from cli.programs import Running, environment_of, serving
from folders import short_folder
from waiting import PATIENCE

ROOT: Final = Path(__file__).parent.parent
SUITE: Final = ROOT / "conformance"
KNOWN: Final = ROOT / "tests" / "corpus" / "conformance" / "haproxy.txt"
"""The rows that HAProxy gets wrong."""

HAPROXY: Final = shutil.which("haproxy", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/bin") or "haproxy"
WIDTH: Final = 80


class Line(NamedTuple):
    """A row as the table shows it."""

    rows: str
    name: str
    should: str
    reasons: tuple[str, ...]


class Done(NamedTuple):
    status: int
    lines: list[Line]
    said: str

    @property
    def differing(self) -> set[tuple[str, str]]:
        return {(line.rows, line.name) for line in self.lines if line.reasons}


def run_suite(*words: str, may_be_silent: bool = False) -> Done:
    """Run the suite to its end, and read its table. A proxy may not be silent unless it is said."""
    words = ("-m", "conformance", "--patience", str(PATIENCE), *words)
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment_of({}), capture_output=True, text=True, check=False
    )
    assert all(len(line) <= WIDTH for line in done.stdout.splitlines())
    assert may_be_silent or "silent" not in done.stdout, done.stdout
    lines: list[Line] = []
    for part in re.split(r"^(?=\S+  .+\nswitches: )", done.stdout, flags=re.MULTILINE):
        rows = part.split("  ")[0]
        found = re.findall(r"^([✓✗]) (.{40}) (.{18}) .*\n((?:    .*\n)*)", part, re.MULTILINE)
        for mark, name, should, reasons in found:
            lines.append(Line(rows, name.strip(), should.strip(), tuple(reasons.split("\n    "))))
            assert bool(reasons) is (mark == "✗")
    return Done(
        done.returncode,
        [line._replace(reasons=line.reasons if any(line.reasons) else ()) for line in lines],
        done.stderr,
    )


def list_sets() -> dict[str, list[str]]:
    """Return the names of all sets, by the switches under which they hold."""
    listed = subprocess.run(
        [sys.executable, "-m", "conformance", "--list"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: dict[str, list[str]] = {}
    for name, switches in re.findall(r"^(\S+) +\d+ rows   switches: (.+)$", listed.stdout, re.MULTILINE):
        found.setdefault(switches, []).append(name)
    return found


def variables_of(switches: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in switches.split() if switches != "none")


def options_of(names: list[str]) -> list[str]:
    return [word for name in names for word in ("--rows", name)]


def try_ours(names: list[str], variables: Mapping[str, str], *options: str) -> Done:
    """Run the suite on this proxy."""
    with short_folder() as folder:
        places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        with Running("serve", **places, **variables):  # The suite waits for it.
            return run_suite("--engine", f"{folder}/engine.sock", f"{folder}/docker.sock", *options_of(names), *options)


def try_haproxy(names: list[str], variables: Mapping[str, str]) -> Done:
    """Run the suite on HAProxy with the predecessor's rules.

    After a large body that it denied, HAProxy 3.0 sometimes reads the next request and never answers it.
    """
    rules = runpy.run_path(str(ROOT / "bench" / "haproxy.py"))
    with short_folder() as folder:
        engine, proxy = folder / "engine.sock", folder / "docker.sock"
        (folder / "haproxy.cfg").write_text(rules["write_configuration"](engine=engine, socket=proxy))
        environment = {**rules["CLOSED"], "PING": "1", "EVENTS": "1", "VERSION": "1", **variables}
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(
                [HAPROXY, "-db", "-f", folder / "haproxy.cfg"], env=environment, stdout=log, stderr=log
            ) as process,
        ):
            try:
                return run_suite("--engine", str(engine), str(proxy), *options_of(names), may_be_silent=True)
            finally:
                process.kill()


class Relay:
    """A proxy on TCP that filters nothing. It may replace some bytes, and ends after `most` connections."""

    def __init__(self, engine: tuple[str, int], replaced: tuple[bytes, bytes], most: int) -> None:
        self._engine = engine
        self._replaced = replaced
        self._most = most
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Relay during the block."""
        accepting = threading.Thread(target=self._accept)
        accepting.start()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            accepting.join(PATIENCE)

    def _accept(self) -> None:
        with contextlib.suppress(OSError), self._listener:
            for _ in range(self._most):
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,)).start()

    def _relay(self, client: socket.socket) -> None:
        with client, contextlib.suppress(ConnectionError), socket.create_connection(self._engine) as engine:
            back = threading.Thread(target=self._pump, args=(engine, client))
            back.start()
            self._pump(client, engine)
            back.join(PATIENCE)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data.replace(*self._replaced) if self._replaced[0] else data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_WR if end is sink else socket.SHUT_RD)


def try_relay(names: list[str], replaced: tuple[bytes, bytes] = (b"", b""), most: int = 1 << 16) -> Done:
    """Run the suite on a relay, on TCP on both sides: the engine on an address that no other process has."""
    number = os.getpid()
    with socket.create_server((f"127.{number >> 16 & 127 | 128}.{number >> 8 & 255}.{number & 255 or 1}", 0)) as free:
        engine = free.getsockname()
    relay = Relay(engine, replaced, most)
    with relay.running():
        return run_suite("--engine", f"{engine[0]}:{engine[1]}", f"127.0.0.1:{relay.address[1]}", *options_of(names))


def read_known() -> set[tuple[str, str]]:
    """Return the rows that HAProxy gets wrong, as the table shows them."""
    found, rows = set(), ""
    for line in KNOWN.read_text().splitlines():
        if line.startswith("["):
            rows = line.strip("[]")
        elif line and not line.startswith("#"):
            found.add((rows, line))
    return found


def test_our_proxy_keeps_every_promise() -> None:
    for switches, names in list_sets().items():
        done = try_ours(names, variables_of(switches))
        assert not done.differing, [line for line in done.lines if line.reasons]
        assert (done.status, {line.rows for line in done.lines}) == (0, set(names)), done.said


@pytest.mark.engine
def test_haproxy_differs_in_the_rows_that_are_known() -> None:
    found = set()
    for switches, names in list_sets().items():
        if "CONTAINED" not in switches:  # It reads no bodies.
            done = try_haproxy(names, variables_of(switches))
            assert {line.rows for line in done.lines} == set(names), done.said
            found |= done.differing
    assert sorted(found) == sorted(read_known())


def test_a_relay_that_filters_nothing_breaks_every_promise_and_no_other_row() -> None:
    for names in list_sets().values():
        done = try_relay(names)
        assert done.status == 1, done.said
        forbidden = {
            (line.rows, line.name)
            for line in done.lines
            if re.search("denied|refused|cut", line.should) or line.name == "an upgrade in HTTP/1.0"
        }
        assert done.differing ^ forbidden == set(), names


def test_a_body_that_arrives_otherwise_is_noticed() -> None:
    done = try_relay(["containers-post"], (b'"alpine"', b'"debian"'))
    [changed] = [line for line in done.lines if line.name == "create, as Docker's client sends it"]
    assert changed.reasons == (
        "    arrived: POST /v1.45/containers/create?name=web + 19 bytes",
        "did not arrive as sent\n",
    )


def test_a_row_that_differs_says_why(tmp_path: Path) -> None:
    secrets = "    | GET /secrets HTTP/1.1\n    | Host: docker\n    |\n"
    chunks = (
        "    | POST /containers/x/stop HTTP/1.1\n    | Host: docker\n    | Transfer-Encoding: chunked\n    |\n    | x\n"
    )
    rows = {
        "denied GET /version": "arrived: GET /version",
        "denied GET /containers/%6ason": "arrived: GET /containers/json",
        "forwarded GET /secrets": "did not arrive as sent",
        "denied GET //secrets": "answered with 400, not 403",
        f"row: two\n  denied\n{secrets}{secrets}": "answered more often than it was asked",
        f"row: a part\n  refused\n{chunks}": "arrived, not whole: POST /containers/x/stop",
    }
    (tmp_path / "x.txt").write_text("about: x\nswitches: CONTAINERS=1 POST=1\n" + "\n".join(rows))
    done = try_ours([str(tmp_path / "x.txt")], {"CONTAINERS": "1", "POST": "1"})
    assert (done.status, [line.reasons[0].strip() for line in done.lines]) == (1, list(rows.values()))


def test_a_proxy_that_ends_meanwhile_is_told_from_one_that_differs() -> None:
    done = try_relay(["tecnativa-default"], most=3)
    assert (done.status, len(done.lines), "is gone, in the row 'HEAD /_ping'" in done.said) == (1, 1, True), done.said


def test_a_terminal_shows_colours_unless_they_are_unwanted(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("about: x\nswitches: none\nforwarded GET /version\n")
    for variables, mark in (({}, "\x1b[32m✓\x1b[0m GET"), ({"NO_COLOR": "1"}, "\n✓ GET")):
        with short_folder() as folder, serving(folder):
            ours, theirs = os.openpty()
            words = ["--engine", f"{folder}/engine.sock", f"{folder}/docker.sock", "--rows", str(tmp_path / "x.txt")]
            environment = environment_of(variables)
            subprocess.run(
                [sys.executable, "-m", "conformance", *words], cwd=ROOT, env=environment, stdout=theirs, check=True
            )
            os.close(theirs)
            with open(ours, "rb", buffering=0) as terminal:
                assert mark in terminal.read(1 << 16).decode()


def test_what_the_proxy_itself_asks_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("about: x\nswitches: none\nrefused GET /version\n")
    assert try_ours([str(tmp_path / "x.txt")], {}).status == 1
    assert try_ours([str(tmp_path / "x.txt")], {}, "--ignore", "GET /version").status == 0


def test_the_rows_of_the_readme_are_rows(tmp_path: Path) -> None:
    readme = (SUITE / "README.md").read_text()
    [example] = re.findall(r"^```text\n(about: .*?)^```$", readme, re.MULTILINE | re.DOTALL)
    (tmp_path / "x.txt").write_text(example)
    done = try_ours([str(tmp_path / "x.txt")], {})
    assert (done.status, len(done.lines)) == (0, 3), done.said
    named = set(re.findall(r"--rows (\S+)", readme))
    assert named <= {name for names in list_sets().values() for name in names}


def test_a_mistake_is_said_and_nothing_is_sent() -> None:
    with short_folder() as folder:
        engine, proxy = f"{folder}/engine.sock", f"{folder}/docker.sock"
        (folder / "taken.sock").write_text("mine")
        for words, said in (
            ((), "--engine E PROXY --rows NAME are needed"),
            (("--engine", engine, proxy, "--rows", "none"), "unknown rows 'none'"),
            (("--engine", engine, proxy, "--rows", "containers", "--rows", "bodies"), "different switches"),
            (("--engine", engine, "proxy", "--rows", "bodies"), "'proxy' is neither a path"),
            (("--engine", "0.0.0.0:2375", proxy, "--rows", "bodies"), "only on this machine"),
            (("--engine", f"{folder}/taken.sock", proxy, "--rows", "bodies"), "Address already in use"),
            (("--engine", engine, proxy, "--rows", "bodies", "--patience", "0"), "cannot connect to the proxy"),
        ):
            done = run_suite(*words)
            assert (done.status, done.lines, said in done.said) == (2, [], True), done.said
        assert (folder / "taken.sock").read_text() == "mine"
    done = try_ours(["tecnativa-default"], {"PING": "0"})
    assert (done.status, "must let GET /_ping through" in done.said) == (2, True), done.said


def test_a_mistake_in_a_set_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    head = "about: x\nswitches: none\n"
    for text, line, said in (
        (head + "allowed GET /_ping\n", 3, "expected a row"),
        (head + "denied GET /a\ndenied GET /a\n", 4, "already"),
        (head + "row: x\n", 3, "expected one of: forwarded"),
        (head + "row: x\n  denied\n", 4, "lines of bytes"),
        (head + "row: x\n  denied\n    | GET \\q\n", 5, "an escape is one of"),
        (head + "row: x\n  either\n    | GET / HTTP/1.1\n", 5, "not one whole request"),
        ("about: x\ndenied GET /a\n", 2, "a line `switches: ...`"),
    ):
        path.write_text(text)
        done = run_suite("--engine", "/nonexistent/e", "/nonexistent/p", "--rows", str(path))
        assert (done.status, f"x.txt:{line}: " in done.said, said in done.said) == (2, True, True), done.said


def test_the_suite_needs_nothing_but_python() -> None:
    for path in SUITE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                named = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
                assert {name.partition(".")[0] for name in named} <= {"conformance", *sys.stdlib_module_names}, (
                    path.name
                )
