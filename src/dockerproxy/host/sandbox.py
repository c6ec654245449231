"""Sandbox: restrict the process once everything is open, before the first client is accepted.

Each lock is independent. An unavailable lock is reported, and the others stay. An attacker in the process still reaches
everything that serving needs, such as the engine's socket.
"""

import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from dockerproxy.host import landlock, privileges, seccomp
from dockerproxy.host.landlock import Files, Rule
from dockerproxy.host.privileges import Kept, Need
from dockerproxy.process_settings import Settings

_DIRECTORY_OF_SOCKETS: Final = Files.MAKE_SOCK | Files.REMOVE_FILE | Files.RESOLVE_UNIX
_DIRECTORY_OF_LEARNED: Final = (
    Files.READ_FILE | Files.WRITE_FILE | Files.TRUNCATE | Files.MAKE_REG | Files.REMOVE_FILE | Files.READ_DIR
)
_DIRECTORY_OF_METRICS: Final = Files.WRITE_FILE | Files.TRUNCATE | Files.MAKE_REG | Files.REMOVE_FILE
_LIBRARY: Final = Files.READ_FILE | Files.READ_DIR


class Lock(NamedTuple):
    """A lock: its effect, why it is off or too weak, if it is, and what this kernel cannot restrict yet."""

    name: str
    says: str
    obstacle: str = ""
    lacks: tuple[str, ...] = ()


class Places(NamedTuple):
    """Paths that serving needs. Those of the policy, of learned policies and of metrics may be empty."""

    engines: tuple[str, ...]
    sockets: tuple[str, ...]
    policy: str
    learned: str
    metrics: str = ""


def find_places(settings: Settings, policy_file: str) -> Places:
    """Return the paths that these settings need."""
    return Places(
        engines=settings.engines,
        sockets=(
            *(socket.path for socket in settings.sockets),
            *(path for path in (settings.metrics_socket, settings.control_socket) if path),
        ),
        policy=policy_file,
        learned=settings.learn_directory,
        metrics=os.path.dirname(settings.metrics_file),
    )


PRIVILEGES: Final = Lock("privileges", "no program that it runs gains any")
CAPABILITIES: Final = Lock("capabilities", "none")
GROUPS: Final = Lock("groups", "only its own")
MEMORY: Final = Lock("memory", "no core dumps, and no access by other processes of its user")
FILES: Final = Lock("files", "only those that serving needs")
CALLS: Final = Lock("system calls", "only those that serving needs: no programs, no sockets other than unix sockets")


def foresee() -> tuple[Lock, ...]:
    """Predict the state of each lock on this machine, without applying it."""
    version, obstacle = landlock.find_version(), seccomp.find_obstacle()
    return (
        PRIVILEGES,
        CAPABILITIES,
        GROUPS,
        MEMORY,
        _with_lacks(_with_version(FILES, version), version, is_filtered=not obstacle),
        CALLS._replace(obstacle=obstacle),
    )


def prepare() -> None:
    """Before the event loop exists, prevent it from creating resources that later locks would not restrict."""
    if not seccomp.find_obstacle():
        with suppress(OSError):  # The lock itself reports why.
            seccomp.forbid_rings()


def lock_in(places: Places, tell: Callable[[str], None]) -> tuple[Lock, ...]:
    """Permanently apply every available lock, and return the state of each; these paths stay reachable.

    There must be no other thread yet, because locks belong to a thread. `tell` is called with each forbidden attempt,
    and must end the process.
    """
    sys.dont_write_bytecode = True
    others = len(os.listdir("/proc/self/task")) - 1 if os.path.isdir("/proc/self/task") else 0
    if others:
        raise RuntimeError(f"{others} other threads would stay outside of the sandbox")
    obstacle = seccomp.find_obstacle()  # Loads a library while files can still be opened.
    first = (
        _close(PRIVILEGES, privileges.forbid_new),
        *_close_capabilities(places),
        _close(MEMORY, privileges.hide_memory),
    )
    version = landlock.find_version()
    files = _close_files(places, version)
    calls = _close(CALLS._replace(obstacle=obstacle), lambda: _filter_calls(tell))
    return *first, _with_lacks(files, version, is_filtered=not calls.obstacle), calls


def _close(lock: Lock, how: Callable[[], None]) -> Lock:
    if lock.obstacle:
        return lock
    try:
        how()
    except OSError as error:
        return lock._replace(obstacle=f"refused by the kernel: {error.strerror}")
    return lock


