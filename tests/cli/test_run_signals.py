"""Signals, and jobs in a terminal, are to a program that we run as if we were not there."""

import os
import pty
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.programs import environment_of
from cli.running import HOLDS, SEES, folder_with_engine, run, running, variables_in, words_of
from waiting import PATIENCE

GONE = "trap 'echo hung up; exit 3' HUP; echo ready; while :; do sleep 0.05; done"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with an engine, in which private directories are made."""
    with folder_with_engine() as folder:
        yield folder


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_that_is_sent_to_us_alone_is_passed_on(folder: Path, number: signal.Signals) -> None:
    code = (HOLDS + SEES).replace("{signals}", f"{{{int(number)}}}") + "sys.exit(9)"
    with running(folder, code) as program:
        program.wait_for("is-ready")
        program.signal(number)
        assert program.wait_end() == 9, program.printed
        assert program.printed.count(f"got {number.name}") == 1


def test_when_the_proxy_ends_the_program_is_told_and_the_status_says_so(folder: Path) -> None:
    code = (
        f"signal.pthread_sigmask(signal.SIG_BLOCK, {{15}})\nimport struct\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(path)\n"
        "os.kill(struct.unpack('3i', s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0], signal.SIGKILL)\n"
        f"{SEES.replace('{signals}', '{15}')}sys.exit(5)"
    )
    done = run(folder, "--preset", "ping", code=code)
    assert (done.status, done.out) == (125, "got SIGTERM\n")
    assert "the proxy ended with status 137" in done.err


def test_when_we_are_killed_the_proxy_ends(folder: Path) -> None:
    code = "print('ready', path, flush=True); sys.stdin.read()"
    with running(folder, code) as program, socket.socket(socket.AF_UNIX) as connection:
        program.wait_for("\n")
        connection.connect(program.printed.split()[1])
        connection.settimeout(PATIENCE)
        program.signal(signal.SIGKILL)
        assert connection.recv(1) == b""


class Terminal:
    """An interactive shell in a terminal of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.printed = ""
        self._descriptor, inner = pty.openpty()
        words = ["setsid", "--ctty", "bash", "--norc", "--noprofile", "--noediting", "-i"]
        self._process = subprocess.Popen(words, stdin=inner, stdout=inner, stderr=inner, env=environment)
        os.close(inner)

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def wait_for(self, text: str, times: int = 1) -> None:
        while self.printed.count(text) < times:
            assert select.select([self._descriptor], [], [], PATIENCE)[0], self.printed
            self.printed += os.read(self._descriptor, 1 << 16).decode()

    def close(self) -> None:
        os.close(self._descriptor)
        self._process.kill()
        self._process.wait()


@contextmanager
def terminal(folder: Path) -> Iterator[Terminal]:
    shell = Terminal(environment_of({**variables_in(folder), "TERM": "dumb"}))
    try:
        yield shell
    finally:
        shell.close()


def test_in_a_terminal_ctrl_c_comes_once_and_jobs_are_controlled_as_ever(folder: Path) -> None:
    code = (HOLDS + 2 * SEES).replace(
        "{signals}", f"{{{int(signal.SIGINT)}, {int(signal.SIGCONT)}}}"
    ) + "print('end' + 'ed', sys.stdin.readline(), flush=True); sys.exit(7)"
    (folder / "command.sh").write_text(
        shlex.join([sys.executable, "-m", "dockerproxy", *words_of("--preset", "ping", code=code)])
    )
    with terminal(folder) as shell:
        shell.type(f". {folder}/command.sh\n")
        shell.wait_for("is-ready True")
        shell.type("\x03")
        shell.wait_for("got SIGINT")
        shell.type("\x1a")
        shell.wait_for("Stopped")
        shell.type("fg\n")
        shell.wait_for("got SIGCONT")
        shell.type("typed\n")
        shell.wait_for("ended typed")
        shell.wait_for("dockerproxy: no requests")
        shell.type("echo sta'tus' $?\n")
        shell.wait_for("status 7")
        assert shell.printed.count("got SIGINT") == 1
    assert [path.name for path in folder.iterdir()] == ["command.sh", "engine.sock"]


def test_in_the_background_a_program_that_reads_the_terminal_stops_until_it_is_called(folder: Path) -> None:
    words = [sys.executable, "-m", "dockerproxy", *words_of("--preset", "ping", "--", "sh", "-c", "read -r x; exit $x")]
    (folder / "command.sh").write_text(shlex.join(words) + " &")
    with terminal(folder) as shell:
        shell.type(f"set -o notify; . {folder}/command.sh\n")
        shell.wait_for("Stopped")
        shell.type("fg\n5\n")
        shell.wait_for("dockerproxy: no requests")
        shell.type("echo sta'tus' $?\n")
        shell.wait_for("status 5")


def test_when_the_terminal_is_gone_the_program_ends_and_nothing_is_left(folder: Path) -> None:
    """We lead the session, as in `ssh -t host dockerproxy run`, and the terminal tells only the leader."""
    outer, inner = pty.openpty()
    words = [
        "setsid",
        "--ctty",
        sys.executable,
        "-m",
        "dockerproxy",
        *words_of("--preset", "ping", "--", "sh", "-c", GONE),
    ]
    with subprocess.Popen(
        words, stdin=inner, stdout=subprocess.PIPE, stderr=inner, env=environment_of(variables_in(folder))
    ) as process:
        os.close(inner)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        os.close(outer)
        assert process.stdout.read() == b"hung up\n"
        assert process.wait(PATIENCE) == 3
    assert [path.name for path in folder.iterdir()] == ["engine.sock"]
