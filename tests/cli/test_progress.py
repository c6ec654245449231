"""A terminal shows how far the reading of a log is; nothing else does."""

import gzip
import os
from pathlib import Path

from cli.programs import run
from cli.test_report import ALLOWED
from cli.test_suggest import write_log
from cli.test_terminal import in_terminal

from dockerproxy.cli.lines import read_lines
from dockerproxy.cli.progress import Progress


def test_it_says_how_much_of_all_files_was_read_compressed_or_not(tmp_path: Path) -> None:
    plain, packed = tmp_path / "log", tmp_path / "log.gz"
    plain.write_bytes(b"a\n" * 500_000)
    packed.write_bytes(gzip.compress(b"b\n", compresslevel=0))
    progress = Progress((str(plain), str(packed)))
    said = []
    for number, _ in enumerate(progress.watch(read_lines((str(plain), str(packed)), progress.follow)), 1):
        if number in {1, 250_000, 500_001}:
            said.append(progress.describe())
    assert said[0] == "  0%  1 lines"
    assert said[1].startswith(" 5")
    assert said[2] == "100%  500,001 lines"


def test_of_a_pipe_only_the_lines_are_counted() -> None:
    progress = Progress(("-",))
    ours, its = os.pipe()
    os.write(its, b"a\nb\n")
    os.close(its)
    with os.fdopen(ours, "rb") as file:
        progress.follow(file)
        assert list(progress.watch(file)) == [b"a\n", b"b\n"]
        assert progress.describe() == "2 lines"


def test_a_terminal_shows_a_line_and_removes_it(tmp_path: Path) -> None:
    log = write_log(tmp_path / "proxy.log")
    (line,) = (
        line for line in Path(write_log(tmp_path / "one.log", ALLOWED)).read_text().splitlines() if "GET" in line
    )
    Path(log).write_text(f"{line}\n" * 5000)
    words = ("report", log, "--html", str(tmp_path / "report.html"))
    shown = in_terminal(*words, columns=80)
    first, last = shown.split("\r")[1], shown.split("\r")[-2]
    assert "%  4,096 lines" in first
    assert len(first) < 80
    assert last == " " * 79
    assert run(*words).err == ""
