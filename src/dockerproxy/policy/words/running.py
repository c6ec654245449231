"""`running`; and files copied into a container: an archive may have any names, so mounts must be the container's own.

The engine unpacks the archive as root, from outside. Its names and links reach any path in the container, including
mounts. If the container may write to all mounts, and shares none with the host, an upload gains nothing that a root
command in it would not.

A rootful Docker also opens files as root, outside the container's device cgroup. A process that replaces a file by a
device at that moment can read or write the host. So if clients can run programs, files are only copied while no process
can have them open: into and out of a container that never started.

Attacks: docs/attacks.md, policy/words/running.
"""

from collections.abc import Collection, Hashable, Iterator
from typing import Final

from dockerproxy.policy.claim import Object, Reading, find_fault, items_at, objects_at
from dockerproxy.policy.objects import OWN, RUNNING, TASK, Kind, ResolvedObject, is_full_id
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Constraint, Matcher
from dockerproxy.policy.words.mounts import is_disguise
from dockerproxy.wire.document import Json, list_of, object_of

COPYING_FILES: Final = frozenset(
    {*("ContainerArchive", "ContainerArchiveLibpod", "ContainerExport", "ContainerExportLibpod"), "PutContainerArchive"}
)
"""They copy files into or out of a container."""

RUNNING_PROGRAMS: Final = ("ContainerCreate", "ContainerExec", "ServiceCreate")
"""With a contained grant of these, clients can run programs."""

STARTING: Final = frozenset(
    {*("ContainerRestart", "ContainerRestartLibpod", "ContainerStart", "ContainerStartLibpod"), "ExecStart"}
)
"""They start a container, or a command in it."""

_WITHOUT_MOUNTS: Final = frozenset({"ContainerExport", "ContainerExportLibpod"})
"""They archive only the container's own file system."""

_OF_ITS_OWN: Final = frozenset({"volume", "tmpfs"})


def check_own_volumes(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """All mounts must be writable volumes or memory. The client's own socket does not count."""
    if reading.found is not None and reading.found.document and "mounts" not in reading.found.document:
        reading.violate(path, None, "are not shown by the engine under this API version")
    for where, mount in items_at(value, path):
        known = object_of(mount)
        kind, name, target = known.get("Type"), known.get("Name"), known.get("Destination")
        if kind == "bind" and known.get("Source") == reading.places.own_socket != "":
            continue
        if known.get("RW") is not True:
            reading.violate(where, target, "read-only: an archive passes with any names, and could change it")
        elif kind not in _OF_ITS_OWN:
            reading.violate(
                where, target, "not a volume: an archive passes with any names, and could write to the host there"
            )
        elif kind == "volume":
            found, lookup = reading.resolve(Kind.VOLUME, str(name))
            says = "a volume that may be a directory of the host, where an archive with any names could write"
            is_wrong = found is not None and (not found.document or is_disguise(found))
            wrong = find_fault(where, target, says) if is_wrong else None
            reading.claim(OWN, None, where, target, says, later=lookup, wrong=wrong, without=True, unless=OWN)


def keeps_stopped(name: str, words: Collection[str]) -> bool:
    """Whether a grant with these words only allows copies before a container's first start."""
    return name in COPYING_FILES and not {RUNNING, "unrestricted"}.intersection(words)


def claim_fresh(reading: Reading, found: ResolvedObject | None) -> None:
    """Claim a container for copies, for each reason why a process may have its files open."""
    if found is not None and found.document:
        for path, shown, says in _list_open(reading, found):
            reading.claim(RUNNING, path, path, shown, says, without=False)


def _list_open(reading: Reading, found: ResolvedObject) -> Iterator[tuple[str, str, str]]:
    """Yield why a process may have a container's files open, with the place and its value."""
    document, host = found.document, object_of(found.document.get("hostconfig"))
    status = "a task of a service" if TASK in found.labels else object_of(document.get("state")).get("Status")
    if status != "created":
        says = "and a process there can make the engine open devices of the host; copy before its first start"
        yield "the container", str(status), says
    if reading.request.operation.name in _WITHOUT_MOUNTS:
        return
    binds = {str(bind).partition(":")[0] for bind in list_of(host.get("Binds"))}
    named = binds.union(str(mount.get("Source")) for _, mount in objects_at(host.get("Mounts"), ""))
    for where, mount in items_at(document.get("mounts"), "Mounts") or [("Mounts", None)] * ("mounts" not in document):
        known = object_of(mount)
        kind, name = known.get("Type"), str(known.get("Name"))
        is_made = kind == "volume" and is_full_id(name) and name not in named and not host.get("VolumesFrom")
        is_socket = kind == "bind" and known.get("Source") == reading.places.own_socket != ""
        if not (is_made and host) and not is_socket and kind != "tmpfs":
            says = "and a container that shares it can make the engine open devices of the host; copy without it"
            yield where, str(known.get("Destination", "not shown by the engine")), says


class _Running(Constraint):
    takes = Takes.YES
    is_learned = False

    def matcher(self, _granted: Value) -> Matcher:
        return lambda _: True

    def least(self, _value: Hashable) -> Value | None:
        return True


_SUMMARY: Final = "copy files also of containers that ran or share mounts, which makes a client root on a rootful host"
WORDS: Final = (_Running(RUNNING, _SUMMARY),)
CHECKS: Final = (check_own_volumes,)
