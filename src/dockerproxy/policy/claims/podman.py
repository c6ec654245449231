"""What Podman's own API says otherwise than Docker's: the same bounds, in its spelling.

Attack: a mount of another type or none, which the runtime takes for a bind, or an overlay whose directories are in the
options -> Defence: only `bind` and `tmpfs`, with known options.
Attack: a short name of an image, which Podman looks up in its own places -> Defence: it goes on as a granted name.
Attack: a name for an image that Docker puts on its hub, and Podman into `localhost` -> Defence: as Podman completes it.
Attack: a range of ports behind one -> Defence: all are judged.
Attack: swap of 0, which is no bound here -> Defence: read so.
Attack: the systemd mode, with writable limits, which a command may turn on -> Defence: turned off.
Attack: a part outside of a volume or image, any file for a time zone, part of a secret's id -> Defence: refused.
Attack: a quota without its period, where a container has another -> Defence: both are needed.
Attack: a change that leaves out a limit, which Podman 5.1 to 5.3 drop (libpod/container_internal.go, update) ->
Defence: the limit must be named.
Attack: labels of a volume in the one of two fields that is not looked at -> Defence: both are.
"""

import re
from functools import partial
from typing import Final

from dockerproxy.policy.claim import Claim, Object, Reading, objects_at, pairs_at
from dockerproxy.policy.claims.images import check_images, claim_image, claim_mounted
from dockerproxy.policy.claims.labels import check_labels, claim_labels
from dockerproxy.policy.claims.limits import claim_amount, claim_quota, claim_swap
from dockerproxy.policy.claims.mounts import (
    NOT_FILLED,
    claim_mount,
    look_at_memory,
    look_at_subpath,
    look_at_tmpfs,
    relabels,
)
from dockerproxy.policy.claims.names import named
from dockerproxy.policy.claims.ports import claim_address, claim_port
from dockerproxy.policy.claims.subnets import claim_subnet, look_at_options
from dockerproxy.policy.claims.tags import check_given, check_tagged
from dockerproxy.policy.constraints.amounts import MISSING, PERIOD
from dockerproxy.policy.objects import OWN, is_whole, name_in
from dockerproxy.policy.references import parse_reference, with_default_tag
from dockerproxy.wire.document import Json, list_of, object_of

_MOUNT_OPTIONS: Final = frozenset(
    {"bind", "rbind", "rw", "ro", "z", "Z", "private", "rprivate", "nosuid", "nodev", "noexec", "exec"}
)
"""All others carry mounts back to the host, change files there, or let in devices and set-user-id programs."""

_VOLUME_OPTIONS: Final = _MOUNT_OPTIONS | {"copy", "nocopy"}

_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*").fullmatch
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]*").fullmatch
_OPTIONS: Final = {"mtu": re.compile("[0-9]{1,5}"), "isolate": re.compile("true|strict")}
"""Options of a network that are harmless, with the values that are: the size of packets, fewer ways to others."""


def _check_options(reading: Reading, options: Json, known: frozenset[str], path: str) -> list[str]:
    """Look whether options are known; return them."""
    texts = list(map(str, list_of(options)))
    for option in texts:
        if option not in known:
            reading.violate(path, option, "not known to be harmless")
    return texts


