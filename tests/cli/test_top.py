"""The verb on a real terminal, before a real proxy."""

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from cli.files import policy_in, write
from cli.programs import Done, ask, engine_at, engine_of, environment_of, run, serving
from cli.test_terminal import read
from folders import short_folder
from observe.records import record_of
from waiting import PATIENCE

from dockerproxy.cli import top
from dockerproxy.config.configuration import read_configuration
from dockerproxy.observe.record import Outcome
from dockerproxy.policy.differences import digest

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()].|[=>78]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_COLOURS = re.compile(r"\x1b\[[0-9;]*(?:3[0-7]|38|4[0-7]|48|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


class Watching:
    """`top` on a terminal; killed when the block ends."""

    def __init__(self, path: str, *words: str, columns: int = 80, **variables: str) -> None:
        self._ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.written = self.all_written = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dockerproxy", "top", *words],
            stdin=its,
            stdout=its,
            stderr=its,
            env=environment_of({"TERM": "xterm-256color", "CONTROL_SOCKET": path, **variables}),
        )
        os.close(its)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def wait_for(self, text: str) -> None:
        """Wait until a text is shown that was not before, and forget what was shown."""
        while text not in (shown := _ESCAPES.sub("", self.written)):
            assert self._read_some(), f"ended without {text!r}:\n{shown}"
        self.written = ""

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def wait_end(self) -> int:
        while self._read_some():
            pass
        return self.process.wait(PATIENCE)

    def _read_some(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], PATIENCE)
        assert ready, f"silent:\n{_ESCAPES.sub('', self.written)}"
        piece = read(self._ours)
        self.written += piece.decode(errors="replace")
        self.all_written += piece.decode(errors="replace")
        return bool(piece)


@contextmanager
def watched(**variables: str) -> Iterator[tuple[Path, str]]:
    """A proxy with a control socket; gives the folder of its socket, and the path of that."""
    with short_folder() as folder, short_folder() as apart, engine_at(folder / "engine.sock"):
        path = f"{apart}/c.sock"
        with serving(folder, PING="1", CONTROL_SOCKET=path, **variables):
            yield folder, path


def test_a_client_and_its_denial_are_seen_and_explained() -> None:
    with watched() as (folder, path), Watching(path, PING="1") as view:
        view.wait_for("● live")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{folder}/docker.sock")
            view.wait_for(Path(os.readlink("/proc/self/exe")).name)
        assert ask(f"{folder}/docker.sock", "GET", "/info")[0] == 403
        view.press("2")
        view.wait_for("→ to allow it, set ALLOW=SystemInfo")
        view.press("e")
        view.wait_for("no rule allows it")
        view.press("q")
        view.wait_for("● live")
        view.press("q")
        assert view.wait_end() == 0
        assert _COLOURS.findall(view.all_written)
        assert "[38;2;" not in view.all_written  # Those of the terminal's own palette.


def test_a_proxy_that_comes_back_is_seen_again_and_without_colours_none_is_written() -> None:
    with short_folder() as folder, short_folder() as apart, engine_at(folder / "engine.sock"):
        path = f"{apart}/c.sock"
        with serving(folder, PING="1", CONTROL_SOCKET=path):
            view = Watching(path, NO_COLOR="1")
            view.wait_for("● live")
        with view:
            view.wait_for("○ ")
            with serving(folder, PING="1", CONTROL_SOCKET=path):
                view.wait_for("● live")
                view.press("\x03")
                assert view.wait_end() == 0
        assert not _COLOURS.findall(view.all_written)


def test_it_is_as_large_as_the_terminal_also_when_that_changes() -> None:
    with watched() as (_, path), Watching(path) as view:
        view.wait_for("● live")
        for columns in (150, 110):
            view.resize(columns)
            view.wait_for(f"╰{'─' * (columns - 2)}╯")
        view.press("q")
        assert view.wait_end() == 0


def test_a_pipe_is_told_that_a_terminal_is_needed() -> None:
    done = run("top", CONTROL_SOCKET="/nonexistent/c.sock")
    assert done == Done(
        2,
        "",
        "top: standard input and output must be a terminal\n"
        "    programs can read the log with LOG_FORMAT=json, or METRICS_SOCKET\n",
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "the control socket is not known"),
        ("/nonexistent/c.sock", "/nonexistent/c.sock: cannot connect: No such file or directory"),
    ],
)
def test_what_cannot_be_watched_is_said_in_a_line(path: str, said: str) -> None:
    with Watching(path) as view:
        view.wait_for(said)
        assert view.wait_end() == 2


def test_without_its_package_it_is_said_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['textual'] = None\n")
    paths = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    with Watching("/nonexistent/c.sock", PYTHONPATH=paths) as view:
        view.wait_for("in the clone: pip install '.[tui]'")
        assert view.wait_end() == 2


def test_names_of_programs_are_those_of_the_proxys_own_processes() -> None:
    name = Path(os.readlink("/proc/self/exe")).name
    seen = top.Watched("/nonexistent")
    seen._process = 812
    assert seen.find_program(os.getpid(), 812) == name
    assert seen.find_program(os.getpid(), 1) == ""
    assert seen.find_program(0, 812) == ""
    assert seen.find_program(2**40, 812) == ""


class Chatter(socketserver.BaseRequestHandler):
    """Somebody else, with lines and then one without end."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.request.sendall(b"x\n" * 250 + b"y" * (17 << 20))


def test_what_does_not_speak_the_protocol_is_left_and_tried_again() -> None:
    taken: list[str] = []
    lost: list[str] = []

    async def follow(path: str) -> None:
        enough = asyncio.Event()

        def lose(why: str) -> None:
            lost.append(why)
            if len(lost) > 1:
                enough.set()

        watching = asyncio.ensure_future(top.Watched(path, 0).follow(taken.append, lose))
        await asyncio.wait_for(enough.wait(), PATIENCE)
        watching.cancel()

    with short_folder() as folder, engine_of(folder / "c.sock", Chatter):
        asyncio.run(follow(f"{folder}/c.sock"))
    assert lost[0] == "not a control socket"
    assert taken[:250] == ["x\n"] * 250


def test_it_is_explained_by_the_policy_that_is_named_and_another_one_is_noted() -> None:
    with policy_in() as folder:
        policy = str(folder / "policy.yaml")
        record = record_of("POST /containers/web/stop", decision=Outcome.DENIED)._replace(socket="backup")
        lines = top.explain({}, policy, record, "")
        assert ("decision", "not allowed") in lines
        assert any("- ContainerStop" in text for _, text in lines)
        (label, text), *rest = top.explain({}, policy, record, "0" * 12)
        assert (label, rest) == ("note", lines)
        assert text.startswith("the proxy uses another policy")
        (served,) = (each for each in read_configuration({}, policy).settings.sockets if each.name == "backup")
        assert top.explain({}, policy, record, digest(served.policy)) == lines
        write(folder / "policy.yaml", "sockets: [\n")
        assert [label for label, _ in top.explain({}, policy, record, "")] == ["mistake"]
