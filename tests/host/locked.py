"""Code that locks its process in for good, run in one of its own."""

import subprocess
import sys
import textwrap


def run_alone(code: str, *words: str) -> str:
    """Run code in a process of its own; return what it prints, on both streams."""
    program = [sys.executable, "-c", textwrap.dedent(code), *words]
    done = subprocess.run(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout
