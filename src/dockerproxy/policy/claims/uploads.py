"""Files that are put into a container.

The engine unpacks them as they come, as root, into whatever the container has mounted there: directories of the host
too. So an entry is judged by its header, before it goes on.

Attack: a name that leads upwards, a device, or a pipe -> Defence: the reader of archives refuses them.
Attack: a link through which this archive or a later one writes, or a host program follows -> Defence: it may only point
beside or below itself. So no chain of links, however many archives make it, leads out of its directory.
Attack: a hard link to what is there already, also where buildah leaves out what the name has in common with the
directory, or two names become one -> Defence: refused, but where a link in the container leads to the directory.
Attack: a program with its owner's rights, by capabilities or set-user-ID, in a host directory -> Defence: neither goes
on. On a directory those bits mean no more than who owns what is made in it.
Links that are in the container already are followed by the engine, and cannot be seen from here.

Podman writes into what is mounted read-only as well, while the container does not run. It may stop between our lookup
and the engine's act, and a link in it may lead to the mount. So a container that has such a mount gets no files.
"""

from typing import Final

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import Fault, Note, Object, Reading, items_at
from dockerproxy.policy.claims.entries import Rules, fault_of
from dockerproxy.wire.document import Json, object_of
from dockerproxy.wire.tar import Entry, Kind

_SET_ID: Final = 0o6000


class Unpacking(Rules):
    """What may be unpacked in a container."""

    def __init__(self, request: CanonicalRequest, _note: Note) -> None:
        super().__init__()
        self._above = {
            part for path in request.values("path") for part in path.encode(errors="surrogateescape").split(b"/")
        }

    def look(self, entry: Entry) -> Fault | None:
        """Say what is wrong with an entry, by its header."""
        if entry.kind is Kind.LINK and (entry.target.startswith(b"/") or b".." in entry.target.split(b"/")):
            return fault_of(entry, "is a link that could lead out of its directory")
        if entry.mode & _SET_ID and entry.kind is not Kind.DIRECTORY:
            return fault_of(entry, "has the set-user-ID or set-group-ID bit")
        if entry.kind is Kind.HARD_LINK and entry.target.partition(b"/")[0] in self._above:
            return fault_of(entry, "is a hard link that Podman would resolve elsewhere")
        return super().look(entry)


def check_writable(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Nothing is mounted read-only in the container: Podman would write there too, while it does not run."""
    for where, mount in items_at(value, path):
        known = object_of(mount)
        if known.get("RW") is not True:
            says = "read-only, but Podman writes there while the container is not running"
            reading.violate(where, known.get("Destination"), says)
