"""Create listening sockets: bind beside the path, set mode and owner, rename into place.

The mode is set at creation, because a sandboxed process cannot change it. A socket from systemd stays systemd's: we
neither change nor remove it.

Attacks: docs/attacks.md, host/listen.
"""

import contextlib
import errno
import os
import socket
import stat
from dataclasses import dataclass
from typing import Generic, TypeVar

from dockerproxy.problems import Problem, UserError
from dockerproxy.settings import MAX_SOCKET_PATH, SocketFile, SocketSettings

_File = TypeVar("_File", SocketFile, SocketSettings)


@dataclass(slots=True, eq=False, repr=False)
class Listening(Generic[_File]):
    """A listening socket of the proxy or of systemd, with device and inode of its file.

    Until `appear`, its file is beside its final path.
    """

    settings: _File
    socket: socket.socket
    identity: tuple[int, int]
    is_ours: bool = True
    beside: str = ""

    def appear(self) -> None:
        """Move the file to its final path, if necessary; it replaces another process's socket atomically."""
        if self.beside:
            os.rename(self.beside, self.settings.path)
            self.beside = ""

    def remove(self) -> bool:
        """Remove the file if we made it and it is still ours; return whether another process has replaced it.

        Call it before the socket is closed.
        """
        if not self.is_ours:
            return False
        self.is_ours = False  # After closing, another socket may get the inode.
        path = self.beside or self.settings.path
        with contextlib.suppress(OSError):  # The file or its directory is already gone.
            status = os.lstat(path)
            if (status.st_dev, status.st_ino) != self.identity:
                return True
            os.unlink(path)
        return False

    def change(self, settings: _File) -> None:
        """Change mode and owner of the file. Raises `UserError` without permission, or if the file is not ours."""
        if not self.is_ours:
            self.identity = _compare(settings)
            self.settings = settings
            return
        try:
            # Without a configured owner, it gets ours again.
            uid = os.geteuid() if settings.uid is None and self.settings.uid is not None else settings.uid
            gid = os.getegid() if settings.gid is None and self.settings.gid is not None else settings.gid
            _give(self.settings.path, uid, gid, settings.permissions, self.identity)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTSOCK, errno.ESTALE}:
                raise UserError(
                    Problem(settings.path, "is no longer the socket of the proxy", "restart the proxy")
                ) from error
            raise UserError(_explain(settings, error)) from error
        self.settings = settings


