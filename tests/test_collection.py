"""Whoever collects the tests finds the same ones, with the same names.

`make test` runs them in several processes, which agree on what to run by comparing lists.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent

COLLECT: Final = """
import json, sys, time
from pathlib import Path
import pytest

class Collector:
    def pytest_collection_modifyitems(self, items):
        Path(sys.argv[1]).write_text(json.dumps([item.nodeid for item in items]))

now = time.time
time.time = lambda: now() + 86_400
sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "-p", "no:randomly", "tests"], [Collector()]))
"""
"""Collects all tests as if it were tomorrow, and writes their names to a file."""


def test_a_test_has_the_same_name_tomorrow_and_in_another_process(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Not one with the time in it, as what gzip makes has, nor with the order of a set."""
    environment = {**os.environ, "CI": "true", "PYTHONHASHSEED": str(os.getpid())}
    subprocess.run(
        (sys.executable, "-c", COLLECT, str(tmp_path / "names")),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    there = set(json.loads((tmp_path / "names").read_text()))
    assert {item.nodeid for item in request.session.items} - there == set()
