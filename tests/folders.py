"""Folders with short paths, for sockets in them; those of runs that were killed are removed by the next run."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

PREFIX: Final = "dockerproxy-test-"
_NEW: Final = "new-"
"""In front of the name of a folder that is not locked yet."""


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """Give a folder that is locked while it is used. A socket's path may have 107 bytes, and pytest's own are long."""
    made = Path(tempfile.mkdtemp(prefix=_NEW + PREFIX))
    with _locked(made):
        folder = made.rename(made.with_name(made.name.removeprefix(_NEW)))
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def remove_leftovers(remove_more: Callable[[Path], None]) -> list[str]:
    """Remove the folders of this user that no process has locked, after what else was made for each; return them."""
    removed = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            if folder.stat().st_uid == os.geteuid():
                with _locked(folder):
                    remove_more(folder)
                    shutil.rmtree(folder)
                    removed.append(str(folder))
    return removed


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder until its end, or that of this process.

    Raises:
        BlockingIOError: another process has it locked.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
