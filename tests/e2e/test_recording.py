"""The pictures of terminals, on the first page and in docs/ask.md, show what the program really prints.

    PYTHONPATH=tests python tests/e2e/test_recording.py

plays the commands on a real engine and draws the pictures.
"""

import os
import re
import subprocess
import sys
import termios
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

import pytest
from e2e.engines import Engine, docker_engine
from e2e.images import BUSYBOX, busybox_root, import_image
from e2e.programs import Client
from e2e.proxies import running_file
from e2e.starting import start_container
from e2e.talk import ask
from e2e.test_ask import POLICY, Office, seated
from folders import short_folder
from waiting import PATIENCE

pytestmark = pytest.mark.engine

DOCS: Final = Path(__file__).parents[2] / "docs"
PICTURE: Final = DOCS / "first-steps.svg"
PICTURE_OF_ASKING: Final = DOCS / "ask.svg"
TITLE: Final = "A terminal: dockerproxy learns what a program needs, then denies the rest"
TITLE_OF_ASKING: Final = "Two terminals: a program's requests wait until an operator has answered"
COMMANDS: Final = (
    "dockerproxy run --learn web.yaml -- docker restart web",
    "tail -n 7 web.yaml | cut -d '#' -f 1",
    "dockerproxy run --quiet --policy web.yaml \\\n    -- docker restart web",
    "dockerproxy run --quiet --policy web.yaml \\\n    -- docker restart db",
)
ASKED: Final = (
    ("docker restart web", "o"),
    ("docker volume create \\\n    -o type=none -o o=bind -o device=/etc etc", "d"),
)
"""What a client does, and what the operator answers."""

NAMES: Final = ("web", "db")
COLUMNS: Final = 57
"""As many as can be read at the width of a phone."""

CHANGING: Final = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-11-26 09:30:00"),
    (r"\b[0-9A-Z]{5}-[0-9A-Z]{2}\b", "4KD7Q-2F"),
    (r"\d+ s left", "60 s left"),
    (r"pid \d+", "pid 4711"),
    (r"/v1\.\d+/", "/v1.52/"),
    ("dockerproxy-[0-9a-f]{16}", "dockerproxy-a964198bae28b4c7"),
)
"""What differs each time, and what stands for it."""

COLOURS: Final = (("denied|^  beware|^  exposes  a", "denied"), ("^dockerproxy:|^  learned|^  allow ", "word"))
CONTINUED: Final = " " * 11
"""How a line begins that goes on with the one above."""

WIDTH, LINE, MARGIN = 8.4, 20, 14


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the terminal."""

    text: str
    colour: str


BLANK: Final = Line("", "plain")


def play(engine: Engine, folder: Path) -> Iterator[Line]:
    """Run the commands as a person would, one after the other, and yield what the terminal shows."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "DOCKER_HOST": f"unix://{engine.socket}",
        "PYTHONPATH": str(PICTURE.parents[1] / "src"),
    }
    for number, command in enumerate(COMMANDS):
        if number:
            yield BLANK
        yield from type_in(f"$ {command}")
        words = ["sh", "-c", f"{command} 2>&1"]
        done = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        yield from show(done.stdout)


def type_in(command: str) -> Iterator[Line]:
    """Yield the lines of a command."""
    return (Line(line, "prompt") for line in command.splitlines())


def show(printed: str) -> Iterator[Line]:
    """Yield the lines of what was printed."""
    for pattern, instead in CHANGING:
        printed = re.sub(pattern, instead, printed)
    colour = "plain"
    for line in printed.splitlines():
        if not line.startswith(CONTINUED):
            colour = next((name for pattern, name in COLOURS if re.search(pattern, line)), "plain")
        yield from (Line(piece, colour) for piece in textwrap.wrap(line, COLUMNS) or [""])


