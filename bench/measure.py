"""One round: every contender does the same work, in turn, a second at a time.

All contenders of a round are there at once, idle but for the one whose turn it is, so that numbers that
are compared are taken within seconds of each other: a machine that is busy for a while is busy for all.
They start afresh for each of the two engines.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from client import download, follow, upload
from contenders import Contender, Running, running
from engines import Engines
from events import SENDS
from launch import BenchError, Program, launched
from load import CHUNKED, CREATING, INSPECTING, LISTING, PINGING, POLLING, Load, make_requests, time_requests
from policy import own_socket, unfiltered_socket

HERE: Final = Path(__file__).parent
MANY: Final = 16
# Requests a second for the latency of many connections: all contenders have the same to do, and none is at its limit.
EVEN: Final = 8000
# Who asks over a new connection each time: two, so that one is there while the other connects.
CONNECTING: Final = 2
WARM_UP_REQUESTS: Final = 2000
# Pings a second beside lists: few, so that they meet quiet moments and busy ones by their length.
PINGED: Final = 200
# Seconds that lists are ahead of them.
AHEAD: Final = 0.5
AWAKE: Final = Program((sys.executable, str(HERE / "awake.py")), {})

# What was measured of one contender in one round, by the keys of `report.METRICS`, in base units.
Sample = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured: rounds, seconds of each load, bytes of each transfer."""

    rounds: int
    seconds: int
    size: int


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked for again and again, with which body, and what the keys of its measurements begin with."""

    targets: Sequence[str]
    prefix: str = ""
    body: Path | None = None

    def options(self, folder: Path) -> Sequence[str]:
        """Give h2load's words for the body, which lies in `folder` without blanks, as clients send it."""
        if self.body is None:
            return ()
        sent = folder / self.body.name
        sent.write_text(json.dumps(json.loads(self.body.read_text()), separators=(",", ":")))
        return (f"--data={sent}", "--header=content-type: application/json")


@dataclass(slots=True)
class Subject:
    """A contender at work in one round, and what was measured of it so far."""

    contender: Contender
    proxy: Running
    sample: dict[str, float] = field(default_factory=dict)
    requests: int = 0


Stage = Callable[[Subject, Plan, Path], None]


def measure_round(contenders: Sequence[Contender], engines: Engines, plan: Plan, folder: Path) -> Mapping[str, Sample]:
    """Measure every contender once; give the samples by the contenders' keys.

    Raises:
        BenchError: One of them did not start, or a request failed.
    """
    asked = run_stages(contenders, engines.prompt, REQUESTS, plan, folder)
    for subject in asked:
        if subject.proxy.log is not None:
            subject.sample["logged"] = count_lines(subject.proxy.log) / subject.requests
    moved = run_stages(contenders, engines.bulk, TRANSFERS, plan, folder)
    return {one.contender.key: {**other.sample, **one.sample} for one, other in zip(asked, moved, strict=True)}


def run_stages(
    contenders: Sequence[Contender], engine: Path, stages: Sequence[Stage], plan: Plan, folder: Path
) -> Sequence[Subject]:
    """Start all contenders before an engine, take them through the stages in turn, and stop them."""
    subjects: list[Subject] = []
    with ExitStack() as stack:
        for contender in contenders:
            subject = Subject(contender, stack.enter_context(running(contender, engine, folder)))
            if subject.proxy.seconds_to_answer is not None:
                subject.sample["start"] = subject.proxy.seconds_to_answer
            note_memory("memory_idle", subject, plan, folder)
            subjects.append(subject)
        for stage in stages:
            for subject in subjects:
                try:
                    stage(subject, plan, folder)
                except (BenchError, OSError) as error:
                    message = f"{subject.contender.name}: {error}"
                    raise BenchError(message) from error
    return subjects


