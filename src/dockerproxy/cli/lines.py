"""Read logs line by line: a file may be larger than memory, and may not be a log.

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
"""The longest line that is read, in bytes. Every record is shorter."""

NOTHING_RECORDED: Final = "no recorded requests"
_GZIP: Final = b"\x1f\x8b"
"""The first bytes of a compressed file (RFC 1952 2.3.1), as logrotate leaves them, whatever its name."""

HOW_TO_RECORD: Final = "run the proxy with LOG_LEVEL=info for a while; LOG_FORMAT=json and LOG_FORMAT=text can be read"


def read_lines(paths: Sequence[str], follow: Callable[[BinaryIO], None] = lambda _: None) -> Iterator[str]:
    """Yield the lines of files, decompressed if necessary; `-` is standard input.

    `follow` gets each file before it is read. Raises `UserError` if a file cannot be read.
    """
    for path in paths:
        try:
            with open_input(path) as file:
                follow(file)
                is_compressed = cast("io.BufferedReader", file).peek(2).startswith(_GZIP)
                yield from split_lines(cast("BinaryIO", gzip.GzipFile(fileobj=file)) if is_compressed else file)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            hint = "the file is truncated or still being written: decompress its beginning with `gzip -cd`"
            raise UserError(Problem(path, f"cannot be decompressed: {error}", hint)) from None
        except OSError as error:
            raise UserError(Problem(path, f"cannot be read: {error.strerror}")) from None


def tell_unreadable(where: str, lines: int) -> None:
    """Print on standard error how many lines have no record, if there are any."""
    if lines:
        say(f"{where}: ignored {count(lines, 'line')} with no valid record", stream=sys.stderr)


def split_lines(file: BinaryIO) -> Iterator[str]:
    """Yield the lines of a file or pipe. The rest of an overlong line is dropped: it could look like a record."""
    while line := file.readline(LONGEST):
        yield line.decode(errors="replace")
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST)
