"""Files that are put into a container: the archive passes unread, so what is mounted there must be the container's own.

The engine unpacks the archive as root, from outside. Names and links lead it anywhere within the container, and so into
what is mounted. A container that may write all that, and shares none of it with the host, gains nothing by an upload
that a command as root in it would not gain.

Attack: put a set-user-id program or a device into a directory of the host -> Defence: no bind, and no volume that is
one in disguise: the engine is asked for each (test: test_no_files_are_put_where_a_directory_of_the_host_is_mounted).
Attack: change what is mounted read-only, into which Podman writes while the container does not run -> Defence: all
must be writable (test: test_no_files_are_put_where_something_is_mounted_read_only).
Attack: ask under a version of the API, like 1.19, in which an engine does not say what is mounted -> Defence: refused
(test: test_no_files_are_put_where_the_engine_does_not_say_what_is_mounted).
Attack: have the mounts change meanwhile -> Defence: engines set them when they create a container, keep volumes that
one has, and the request goes on under the ID that was looked up.
Attack: replace the client's own socket -> Defence: it is a mount point, which no engine removes.
"""

from typing import Final

from dockerproxy.policy.claim import Object, Reading, find_fault, items_at
from dockerproxy.policy.claims.mounts import is_disguise
from dockerproxy.policy.objects import OWN, Kind
from dockerproxy.wire.document import Json, object_of

_OF_ITS_OWN: Final = frozenset({"volume", "tmpfs"})


def check_own_volumes(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """All that is mounted is writable, and a volume or memory; the client's own socket does not count."""
    if reading.found is not None and reading.found.document and "mounts" not in reading.found.document:
        reading.violate(path, None, "are not told by the engine under this version of its API")
    for where, mount in items_at(value, path):
        known = object_of(mount)
        kind, name, target = known.get("Type"), known.get("Name"), known.get("Destination")
        if kind == "bind" and known.get("Source") == reading.places.own_socket != "":
            continue
        if known.get("RW") is not True:
            reading.violate(where, target, "read-only: an archive passes unread, and could change it")
        elif kind not in _OF_ITS_OWN:
            reading.violate(where, target, "no volume: an archive passes unread, and could write to the host there")
        elif kind == "volume":
            found, lookup = reading.resolve(Kind.VOLUME, str(name))
            says = "a volume that may be a directory of the host, where an archive that passes unread could write"
            is_wrong = found is not None and (not found.document or is_disguise(found))
            wrong = find_fault(where, target, says) if is_wrong else None
            reading.claim(OWN, None, where, target, says, later=lookup, wrong=wrong, without=True, unless=OWN)
