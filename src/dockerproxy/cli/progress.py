"""Show the progress of reading logs, as a line on standard error if that is a terminal."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Final, TypeVar

from dockerproxy.cli.terminal import find_width, rewrite_line

_Item = TypeVar("_Item")

_EVERY: Final = 4096
"""Lines between two readings of the clock."""

_PAUSE: Final = 0.1
"""Seconds between two updates of the line."""


class Progress:
    """Shows how much of the files was read. A pipe has no size, so only lines are counted."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._total = sum(os.path.getsize(path) for path in paths if os.path.isfile(path))
        self._before = self._size = 0
        self._file: BinaryIO | None = None
        self._lines = 0
        self._shown = 0.0

    def follow(self, file: BinaryIO) -> None:
        """Begin the next file; the previous one is complete."""
        self._before += self._size
        self._file, self._size = file, os.fstat(file.fileno()).st_size

    def watch(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """Yield the items, and show the progress."""
        is_shown = find_width(sys.stderr) > 0
        for item in items:
            self._lines += 1
            if is_shown and self._lines % _EVERY == 0 and time.monotonic() >= self._shown + _PAUSE:
                self._shown = time.monotonic()
                rewrite_line(self.describe(), sys.stderr)
            yield item
        if self._shown:
            rewrite_line("", sys.stderr)

    def describe(self) -> str:
        """Return the progress as text."""
        share = f"{min(1.0, self._read() / self._total):4.0%}  " if self._total else ""
        return f"{share}{self._lines:,} lines"

    def _read(self) -> int:
        """Return how many bytes of the files were read; compressed files count by their compressed size."""
        if self._file is None or self._file.closed:
            return self._before + self._size
        return self._before + (self._file.tell() if self._file.seekable() else 0)
