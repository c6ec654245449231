"""`python -m dockerproxy` and `dockerproxy` are the same."""

import subprocess
import sys
from pathlib import Path


def test_the_module_and_the_command_are_the_same_program() -> None:
    said = [
        subprocess.run([*words, "--version"], capture_output=True, text=True, check=True).stdout
        for words in ([sys.executable, "-m", "dockerproxy"], [str(Path(sys.executable).parent / "dockerproxy")])
    ]
    assert said[0] == said[1] != ""
