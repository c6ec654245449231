"""The command line as a person runs it, and an engine that answers every request alike."""

import contextlib
import io
import os
import select
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

from waiting import PATIENCE

from dockerproxy.cli import main, request

ask = partial(request.ask, patience=PATIENCE)

NOWHERE = "/nonexistent/engine.sock"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


_PATHS = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
CODE: Mapping[str, str] = {"PYTHONPATH": os.pathsep.join(_PATHS)} if _PATHS else {}
"""Where a program that a test starts finds the code that is tested: not what is installed, in another work tree."""


def environment_of(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with these variables, and of whoever runs the tests only where the code is."""
    return {"PATH": os.environ["PATH"], **CODE, "DOCKER_SOCKET_PATH": NOWHERE, **variables}


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    status: int
    out: str
    err: str


def run(*words: str, **variables: str) -> Done:
    """Run a verb to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "dockerproxy", *words],
        capture_output=True,
        env=environment_of(variables),
        timeout=PATIENCE,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def run_here(*words: str, **variables: str) -> Done:
    """Run a verb to its end in this process, which takes no time to start."""
    options = main.make_parser(words[:1]).parse_args(words)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = options.run(options, environment_of(variables))
    return Done(status, out.getvalue(), "")


class Running:
    """A verb that runs; what it prints can be waited for. Killed when the block ends."""

    program: ClassVar[tuple[str, ...]] = (sys.executable, "-m", "dockerproxy")
    descriptors: Collection[int] = ()
    """Those that it inherits besides the standard ones."""

    def __init__(self, *words: str, **variables: str) -> None:
        self.printed = ""
        self.process = subprocess.Popen(
            [*self.program, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment_of(variables),
            pass_fds=self.descriptors,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def wait_for(self, text: str) -> None:
        """Wait until it has printed a text."""
        while text not in self.printed:
            assert self._read_some(), f"ended or silent without {text!r}:\n{self.printed}"

    def wait_for_new(self, text: str, start: int) -> None:
        """Wait until it has printed a text after the first `start` characters."""
        while text not in self.printed[start:]:
            assert self._read_some(), f"ended or silent without {text!r}:\n{self.printed[start:]}"

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait_end(self) -> int:
        """Wait until it ends, and return its exit status."""
        while self._read_some():
            pass
        return self.process.wait(PATIENCE)

    def _read_some(self) -> bool:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        assert ready, f"silent for {PATIENCE} seconds:\n{self.printed}"
        piece = os.read(self.process.stdout.fileno(), 1 << 16)
        self.printed += piece.decode()
        return bool(piece)


@contextlib.contextmanager
def engine_at(path: Path, answer: bytes = OK) -> Iterator[None]:
    """Have an engine that gives every request the same answer; an empty one is none at all, and it waits for more."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline():
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(answer)

    with engine_of(path, Handler):
        yield


class _Engine(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 4096

    def handle_error(self, *_: object) -> None:
        pass  # The proxy hung up.


@contextlib.contextmanager
def engine_of(path: Path, handler: type[socketserver.BaseRequestHandler]) -> Iterator[None]:
    """Have an engine that handles each connection in a thread of its own; its file is gone afterwards."""
    with _Engine(str(path), handler) as engine:
        thread = threading.Thread(target=engine.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            engine.shutdown()
            thread.join(PATIENCE)
            path.unlink()


@contextlib.contextmanager
def serving(folder: Path, *words: str, **variables: str) -> Iterator[Running]:
    """Run the proxy on `docker.sock` in a folder, for an engine on `engine.sock` there; it is ready."""
    places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
    with Running(*(("serve", *words) if words else ()), **{**places, **variables}) as proxy:
        proxy.wait_for("listening on")
        yield proxy