def _filter_calls(tell: Callable[[str], None]) -> None:
    seccomp.watch(tell)
    seccomp.forbid_all_but_needed()


def _close_capabilities(places: Places) -> Iterator[Lock]:
    needs = tuple(_list_needs(places))
    doubt = _find_doubt(places)
    try:
        kept = privileges.give_up(needs, certain=not doubt)
    except OSError as error:
        yield CAPABILITIES._replace(obstacle=f"the kernel refused to drop them: {error.strerror}")
        yield GROUPS._replace(obstacle="not dropped, because capabilities could not be dropped")
        return
    why = f"which may be needed: {doubt}" if doubt else "which opens the engine's socket"
    yield CAPABILITIES._replace(says=f"only DAC_OVERRIDE, {why}") if kept.override else CAPABILITIES
    yield _describe_groups(kept)


def _find_doubt(places: Places) -> str:
    """Explain why we cannot know which privileges open the engine's socket; empty if we can."""
    if not any(os.path.lexists(path) for path in places.engines):
        return "the engine's socket does not exist yet"
    return "" if privileges.can_be_tried() else "this kernel cannot tell what opening a file needs"


def _describe_groups(kept: Kept) -> Lock:
    if kept.more_groups:
        more = ", ".join(map(str, kept.more_groups))
        return GROUPS._replace(obstacle=f"no permission to leave {more}, which it does not need")
    if kept.groups:
        return GROUPS._replace(says=f"only its own and {', '.join(map(str, kept.groups))}, which it needs")
    return GROUPS


def _list_needs(places: Places) -> Iterator[Need]:
    directories = (*map(os.path.dirname, places.sockets), places.learned, places.metrics)
    yield from (Need(path, os.W_OK) for path in (*places.engines, *places.sockets))
    yield from (Need(path, os.W_OK | os.X_OK) for path in directories if path)
    yield from (Need(path, os.R_OK) for path in (places.policy,) if path)


def _with_version(lock: Lock, version: int) -> Lock:
    if not version:
        return lock._replace(obstacle="this kernel has no Landlock, or it is disabled")
    return lock._replace(says=f"{lock.says} (Landlock {version})")


def _with_lacks(lock: Lock, version: int, *, is_filtered: bool) -> Lock:
    """Return the lock with the rights that neither this version of Landlock nor the system call filter restricts."""
    if lock.obstacle:
        return lock
    missing = landlock.list_missing(version)
    return lock._replace(lacks=tuple(each for each in missing if not (is_filtered and each.startswith(("TCP", "UDP")))))


def _close_files(places: Places, version: int) -> Lock:
    restrictions = landlock.find_restrictions(version)
    rules = tuple(_list_rules(places))
    if not any(os.path.lexists(path) for path in places.engines):  # Its directory is unknown.
        restrictions = restrictions._replace(files=restrictions.files & ~Files.RESOLVE_UNIX)
    return _close(_with_version(FILES, version), lambda: landlock.restrict(restrictions, rules))


def _list_rules(places: Places) -> Iterator[Rule]:
    yield from (Rule(os.path.dirname(path), _DIRECTORY_OF_SOCKETS) for path in places.sockets)
    yield from (Rule(os.path.dirname(os.path.realpath(path)), Files.RESOLVE_UNIX) for path in places.engines)
    yield from (Rule(path, _LIBRARY) for path in _list_libraries())
    if places.policy:
        yield from (Rule(path, Files.READ_FILE) for path in _list_readable(places.policy))
    if places.learned:
        yield Rule(places.learned, _DIRECTORY_OF_LEARNED)
    if places.metrics:
        yield Rule(places.metrics, _DIRECTORY_OF_METRICS)


def _list_libraries() -> Iterable[str]:
    """Return the directories that late imports and tracebacks need: Python's files, and ours."""
    ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return {ours, *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))}


def _list_readable(policy: str) -> Iterable[str]:
    """Return the directory of the policy file, so that the file can be replaced; if the directory holds more, the file.

    If the file is a link, return both its directory and the target's: Kubernetes creates a new directory beside the old
    one and changes the link.
    """
    files = {os.path.abspath(policy), os.path.realpath(policy)}
    folders = {file: os.path.dirname(file) for file in files}
    return {file if os.path.dirname(folder) in {"/home", "/"} else folder for file, folder in folders.items()}