def listen(settings: _File, backlog: int, *, takes_over: bool = False) -> Listening[_File]:
    """Create a socket; clients can reach it only after its mode and owner are set.

    If another process listens there: with `takes_over`, `appear` replaces that socket later, otherwise this raises
    `UserError`, as for an unusable path.
    """
    is_taken = is_in_use(settings.path)
    if is_taken and not takes_over:
        hint = "stop it, or choose another path"
        raise UserError(Problem(settings.path, "another process listens on this socket", hint))
    beside = _find_beside(settings.path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        mask = os.umask(0o777 & ~settings.permissions)
        try:
            listener.bind(beside)
        finally:
            os.umask(mask)
        identity = _give(beside, settings.uid, settings.gid, settings.permissions)
        listener.listen(backlog)
        opened = Listening(settings, listener, identity, beside=beside)
        if not is_taken:
            opened.appear()
    except OSError as error:
        listener.close()
        with contextlib.suppress(OSError):  # It was not created, or cannot be removed either.
            os.unlink(beside)
        raise UserError(_explain(settings, error)) from error
    return opened


def adopt(settings: _File, listener: socket.socket) -> Listening[_File]:
    """Adopt a socket on which systemd listens, by a duplicated descriptor, so that it can be adopted again.

    Raises `UserError` if mode or owner of its file differ from the settings, or the file is missing.
    """
    identity = _compare(settings)
    return Listening(settings, listener.dup(), identity, is_ours=False)


def _compare(settings: _File) -> tuple[int, int]:
    """Return the identity of a socket's file. Raises `UserError` if it differs from the settings."""
    try:
        status = os.lstat(settings.path)
    except OSError as error:
        text = f"systemd listens on it, but its file is missing: {error.strerror}"
        raise UserError(Problem(settings.path, text, "restart the .socket unit")) from error
    found = stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid
    wanted = settings.permissions, settings.uid, settings.gid
    if any(want not in {None, has} for want, has in zip(wanted, found, strict=True)):
        words = zip(("SocketMode={:04o}", "SocketUser={}", "SocketGroup={}"), wanted, strict=True)
        lines = " and ".join(word.format(want) for word, want in words if want is not None)
        hint = f"write {lines} in the .socket unit, or change the policy"
        raise UserError(Problem(settings.path, "systemd created it with another mode or owner", hint))
    return status.st_dev, status.st_ino


def _give(
    path: str, uid: int | None, gid: int | None, permissions: int, identity: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Set the mode of a socket's file, and its owner if configured; return the file's identity."""
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISSOCK(status.st_mode):
            raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
        found = status.st_dev, status.st_ino
        if identity not in {None, found}:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        opened = f"/proc/self/fd/{descriptor}"
        owner = status.st_uid if uid is None else uid, status.st_gid if gid is None else gid
        if owner != (status.st_uid, status.st_gid):
            os.chown(opened, *owner)
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != permissions:
            os.chmod(opened, permissions)
        return found
    finally:
        os.close(descriptor)


def _find_beside(path: str) -> str:
    """Choose an unused name in the same directory, no longer than a socket's path may be.

    The name is random, because in containers that share a volume, every proxy has process ID 1.
    """
    directory, name = os.path.split(path)
    room = MAX_SOCKET_PATH - len(os.fsencode(directory)) - 1
    while True:
        token = os.urandom(8).hex()[:room]
        beside = f".{token[:8]}" if room > len(token[:8]) else token
        if beside != name:
            return os.path.join(directory, beside)


def check_place(settings: _File) -> tuple[Problem, ...]:
    """Report what would prevent `listen` from opening a socket, without opening it.

    A process that already listens there is not a problem: it is probably the proxy whose settings are checked.
    """
    directory = os.path.dirname(settings.path)
    try:
        os.stat(os.path.join(directory, "."))
        is_in_use(settings.path)
    except OSError as error:
        return (_explain(settings, error),)
    except UserError as error:
        return error.problems
    if not os.access(directory, os.W_OK | os.X_OK):
        is_read_only = os.statvfs(directory).f_flag & os.ST_RDONLY
        return (_explain(settings, OSError(errno.EROFS if is_read_only else errno.EACCES, "")),)
    return check_owner(settings)


def check_owner(settings: _File) -> tuple[Problem, ...]:
    """Report whether the kernel forbids to give a socket its configured owner; a socket without a file asks it.

    An owner that the file has already is not a problem: the proxy whose settings are checked, or systemd, gave it.
    """
    uid, gid = -1 if settings.uid is None else settings.uid, -1 if settings.gid is None else settings.gid
    with contextlib.suppress(OSError):
        found = os.lstat(settings.path)
        if uid in {-1, found.st_uid} and gid in {-1, found.st_gid}:
            return ()
    with contextlib.suppress(OSError):
        above = os.stat(os.path.dirname(settings.path))
        if above.st_mode & stat.S_ISGID and gid == above.st_gid:
            gid = -1  # In such a directory, new files have its group.
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            os.fchown(probe.fileno(), uid, gid)
    except OSError as error:
        return (_explain(settings, error),)
    return ()


def is_in_use(path: str) -> bool:
    """Whether a process listens at this path. Raises `UserError` if it is not a socket, or cannot be checked."""
    try:
        kind = os.lstat(path).st_mode
    except OSError:
        return False  # The path is free, or binding will report the error.
    if not stat.S_ISSOCK(kind):
        raise UserError(Problem(path, "exists and is not a socket", "choose another path"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(path)
        except BlockingIOError:
            return True  # Its queue of connections is full.
        except ConnectionRefusedError:
            return False
        except OSError as error:
            raise UserError(Problem(path, f"cannot tell whether the socket is in use: {error}")) from error
    return True


def _explain(settings: _File, error: OSError) -> Problem:
    directory = os.path.dirname(settings.path)
    if isinstance(error, FileNotFoundError):
        return Problem(settings.path, f'directory "{directory}" does not exist', "create it, or mount a volume there")
    if isinstance(error, NotADirectoryError):
        return Problem(settings.path, f'"{directory}" is not a directory')
    if error.errno == errno.EROFS:
        return Problem(settings.path, f'directory "{directory}" is read-only', "mount a volume there")
    if error.errno == errno.ENOSYS:
        return Problem(settings.path, "cannot change its mode or owner in the sandbox", "restart the proxy")
    if isinstance(error, PermissionError):
        hint = f"choose a path that uid {os.geteuid()} can write to"
        if error.errno == errno.EPERM:
            hint = (
                "only root with CAP_CHOWN gives it to another user or to a group that it is not in, or replaces theirs"
            )
        elif os.access(directory, os.W_OK | os.X_OK):
            hint = "restart the proxy: in the sandbox, it makes no socket in a new directory"
        return Problem(settings.path, "permission denied", hint)
    return Problem(settings.path, f"cannot create the socket: {error.strerror or error}")
