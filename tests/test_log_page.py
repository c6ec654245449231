"""The page of the log shows what the log writes, and has each of its fields.

    python tests/test_log_page.py

writes the table of fields.
"""

import json
import re
import tempfile
from pathlib import Path
from typing import Final

from cli.programs import run
from parts import fill_in, write_table
from waiting import PATIENCE

from dockerproxy.observe.log import Log
from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.process_settings import LogFormat
from dockerproxy.settings import Level

PAGE: Final = Path(__file__).parent.parent / "docs" / "log.md"


def render_page() -> str:
    """Return the page with its table as it should be."""
    fields = json.loads(run("schema", "log").out)["properties"].items()
    said = ((name, f"{field['description']} (*{field['x-stability']}*)") for name, field in fields)
    rows = ((f"`{name}`", text.removesuffix(" (*stable*)")) for name, text in said)
    return fill_in(PAGE, {"fields": write_table("field | is", rows)})


def find_block(language: str) -> str:
    """Return the first block of code in a language."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return blocks[0]


def write_log(record: Record, style: LogFormat) -> str:
    with tempfile.TemporaryFile() as file:
        log = Log(Level.INFO, style, file.fileno())
        log.exchange(record)
        log.close(PATIENCE)
        file.seek(0)
        return file.read().decode()


def test_the_fields_are_those_of_the_schema() -> None:
    assert PAGE.read_text() == render_page(), "write it anew: python tests/test_log_page.py"


def test_every_level_and_decision_is_described() -> None:
    levels = re.findall(r"^- `([a-z]+)`: ", PAGE.read_text(), re.MULTILINE)
    assert levels == [*Level]
    decisions = re.search(r"^\| `decision` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert decisions is not None
    assert [each for each in Outcome if not re.search(rf"\b{each}\b", decisions[1])] == []


def test_the_examples_of_log_lines_are_what_the_log_writes() -> None:
    shown = json.loads(find_block("json").splitlines()[0])
    record = Record(
        shown["socket"],
        Peer(shown["uid"], shown["gid"], shown["pid"]),
        shown["method"],
        shown["target"],
        shown["operation"],
        shown["object"],
        Outcome(shown["decision"]),
        shown["source"],
        shown["reason"],
        shown["status"],
        shown["received"],
        shown["sent"],
        shown["ms"],
        id=shown["id"],
    )
    time = shown["time"]
    written = json.loads(write_log(record, LogFormat.JSON))
    assert list(written.items()) == list({**shown, "time": written["time"]}.items())
    line = write_log(record, LogFormat.TEXT).partition(" ")[2]
    assert find_block("text") == f"{time} {line}"


if __name__ == "__main__":
    PAGE.write_text(render_page())
