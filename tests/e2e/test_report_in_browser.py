"""The report in a real browser: nothing of a client becomes a part of the page."""

import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cli.test_report import write_hostile
from cli.test_suggest import write_log
from waiting import PATIENCE
from workbench.test_markup import Read

from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.claim import Known
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.decide import decide
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import Lookup, missing

POLICY: Final = """\
sockets:
  autoheal:
    path: /proxied/autoheal/docker.sock
    allow:
      - ContainerList
      - ContainerRestart: {containers: [web, db]}
      - ContainerKill: {containers: [web]}
  runner:
    path: /proxied/runner/docker.sock
    mode: report
    allow: [containers:read, ContainerStart, ContainerStop]
  traefik:
    path: /proxied/traefik/docker.sock
    allow: [preset:traefik]
"""
DAYS: Final = 7
BEGIN: Final = datetime(2026, 11, 18, tzinfo=UTC)
ASKED: Final = {
    ("traefik", 0): (
        ("GET /v1.45/containers/json", 400),
        ("GET /v1.45/containers/web/json", 60),
        ("GET /v1.45/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D", 2),
        ("GET /v1.45/version", 6),
        ("GET /v1.45/services", 3),
    ),
    ("autoheal", 0): (
        ("GET /v1.45/containers/json?filters=%7B%22health%22%3A%5B%22unhealthy%22%5D%7D", 700),
        ("POST /v1.45/containers/web/restart?t=10", 3),
        ("POST /v1.45/containers/cache/restart?t=10", 5),
    ),
    ("runner", 1000): (
        ("GET /v1.45/containers/json", 90),
        ("GET /v1.45/containers/job/logs?stdout=1", 40),
        ("POST /v1.45/containers/job/start", 25),
        ("POST /v1.45/containers/job/kill", 4),
        ("GET /v1.45/volumes", 9),
    ),
    ("runner", 1001): (("GET /v1.45/containers/job/json", 30), ("GET /containers/../images/json", 2)),
}
"""By socket and user: what is asked for, and about how often a day."""


def judge(policy: CompiledPolicy, request: CanonicalRequest) -> Decision:
    """Decide as the proxy would if each object had the name by which it is called."""
    decision = decide(policy, request)
    if isinstance(decision, Lookup):
        decision = decide(policy, request, Known(found=missing(decision)))
    return decision if isinstance(decision, Decision) else policy.deny(request.operation.name)


def list_records(chance: random.Random) -> Iterator[Record]:
    """Yield the records of a day."""
    sockets = {socket.name: socket.policy for socket in read_policy(POLICY, "policy.yaml").sockets}
    for (socket, user), asked in ASKED.items():
        for line, often in asked:
            method, _, target = line.partition(" ")
            request = canonicalise(method, target)
            if isinstance(request, CanonicalRequest):
                decision = judge(sockets[socket], request)
                passes = Outcome.REPORTED if socket == "runner" else Outcome.DENIED
                outcome, operation = Outcome.ALLOWED if decision.allowed else passes, request.operation.name
                reason = "" if decision.allowed else decision.message
            else:
                outcome, operation, reason = Outcome.REFUSED, "", request.reason
            for _ in range(round(often * chance.uniform(0.5, 1.4))):
                took = round(chance.lognormvariate(0.5, 0.8), 1)
                peer = Peer(user, user, 4000)
                numbers = (200 if outcome in {Outcome.ALLOWED, Outcome.REPORTED} else 403, 0, 980, took)
                yield Record(socket, peer, method, target, operation, "", outcome, "", reason, *numbers)


def write_example(folder: Path) -> Path:
    """Make the report of a week in which three programs were at work."""
    chance = random.Random(1)  # noqa: S311 (the same each time)
    days = [list(list_records(chance)) for _ in range(DAYS)]
    log = Path(write_log(folder / "proxy.log", *(record for day in days for record in day)))
    lines = [line for line in log.read_text().splitlines() if '"event":"exchange"' in line]
    with log.open("w") as file:
        for number, count in enumerate(map(len, days)):
            for index in range(count):
                when = BEGIN + timedelta(days=number + index / count)
                time = f'"time":"{when:%Y-%m-%dT%H:%M:%S.000Z}"'
                print(re.sub(r'"time":"[^"]*"', time, lines.pop(0), count=1), file=file)
    (folder / "policy.yaml").write_text(POLICY)
    words = ("report", "proxy.log", "--policy", "policy.yaml", "--html", "report.html")
    subprocess.run([sys.executable, "-m", "dockerproxy", *words], check=True, cwd=folder)
    return folder / "report.html"


def browse(page: Path, *options: str) -> bytes:
    """Have the browser read a page, and return what it prints."""
    with tempfile.TemporaryDirectory() as profile:
        command = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options)
        words = (*command, f"--user-data-dir={profile}", f"file://{page}")
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example(tmp_path_factory.mktemp("example"))


def read_dom(page: Path) -> Read:
    """Return the document as the browser understood it, and ran it."""
    return Read(browse(page, "--dump-dom").decode())


@pytest.mark.engine
def test_a_browser_runs_and_loads_nothing(tmp_path: Path) -> None:
    """A hostile text makes no element, no attribute and no request; an element that got through would not run."""
    pages = []
    for name in ("ordinary", "hostile"):
        log = write_hostile(tmp_path / f"{name}.log", hostile=name == "hostile")
        words = ("report", log, "--html", f"{tmp_path}/{name}.html")
        subprocess.run([sys.executable, "-m", "dockerproxy", *words], check=True)
        pages.append(tmp_path / f"{name}.html")
    ordinary, hostile = map(read_dom, pages)
    assert Counter(hostile.names) == Counter(ordinary.names)
    assert Counter(name for name, _ in hostile.attributes) == Counter(name for name, _ in ordinary.attributes)
    assert "script" not in hostile.names
    injected = (
        pages[1]
        .read_text()
        .replace(
            "<h1", "<script>document.body.className='ran'</script><img src=x onerror=\"document.title='ran'\"><h1", 1
        )
    )
    pages[1].write_text(injected)
    dom = read_dom(pages[1])
    assert "script" in dom.names
    assert ("class", "ran") not in dom.attributes
    assert "<title>ran" not in injected
    assert browse(pages[1], "--dump-dom").decode().count("<title>Dockerproxy report</title>") == 1


@pytest.mark.engine
def test_a_reader_of_the_screen_finds_its_way(example: Path) -> None:
    dom = read_dom(example)
    counts = Counter(dom.names)
    assert [counts[name] for name in ("header", "main", "footer", "h1", "title")] == [1] * 5
    assert counts["caption"] == counts["table"] == counts["thead"] > 0
    assert dom.attributes.count(("role", "region")) == counts["table"]
    assert counts["th"] == sum(name == "scope" for name, _ in dom.attributes)
