"""Volumes into which Docker copies what the image of a new container has at their place, if they are empty.

Docker does that as root, from outside, and follows links in the volume (moby daemon/container/container_unix.go,
copyExistingContents, up to 29.7 at least). Whoever changes the volume meanwhile has it write anywhere on the host. So
files are copied only into a volume that no container can have had before: one that is made through this proxy, when it
is mounted for the first time.

Attack: put links into a volume while files are copied into it -> Defence: one create at a time mounts a volume, and
only the first of them copies (test: test_nobody_changes_a_volume_while_files_are_copied_into_it).
Attack: keep a directory of the volume open when its container is gone -> Defence: it was mounted before, whoever has
it now (test: the same).
Attack: mount the anonymous volume of a container that is being created, by the name that a list shows -> Defence: such
a volume is mounted by its name only while a container has it (test: test_no_anonymous_volume_is_mounted_too_early).
Attack: have a service mount it, whose tasks start at times of their own -> Defence: nothing is copied into a volume
that a service names, or has named since it was made (test: test_no_task_changes_a_volume_while_files_are_copied).
"""

import json
from collections.abc import Container, Iterable
from typing import Final

from dockerproxy.policy.claim import Claim, Object, objects_at
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.wire.document import Json, list_of, object_of, read_engine_json, write_json

SERVICES: Final = frozenset({"ServiceCreate", "ServiceUpdate"})

COPYING: Final = {"ContainerCreate": "volumes", "VolumeCreate": "names", **dict.fromkeys(SERVICES, "volumes")}
"""Operations that mount volumes, or make one, with the word of the claims that have their names."""


def list_copies(claims: Iterable[Claim], word: str) -> tuple[str, ...]:
    """Return the names of volumes that a create mounts, or that it makes."""
    values = (value for claim in claims if claim.words[0] == word for value, _ in claim.options)
    return tuple(dict.fromkeys(value.id for value in values if isinstance(value, ResolvedObject)))


def list_served(content: bytes) -> frozenset[str] | None:
    """Return the names of what services of a list mount, or did before their last update; None if it is no list."""
    services = read_engine_json(content)
    if not isinstance(services, list):
        return None
    specs = [object_of(each.get(key)) for _, each in objects_at(services, "") for key in ("Spec", "PreviousSpec")]
    containers = [object_of(object_of(spec.get("TaskTemplate")).get("ContainerSpec")) for spec in specs]
    return frozenset(str(mount.get("Source")) for each in containers for _, mount in objects_at(each.get("Mounts"), ""))


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
