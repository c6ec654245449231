"""Every command of ours that a page shows is one, and `run` starts its program with the grants that it shows.

The programs are stand-ins here, like the engine. Real ones: e2e/test_run.py, e2e/test_tutorial.py, e2e/test_act.py.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cli.programs import CODE, Running, engine_at
from folders import short_folder
from test_docs import ROOT, list_blocks
from waiting import PATIENCE

from dockerproxy.cli import main

RECIPES: Final = ROOT / "examples" / "recipes" / "policy.yaml"
LEAST: Final = 30
"""So that none is overlooked."""


def list_commands() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the arguments of each command of ours, with its page."""
    quoted = (("examples/recipes", command) for command in re.findall(r"`(dockerproxy [^`]+)`", RECIPES.read_text()))
    shown = (
        (page, re.sub(r"^\$ ", "", block, flags=re.MULTILINE))
        for kind in ("sh", "console")
        for page, block in list_blocks(kind)
    )
    for page, block in (*shown, *quoted):
        for line in re.sub(r"\\\n", "", block).splitlines():
            for words in split_line(line):
                is_inside = words[:2] == ["docker", "compose"] and words.count("dockerproxy") > 1
                start = len(words) - words[::-1].index("dockerproxy") if is_inside else 1
                if is_inside or words[0].rpartition("/")[2] == "dockerproxy":
                    yield page, tuple(words[start:])


def split_line(line: str) -> Iterator[list[str]]:
    """Yield the commands of a line, without what is set for them; nothing of one that goes on in the next."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return
    command: list[str] = []
    for word in (*words, ";"):
        if not re.fullmatch(r"[();<>|&]+", word):
            command += [word] if command or not re.match(r"\w+=", word) else []
        elif command:
            yield command
            command = []


COMMANDS: Final = tuple(dict.fromkeys(list_commands()))
RUNS: Final = {words[: words.index("--")]: words[words.index("--") + 1] for _, words in COMMANDS if "--" in words}
"""Programs that are run, by the options."""


def test_every_command_of_ours_on_a_page_is_one() -> None:
    assert len(COMMANDS) >= LEAST
    for page, words in COMMANDS:
        try:
            main.make_parser(words[:1]).parse_args(words or ["serve"])
        except SystemExit:
            raise AssertionError((page, words)) from None


@pytest.mark.parametrize(("words", "program"), RUNS.items())
def test_run_starts_the_program_that_a_page_shows(words: tuple[str, ...], program: str) -> None:
    with short_folder() as folder, engine_at(folder / "docker.sock"):
        (folder / "policy.yaml").write_text(RECIPES.read_text())
        if "--policy" in words:
            for name in ("learned", "shop"):
                (folder / f"{name}.yaml").write_text("sockets: {run: {path: /run/x.sock, allow: [preset:ping]}}")
        stub = folder / Path(program).name
        stub.write_text("#!/bin/sh\necho started\n")
        stub.chmod(0o755)
        options = [word.replace("$XDG_RUNTIME_DIR", str(folder)) for word in words]
        path, engine = f"{folder}:{os.environ['PATH']}", f"{folder}/docker.sock"
        done = subprocess.run(
            [*Running.program, *options, "--", program],
            capture_output=True,
            cwd=folder,
            env={"PATH": path, **CODE, "PWD": str(folder), "DOCKER_SOCKET_PATH": engine},
            timeout=PATIENCE,
            check=False,
            text=True,
        )
        assert (done.returncode, done.stdout) == (0, "started\n"), done.stderr