def play_asking(engine: Engine, home: Path) -> Iterator[Line]:
    """Have a client ask for what no rule allows, and an operator answer; yield what both see, one below the other."""
    command = "dockerproxy ask --control control.sock"
    client: list[Line] = []
    operator = [BLANK, *type_in(f"operator$ {command}")]
    with short_folder() as apart:
        control = f"{apart}/c.sock"
        with running_file(
            engine.socket, POLICY.replace("client:", "agent:"), CONTROL_SOCKET=control, ASK_TIMEOUT="60"
        ) as (_, proxy):
            made = Client(program=("docker",), socket=proxy.socket, home=home, label="asking")
            office = Office(proxy, made, control)
            with seated(office) as person:
                termios.tcsetwinsize(person.terminal, (24, COLUMNS))
                operator += show(f"waiting for requests{person.wait_for('Ctrl-C stops')}Ctrl-C stops")
                for words, answer in ASKED:
                    client += type_in(f"agent$ {words}")
                    with made.watch(*words.replace("\\\n", "").split()[1:]) as running:
                        *question, last = f"{person.wait_for('[a]lways? ').strip()} [a]lways? {answer}".splitlines()
                        person.type(f"{answer}\n")
                        running.wait_end()
                    operator += show("\n".join(("", *question, last)))
                    client += show(running.printed.decode())
                    person.wait_for(f"{answer}\n")
    return iter((*client, *operator))


def prepare(engine: Engine) -> None:
    for name in NAMES:
        made = ask(engine.socket, "POST", f"/containers/create?name={name}", BODY, {"Content-Type": "application/json"})
        assert made.status == 201, made
        start_container(engine.socket, name)


BODY: Final = b'{"Image": "busybox", "Cmd": ["sleep", "600"], "StopTimeout": 0, "HostConfig": {"NetworkMode": "none"}}'


def clean_up(engine: Engine) -> None:
    for name in NAMES:
        ask(engine.socket, "DELETE", f"/containers/{name}?force=1")


def draw(lines: list[Line], title: str) -> str:
    """Draw a terminal. All is seen at once: a picture that moves cannot be read at one's own speed, nor on paper."""
    width, height = round(COLUMNS * WIDTH + 2 * MARGIN), len(lines) * LINE + 2 * MARGIN + 18
    rows = "\n".join(
        f'<text class="{line.colour}" x="{MARGIN}" y="{MARGIN + 32 + LINE * row}">{escape(line.text)}</text>'
        for row, line in enumerate(lines)
        if line.text
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"
 role="img" aria-labelledby="title">
<title id="title">{title}</title>
<style>
text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}}
text{{fill:#24292f}}
.frame{{fill:#f6f8fa;stroke:#d0d7de}} .dot{{fill:#d0d7de}}
.prompt{{font-weight:bold}} .denied{{fill:#cf222e}} .word{{fill:#0550ae}}
@media(prefers-color-scheme:dark){{
text{{fill:#e6edf3}} .frame{{fill:#161b22;stroke:#30363d}} .dot{{fill:#30363d}}
.denied{{fill:#ff7b72}} .word{{fill:#79c0ff}}
}}
</style>
<rect class="frame" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>
{"".join(f'<circle class="dot" cx="{x}" cy="18" r="5"/>' for x in (20, 38, 56))}
{rows}
</svg>
"""


def play_all(engine: Engine, folder: Path) -> dict[Path, str]:
    """Return all pictures."""
    prepare(engine)
    try:
        return {
            PICTURE: draw(list(play(engine, folder)), TITLE),
            PICTURE_OF_ASKING: draw(list(play_asking(engine, folder)), TITLE_OF_ASKING),
        }
    finally:
        clean_up(engine)


def test_the_pictures_show_what_is_printed_today(dockerd: Engine, tmp_path: Path) -> None:
    for path, drawn in play_all(dockerd, tmp_path).items():
        assert drawn == path.read_text()


if __name__ == "__main__":
    import tempfile

    with docker_engine() as real, tempfile.TemporaryDirectory() as home:
        real.start()
        import_image(real.socket, BUSYBOX, busybox_root())
        for path, drawn in play_all(real, Path(home)).items():
            path.write_text(drawn)
