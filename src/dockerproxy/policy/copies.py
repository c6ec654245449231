"""Volumes that Docker fills: it copies the directory of the image there if the volume is empty.

Docker copies as root, from outside, and follows links in the volume (moby daemon/container/container_unix.go,
copyExistingContents, up to 29.7 at least). A container that changes the volume meanwhile makes Docker write anywhere on
the host. So a volume is filled only if it was made through this proxy and no container has mounted it since. All other
contained mounts get `NoCopy`.

Attacks: docs/attacks.md, policy/copies.
"""

import json
from collections.abc import Container, Iterable
from typing import Final

from dockerproxy.policy.claim import Claim, Object, objects_at
from dockerproxy.policy.holds import VOLUME, Hold, hold_volume
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.wire.document import Json, list_of, object_of, read_engine_json, write_json

_MOST: Final = 10_000


class Fills:
    """Names of volumes that were made through this proxy, and that no container has mounted since."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, names: Iterable[str]) -> None:
        """Remember volumes, which no container has."""
        self._names.update(dict.fromkeys(names))
        for oldest in [*self._names][:-_MOST]:
            del self._names[oldest]

    def discard(self, names: Iterable[str]) -> None:
        """Forget volumes that a container may have from now on."""
        for name in names:
            self._names.pop(name, None)

    def forget(self, hold: Hold) -> None:
        """Forget the volumes that a request holds, to remove them or to mount them."""
        names = self._names.keys()
        near = names & {hold.name.removeprefix(VOLUME)} if hold.was_judged else names
        self.discard([name for name in near if hold.precedes(hold_volume(name))])

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)


SERVICES: Final = frozenset({"ServiceCreate", "ServiceUpdate"})

MOUNTING: Final = SERVICES | {"ContainerCreate"}
"""Operations that mount volumes. Podman's own are not among them: it does not fill volumes from outside."""

COPYING: Final = {"VolumeCreate": "names", **dict.fromkeys(MOUNTING, "volumes")}
"""Operations that mount volumes, or make one, with the word of the claims that have their names."""


def list_copies(claims: Iterable[Claim], word: str) -> tuple[str, ...]:
    """Return the names of volumes that a create mounts, or that it makes."""
    values = (value for claim in claims if claim.words[0] == word for value, _ in claim.options)
    return tuple(dict.fromkeys(value.id for value in values if isinstance(value, ResolvedObject)))


def list_mounted(content: bytes) -> tuple[str, ...]:
    """Return the sources of all mounts in a body that no grant judged, volumes among them.

    An unrestricted client gains nothing by odd spellings: it can write to the host anyway.
    """
    body = object_of(read_engine_json(content))
    host, task = object_of(body.get("HostConfig")), object_of(body.get("TaskTemplate"))
    binds = [str(bind).partition(":")[0] for bind in list_of(host.get("Binds"))]
    listed = [each.get("Mounts") for each in (host, object_of(task.get("ContainerSpec")))]
    mounts = [str(mount.get("Source")) for each in listed for _, mount in objects_at(each, "")]
    return tuple(dict.fromkeys((*binds, *mounts)))


def is_outside_swarm(content: bytes) -> bool:
    """Whether an engine says that it is in no swarm, like every Podman; False if its answer is unclear.

    Docker says `inactive` only while it has no swarm at all (moby daemon/cluster/noderunner.go, State). Its errors do
    not tell: where a node cannot start, they ask for `docker swarm init`, too.
    """
    swarm = object_of(object_of(read_engine_json(content)).get("Swarm"))
    return swarm.get("LocalNodeState") == "inactive"


def write_without_copies(content: bytes, volumes: Container[str]) -> bytes:
    """Write the body of a create so that nothing is copied into some volumes that it mounts.

    What a bind says goes on as a mount: older versions of Podman know no `nocopy` there, and need none.
    """
    body: Object = object_of(json.loads(content))
    host = object_of(body.get("HostConfig"))
    binds = [str(bind) for bind in list_of(host.get("Binds"))]
    moved = [bind for bind in binds if bind.partition(":")[0] in volumes]
    mounts = [*objects_at(host.get("Mounts"), ""), *(("", _read_bind(bind)) for bind in moved)]
    if moved:
        host["Binds"] = [bind for bind in binds if bind not in moved]
        host["Mounts"] = [mount for _, mount in mounts]
    for _, mount in mounts:
        if mount.get("Type") == "volume" and mount.get("Source") in volumes:
            mount["VolumeOptions"] = {**object_of(mount.get("VolumeOptions")), "NoCopy": True}
    return write_json(body)


def _read_bind(bind: str) -> Object:
    source, target, *options = bind.split(":")
    read_only: Json = "ro" in ",".join(options).split(",")
    return {"Type": "volume", "Source": source, "Target": target, "ReadOnly": read_only}
