"""Files that the proxy writes: whole or not at all."""

import contextlib
import os
import tempfile

from dockerproxy.errors import Problem

_MODE = 0o640


def write_atomically(path: str, text: str) -> None:
    """Put a text into a file so that whoever reads it sees the old one or the new one, whole, even after a crash.

    Raises:
        OSError: It cannot be written; the old one is still there.
    """
    descriptor, beside = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".learned-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, _MODE)
            os.fsync(descriptor)
        os.replace(beside, path)
    except OSError:
        with contextlib.suppress(OSError):  # It may be the disk that is gone.
            os.unlink(beside)
        raise


def check_directory(path: str) -> tuple[Problem, ...]:
    """Say what would keep us from writing files into a directory."""
    if not os.path.isdir(path):
        return (Problem(path, "is not a directory", "create it, or mount a volume there"),)
    if not os.access(path, os.W_OK | os.X_OK):
        return (Problem(path, "cannot be written to", f"let uid {os.geteuid()} write there"),)
    return ()
