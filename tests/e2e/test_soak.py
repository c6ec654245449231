"""For minutes or hours, real clients work through the proxy while much goes wrong: nothing is lost, nothing grows.

`make soak` runs it for as long as SECONDS says; the tests of every day run it for one minute.
"""

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from e2e.engines import Engine, docker_engine
from e2e.images import BUSYBOX, import_image
from e2e.programs import Client
from e2e.proxies import Proxy, running_file
from e2e.talk import ask
from e2e.troubling import TROUBLES, Scene
from e2e.working import IMAGE, LINES, ROUNDS, Tools
from waiting import PATIENCE

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
PHASE = min(SECONDS / 3, 45.0)
"""Seconds between two restarts of the engine. Growth shows from phase to phase, so there are three, or more."""

pytestmark = [pytest.mark.engine, pytest.mark.timeout(SECONDS + 600)]

POLICY = """
sockets:
  work:
    path: FOLDER/proxy.sock
    allow:
      - preset:ping
      - containers:read
      - images:read
      - events:read
      - info:read
      - ContainerCreate
      - ContainerStart
      - ContainerAttach
      - ContainerDelete
      - ContainerExec
      - ExecStart
      - ExecInspect
      - PutContainerArchive: {running: true}
      - ContainerArchive: {running: true}
      - ImageLoad: unrestricted
  hostile:
    path: FOLDER/hostile.sock
    limits: {head: 64KiB, header_timeout: 2, body_timeout: 2}
    allow: [HOSTILE]
"""
POLICIES = ("preset:ping", "preset:traefik", "ContainerCreate")

GROWTH = 12_000
"""Kilobytes that the process may have more at the end than after the first phase, for what Python keeps in reserve."""


class Crew:
    """Threads that do something again and again until told to end; what fails in one of them is the test's failure."""

    def __init__(self, over: threading.Event) -> None:
        self.done: dict[str, int] = {}
        self._over = over
        self._failed: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def start(self, name: str, turn: Callable[[], None]) -> None:
        def run() -> None:
            while not self._over.is_set():
                try:
                    turn()
                except BaseException as error:  # noqa: BLE001 (it is raised where it is waited for)
                    error.add_note(f"in the soak: {name}")
                    self._failed.append(error)
                    self._over.set()
                self.done[name] = self.done.get(name, 0) + 1

        self._threads.append(threading.Thread(target=run, name=name))
        self._threads[-1].start()

    def wait(self, seconds: float) -> None:
        """Let them go on for that long, or until one has failed; then wait for the end of what each is at."""
        self._over.wait(seconds)
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), f"{thread.name} does not end"
        if self._failed:
            raise self._failed[0]


@pytest.fixture
def engine(busybox: bytes) -> Iterator[Engine]:
    """A dockerd of its own, which is stopped and started."""
    with docker_engine() as prepared:
        prepared.start()
        import_image(prepared.socket, BUSYBOX, busybox)
        yield prepared


def start_tools(docker: Client, saved: bytes) -> Tools:
    printer = docker.start_container("seq", str(LINES))
    talker = docker.start_container("sleep", "100000")
    docker.run("wait", printer)
    return Tools(docker=docker, saved=saved, printer=printer, talker=talker)


def run_phase(scene: Scene, seconds: float, seed: int) -> dict[str, int]:
    """Work and make trouble for a while; return how often each was done."""
    crew, since = Crew(scene.over), f"--since={time.time()}"
    heard = scene.tools.docker.watch("events", since, "--filter=type=container", "--format={{.Action}}")
    for work in ROUNDS:
        crew.start(work.__name__, partial(work, scene.tools))
    for number, trouble in enumerate(TROUBLES):
        crew.start(trouble.__name__, partial(trouble, scene, random.Random(seed + number)))  # noqa: S311 (no secret)
    with heard:
        crew.wait(seconds)
        scene.tools.docker.run("exec", scene.tools.talker, "true", "last-of-phase")
        heard.wait_for("last-of-phase")
    # There may be more creates: for a start that runc breaks off, the command line is run again.
    started = heard.printed.splitlines().count(b"start")
    assert started == crew.done["run_with_input"], "an event was lost, or came twice"
    return crew.done


def restart(engine: Engine, proxy: Proxy) -> None:
    """Stop the engine and start it again; what is asked between is told so."""
    engine.stop()
    assert ask(proxy.socket, "GET", "/_ping?restart").status == 503
    engine.start()
    assert ask(proxy.socket, "GET", "/_ping?restart").status == 200


def assert_nothing_went_wrong(proxy: Proxy) -> None:
    """Check that no honest request was turned away, and none got an error but while the engine was away.

    A start that runc breaks off gets one, too. Only that is tried again, and so `run_phase` fails for any other.
    """
    honest = 0
    for record in proxy.each_record():
        assert record["level"] not in {"crit", "alert", "emerg"}, record
        assert "lines dropped" not in record.get("text", "")
        if record.get("socket") == "work":
            honest += 1
            assert record["decision"] == "allowed", record
            assert record["status"] < 500 or record["target"].endswith(("?restart=", "/start")), record
    assert honest > 1000 * (SECONDS / 600)


def test_nothing_is_lost_and_nothing_grows(
    engine: Engine, make_client: partial[Client], capsys: pytest.CaptureFixture[str]
) -> None:
    text = POLICY.replace("HOSTILE", POLICIES[0])
    with running_file(engine.socket, text, ENGINE_TIMEOUT="60") as (folder, proxy):

        def reload(number: int) -> None:
            policy = POLICY.replace("HOSTILE", POLICIES[number]).replace("FOLDER", str(folder))
            (folder / "new.yaml").write_text(policy)
            (folder / "new.yaml").replace(folder / "policy.yaml")

        saved = ask(engine.socket, "GET", IMAGE).body
        docker, begun = make_client(socket=proxy.socket), time.monotonic()
        levels, totals = list[tuple[int, int]](), dict[str, int]()
        while (left := begun + SECONDS - time.monotonic()) > 0:
            tools = start_tools(docker, saved)
            scene = Scene(engine, proxy, tools, folder / "hostile.sock", reload, threading.Event())
            for name, count in run_phase(scene, min(PHASE, left), len(levels) * 100).items():
                totals[name] = totals.get(name, 0) + count
            tools.docker.run("rm", "--force", tools.printer, tools.talker)
            restart(engine, proxy)
            levels.append((proxy.count_descriptors_at_rest(), proxy.count_resident()))
        with capsys.disabled():
            sys.stdout.write(f"\n{time.monotonic() - begun:.0f} s; descriptors, kilobytes: {levels}\n{totals}\n")
        assert_nothing_went_wrong(proxy)
    descriptors, resident = (list(each) for each in zip(*levels, strict=True))
    assert max(descriptors) <= descriptors[0]
    assert resident[-1] <= resident[0] + GROWTH
    assert min(totals[work.__name__] for work in ROUNDS) > 0
