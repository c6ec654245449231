"""Volumes that Docker fills: it copies the directory of the image there if the volume is empty.

Docker copies as root, from outside, and follows links in the volume (moby daemon/container/container_unix.go,
copyExistingContents, up to 29.7 at least). A container that changes the volume meanwhile makes Docker write anywhere on
the host. So a volume is filled only if it was made through this proxy and no container has mounted it since. All other
contained mounts get `NoCopy`.

Attack: put links into a volume while files are copied into it -> Defence: creates that mount a volume wait for each
other, and only the first fills it (test: test_nobody_changes_a_volume_while_files_are_copied_into_it).
Attack: do that from the container of an unrestricted create -> Defence: while any volume may be filled or is claimed,
its body is read for volumes, which it claims like a contained create
(test: test_an_unrestricted_create_waits_until_the_engine_has_filled_a_volume). One that began before that is not read.
Attack: keep a directory of the volume open when its container is gone -> Defence: any mount ends that it may be filled
(test: test_a_volume_that_an_unrestricted_create_mounts_is_not_filled).
Attack: remove the volume and make one of its name at the engine -> Defence: so does any removal
(test: test_a_volume_made_after_a_removal_is_not_filled).
Attack: mount the anonymous volume of a container that is being created, by the name that a list shows -> Defence: such
a volume is mounted by its name only while a container has it (test: test_no_anonymous_volume_is_mounted_too_early).
Attack: have a service mount it, whose tasks start at any time and outlive its specs -> Defence: no volume with a name
is filled while the engine is in a swarm, or by a socket with grants of services
(test: test_named_volumes_are_not_filled_in_a_swarm, test_a_socket_with_grants_of_services_fills_no_volume).
Attack: have the engine join a swarm when it has said that it is in none -> Defence: only an operator can, or a client
that is root anyway. Services that are created through this proxy then wait for the volume
(test: test_a_service_waits_for_a_volume_that_is_being_filled); tasks of a swarm that existed before may not.
Attack: have a task go on after its engine has left the swarm -> Defence: a volume that was made in a swarm, or that a
service has named, is not new (test: test_volumes_of_a_swarm_are_not_filled_after_it).
"""

import json
from collections.abc import Container, Iterable
from typing import Final

from dockerproxy.policy.claim import Claim, Object, objects_at
from dockerproxy.policy.holds import Hold, hold_volume
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
        self.discard([name for name in self._names if hold.precedes(hold_volume(name))])

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