def ask(work: Work, subject: Subject, plan: Plan, folder: Path) -> None:
    """Measure how many requests are answered a second, and what each costs the proxy."""
    proxy, targets, body = subject.proxy, work.targets, work.options(folder)
    subject.requests += make_requests(proxy.socket, targets, MANY, f"--requests={WARM_UP_REQUESTS}", *body).requests
    before = processor_time(proxy)
    load = make_requests(proxy.socket, targets, MANY, f"--duration={plan.seconds}", *body)
    subject.requests += load.requests
    subject.sample[f"{work.prefix}rate_{MANY}"] = load.rate
    if before is not None and (after := processor_time(proxy)) is not None:
        subject.sample[f"{work.prefix}processor"] = (after - before) / load.requests


def time_one(work: Work, subject: Subject, plan: Plan, folder: Path) -> None:
    """Measure how long the requests of one connection take, while no processor sleeps."""
    with ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            stack.enter_context(launched(AWAKE, folder / "awake.log"))
        load = note_latency(work, 1, subject, plan, folder)
    subject.sample[f"{work.prefix}rate_1"] = load.rate


def time_evenly(work: Work, rate: int, subject: Subject, plan: Plan, folder: Path) -> None:
    """Measure how long requests of many connections take, of which as many come in a second for each contender.

    Processors may sleep: what keeps them awake would make an interrupt of each event that somebody waits for.
    """
    note_latency(work, MANY, subject, plan, folder, f"--rps={rate // MANY}")


def note_latency(work: Work, connections: int, subject: Subject, plan: Plan, folder: Path, *options: str) -> Load:
    """Make requests, and measure how long they take."""
    options = (*options, f"--duration={plan.seconds}", *work.options(folder))
    load, latency = time_requests(subject.proxy.socket, work.targets, connections, folder / "times.tsv", *options)
    subject.requests += load.requests
    subject.sample[f"{work.prefix}p50_{connections}"] = latency.p50
    subject.sample[f"{work.prefix}p99_{connections}"] = latency.p99
    return load


def list_many(subject: Subject, plan: Plan, folder: Path) -> None:
    """Measure what a long list costs: with a policy the client sees of it what is its own."""
    if subject.contender.key in LISTERS:
        before = processor_time(subject.proxy)
        load = note_latency(LIST, 1, subject, plan, folder)
        if before is not None and (after := processor_time(subject.proxy)) is not None:
            subject.sample["list_processor"] = (after - before) / load.requests


def ping_beside_lists(subject: Subject, plan: Plan, folder: Path) -> None:
    """Measure what a ping takes while a client of another socket lists again and again: all, or what is its own."""
    if subject.proxy.policy is None:
        return
    measured = subject.proxy.socket
    for key, lister in {"none": None, "all": unfiltered_socket(measured), "own": measured}.items():
        with ThreadPoolExecutor(1) as aside:
            if lister is not None:
                listing = aside.submit(make_requests, lister, LISTING, 1, f"--duration={plan.seconds + 1}")
                time.sleep(AHEAD)
            options = f"--rps={PINGED}", f"--duration={plan.seconds}"
            load, latency = time_requests(own_socket(measured), PINGING, 1, folder / "times.tsv", *options)
            subject.requests += load.requests + (listing.result().requests if lister is not None else 0)
        subject.sample[f"beside_{key}_p50"], subject.sample[f"beside_{key}_p99"] = latency.p50, latency.p99
    subject.sample["beside_share"] = subject.sample["beside_own_p50"] / subject.sample["beside_all_p50"]


def inspect_own(subject: Subject, plan: Plan, folder: Path) -> None:
    """Measure what it costs to inspect the same container under `own` and by its name, one after the other."""
    if subject.proxy.policy is not None:
        beside = replace(subject, proxy=replace(subject.proxy, socket=own_socket(subject.proxy.socket)), requests=0)
        ask(NAMED, subject, plan, folder)
        ask(OWNED, beside, plan, folder)
        subject.requests += beside.requests
        subject.sample["own_share"] = subject.sample["own_processor"] / subject.sample["named_processor"]


def take_events(subject: Subject, plan: Plan, folder: Path) -> None:
    """Measure what events cost: with a policy the client sees of them those of what is its own."""
    del plan, folder
    before = processor_time(subject.proxy)
    subject.sample["events_p50"] = statistics.median(follow(subject.proxy.socket))
    if before is not None and (after := processor_time(subject.proxy)) is not None:
        subject.sample["events_processor"] = (after - before) / SENDS


