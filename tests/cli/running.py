"""A program that `run` runs, before an engine in a folder."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.programs import Done, Running, engine_at, environment_of
from folders import short_folder
from waiting import PATIENCE

PROLOGUE = (
    "import os, signal, socket, sys; from dockerproxy.cli.request import ask; path = os.environ['DOCKER_HOST'][7:]; "
)
PING = "print(ask(path, 'GET', '/_ping')[0], flush=True)"
DENIED = "print(ask(path, 'GET', '/info')[0], flush=True)"
HOLDS = "signal.pthread_sigmask(signal.SIG_BLOCK, {signals}); print('is-' + 'ready', sys.stdin.isatty(), flush=True)\n"
SEES = "print('got', signal.Signals(signal.sigwait({signals})).name, flush=True)\n"
"""A program that holds signals back, and sees the next of them."""


def words_of(*options: str, code: str = "") -> list[str]:
    return ["run", *options, "--", *((sys.executable, "-c", PROLOGUE + code) if code else ())]


def variables_in(folder: Path) -> dict[str, str]:
    return {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", "XDG_RUNTIME_DIR": str(folder)}


def run(folder: Path, *options: str, code: str = "", **variables: str) -> Done:
    """Run a program to its end; nothing is left in the folder but what was there."""
    before = {path.name for path in folder.iterdir()}
    done = subprocess.run(
        [sys.executable, "-m", "dockerproxy", *words_of(*options, code=code)],
        capture_output=True,
        env=environment_of({**variables_in(folder), **variables}),
        cwd=folder,
        timeout=PATIENCE,
        check=False,
    )
    assert {path.name for path in folder.iterdir()} - {"learned.yaml"} == before - {"learned.yaml"}
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def folder_with_engine() -> Iterator[Path]:
    """Give a folder with an engine, in which private directories are made."""
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        yield folder


@contextmanager
def running(folder: Path, code: str, *options: str) -> Iterator[Running]:
    """Run a program that prints when it is ready."""
    options = options or ("--preset", "ping")
    with Running(*words_of(*options, code=code), **variables_in(folder)) as program:
        yield program
