"""The lines of logs, one after the other: a log may be larger than the memory, and need not be one.

Attacks: docs/attacks.md, cli/lines.
"""

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Final, cast

from dockerproxy.cli.terminal import count, say
from dockerproxy.config.files import open_input
from dockerproxy.problems import Problem, UserError

LONGEST: Final = 1 << 20
"""Bytes that are looked at together: a record is shorter, and a log may be something else."""

NOTHING_RECORDED: Final = "no recorded requests"
_GZIP: Final = b"\x1f\x8b"
"""The first bytes of a compressed file (RFC 1952 2.3.1), as logrotate leaves them, whatever its name."""

HOW_TO_RECORD: Final = "run the proxy with LOG_LEVEL=info for a while; LOG_FORMAT=json and LOG_FORMAT=text can be read"


def read_lines(paths: Sequence[str], follow: Callable[[BinaryIO], None] = lambda _: None) -> Iterator[str]:
    """Read the lines of some files, also compressed ones, `-` for standard input.

    A `UserError` says why one cannot be read. `follow` is given each file before it is read.
    """
    for path in paths:
        try:
            with open_input(path) as file:
                follow(file)
                is_compressed = cast("io.BufferedReader", file).peek(2).startswith(_GZIP)
                yield from split_lines(cast("BinaryIO", gzip.GzipFile(fileobj=file)) if is_compressed else file)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            hint = "the file was cut, or is still being written: decompress what there is with `gzip -cd`"
            raise UserError(Problem(path, f"cannot be decompressed: {error}", hint)) from None
        except OSError as error:
            raise UserError(Problem(path, f"cannot be read: {error.strerror}")) from None


def tell_unreadable(where: str, lines: int) -> None:
    """Say on standard error how many lines of logs have no record, if any has none."""
    if lines:
        say(f"{where}: ignored {count(lines, 'line')} with no valid record", stream=sys.stderr)


def split_lines(file: BinaryIO) -> Iterator[str]:
    """Read the lines of a file or pipe. The rest of one that is too long is dropped: it could look like another."""
    while line := file.readline(LONGEST):
        yield line.decode(errors="replace")
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST)