def connect_each_time(subject: Subject, plan: Plan, folder: Path) -> None:
    """Measure what a request costs the proxy that comes over a connection of its own."""
    del folder
    before, argv = processor_time(subject.proxy), (sys.executable, str(HERE / "connecting.py"))
    words = (*argv, str(subject.proxy.socket), str(plan.seconds))
    asking = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(CONNECTING)]
    counts = [one.communicate()[0] for one in asking]
    if any(one.returncode for one in asking):
        raise BenchError("a request over a connection of its own failed")
    requests = sum(map(int, counts))
    subject.requests += requests
    subject.sample["connect_rate"] = requests / plan.seconds
    if before is not None and (after := processor_time(subject.proxy)) is not None:
        subject.sample["connect_processor"] = (after - before) / requests


def load_policy(subject: Subject, plan: Plan, folder: Path) -> None:
    """Measure how long the policy file takes to read, of a proxy that has one."""
    del plan, folder
    if subject.proxy.policy is not None:
        argv = (sys.executable, str(HERE / "loading.py"), str(subject.proxy.policy))
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise BenchError(ended.stderr)
        subject.sample["load"] = float(ended.stdout)


def note_memory(name: str, subject: Subject, plan: Plan, folder: Path) -> None:
    """Measure the resident memory of the proxy."""
    del plan, folder
    if subject.proxy.pid is not None:
        status = Path(f"/proc/{subject.proxy.pid}/status").read_text()
        kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
        subject.sample[name] = int(kilobytes) * 1024


def move(name: str, subject: Subject, plan: Plan, folder: Path) -> None:
    """Measure a download or an upload, counted or in chunks."""
    del folder
    direction, _, framing = name.partition("_")
    transfer = {"download": download, "upload": upload}[direction]
    seconds = transfer(subject.proxy.socket, plan.size, chunked=framing == "chunked")
    subject.sample[name] = plan.size / seconds


def processor_time(proxy: Running) -> float | None:
    """Give the seconds of processor that a proxy has used, in itself and in the kernel."""
    if proxy.pid is None:
        return None
    # The name, in brackets, may hold blanks; user and system time are the 12th and 13th after it.
    fields = Path(f"/proc/{proxy.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def count_lines(log: Path) -> int:
    """Count the lines of a file that may be large."""
    with log.open("rb") as lines:
        return sum(block.count(b"\n") for block in iter(lambda: lines.read(1 << 20), b""))


POLL: Final = Work(POLLING)
CHUNKS: Final = Work(CHUNKED, "chunked_")
INSPECT: Final = Work(INSPECTING, "inspect_")
CREATE: Final = Work(CREATING, "create_", HERE / "creation.json")
LIST: Final = Work(LISTING, "list_")
NAMED: Final = Work(INSPECTING, "named_")
OWNED: Final = Work(INSPECTING, "own_")
# Those that know Podman's own API.
LISTERS: Final = frozenset({"none", "dockerproxy", "policy"})

REQUESTS: Final[Sequence[Stage]] = (
    load_policy,
    partial(ask, POLL),
    partial(time_evenly, POLL, EVEN),
    partial(time_one, POLL),
    connect_each_time,
    partial(ask, CHUNKS),
    partial(ask, INSPECT),
    partial(time_evenly, INSPECT, EVEN // 4),
    partial(time_one, INSPECT),
    inspect_own,
    partial(ask, CREATE),
    partial(time_evenly, CREATE, EVEN // 16),
    partial(time_one, CREATE),
    list_many,
    ping_beside_lists,
    partial(note_memory, "memory_loaded"),
)
TRANSFERS: Final[Sequence[Stage]] = (
    partial(move, "download_counted"),
    partial(move, "download_chunked"),
    partial(move, "upload_counted"),
    partial(move, "upload_chunked"),
    take_events,
    partial(note_memory, "memory_moved"),
)
