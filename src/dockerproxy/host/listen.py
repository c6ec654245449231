"""Create listening sockets: bound beside their path, given mode and owner, renamed into place.

The mode is set at creation, because a locked process cannot change it.

Attack: take over a socket in use -> Defence: refused (test: test_a_socket_on_which_somebody_listens_is_not_stolen).
"""

import contextlib
import errno
import os
import secrets
import socket
import stat
from dataclasses import dataclass

from dockerproxy.errors import Problem, UserError
from dockerproxy.settings import MAX_SOCKET_PATH, SocketSettings


@dataclass(slots=True)
class Listening:
    """A listening socket of ours.

    Attributes:
        settings: Of the socket.
        socket: Listening.
        identity: Device and inode of its file.
    """

    settings: SocketSettings
    socket: socket.socket
    identity: tuple[int, int]

    def remove(self) -> None:
        """Remove the file if it is still ours."""
        with contextlib.suppress(OSError):  # It or its directory is gone: nothing to remove.
            status = os.lstat(self.settings.path)
            if (status.st_dev, status.st_ino) == self.identity:
                os.unlink(self.settings.path)

    def change(self, settings: SocketSettings) -> None:
        """Change permissions and owner of the file.

        Raises:
            UserError: We may not set that owner, or the file is no longer ours.
        """
        try:
            # Without a named owner, it is ours again.
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


def listen(settings: SocketSettings, backlog: int) -> Listening:
    """Create a socket; clients can reach it only after its mode and owner are set.

    Args:
        settings: Path, mode and owner.
        backlog: Connections that may wait to be accepted.

    Raises:
        UserError: The path cannot be used, or another process listens there.
    """
    if is_in_use(settings.path):
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
        os.rename(beside, settings.path)
        return Listening(settings, listener, identity)
    except OSError as error:
        listener.close()
        with contextlib.suppress(OSError):  # It was not made, or cannot be removed either.
            os.unlink(beside)
        raise UserError(_explain(settings, error)) from error


def _give(
    path: str, uid: int | None, gid: int | None, permissions: int, identity: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Set the mode of a socket's file, and its owner where one is named; return the file's identity.

    Attack: put a link or another file in its place meanwhile -> Defence: the file is opened once, without following a
    link, and changed by that descriptor.

    Raises:
        OSError: The file cannot be changed, is not a socket, or is not the known one.
    """
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

    The name is random, because in containers that share a volume every proxy is process 1.
    """
    directory, name = os.path.split(path)
    room = MAX_SOCKET_PATH - len(os.fsencode(directory)) - 1
    while True:
        token = secrets.token_hex(8)[:room]
        beside = f".{token[:8]}" if room > len(token[:8]) else token
        if beside != name:
            return os.path.join(directory, beside)


def check_place(settings: SocketSettings) -> tuple[Problem, ...]:
    """Report what would prevent `listen` from opening a socket, without opening it.

    A process that listens there already is no problem: most likely it is the proxy whose settings are checked.
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
        return (_explain(settings, PermissionError()),)
    return ()


def is_in_use(path: str) -> bool:
    """Whether a process listens on a socket at this path.

    Raises:
        UserError: The file is not a socket, or cannot be connected to.
    """
    try:
        kind = os.lstat(path).st_mode
    except OSError:
        return False  # Nothing is there, or binding will report the error.
    if not stat.S_ISSOCK(kind):
        raise UserError(Problem(path, "exists and is not a socket", "choose another path"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
        except OSError as error:
            raise UserError(Problem(path, f"cannot tell whether the socket is in use: {error}")) from error
    return True


def _explain(settings: SocketSettings, error: OSError) -> Problem:
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
        hint = (
            f'make "{directory}" writable for uid {os.geteuid()}; only root can give a socket to another user or group'
        )
        if not os.geteuid():
            hint = f'add CAP_CHOWN, or make root the owner of "{directory}"; in the sandbox, restart the proxy'
        return Problem(settings.path, "permission denied", hint)
    return Problem(settings.path, f"cannot create the socket: {error.strerror or error}")
