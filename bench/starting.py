"""Measure the start of this tree beside others: processor time until `serve` listens, and the time of a whole `run`.

    python bench/starting.py [--rounds N] [TREE...]

A TREE is another clone with a `.venv`. The trees take turns, so other load on the machine affects all of them. The
output has the medians, and their ratios to the first TREE. `serve` starts with switches and no policy file; `run` has a
preset and runs `true`.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from launch import BenchError

HERE: Final = Path(__file__).parent.parent
ROUNDS: Final = 21
SWITCHES: Final = {"CONTAINERS": "1", "IMAGES": "1", "POST": "1", "ALLOW_START": "1"}
ENGINE: Final = "engine.sock"
"""A socket that never answers, and is never asked."""

READY: Final = b"listening on"


def start(tree: Path, folder: Path) -> float:
    """Return the seconds of processor that a proxy with switches takes until it listens."""
    environment = {**SWITCHES, "PROXIED_SOCKET_PATH": str(folder / "proxy.sock"), "DOCKER_SOCKET_PATH": "/none"}
    with launch(tree, environment) as process:
        if not any(READY in line for line in process.stdout or ()):
            raise BenchError(f"{tree}: it does not listen")
        process.send_signal(signal.SIGKILL)
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return used.ru_utime + used.ru_stime


def run(tree: Path, folder: Path) -> float:
    """Return the seconds that `run` takes in all, for a program that ends at once."""
    words = ("run", "--quiet", "--preset", "watchtower", "--host", str(folder / ENGINE), "--", "true")
    began = time.perf_counter()
    with launch(tree, {}, *words) as process:
        said, _ = process.communicate()
    if process.returncode:
        raise BenchError(f"{tree}: {said.decode()}")
    return time.perf_counter() - began


def launch(tree: Path, environment: Mapping[str, str], *words: str) -> subprocess.Popen[bytes]:
    """Start a tree's command line."""
    argv = (str(tree / ".venv/bin/python"), "-m", "dockerproxy", *words)
    whole = {"PATH": os.environ["PATH"], "TMPDIR": tempfile.gettempdir(), **environment}
    return subprocess.Popen(
        argv, env=whole, cwd=tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


MEASURED: Final[Mapping[str, Callable[[Path, Path], float]]] = {
    "processor seconds of `serve` with switches until it listens": start,
    "seconds of `run` with a preset, around a program that ends at once": run,
}


def main() -> int:
    """Print a table: a line for each figure, a column for each tree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("trees", metavar="TREE", type=Path, nargs="*")
    options = parser.parse_args()
    trees = list(dict.fromkeys(tree.resolve() for tree in (*options.trees, HERE)))
    with tempfile.TemporaryDirectory(prefix="dockerproxy-bench-") as name, socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(Path(name) / ENGINE))
        engine.listen()
        for says, measure in MEASURED.items():
            took: dict[Path, list[float]] = {tree: [] for tree in trees}
            for tree in trees:
                measure(tree, Path(name))  # Once for the files that Python writes, and those that the kernel reads.
            for _ in range(options.rounds):
                for tree in trees:
                    took[tree].append(measure(tree, Path(name)))
            medians = [statistics.median(took[tree]) for tree in trees]
            figures = ", ".join(
                f"{tree.name} {each:.3f} ({each / medians[0]:.2f})" for tree, each in zip(trees, medians, strict=True)
            )
            print(f"{says}: {figures}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