def check_podman_mounts(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """Each mount is a directory of the host that is granted, or memory."""
    memory = [mount for _, mount in objects_at(value, path) if mount.get("type") == "tmpfs"]
    filled = [str(each.get("destination")) for each in memory if NOT_FILLED not in list_of(each.get("options"))]
    look_at_memory(reading, filled, parent, path)
    for where, mount in objects_at(value, path):
        kind, listed = mount.get("type"), mount.get("options")
        if kind == "bind":
            options = _check_options(reading, listed, _MOUNT_OPTIONS, f"{where}.options")
            read_only = "ro" in options and "rw" not in options and not relabels(options)
            claim_mount(reading, mount, where, kind, ("source", "destination"), read_only=read_only)
        elif kind == "tmpfs":
            if mount.get("source") not in (None, "", "tmpfs"):
                reading.violate(f"{where}.source", mount["source"], "not allowed: a tmpfs has no source")
            options = list(map(str, list_of(listed)))
            look_at_tmpfs(reading, str(mount.get("destination") or ""), ",".join(options), where)
        else:
            reading.violate(f"{where}.type", kind or "", "not one of bind, tmpfs")


def check_podman_volumes(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each volume is one that is granted, and no directory of the host in disguise."""
    for where, volume in objects_at(value, path):
        _check_options(reading, volume.get("Options"), _VOLUME_OPTIONS, f"{where}.Options")
        claim_mount(reading, volume, where, "volume", ("Name", "Dest"))
        look_at_subpath(reading, volume.get("SubPath"), f"{where}.SubPath")


def check_image_volumes(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each image whose files are shown is one that is granted."""
    for where, volume in objects_at(value, path):
        claim_mounted(reading, volume.get("Source"), f"{where}.Source", volume, check_podman_images)
        look_at_subpath(reading, volume.get("subPath"), f"{where}.subPath")


def check_podman_images(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """An image, by the name that Podman has for it."""
    reference = parse_reference(value) if isinstance(value, str) else None
    if reference is None or not isinstance(value, str) or is_whole(value, reference):
        check_images(reading, value, path, parent)
    else:
        claim_image(reading, value, path, reference, by_name=True)


def check_podman_given(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """An image gets a name that the grant lists, or none; one without a registry is one of `localhost`."""
    return check_given(reading, _with_registry(value), path, parent)


def check_podman_tagged(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """An image that is there gets a name that the grant lists."""
    if not value:
        reading.violate(path, None, "is missing")
        return None
    return check_tagged(reading, _with_registry(value), path, parent)


def _with_registry(value: Json) -> Json:
    """Return a name as Podman completes it."""
    reference = parse_reference(value) if isinstance(value, str) else None
    return value if reference is None or is_whole(str(value), reference) else f"localhost/{value}"


def check_podman_pushed(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """An image is sent only under its own name, and only if the grant lists that."""
    if value:
        reading.violate(path, value, "not allowed: it may be any registry")
    else:
        name = name_in(reading.request.path, reading.request.operation)
        reference = parse_reference(name)
        is_certain = reference is not None and is_whole(name, reference)
        sent = named(str(with_default_tag(reference))) if reference is not None and is_certain else None
        says = "an image that no rule allows to push"
        reading.claim("images", reading.found or sent, "the image", name, says, without=False, unless=OWN)


def check_podman_publish(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each port of the host is granted, on an address that is: all of a range."""
    for where, mapping in objects_at(value, path):
        first, more = mapping.get("host_port") or 0, mapping.get("range") or 1
        ports = f"{first}-{first + more - 1}" if first and isinstance(first, int) and isinstance(more, int) else "0"
        address = str(mapping.get("host_ip") or "")
        claim_port(reading, ports if more != 1 else str(first), f"{where}.host_port")
        claim_address(reading, address, f"{where}.host_ip", address)


def check_podman_memory(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A bound of memory, and one of swap that could make it worthless; 0 is none."""
    swap = object_of(value).get("swap")
    claim_amount(reading, "memory", object_of(value).get("limit"), f"{path}.limit")
    claim_swap(reading, -1 if swap == 0 else swap, f"{path}.swap")


def check_podman_cpu(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A bound of processors, by a quota within a period; where there is neither, the granted one."""
    quota, period = object_of(value).get("quota") or 0, object_of(value).get("period") or 0
    if quota or period:
        claim_quota(reading, quota, period or PERIOD, f"{path}.quota")
    else:
        options = ((MISSING, partial(_add_quota, object_of(value))),)
        reading.claims.append(Claim(("cpus",), options, path, None, "", target=path))


def _add_quota(limits: Object, billionths: int) -> Object:
    return {**limits, "quota": billionths * PERIOD // 10**9, "period": PERIOD}


def check_podman_new_cpu(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """What processors are changed to is a quota together with its period: that of the container may be a short one."""
    quota, period = object_of(value).get("quota") or 0, object_of(value).get("period") or 0
    if quota or period:
        claim_quota(reading, quota, period, f"{path}.quota")
    else:
        reading.claim("cpus", None, f"{path}.quota", None, "must be set together with its period")


def check_podman_pids(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A bound of processes."""
    claim_amount(reading, "pids", object_of(value).get("limit"), f"{path}.limit")


def check_podman_secrets(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each secret is granted by its name; one that could be the beginning of an id is none."""
    sources = [(f"{where}.Source", secret.get("Source")) for where, secret in objects_at(value, path)]
    sources += [(where, name) for where, _, name in pairs_at(value, path)]
    for where, name in sources:
        if not isinstance(name, str) or _HEXADECIMAL(name):
            reading.violate(where, name, "not a valid secret name, or ambiguous: it looks like an object ID")
        else:
            reading.claim("secrets", named(name), where, name, "a secret that no rule allows")


def check_podman_labels(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """Put the grant's labels on a volume; neither of its two fields of labels may contradict them."""
    own = parent.get("Label")
    if isinstance(own, dict):
        claim_labels(reading, own, path.replace("Labels", "Label"))
    check_labels(reading, value, path, parent)


def check_podman_subnets(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each subnet is within one that is granted, and all other addresses are in it."""
    for where, subnet in objects_at(value, path):
        lease = object_of(subnet.get("lease_range"))
        addresses = {f"{where}.gateway": subnet.get("gateway") or None}
        addresses |= {f"{where}.lease_range.{end}": lease.get(end) or None for end in ("start_ip", "end_ip")}
        if any((subnet.get("subnet"), *addresses.values())):
            claim_subnet(reading, subnet.get("subnet"), f"{where}.subnet", addresses)


def check_podman_options(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Options of a network are among those that are harmless."""
    look_at_options(reading, value, path, _OPTIONS)


def check_systemd(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """No container has its control group to write: what clients say by themselves goes on as a no."""
    if value not in (None, "", "true", "false"):
        reading.violate(path, value, "not allowed: it makes its control group writable")
    return "false"


def check_zone(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A time zone is a name, which leads to no other file."""
    if value and not (isinstance(value, str) and _ZONE(value)):
        reading.violate(path, value, "not a valid time zone")
