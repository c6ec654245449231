"""Many small requests, made by h2load, and what it says of them."""

import re
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from launch import BenchError, need
from policy import INSPECTED

# What polling clients ask for, in turn.
POLLING: Final = ("http://docker/_ping", "http://docker/v1.45/containers/json")
# What is answered in chunks.
CHUNKED: Final = ("http://docker/v1.45/networks",)
# What takes a proxy least.
PINGING: Final = ("http://docker/_ping",)
# A container by its name.
INSPECTING: Final = (f"http://docker/v1.45/containers/{INSPECTED}/json",)
# A container that is made, with a body of 4 KiB.
CREATING: Final = ("http://docker/v1.45/containers/create?name=ci-web",)
# All containers, of which there are many, in the list of Podman's own API.
LISTING: Final = ("http://docker/v5.0.0/libpod/containers/json?all=true",)
# After which an answer is taken for lost, in seconds.
SILENCE: Final = 10

RATE: Final = re.compile(r"finished in [^,]+, ([\d.]+) req/s")
DONE: Final = re.compile(r"requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
STATUS: Final = re.compile(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx")


@dataclass(frozen=True, slots=True)
class Load:
    """Requests that were all answered with success: how many, and how many a second."""

    requests: int
    rate: float


@dataclass(frozen=True, slots=True)
class Latency:
    """How long requests took, in seconds: half of them no longer than `p50`, 99 of 100 no longer than `p99`."""

    p50: float
    p99: float


def make_requests(path: Path, targets: Sequence[str], connections: int, *options: str) -> Load:
    """Make requests over the socket `path`, one after the other on each of the connections.

    Args:
        path: The socket.
        targets: What is asked for, in turn.
        connections: How many.
        options: For h2load: when to stop.

    Raises:
        BenchError: A request failed, or its answer was not a success: quick to refuse is not quick.
    """
    argv = (
        need("h2load", "nghttp2-client"),
        "--h1",
        f"--clients={connections}",
        f"--base-uri=unix:{path}",
        f"--connection-inactivity-timeout={SILENCE}",
        *options,
        *targets,
    )
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    rate, done, status = (pattern.search(ended.stdout) for pattern in (RATE, DONE, STATUS))
    if not (rate and done and status):
        message = f"h2load said nothing of use: {ended.stdout[-500:]}{ended.stderr[-500:]}"
        raise BenchError(message)
    succeeded, *failures = map(int, done.groups() + status.groups()[1:])
    if any(failures) or not succeeded:
        message = f"requests failed: {done[0]}; {status[0]}"
        raise BenchError(message)
    return Load(succeeded, float(rate[1]))


def time_requests(
    path: Path, targets: Sequence[str], connections: int, times: Path, *options: str
) -> tuple[Load, Latency]:
    """Make requests as `make_requests` does, and write down in the file `times` how long each took.

    It costs h2load a fifth of its speed.
    """
    # h2load would append.
    times.unlink(missing_ok=True)
    load = make_requests(path, targets, connections, f"--log-file={times}", *options)
    with times.open() as rows:
        microseconds = [int(row.rpartition("\t")[2]) for row in rows]
    hundredths = statistics.quantiles(microseconds, n=100)
    return load, Latency(p50=hundredths[49] / 1e6, p99=hundredths[98] / 1e6)
