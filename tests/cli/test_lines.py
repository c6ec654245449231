"""The lines of logs are read one after the other, whatever a log is."""

import gzip
from pathlib import Path

import pytest

from dockerproxy.cli.lines import LONGEST, read_lines
from dockerproxy.problems import UserError


def test_lines_come_one_after_the_other_and_of_a_long_one_only_its_beginning(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"a\n\xff\n")
    second.write_bytes(b"x" * (2 * LONGEST + 1) + b"\nb\n")
    lines = list(read_lines((str(first), str(second))))
    assert lines[:2] == ["a\n", "\ufffd\n"]
    assert lines[2:] == ["x" * LONGEST, "b\n"]


@pytest.mark.parametrize("path", ["/nonexistent/log", "/dev/zero"])
def test_what_is_no_file_is_said(path: str) -> None:
    with pytest.raises(UserError, match=path):
        next(read_lines((path,)))


def test_what_is_compressed_is_read_a_piece_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "log.1").write_bytes(gzip.compress(b"a\nb\n") + gzip.compress(b"c\n" + b"x" * (LONGEST + 1)))
    lines = list(read_lines((str(tmp_path / "log.1"),)))
    assert lines[:3] == ["a\n", "b\n", "c\n"]
    assert [len(line) for line in lines[3:]] == [LONGEST]


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"a\n" * 100, mtime=0)[:-9], b"\x1f\x8bnonsense", gzip.compress(b"a\n", mtime=0) + b"x"],
)
def test_what_was_cut_cannot_be_decompressed(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "log.gz").write_bytes(content)
    with pytest.raises(UserError, match="cannot be decompressed"):
        list(read_lines((str(tmp_path / "log.gz"),)))
