"""Check the host's files that a policy names: binds, directories of sockets, and mounts that break after a restart.

Attacks: docs/attacks.md, workbench/on_disk.
"""

import os
import stat
from collections.abc import Iterator
from typing import Final

from dockerproxy.config.files import open_file, read_bytes
from dockerproxy.host.listen import check_owner
from dockerproxy.policy.globs import find_tree
from dockerproxy.policy.values import is_literal, items_of, split_mode
from dockerproxy.settings import SocketSettings
from dockerproxy.wire.document import list_of, object_of
from dockerproxy.workbench.exposure import on_host
from dockerproxy.workbench.findings import Finding, Severity, differ, place_of

_CLEANED: Final = ("/tmp/", "/var/tmp/")  # noqa: S108 (searched, not written to)
_MOUNTS: Final = "/proc/self/mountinfo"
_MOST: Final = 16 << 20
"""Bytes of it that are read: each container adds some lines."""

_VOLATILE: Final = frozenset({"tmpfs", "ramfs"})


def find_binds(socket: SocketSettings, file: str) -> Iterator[Finding]:
    """Find directories of `binds` and `paths` that are missing, links, or sockets."""
    for cases in socket.policy.cases.values():
        for case in cases:
            binds = on_host(socket.policy, case).by_word.get("binds")
            for item in items_of(binds.value) if binds is not None else ():
                path, where = split_mode(item)[0], place_of(file, case.source)
                path = find_tree(path) or path
                if is_literal(path) and (text := _look_at(path)):
                    yield differ(f"socket {socket.name}", where, Severity.WARNING, text)
    for place in socket.policy.policy.places.paths.values():
        if text := _look_at(place):
            yield differ(f"socket {socket.name}", file, Severity.WARNING, text)


def _look_at(path: str) -> str:
    """Return what is wrong with a directory that may be mounted; empty if nothing."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return f"{path} is missing: some clients let the engine create it, owned by root"
    except OSError:
        return ""  # It may be fine, but we may not look.
    real = os.path.realpath(path)
    if real != path:
        return f"{path} is a link to {real}, which is mounted instead"
    if stat.S_ISSOCK(mode):
        return f"{path} is a socket: its mount breaks when its program restarts; mount its directory"
    return ""


def find_sockets(sockets: tuple[SocketSettings, ...], file: str) -> Iterator[Finding]:
    """Find unsafe, shared or temporary directories of sockets, and socket files that differ from the configuration."""
    folders: dict[str, str] = {}
    for socket in sockets:
        folder = os.path.dirname(socket.path)
        about, real = f"socket {socket.name}", os.path.realpath(folder)
        other = folders.setdefault(real, socket.name)
        if other != socket.name:
            text = f"{folder} is also the directory of socket {other}: clients that mount it get both"
            yield differ(about, file, Severity.WARNING, text, "give each socket its own directory")
        for said in (*_look_at_folder(folder, real), *_look_at_socket(socket)):
            yield differ(about, file, *said)
        for problem in check_owner(socket):
            yield differ(about, file, Severity.ERROR, f"{problem.where}: {problem.what}", problem.hint)


_Said = tuple[Severity, str, str]


def _look_at_folder(folder: str, real: str) -> Iterator[_Said]:
    try:
        mode = os.stat(folder).st_mode
    except OSError as error:
        yield Severity.ERROR, f"{folder}: {error.strerror}", "create it before the proxy starts"
        return
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        yield Severity.ERROR, f"every user can replace the socket in {folder}", f"chmod o-w {folder}"
    if f"{real}/".startswith(_CLEANED):
        yield Severity.WARNING, f"{folder} is cleaned by the system, and empty after a restart", "use /run or /srv"
    elif _find_mount(real)[1] in _VOLATILE:
        text = f"{folder} is in memory, and gone when the host restarts"
        yield Severity.NOTE, text, "create it at boot, before the proxy and its clients start"


def _look_at_socket(socket: SocketSettings) -> Iterator[_Said]:
    """Compare the file of a socket with its settings; the proxy need not run."""
    if socket.permissions & stat.S_IWOTH:
        yield Severity.WARNING, f"every user on this host can connect to {socket.path}", "set permissions and group"
    try:
        found = os.lstat(socket.path)
    except OSError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        yield Severity.ERROR, f"{socket.path} is not a socket", "remove it"
        return
    mode = stat.S_IMODE(found.st_mode)
    owner, group = (
        has if want is None else want for want, has in ((socket.uid, found.st_uid), (socket.gid, found.st_gid))
    )
    if (socket.permissions, owner, group) != (mode, found.st_uid, found.st_gid):
        text = f"{socket.path} is {mode:04o}, uid {found.st_uid}, gid {found.st_gid}, unlike the configuration"
        yield Severity.WARNING, text, "reload or restart the proxy"


def find_engine_mount(engine: str, file: str) -> Iterator[Finding]:
    """Find out whether the engine's socket is mounted here as a file."""
    real = os.path.realpath(engine)
    if _find_mount(real)[0] == real:
        text = f"{engine} is mounted as a file: the mount breaks when the engine restarts, unless systemd holds it"
        yield differ("engine", file, Severity.NOTE, text, "otherwise mount a directory with only the socket")


def _find_mount(path: str) -> tuple[str, str]:
    """Return the mount of a path, and its type."""
    best = ("", "")
    for line in read_bytes(open_file(_MOUNTS), _MOUNTS, _MOST).decode(errors="replace").splitlines():
        head, _, tail = line.partition(" - ")
        point = head.split(" ")[4]
        is_above = path == point or path.startswith(f"{point.removesuffix('/')}/")
        if is_above and len(point) >= len(best[0]):
            best = (point, tail.partition(" ")[0])
    return best


def find_mounted(containers: object, sockets: tuple[SocketSettings, ...], engine: str, file: str) -> Iterator[Finding]:
    """Find containers, in the engine's list, that mount one of our sockets as a file, or the engine's socket."""
    ours = {path: socket.name for socket in sockets for path in (socket.path, socket.policy.policy.places.own_socket)}
    for container in map(object_of, list_of(containers)):
        names = list_of(container.get("Names"))
        name = str(names[0]).removeprefix("/") if names else "without a name"
        for mount in map(object_of, list_of(container.get("Mounts"))):
            path = str(mount.get("Source", ""))
            if path in ours and path:
                text = f"container {name} mounts the file {path}: the mount breaks if the proxy restarts"
                yield differ(f"socket {ours[path]}", file, Severity.WARNING, text, "mount its directory")
            elif path == engine:
                text = f"container {name} mounts the engine's socket: unless it is this proxy, it is root on the host"
                yield differ("engine", file, Severity.NOTE, text)
