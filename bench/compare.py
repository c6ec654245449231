"""Compare the proxy with its rivals and with no proxy at all, side by side in one run.

    python bench/compare.py [--quick] [--json FILE] [--chart FILE]

The first FILE gets every measurement of every round, in base units: bytes, seconds, and per second. The second one is
an SVG.
Absolute numbers are this machine's, on this day; the ratios between contenders are what counts.
"""

import argparse
import dataclasses
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from chart import draw
from contenders import CONTENDERS, Contender
from engines import engines
from launch import BenchError
from measure import Plan, Sample, measure_round
from report import render

FULL: Final = Plan(rounds=7, seconds=1, size=1 << 30)
QUICK: Final = Plan(rounds=1, seconds=1, size=256 << 20)


def main() -> int:
    """Run the comparison that the command line asks for; give the exit status."""
    parser = argparse.ArgumentParser(description="Compare dockerproxy with HAProxy and with no proxy.")
    parser.add_argument("--quick", action="store_true", help="one short round: half a minute instead of six")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every measurement to FILE")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="also draw what a request costs, as SVG")
    options = parser.parse_args()
    for file in filter(None, (options.json, options.chart)):
        if not file.parent.is_dir():
            parser.error(f"{file.parent} is not a folder")
    machine = describe_machine()
    plan = QUICK if options.quick else FULL
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    try:
        rounds = compare(CONTENDERS, plan)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"\n{machine}\n\n{render(CONTENDERS, rounds)}")
    if options.json:
        measured = {"machine": machine, "plan": dataclasses.asdict(plan), "rounds": rounds}
        options.json.write_text(json.dumps(measured, indent=2) + "\n")
    if options.chart:
        options.chart.write_text(draw(CONTENDERS, rounds))
    return 0


def leave(number: int, _: FrameType | None) -> None:
    """End as on Ctrl-C, so that every program that was started is stopped."""
    sys.exit(128 + number)


def describe_machine() -> str:
    """Say what a reader must know to trust the numbers: on few processors, other work distorts them."""
    return (
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before the run, "
        f"Linux {platform.release()}, Python {platform.python_version()}"
    )


def compare(contenders: Sequence[Contender], plan: Plan) -> Sequence[Mapping[str, Sample]]:
    """Measure the contenders that are installed, round by round, and say which are not.

    Raises:
        BenchError: A stand-in or a contender does not start, or a request fails.
    """
    present = [contender for contender in contenders if contender.installed()]
    for contender in contenders:
        if contender not in present:
            print(f"{contender.name} is not installed and left out: {contender.remedy}")
    rounds: list[Mapping[str, Sample]] = []
    with tempfile.TemporaryDirectory(prefix="dockerproxy-bench-") as name, engines(Path(name)) as sockets:
        for number in range(plan.rounds):
            progress(f"round {number + 1} of {plan.rounds}")
            rounds.append(measure_round(present, sockets, plan, Path(name)))
            present.append(present.pop(0))
    progress("")
    return rounds


def progress(text: str) -> None:
    """Say on a terminal what is being measured, on a line that the next one replaces."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
