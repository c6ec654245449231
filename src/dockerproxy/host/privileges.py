"""Drop capabilities and groups, except those that the process needs to reach its files.

Capabilities belong to a thread, so this runs before there are other threads. Each is dropped on trial, and restored if
a path becomes unreachable.
"""

import os
import resource
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from dockerproxy.host.libc import call, pack

_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 4, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4

_DAC_OVERRIDE: Final = 1 << 1
_SETGID: Final = 1 << 6
_MOST_CAPABILITIES: Final = 64

_FACCESSAT2, _AT_FDCWD, _AT_EACCESS = 439, -100, 0x200
"""Called by number: without it in the kernel, the C library would check permitted capabilities, not effective ones."""

_HEADER: Final = struct.pack("=Ii", 0x20080522, 0)
"""Header of capget(2) and capset(2), third version, for this thread."""

_SETS: Final = struct.Struct("=6I")
"""Effective, permitted and inheritable capabilities, 32 of them, and the same for the next 32."""


class Need(NamedTuple):
    """A path that must stay reachable, with the mode for os.access."""

    path: str
    mode: int


def can_be_tried() -> bool:
    """Whether the kernel can check access with the effective capabilities."""
    return _is_reachable(Need("/", os.F_OK))


def forbid_new() -> None:
    """Prevent executed programs from gaining privileges, or raise an `OSError`."""
    call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def hide_memory() -> None:
    """Disable core dumps, and tracing by processes of the same user, or raise an `OSError`."""
    call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
    with suppress(ValueError):  # Limits may be fixed; the kernel dumps no process that is not dumpable.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Kept(NamedTuple):
    """Whether CAP_DAC_OVERRIDE was kept, and supplementary groups.

    `more` are groups that no path needs, but that cannot be dropped without CAP_SETGID.
    """

    override: bool
    groups: tuple[int, ...]
    more_groups: tuple[int, ...]


def give_up(needs: Iterable[Need], *, certain: bool) -> Kept:
    """Give up all capabilities and supplementary groups, except CAP_DAC_OVERRIDE and the groups that a path needs.

    If it is not certain that these are all paths, keep what another path might need. Raises `OSError` if the kernel
    refuses.
    """
    needs, sets = tuple(needs), pack(bytes(_SETS.size))
    call("capget", pack(_HEADER), sets)
    _, low, _, _, high, _ = _SETS.unpack(sets.raw)
    permitted = int(low | high << 32)
    before = _find_reachable(needs)
    override = _give_up_capabilities(needs, permitted, before, certain=certain) if permitted else 0
    groups = tuple(os.getgroups())
    return Kept(bool(override), groups, _find_needless(groups, needs) if certain else ())


def _give_up_capabilities(needs: tuple[Need, ...], permitted: int, before: frozenset[Need], *, certain: bool) -> int:
    """Give up capabilities, and groups while that is still possible; return what is kept."""
    with suppress(OSError):  # A process without CAP_SETPCAP cannot narrow this set, and gains nothing from it either.
        for capability in range(_MOST_CAPABILITIES):
            call("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
    with suppress(OSError):  # Kernels before 4.3 have none.
        call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    _set_capabilities(permitted & _SETGID, permitted)
    override = permitted & _DAC_OVERRIDE if not (certain and before <= _find_reachable(needs)) else 0
    _set_capabilities(permitted & (_SETGID | override), permitted)
    if permitted & _SETGID and certain:
        with suppress(OSError):  # A user namespace may deny it; the kept groups are reported.
            _drop_groups(needs, before)
    _set_capabilities(override, override)
    return override


def _drop_groups(needs: tuple[Need, ...], before: frozenset[Need]) -> None:
    kept = set(os.getgroups())
    for group in sorted(kept):
        os.setgroups(sorted(kept - {group}))
        if before <= _find_reachable(needs):
            kept.discard(group)
    os.setgroups(sorted(kept))


def _find_needless(groups: Iterable[int], needs: Iterable[Need]) -> tuple[int, ...]:
    belonging = {os.getegid()}
    for need in needs:
        with suppress(OSError):
            belonging.add(os.stat(need.path).st_gid)
    return tuple(group for group in groups if group not in belonging)


def _set_capabilities(effective: int, permitted: int) -> None:
    parts = [word for shift in (0, 32) for word in (effective >> shift, permitted >> shift, 0)]
    call("capset", pack(_HEADER), pack(_SETS.pack(*(part & 0xFFFFFFFF for part in parts))))


def _find_reachable(needs: Iterable[Need]) -> frozenset[Need]:
    return frozenset(filter(_is_reachable, needs))


def _is_reachable(need: Need) -> bool:
    try:
        call("syscall", _FACCESSAT2, _AT_FDCWD, pack(os.fsencode(need.path) + b"\0"), need.mode, _AT_EACCESS)
    except OSError:
        return False
    return True
