"""The lines of logs are read one after the other, whatever a log is."""

from pathlib import Path

import pytest

from dockerproxy.cli.lines import LONGEST, read_lines
from dockerproxy.errors import UserError


def test_lines_come_one_after_the_other_and_none_is_endless(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"a\n\xff\n")
    second.write_bytes(b"x" * (2 * LONGEST + 1))
    lines = list(read_lines((str(first), str(second))))
    assert lines[:2] == ["a\n", "\ufffd\n"]
    assert [len(line) for line in lines[2:]] == [LONGEST, LONGEST, 1]


@pytest.mark.parametrize("path", ["/nonexistent/log", "/dev/zero"])
def test_what_is_no_file_is_said(path: str) -> None:
    with pytest.raises(UserError, match=path):
        next(read_lines((path,)))
