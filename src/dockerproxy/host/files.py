"""Write files atomically."""

import contextlib
import os
import stat

from dockerproxy.problems import Problem

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_MODE = 0o640
"""The mode of a new file, before the umask. In the sandbox, it cannot be changed later."""


def write_atomically(path: str, text: str, mode: int = _MODE, *, keep: bool = False) -> None:
    """Write a text to a file; readers see either the old or the new text, even after a crash or an `OSError`.

    A new file gets the mode, before the umask. With `keep`, an existing file keeps its owner and permissions.
    """
    old = os.stat(path) if keep else None
    beside = os.path.join(os.path.dirname(path), f".new-{os.urandom(8).hex()}")
    descriptor = os.open(beside, _NEW, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if old is not None:
                os.fchown(descriptor, old.st_uid, old.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
            os.fsync(descriptor)
        os.replace(beside, path)
    except OSError:
        with contextlib.suppress(OSError):  # The disk may be gone.
            os.unlink(beside)
        raise


def check_directory(path: str) -> tuple[Problem, ...]:
    """Report what would prevent us from writing files into a directory."""
    if not os.path.isdir(path):
        return (Problem(path, "no such directory", "create it, or mount a volume there"),)
    if not os.access(path, os.W_OK | os.X_OK):
        return (Problem(path, "is not writable", f"make it writable for uid {os.geteuid()}"),)
    return ()
