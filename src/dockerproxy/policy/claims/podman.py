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

from dockerproxy.policy.claim import Check, Claim, Object, Reading, Spelling, read_as
from dockerproxy.policy.claims.images import check_images, claim_image
from dockerproxy.policy.claims.labels import check_labels, claim_labels
from dockerproxy.policy.claims.limits import check_cpus, check_memory, check_new_cpus, check_pids
from dockerproxy.policy.claims.mounts import check_mounts, check_tmpfs, look_at_subpath, relabels
from dockerproxy.policy.claims.names import named
from dockerproxy.policy.claims.ports import check_publish
from dockerproxy.policy.claims.subnets import check_subnets
from dockerproxy.policy.claims.tags import check_given, check_tagged
from dockerproxy.policy.constraints.amount import MISSING
from dockerproxy.policy.constraints.cpus import PERIOD
from dockerproxy.policy.objects import is_whole, name_in
from dockerproxy.policy.references import parse_reference, with_default_tag
from dockerproxy.wire.document import Json, show

_MOUNT_OPTIONS: Final = frozenset(
    {"bind", "rbind", "rw", "ro", "z", "Z", "private", "rprivate", "nosuid", "nodev", "noexec", "exec"}
)
"""All others carry mounts back to the host, change files there, or let in devices and set-user-id programs."""

_VOLUME_OPTIONS: Final = _MOUNT_OPTIONS | {"copy", "nocopy"}

_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*").fullmatch
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]*").fullmatch
_OPTIONS: Final = {"mtu": re.compile("[0-9]{1,5}"), "isolate": re.compile("true|strict")}
"""Options of a network that are harmless, with the values that are: the size of packets, fewer ways to others."""

_RANGE: Final = ("lease_range.start_ip", "lease_range.end_ip")
"""Where a subnet says between which addresses containers get theirs."""

_NOT_KNOWN: Final = "not known to be harmless"


def each_object(value: Json) -> list[tuple[int, Object]]:
    """Return the objects of a list, with their numbers."""
    listed = value if isinstance(value, list) else []
    return [(number, item) for number, item in enumerate(listed) if isinstance(item, dict)]


def _check_options(reading: Reading, options: Json, known: frozenset[str], path: str) -> list[str]:
    """Look whether options are known; return them."""
    texts = [str(option) for option in options] if isinstance(options, list) else []
    for option in texts:
        if option not in known:
            reading.violate(path, option, _NOT_KNOWN)
    return texts


