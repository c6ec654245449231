"""The lines of logs, one after the other: a log may be larger than the memory, and need not be one."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from dockerproxy.config.files import open_input
from dockerproxy.errors import Problem, UserError

LONGEST: Final = 1 << 20
"""Bytes that are looked at together: a record is shorter, and a log may be something else."""

NOTHING_RECORDED: Final = "no recorded requests"
HOW_TO_RECORD: Final = "run the proxy with LOG_LEVEL=info for a while; LOG_FORMAT=json and LOG_FORMAT=text can be read"


def read_lines(paths: Sequence[str]) -> Iterator[str]:
    """Read the lines of some files, `-` for standard input; a `UserError` says why one cannot be read."""
    for path in paths:
        try:
            with open_input(path) as file:
                yield from split_lines(file)
        except OSError as error:
            raise UserError(Problem(path, f"cannot be read: {error.strerror}")) from None


def split_lines(file: BinaryIO) -> Iterator[str]:
    """Read the lines of a file or pipe."""
    while line := file.readline(LONGEST).decode(errors="replace"):
        yield line
