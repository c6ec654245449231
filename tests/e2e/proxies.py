"""The proxy as its own process, as a person starts it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from cli.programs import CODE
from e2e.talk import ask, connect
from folders import short_folder
from waiting import PATIENCE, wait_until

SECTIONS = (
    *("AUTH", "BUILD", "COMMIT", "CONFIGS", "CONTAINERS", "DISTRIBUTION", "EXEC", "GRPC", "IMAGES", "INFO"),
    *("NETWORKS", "NODES", "PLUGINS", "SECRETS", "SERVICES", "SESSION", "SWARM", "SYSTEM", "TASKS", "VOLUMES"),
)
EVERYTHING = {"POST": "1", **dict.fromkeys(SECTIONS, "1")}


class Proxy:
    """A running proxy: its socket, its descriptors and the records it leaves."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], sockets: tuple[Path, ...] = ()) -> None:
        self.socket = folder / "proxy.sock"
        self._sockets = sockets or (self.socket,)
        self._log = folder / "proxy.log"
        self._process = process

    def printed(self) -> str:
        """Return all that it printed so far, on both streams."""
        return self._log.read_text()

    def each_record(self) -> Iterator[dict[str, Any]]:
        """Yield its log, an object a line."""
        with self._log.open("rb") as log:
            yield from (json.loads(line) for line in log if line.endswith(b"\n"))

    def records(self) -> list[dict[str, Any]]:
        """Return its log, which must not be one of hours."""
        return list(self.each_record())

    def wait_for_record(self, **fields: object) -> dict[str, Any]:
        """Wait until it has left a record with these fields."""

        def found() -> dict[str, Any] | None:
            wanted = fields.items()
            return next((record for record in self.records() if wanted <= record.items()), None)

        record = wait_until(found, f"a record with {fields}")
        assert record is not None
        return record

    def count_descriptors(self) -> int:
        """Count the files and sockets that it holds open."""
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))

    def count_descriptors_at_rest(self) -> int:
        """Count them when none has come or gone for a moment."""
        counts: deque[int] = deque(maxlen=10)

        def is_at_rest() -> bool:
            counts.append(self.count_descriptors())
            return len(counts) == counts.maxlen and len(set(counts)) == 1

        wait_until(is_at_rest, "the proxy is at rest")
        return counts[-1]

    def count_resident(self) -> int:
        """Count the kilobytes that it has in memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def accepts(self) -> bool:
        """Tell whether one can connect to each of its sockets."""
        try:
            for socket in self._sockets:
                connect(socket).close()
        except OSError:
            return False
        return True

    def wait_ready(self) -> None:
        """Wait until it accepts.

        Raises:
            AssertionError: it ended, or did not accept in time; with what it printed.
        """
        try:
            wait_until(lambda: self._process.poll() is not None or self.accepts(), "the proxy accepts")
        finally:
            if self._process.poll() is not None:
                message = f"the proxy exited {self._process.returncode}:\n{self.printed()}"
                raise AssertionError(message)

    def stop(self) -> None:
        """Ask it to end, unless it has, and check that it ended well and that nothing went wrong in it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        printed = self.printed()
        assert status == 0, f"the proxy exited {status}:\n{printed}"
        assert "Traceback" not in printed, printed
        assert all(isinstance(record, dict) for record in self.each_record())


def denied(proxy: Proxy) -> list[str]:
    """Return why requests were refused so far; the log writes them down in order, but not at once."""
    mark = f"/_ping?mark={uuid4().hex}"
    ask(proxy.socket, "GET", mark)
    proxy.wait_for_record(target=mark)
    return [record["reason"] for record in proxy.records() if record.get("decision") in {"denied", "refused"}]


@contextlib.contextmanager
def running_proxy(
    engine_socket: Path, settings: Mapping[str, str], descriptors: int | None = None, words: tuple[str, ...] = ()
) -> Iterator[Proxy]:
    """Run a proxy with these settings and no others, in front of that socket."""
    with short_folder() as folder, _running(folder, engine_socket, settings, descriptors, words) as proxy:
        yield proxy


@contextlib.contextmanager
def running_policy(engine_socket: Path, allow: str) -> Iterator[Proxy]:
    """Run a proxy with one socket, on which this list in YAML is allowed, in front of that socket of an engine."""
    with short_folder() as folder:
        policy = folder / "policy.yaml"
        policy.write_text(f"sockets: {{client: {{path: {folder}/proxy.sock, allow: {allow}}}}}\n")
        with _running(folder, engine_socket, {}, None, ("--policy", str(policy))) as proxy:
            yield proxy


@contextlib.contextmanager
def running_file(engine_socket: Path, text: str, **settings: str) -> Iterator[tuple[Path, Proxy]]:
    """Run a proxy with a policy file, in which FOLDER stands for the folder that it is in."""
    with short_folder() as folder:
        policy = folder / "policy.yaml"
        policy.write_text(text.replace("FOLDER", str(folder)))
        with _running(folder, engine_socket, settings, None, ("--policy", str(policy))) as proxy:
            yield folder, proxy


@contextlib.contextmanager
def _running(
    folder: Path, engine_socket: Path, settings: Mapping[str, str], descriptors: int | None, words: tuple[str, ...]
) -> Iterator[Proxy]:
    limit = () if descriptors is None else ("prlimit", f"--nofile={descriptors}:{descriptors}", "--")
    environment = {
        "PATH": os.environ["PATH"],
        **CODE,
        "HOME": str(folder),
        "LOG_FORMAT": "json",
        "SHUTDOWN_GRACE": "1",
        "DOCKER_SOCKET_PATH": str(engine_socket),
        **({} if "--policy" in words else {"PROXIED_SOCKET_PATH": str(folder / "proxy.sock")}),
        **settings,
    }
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(
            [*limit, sys.executable, "-m", "dockerproxy", "serve", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
        )
    proxy = Proxy(folder, process, _sockets_of(*words))
    try:
        proxy.wait_ready()
        yield proxy
    finally:
        proxy.stop()


def _sockets_of(*words: str) -> tuple[Path, ...]:
    """Return the paths of all sockets of a policy file, which are bound one after the other."""
    if not words or not Path(words[1]).is_file():
        return ()
    document = yaml.load(Path(words[1]).read_text(), yaml.BaseLoader)  # noqa: S506
    return tuple(Path(each["path"]) for each in document["sockets"].values())
