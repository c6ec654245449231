"""An attacker who runs code in the proxy: what is sent, and what becomes of it and of the process."""

import base64
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.programs import Running, engine_at
from decisions import read_message
from folders import short_folder
from proxy.harness import request as write_request
from waiting import PATIENCE

from dockerproxy.host.listen import is_in_use


class RunningBroken(Running):
    """The same with a hook that runs what it is sent."""

    program = (sys.executable, str(Path(__file__).with_name("broken_into.py")))


@dataclass
class Broken:
    """A proxy that was broken into, and what is around it.

    Attributes:
        folder: Where its sockets are, of which it may only make more.
        beside: A folder that it has no business with, with a file and a socket in it.
        running: The process.
    """

    folder: Path
    beside: Path
    running: Running

    def attack(self, code: str) -> str:
        """Have the process run code; return what came of it, empty if the process did not live to tell."""
        code = f"beside = {str(self.beside)!r}\nfolder = {str(self.folder)!r}\n{code}"
        sent = write_request("GET", "/_ping", f"x-code: {base64.b64encode(code.encode()).decode()}")
        answer = send(self.folder / "docker.sock", sent)
        content = answer.partition(b"\r\n\r\n")[2]
        return read_message(content) if content else ""

    def last_words(self) -> str:
        """Wait until the process has ended by the signal of a forbidden call; return all that it has printed."""
        assert self.running.wait_end() in {-signal.SIGSYS, 128 + signal.SIGSYS}, self.running.printed
        return self.running.printed


def send(path: Path, data: bytes) -> bytes:
    """Send bytes to a socket; return all that comes back."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        client.sendall(data)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(1 << 16):
                answer += piece
        return answer


@contextlib.contextmanager
def broken_into(*without: str, **variables: str) -> Iterator[Broken]:
    """Run a proxy that was broken into, some of its locks left open."""
    with short_folder() as folder, short_folder() as beside, engine_at(folder / "engine.sock"):
        (beside / "secret").write_text("secret")
        with engine_at(beside / "other.sock"):
            places = {"PROXIED_SOCKET_PATH": f"{folder}/docker.sock", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
            knocked_out = [word for lock in without for word in ("--without", lock)]
            with RunningBroken(*knocked_out, "serve", **{**places, **variables}) as running:
                running.wait_for("listening on")
                running.wait_for("sandboxed: system calls")
                yield Broken(folder, beside, running)


def is_served(broken: Broken) -> bool:
    """Whether the process still serves."""
    return is_in_use(str(broken.folder / "docker.sock")) and os.path.exists(f"/proc/{broken.running.process.pid}")
