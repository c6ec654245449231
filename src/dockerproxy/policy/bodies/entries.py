"""Entries of an archive, judged by their names: those that links lead to, and those that the engine looks for.

How one would write elsewhere than it seems, and what stops it: a link to another place and then a file behind it; the
same by a hard link to the link; a hard link to something behind it (an entry never goes through a link that the same
archive makes; links that are in a container already cannot be seen from here).

How one would have the engine read another file than was looked at, and what stops it: the file twice; a link in its
place, or in that of a directory above it; another name for it, by which it is overwritten; one that is too large to be
looked at (each is refused).
"""

from typing import Final

from dockerproxy.policy.bodies.inspection import Fault
from dockerproxy.wire.tar import Entry, Kind, show_name

_MOST_LINKS: Final = 2**23
"""Bytes for names of links of one archive, with what it costs to keep them."""

_COST: Final = 100
_MOST_HELD: Final = 2**20
"""Bytes of a file that is held."""

LINKS: Final = frozenset({Kind.LINK, Kind.HARD_LINK})


def fault_of(entry: Entry, says: str) -> Fault:
    """Say what is wrong with an entry, as a clause."""
    return Fault(f"the entry {show_name(entry.name or b'.')}", "", says)


class Links:
    """The links that one archive has made so far."""

    def __init__(self) -> None:
        self._names: set[bytes] = set()
        self._size = 0

    def look(self, entry: Entry) -> Fault | None:
        """Take note of an entry; say what is wrong with it."""
        if self._names and (self._go_through(entry.name) or self._go_through(entry.target, hard=entry.kind)):
            return fault_of(entry, "goes through a link that the archive makes")
        if entry.kind in LINKS:
            self._names.add(entry.name)
            self._size += len(entry.name) + _COST
            if self._size > _MOST_LINKS:
                return fault_of(entry, "is one link more than can be remembered")
        return None

    def _go_through(self, name: bytes, *, hard: Kind = Kind.HARD_LINK) -> bool:
        """Whether some directory on the way to a name is a link; the target of a symbolic one is no way of ours."""
        at = name.find(b"/") if hard is Kind.HARD_LINK else -1
        while at > 0:
            if name[:at] in self._names:
                return True
            at = name.find(b"/", at + 1)
        return False


class NamedFiles:
    """Files of an archive that the engine looks for by name: each is there at most once, small, and by no detour."""

    def __init__(self, names: frozenset[bytes]) -> None:
        self._names = names
        self._seen: set[bytes] = set()

    def look(self, entry: Entry) -> Fault | None:
        """Say what is wrong with an entry."""
        if entry.target in self._names and entry.kind is Kind.HARD_LINK:
            return fault_of(entry, "is another name for a file that is read before it goes on")
        if entry.name not in self._names:
            is_above = any(name.startswith(entry.name + b"/") for name in self._names)
            if is_above and entry.kind is not Kind.DIRECTORY:
                return fault_of(entry, "is no directory, though a file is looked for there")
            return None
        if entry.kind is not Kind.FILE or entry.name in self._seen:
            return fault_of(entry, "must be there once, as a file")
        self._seen.add(entry.name)
        if entry.size > _MOST_HELD:
            return fault_of(entry, f"has more than {_MOST_HELD} bytes, which is more than is read of it")
        return None

    def holds(self, entry: Entry) -> bool:
        """Whether an entry is one of them."""
        return entry.name in self._names
