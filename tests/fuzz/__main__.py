"""Fuzz the readers, each target for a while: what `make fuzz` runs.

What was found goes on from one run to the next in a folder that is not part of the repository. With --keep, the least
of it that reaches all that was reached is put beside the tests, and replaces what was there.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fuzz.kept import KEPT, hash_of, is_called_by_its_hash
from fuzz.targets import TARGETS, Target
from fuzz.words import AMBIGUOUS

WORK: Final = Path(__file__).parents[2] / ".fuzz"

_SLOWEST: Final = 20
"""Seconds in which an input must be done, whatever its length."""

_MOST_MEMORY: Final = 2048
"""Mebibytes."""

_REACHED: Final = re.compile(r"^#\d+\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)/", re.MULTILINE)
_RUN: Final = re.compile(r"number_of_executed_units: +(\d+)\s+stat::average_exec_per_sec: +(\d+)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target has its files.

    Attributes:
        found: Inputs that reached something new.
        seeds: Those it begins with.
        broken: Inputs that broke a promise.
        words: libFuzzer's dictionary.
        log: What libFuzzer said last.
    """

    found: Path
    seeds: Path
    broken: Path
    words: Path
    log: Path


def prepare(name: str, target: Target) -> Place:
    """Write what libFuzzer reads."""
    work = WORK / name
    place = Place(work / "found", work / "seeds", work / "broken", work / "words", work / "log")
    shutil.rmtree(place.seeds, ignore_errors=True)
    for folder in (place.found, place.seeds, place.broken):
        folder.mkdir(parents=True, exist_ok=True)
    write_inputs(place.seeds, target.seeds())
    place.words.write_text("".join(f'"{_escape(word)}"\n' for word in (*target.words(), *AMBIGUOUS)))
    return place


def write_inputs(folder: Path, inputs: Iterable[bytes]) -> None:
    """Write inputs, each under its hash."""
    for content in inputs:
        (folder / hash_of(content)).write_bytes(content)


def _escape(word: str) -> str:
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 0x80 else f"\\x{byte:02x}" for byte in word.encode())


def explore(name: str, target: Target, place: Place, seconds: int) -> bool:
    """Explore a target; return whether all inputs kept every promise."""
    options = (f"-max_total_time={seconds}", f"-dict={place.words}", f"-max_len={target.longest}")
    folders = (place.found, place.seeds, KEPT / name)
    words = (*options, "-print_final_stats=1", *map(str, filter(Path.is_dir, folders)))
    status = _run(name, place, *words)
    log = place.log.read_text(errors="replace")
    inputs, speed = (_RUN.findall(log) or [("?", "?")])[-1]
    branches, features, kept = (_REACHED.findall(log) or [("?", "?", "?")])[-1]
    sys.stdout.write(
        f"{name:<11} {inputs:>9} inputs, {speed:>5} a second;"
        f" {branches} branches, {features} features, {kept} inputs that differ\n"
    )
    sys.stdout.flush()
    if status:
        sys.stdout.write(f"{''.join(log.partition('=== Uncaught')[1:])[-3000:] or log[-3000:]}\n")
    return not status


def _run(name: str, place: Place, *options: str) -> int:
    """Run libFuzzer in a process of its own; return its exit status."""
    limits = (f"-timeout={_SLOWEST}", f"-rss_limit_mb={_MOST_MEMORY}", f"-artifact_prefix={place.broken}/")
    with place.log.open("wb") as log:
        words = [sys.executable, "-m", "fuzz.explore", name, *limits, *options]
        return subprocess.run(words, stdout=log, stderr=log, check=False).returncode


def keep(name: str, target: Target, place: Place) -> None:
    """Keep as few inputs as reach all that was reached and the seeds do not."""
    merged = place.found.parent / "merged"
    shutil.rmtree(merged, ignore_errors=True)
    shutil.copytree(place.seeds, merged)
    kept = KEPT / name
    kept.mkdir(parents=True, exist_ok=True)
    sources = map(str, (merged, kept, place.found))
    if _run(name, place, "-merge=1", "-set_cover_merge=1", f"-max_len={target.longest}", *sources):
        sys.exit(f"{name}: nothing was kept; {place.log} says why")
    for path in filter(is_called_by_its_hash, kept.iterdir()):
        path.unlink()
    there = {hash_of(path.read_bytes()) for path in (*place.seeds.iterdir(), *kept.iterdir())}
    write_inputs(kept, (path.read_bytes() for path in merged.iterdir() if path.name not in there))


def main() -> int:
    """Fuzz what the command line says; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep", action="store_true", help="keep what was found beside the tests")
    arguments = parser.parse_args()
    if not TARGETS.keys() >= set(arguments.targets):
        parser.error(f"the targets are {', '.join(TARGETS)}")
    faultless = True
    for name in arguments.targets or TARGETS:
        place = prepare(name, TARGETS[name])
        faultless &= not arguments.seconds or explore(name, TARGETS[name], place, arguments.seconds)
        if arguments.keep:
            keep(name, TARGETS[name], place)
    return 0 if faultless else 1


if __name__ == "__main__":
    sys.exit(main())
