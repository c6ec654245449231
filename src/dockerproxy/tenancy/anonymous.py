"""Anonymous volumes: each that a create in Docker's API asks for becomes a mount with the stamp, so that it is own.

Docker makes an anonymous volume of a mount without a source, with the labels of the mount, and removes it together with
its container as it would without them (moby daemon/volumes.go and mounts.go). Podman drops the labels, and nobody owns
such volumes there. Those that an image asks for are not known here.

Attacks: docs/attacks.md, tenancy/anonymous.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.policy.claim import Object, objects_at
from dockerproxy.policy.objects import ANONYMOUS
from dockerproxy.policy.stamps import NONCE, STAMP, add_stamp
from dockerproxy.policy.words.spellings import clean_path
from dockerproxy.wire.document import Json, list_of, object_of

_VOLUME: Final = "volume"


def stamp_anonymous(content: Object, stamp: Mapping[str, str]) -> Object:
    """Return the body of a create with a stamp on the anonymous volumes that it asks for."""
    host, volumes = object_of(content.get("HostConfig")), object_of(content.get("Volumes"))
    binds = [str(bind) for bind in list_of(host.get("Binds"))]
    mounts = [mount for _, mount in objects_at(host.get("Mounts"), "")]
    unnamed = (*volumes, *(bind for bind in binds if ":" not in bind))
    if not unnamed and not any(mount.get("Type") == _VOLUME or "VolumeOptions" in mount for mount in mounts):
        return content
    taken = {clean_path(bind.split(":")[1]) for bind in binds if ":" in bind}
    taken |= {clean_path(str(mount.get("Target"))) for mount in mounts}
    taken |= {clean_path(path) for path in object_of(host.get("Tmpfs"))}
    free = {path: clean for path in unnamed if (clean := clean_path(path)) not in taken}
    more: list[Object] = [{"Type": _VOLUME, "Target": clean} for clean in dict.fromkeys(free.values())]
    mounts = [*map(_without_stamp, mounts), *more]
    host = {**host, "Mounts": [_stamp(mount, number, stamp) for number, mount in enumerate(mounts)]}
    content = {**content, "HostConfig": host}
    if volumes:
        content["Volumes"] = {path: value for path, value in volumes.items() if path not in free}
    if binds:
        host["Binds"] = [bind for bind in binds if bind not in free]
    return content


def _without_stamp(mount: Object) -> Object:
    return mount if STAMP.isdisjoint(_read_labels(mount)) else _put_stamp(mount, {})


def _read_labels(mount: Object) -> Object:
    return object_of(object_of(mount.get("VolumeOptions")).get("Labels"))


def _put_stamp(mount: Object, stamp: Mapping[str, str]) -> Object:
    labels: Json = add_stamp(_read_labels(mount), stamp)
    return {**mount, "VolumeOptions": {**object_of(mount.get("VolumeOptions")), "Labels": labels}}


def _is_anonymous(mount: Mapping[str, Json]) -> bool:
    return mount.get("Type") == _VOLUME and not mount.get("Source")


def _stamp(mount: Object, number: int, stamp: Mapping[str, str]) -> Json:
    if not _is_anonymous(mount):
        return mount
    return _put_stamp(mount, {**stamp, NONCE: f"{stamp[NONCE]}.{number}", ANONYMOUS: ""})


def list_nonces(content: Mapping[str, object]) -> tuple[str, ...]:
    """Return the nonces of the anonymous volumes that a create makes, as its body goes to the engine."""
    mounts = objects_at(object_of(content.get("HostConfig")).get("Mounts"), "")
    labels = (_read_labels(mount) for _, mount in mounts if _is_anonymous(mount))
    return tuple(str(each[NONCE]) for each in labels if STAMP & each.keys())