def check_podman_mounts(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each mount is a directory of the host that is granted, or memory."""
    for number, mount in each_object(value):
        where, kind, target = f"{path}[{number}]", mount.get("type"), mount.get("destination")
        if kind == "bind":
            options = _check_options(reading, mount.get("options"), _MOUNT_OPTIONS, f"{where}.options")
            bind: Object = {
                "Type": "bind",
                "Source": mount.get("source"),
                "Target": target,
                "ReadOnly": "ro" in options and not relabels(options),
            }
            read_as(
                check_mounts, reading, [bind], Spelling(path=where, names={"Source": "source", "Target": "destination"})
            )
            mount["source"] = bind["Source"]
        elif kind == "tmpfs":
            _check_memory_mount(reading, mount, where)
        else:
            reading.violate(f"{where}.type", kind or "", "not one of bind, tmpfs")
    return value


def _check_memory_mount(reading: Reading, mount: Object, path: str) -> None:
    if mount.get("source") not in (None, "", "tmpfs"):
        reading.violate(f"{path}.source", mount["source"], "not allowed: a tmpfs has no source")
    listed = mount.get("options")
    options = [str(option) for option in listed] if isinstance(listed, list) else []
    read_as(check_tmpfs, reading, {str(mount.get("destination") or ""): ",".join(options)}, Spelling(path=path))


def check_podman_volumes(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each volume is one that is granted, and no directory of the host in disguise."""
    for number, volume in each_object(value):
        where = f"{path}[{number}]"
        _check_options(reading, volume.get("Options"), _VOLUME_OPTIONS, f"{where}.Options")
        as_docker: Object = {
            "Type": "volume",
            "Source": volume.get("Name"),
            "Target": volume.get("Dest"),
            "VolumeOptions": {"Subpath": volume.get("SubPath")},
        }
        read_as(
            check_mounts,
            reading,
            [as_docker],
            Spelling(path=where, names={"Source": "Name", "Target": "Dest", "Subpath": "SubPath"}),
        )
    return value


def check_image_volumes(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each image whose files are shown is one that is granted."""
    for number, volume in each_object(value):
        where = f"{path}[{number}]"
        volume["Source"] = check_podman_images(reading, volume.get("Source"), f"{where}.Source", volume)
        look_at_subpath(reading, volume.get("subPath"), f"{where}.subPath")
    return value


def check_podman_images(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """An image, by the name that Podman has for it."""
    reference = parse_reference(value) if isinstance(value, str) else None
    if reference is None or not isinstance(value, str) or is_whole(value, reference):
        return check_images(reading, value, path, parent)
    claim_image(reading, value, path, reference, by_name=True)
    return value


def check_podman_given(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """An image gets a name that the grant lists, or none; one without a registry is one of `localhost`."""
    return check_given(reading, _with_registry(value), path, parent)


def check_podman_tagged(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """An image that is there gets a name that the grant lists."""
    if not value:
        reading.violate(path, None, "is missing")
        return value
    return check_tagged(reading, _with_registry(value), path, parent)


def _with_registry(value: Json) -> Json:
    """Return a name as Podman completes it."""
    reference = parse_reference(value) if isinstance(value, str) else None
    return value if reference is None or is_whole(str(value), reference) else f"localhost/{value}"


def check_podman_pushed(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """An image is sent only under its own name, and only if the grant lists that."""
    if value:
        reading.violate(path, value, "not allowed: it may be any registry")
    else:
        name = name_in(reading.request.path, reading.request.operation)
        reference = parse_reference(name)
        is_certain = reference is not None and is_whole(name, reference)
        sent = named(str(with_default_tag(reference))) if reference is not None and is_certain else None
        says = "an image that no rule allows to push"
        reading.claim("images", reading.found or sent, "the image", name, says, without=False)
    return value


def check_podman_publish(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each port of the host is granted, on an address that is: all of a range."""
    for number, mapping in each_object(value):
        first, more = mapping.get("host_port") or 0, mapping.get("range") or 1
        ports = f"{first}-{first + more - 1}" if first and isinstance(first, int) and isinstance(more, int) else "0"
        ports = ports if more != 1 else str(first)
        binding: Object = {"HostPort": ports, "HostIp": mapping.get("host_ip") or ""}
        spelled = {"HostPort": "host_port", "HostIp": "host_ip"}
        read_as(check_publish, reading, {"": [binding]}, Spelling(path=f"{path}[{number}]", names=spelled))
    return value


def check_podman_memory(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """A bound of memory, and one of swap that could make it worthless; 0 is none."""
    limits, name = value if isinstance(value, dict) else {}, path.rpartition(".")[2]
    swap = limits.get("swap")
    others: Object = {"MemorySwap": -1 if swap == 0 else swap}
    spelled = {name: "limit", f"{name}Swap": "swap"}
    read_as(check_memory, reading, limits.get("limit"), Spelling(path=path, names=spelled), others)
    return value


def check_podman_cpu(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """A bound of processors, by a quota within a period; where there is neither, the granted one."""
    limits = value if isinstance(value, dict) else {}
    if limits.get("quota") or limits.get("period"):
        _read_cpu(check_cpus, reading, limits, path)
    else:
        options = ((MISSING, partial(_add_quota, limits)),)
        reading.claims.append(Claim(("cpus",), options, path, None, "", target=path))
    return value


def _add_quota(limits: Object, billionths: int) -> Object:
    return {**limits, "quota": billionths * PERIOD // 10**9, "period": PERIOD}


def _read_cpu(check: Check, reading: Reading, limits: Object, path: str) -> None:
    others: Object = {"CpuQuota": limits.get("quota"), "CpuPeriod": limits.get("period")}
    read_as(check, reading, None, Spelling(path=path, names={"cpu": "quota", "CpuQuota": "quota"}), others)


def check_podman_new_cpu(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """What processors are changed to is a quota together with its period: that of the container may be a short one."""
    limits = value if isinstance(value, dict) else {}
    if limits.get("quota") or limits.get("period"):
        _read_cpu(check_new_cpus, reading, limits, path)
    else:
        reading.claim("cpus", None, f"{path}.quota", None, "must be set together with its period")
    return value


def check_podman_pids(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """A bound of processes."""
    limits = value if isinstance(value, dict) else {}
    read_as(check_pids, reading, limits.get("limit"), Spelling(path=path, names={path.rpartition(".")[2]: "limit"}))
    return value


def check_podman_secrets(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each secret is granted by its name; one that could be the beginning of an id is none."""
    sources = [(f"{path}[{number}].Source", secret.get("Source")) for number, secret in each_object(value)]
    sources += [(f"{path}[{show(key)}]", name) for key, name in value.items()] if isinstance(value, dict) else []
    for where, name in sources:
        if not isinstance(name, str) or _HEXADECIMAL(name):
            reading.violate(where, name, "not a valid secret name, or ambiguous: it looks like an object ID")
        else:
            reading.claim("secrets", named(name), where, name, "a secret that no rule allows")
    return value


def check_podman_labels(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """Put the grant's labels on a volume; neither of its two fields of labels may contradict them."""
    own = parent.get("Label")
    if isinstance(own, dict):
        claim_labels(reading, own, path.replace("Labels", "Label"))
    return check_labels(reading, value, path, parent)


def check_podman_subnets(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each subnet is within one that is granted, and all other addresses are in it."""
    spelled = {"Subnet": "subnet", "Gateway": "gateway", **{f'{name.rpartition(".")[2]}"]': name for name in _RANGE}}
    for number, subnet in each_object(value):
        lease = subnet.get("lease_range")
        ends = {name: lease.get(name.rpartition(".")[2]) for name in _RANGE} if isinstance(lease, dict) else {}
        config: Object = {
            "Subnet": subnet.get("subnet"),
            "Gateway": subnet.get("gateway"),
            "AuxiliaryAddresses": {name: end for name, end in ends.items() if end},
        }
        read_as(check_subnets, reading, [config], Spelling(path=f"{path}[{number}]", names=spelled))
    return value


def check_podman_options(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Options of a network are among those that are harmless."""
    for name, option in value.items() if isinstance(value, dict) else ():
        if name not in _OPTIONS or _OPTIONS[name].fullmatch(str(option)) is None:
            reading.violate(
                f"{path}[{show(name)}]", option, "not allowed: it could open the network to the host or its neighbours"
            )
    return value


def check_systemd(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """No container has its control group to write: what clients say by themselves goes on as a no."""
    if value not in (None, "", "true", "false"):
        reading.violate(path, value, "not allowed: it makes its control group writable")
    return "false"


def check_zone(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """A time zone is a name, which leads to no other file."""
    if value and not (isinstance(value, str) and _ZONE(value)):
        reading.violate(path, value, "not a valid time zone")
    return value
