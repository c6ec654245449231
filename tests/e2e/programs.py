"""Client programs: run to their end, or watched while they run."""

import os
import select
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from e2e.starting import set_up
from waiting import PATIENCE

LEAVES_NOTHING: Final = frozenset({"build", "buildx bake", "run --rm"})
"""Commands of docker that can be tried again, since nothing is left of one that failed."""


class Running:
    """A program that runs; what it prints can be waited for. Killed when the block ends."""

    def __init__(self, words: tuple[str, ...], environment: dict[str, str]) -> None:
        self.printed = b""
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            bufsize=0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def write(self, data: bytes) -> None:
        """Write to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    def wait_for(self, text: str, *, seconds: float = PATIENCE) -> None:
        """Wait until it has printed the text."""
        while text.encode() not in self.printed:
            if not self._read_some(seconds):
                message = f"ended or silent for {seconds} s without {text!r}: {self.printed!r}"
                raise AssertionError(message)

    def wait_end(self, *, seconds: float = PATIENCE) -> int:
        """Wait until it ends, reading what it prints, and return its exit status."""
        while self._read_some(seconds):
            pass
        return self._process.wait(timeout=seconds)

    def is_silent_for(self, seconds: float) -> bool:
        """Wait that long for it to print or end, and tell that it did neither."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        return not ready

    def interrupt(self) -> None:
        """Interrupt it, as a person does with Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill it, as a person does who closes the terminal."""
        self._process.kill()
        self._process.wait()

    def _read_some(self, seconds: float) -> bool:
        if self.is_silent_for(seconds):
            return False
        assert self._process.stdout is not None
        piece = os.read(self._process.stdout.fileno(), 65536)
        self.printed += piece
        return bool(piece)


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A command line that talks to one socket, with a home of its own."""

    program: tuple[str, ...]
    socket: Path
    home: Path
    label: str  # on every container that `start_container` makes
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What it sees of the machine: the path, and no setting of the person who runs the tests."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "DOCKER_HOST": f"unix://{self.socket}",
            **self.extra,
        }

    def attempt(self, *words: str, data: bytes = b"", seconds: float = PATIENCE) -> subprocess.CompletedProcess[bytes]:
        """Run to the end and return whatever came of it. In so many seconds it prints something, or ends."""
        pipe, given, before = subprocess.PIPE, data or None, 0
        line = (*self.program, *words)
        with subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=pipe, env=self.environment) as process:
            while True:
                try:
                    printed, complained = process.communicate(given, timeout=seconds)
                except subprocess.TimeoutExpired as late:
                    so_far = len(late.stdout or b"") + len(late.stderr or b"")
                    if so_far <= before:
                        process.kill()
                        raise
                    given, before = None, so_far
                else:
                    return subprocess.CompletedProcess(line, process.returncode, printed, complained)

    def run(self, *words: str, data: bytes = b"", seconds: float = PATIENCE) -> bytes:
        """Run to a good end and return what it printed."""
        done = self._finish(words, data, seconds)
        assert done.returncode == 0, f"{words} exited {done.returncode}: {done.stderr.decode()}"
        return done.stdout

    def text(self, *words: str, data: bytes = b"") -> str:
        """Run to a good end and return what it printed, both streams, as text."""
        done = self._finish(words, data, PATIENCE)
        printed = (done.stdout + done.stderr).decode().strip()
        assert done.returncode == 0, f"{words} exited {done.returncode}: {printed}"
        return printed

    def refused(self, *words: str) -> str:
        """Run to a bad end and return what it complained of."""
        done = self.attempt(*words)
        assert done.returncode != 0, f"{words} was not refused: {done.stdout.decode()}"
        return done.stderr.decode()

    def watch(self, *words: str) -> Running:
        """Start it and let it run."""
        return Running((*self.program, *words), self.environment)

    def run_container(self, image: str, *command: str, options: tuple[str, ...] = ("--network=none",)) -> str:
        """Run a container to its end and return what it printed.

        It waits a moment before it begins: dockerd says that it has attached a little before it has.
        """
        waiting = ("sh", "-c", 'sleep 0.2; exec "$@"', "sh", *command)
        return self.text("run", "--rm", *options, image, *waiting)

    def start_container(self, *command: str, options: tuple[str, ...] = ()) -> str:
        """Start a container without a network in the background, and return its id."""
        words = ("run", "--detach", "--network=none", f"--label=case={self.label}", *options, "busybox", *command)
        made: list[str] = []

        def begin() -> subprocess.CompletedProcess[bytes]:
            done = self.attempt(*(("start", *made) if made else words))
            made[:] = made or done.stdout.decode().split()[-1:]  # Printed before the start.
            return done

        done = set_up(begin, lambda done: done.stderr.decode())
        assert done.returncode == 0, f"{words} exited {done.returncode}: {done.stderr.decode()}"
        return made[0]

    def _finish(self, words: tuple[str, ...], data: bytes, seconds: float) -> subprocess.CompletedProcess[bytes]:
        """Run to the end. If it leaves nothing where it fails, it is run again if a container was broken off."""

        def attempt() -> subprocess.CompletedProcess[bytes]:
            return self.attempt(*words, data=data, seconds=seconds)

        if words[0] in LEAVES_NOTHING or " ".join(words[:2]) in LEAVES_NOTHING:
            return set_up(attempt, lambda done: done.stderr.decode(errors="replace"))
        return attempt()
