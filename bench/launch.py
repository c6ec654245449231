"""A program runs for as long as a block lasts, and is gone after it.

Programs get the environment they are given and nothing of ours, so that a run does not depend on
who starts it. What they print goes to a file: nothing here ever waits for a reader.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Where Debian puts servers; it is not in the PATH of an ordinary user.
SERVERS: Final = "/usr/local/sbin:/usr/sbin:/sbin"
SEARCH: Final = f"{os.environ.get('PATH', '/usr/local/bin:/usr/bin:/bin')}:{SERVERS}"
# How long a program may take to leave when told to, in seconds.
PATIENCE: Final = 5.0


class BenchError(Exception):
    """What ends a run, in words for the person who started it."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: its words and its environment."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


def find(name: str) -> str | None:
    """Give the path of a program, None where it is not installed."""
    return shutil.which(name, path=SEARCH)


def need(name: str, package: str) -> str:
    """Give the path of a program without which nothing can be measured.

    Raises:
        BenchError: It is not installed; with Debian's `package` that brings it.
    """
    path = find(name)
    if path is None:
        message = f"{name} is needed to measure anything: apt-get install {package}"
        raise BenchError(message)
    return path


@contextmanager
def launched(program: Program, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `program` during the block; what it prints is appended to `output`."""
    with output.open("ab") as sink:
        process = subprocess.Popen(
            program.argv,
            env={"PATH": SEARCH, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask `process` to leave, make it leave if it does not, and wait until it has."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
