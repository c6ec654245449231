"""The tutorial works as it is printed: its commands run in one shell, one after the other, before a real engine.

A `console` block is run and its output compared, `...` standing for what varies; a `sh` block is run. Its first block
installs the program, which these tests have.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from cli.programs import CODE
from e2e.engines import Engine
from e2e.images import import_image
from e2e.talk import connect
from folders import short_folder
from waiting import PATIENCE, wait_until

pytestmark = pytest.mark.engine

PAGE: Final = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()
END: Final = "the end of a command"


class Shell:
    """A shell that a person would type into."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._folder = folder / "tutorial"
        self._process = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            text=True,
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(folder),
                **CODE,
                "DOCKER_HOST": f"unix://{engine.socket}",
            },
        )

    def run(self, command: str) -> str:
        """Run a command and what it starts beside it; return what it printed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        reloads = self._count_reloads()
        self._process.stdin.write(f"{command}\necho {END}\n")
        self._process.stdin.flush()
        printed = "".join(iter(self._process.stdout.readline, f"{END}\n"))
        if command.rstrip().endswith("&"):
            wait_until(self._accepts, "the proxy accepts")
        if "-HUP" in command:
            wait_until(lambda: self._count_reloads() > reloads, "the proxy says that it has read the policy again")
        return printed

    def close(self) -> None:
        """End the shell and the proxies that are still there."""
        self._process.communicate("kill $(jobs -p)\nwait\n", timeout=PATIENCE)

    def _accepts(self) -> bool:
        try:
            connect(self._folder / "proxied" / "docker.sock").close()
        except OSError:
            return False
        return True

    def _count_reloads(self) -> int:
        log = self._folder / "proxy.log"
        return log.read_text().count("configuration reloaded") if log.exists() else 0


@pytest.fixture
def shell(dockerd: Engine, busybox: bytes) -> Iterator[Shell]:
    import_image(dockerd.socket, "nginx:latest", busybox, 'CMD ["sleep", "600"]', "STOPSIGNAL SIGKILL")
    with short_folder() as folder:
        shell = Shell(folder, dockerd)
        yield shell
        shell.close()


def list_commands() -> Iterator[tuple[str, str | None]]:
    """Yield each command with what it prints, or None where the page does not say."""
    blocks = re.findall(r"^```(sh|console)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for language, block in blocks[1:]:
        if language == "sh":
            yield block, None
        else:
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, expected = part.partition("\n")
                yield command, expected


def test_every_command_of_the_tutorial_does_what_the_page_says(shell: Shell) -> None:
    for command, expected in list_commands():
        printed = shell.run(command)
        if expected is not None:
            pattern = re.escape(expected.strip()).replace(r"\.\.\.", ".*")
            assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f"{command} prints\n{printed}"
