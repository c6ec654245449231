"""The proxy beside a program serves as it is planned; what the program sees of it: test_run.py."""

import subprocess
import sys
from pathlib import Path

import pytest
from cli.programs import engine_at, environment_of
from folders import short_folder
from waiting import PATIENCE

SCRIPT = """
import argparse, sys
from dockerproxy.cli import main
from dockerproxy.cli.request import ask
from dockerproxy.cli.beside import serve_beside, take_learned
from dockerproxy.cli.plan import make_plan
from dockerproxy.host import children
folder, place, *words = sys.argv[1:]
plan = make_plan(main.make_parser("run").parse_args(["run", "--host", f"{folder}/engine.sock", *words, "--", "x"]), {})
children.hold_signals()
serving = serve_beside(plan, place)
if serving.is_ready:
    print(ask(f"{place}/docker.sock", "GET", "/info")[0])
print(children.stop_serving(serving.process))
print(serving.log.read().decode(), take_learned(place))
"""


def serve(folder: Path, place: Path, *words: str) -> tuple[list[str], str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(place), *words],
        capture_output=True,
        env=environment_of({}),
        timeout=PATIENCE,
        check=False,
        text=True,
    )
    return done.stdout.split("\n"), done.stderr


@pytest.mark.parametrize(("words", "status"), [(("--allow", "SystemInfo"), "200"), (("--preset", "ping"), "403")])
def test_it_serves_what_is_planned_and_logs_every_request(words: tuple[str, ...], status: str) -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        (answer, ended, *log), said = serve(folder, folder, *words)
    assert (answer, ended, said) == (status, "0", "")
    assert any('"operation":"SystemInfo"' in line for line in log)


def test_what_it_learned_can_be_taken_and_what_a_former_one_learned_is_in_it() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        for number, place in enumerate((folder / "one", folder / "two")):
            place.mkdir()
            (answer, _, *text), _ = serve(folder, place, "--learn", f"{folder}/learned.yaml")
            assert answer == "200"
            assert any(line.startswith(f"      - SystemInfo  # {number + 1}  ") for line in text)
            (folder / "learned.yaml").write_text((place / "learned" / "run.learned.yaml").read_text())


def test_what_cannot_be_served_is_said_and_is_something_to_mend() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"):
        (ended, *_), said = serve(folder, folder / "missing", "--preset", "ping")
    assert ended == "2"
    assert said == (
        f'{folder}/missing/docker.sock: directory "{folder}/missing" does not exist\n'
        "    create it, or mount a volume there\n"
    )
