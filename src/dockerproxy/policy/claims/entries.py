"""Entries of an archive, judged by their names: those that links lead to, and those that the engine looks for.

Attack: write elsewhere through a link, or a hard link to something behind one -> Defence: an entry never goes through a
link that the same archive makes. Links that are in a container already cannot be seen from here.
Attack: a hard link to what is there already, or that leads elsewhere: buildah joins its name to a container's root,
others to where they unpack -> Defence: only what the same archive has brought as a file, and still is one, gets one.
Attack: a link in the place of a directory, whose times Podman sets at last, where the link leads -> Defence: refused.
Attack: another file than was looked at: the file twice, a link in its place or in that of a directory above it, another
name by which it is overwritten, one too large or too slow to read -> Defence: refused.
"""

from typing import Final

from dockerproxy.policy.claim import Fault
from dockerproxy.policy.image_marks import FreshMarks
from dockerproxy.wire.document import count_parts
from dockerproxy.wire.tar import Entry, Kind, show_name

_MOST_LINKS: Final = 2**16
"""Links of one archive: what is kept of each is a number, which takes a hundred bytes."""

_MOST_FILES: Final = 2**16
"""That are remembered, so that they may get a second name."""

_MOST_HELD: Final = 2**20
"""Bytes of a file that is held."""

_MOST_PARTS: Final = 2**14
"""Lines, or values of JSON: of those honest files have few, and each costs time to read."""

LINKS: Final = frozenset({Kind.LINK, Kind.HARD_LINK})


def fault_of(entry: Entry, says: str) -> Fault:
    """Say what is wrong with an entry, as a clause."""
    return Fault(f"the entry {show_name(entry.name or b'.')}", "", says)


class Links:
    """The links and directories that one archive has made, and the files that may get a second name by a hard link.

    Of a name only a number is kept, made of those of its parts one after the other. So it costs as much whatever its
    length. Two names of one number would only be taken for a link both, and refused.
    """

    def __init__(self) -> None:
        self._numbers: set[int] = set()
        self._files: set[int] = set()
        self._directories: set[int] = set()

    def __len__(self) -> int:
        return len(self._numbers) + len(self._files) + len(self._directories)

    def look(self, entry: Entry) -> Fault | None:
        """Take note of an entry; say what is wrong with it."""
        if entry.kind is Kind.HARD_LINK and hash(entry.target) not in self._files:
            return fault_of(entry, "is a hard link to no file of this archive")
        if entry.kind is not Kind.FILE:
            self._files.discard(hash(entry.name))
        elif len(self._files) < _MOST_FILES:
            self._files.add(hash(entry.name))
        is_link = entry.kind in LINKS
        *above, number = _numbers_of(entry.name)
        if entry.kind is Kind.DIRECTORY:
            self._directories.update((*above, number))
        if entry.kind is Kind.HARD_LINK:  # The target of a symbolic one is no way of ours.
            above += _numbers_of(entry.target)[:-1]
        if not self._numbers.isdisjoint(above) or (is_link and number in self._directories):
            return fault_of(entry, "goes through a link of the archive, or is one in place of a directory")
        if is_link:
            self._numbers.add(number)
            if len(self._numbers) > _MOST_LINKS:
                return fault_of(entry, f"is a link too many: the limit is {_MOST_LINKS}")
        return None


def _numbers_of(name: bytes) -> list[int]:
    """Return the number of each directory on the way to a clean name, and of the name itself last."""
    numbers, number = list[int](), 0
    for part in name.split(b"/"):
        number = hash((number, part))
        numbers.append(number)
    return numbers


class Rules:
    """What an operation makes of the entries of an archive: this is what holds for each; some have more rules.

    Files that the engine looks for by name are there at most once, small, and by no detour. Where clients own images,
    there are `marks`, which go on in place of names of those that are made.
    """

    marks: FreshMarks | None = None

    def __init__(self, names: frozenset[bytes] = frozenset()) -> None:
        self._links = Links()
        self._names = names
        self._seen: set[bytes] = set()

    def __len__(self) -> int:
        """Return how many names are remembered."""
        return len(self._links)

    def look(self, entry: Entry) -> Fault | None:
        """Say what is wrong with an entry, by its header."""
        return self._links.look(entry) or self._look_at_name(entry)

    def _look_at_name(self, entry: Entry) -> Fault | None:
        if entry.target in self._names and entry.kind is Kind.HARD_LINK:
            return fault_of(entry, "is a hard link to a file that must be checked")
        if entry.name not in self._names:
            is_above = any(name.startswith(entry.name + b"/") for name in self._names)
            if is_above and entry.kind is not Kind.DIRECTORY:
                return fault_of(entry, "must be a directory")
            return None
        if entry.kind is not Kind.FILE or entry.name in self._seen:
            return fault_of(entry, "must be a file, and occur once")
        self._seen.add(entry.name)
        if entry.size > _MOST_HELD:
            return fault_of(entry, f"has more than {_MOST_HELD} bytes")
        return None

    def holds(self, entry: Entry) -> bool:
        """Whether the contents of an entry must be read before it goes on; they are small then."""
        return entry.name in self._names

    def scan(self, _entry: Entry, _piece: bytes | memoryview) -> Fault | None:
        """Say what is wrong with a piece of the contents of an entry, held or not."""
        return None

    def read(self, _entry: Entry, content: bytes) -> bytes | Fault:
        """Return what goes on as the contents of an entry that was held, or what is wrong with them."""
        return content

    def end(self) -> None:
        """Note what is known when all entries were there."""


def is_too_long(content: bytes) -> bool:
    """Whether a file that is held would take longer to read than others can wait."""
    return count_parts(content) + content.count(b"\n") > _MOST_PARTS
