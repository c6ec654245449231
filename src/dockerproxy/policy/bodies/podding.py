"""What Podman's own API says otherwise than Docker's: the same bounds, in its spelling.

How one would get past it, and what stops it: a mount of another type than `bind` and `tmpfs`, or of none, which the
runtime takes for a bind as soon as an option says so, or an overlay whose directories stand in the options (only these
two types, and options that are known); a short name of an image, which Podman looks up in places of its own (the engine
is asked what it means, and the request goes on under a name that is granted); a name for an image that Docker would put
on its hub, and Podman into `localhost`; a range of ports behind one; swap that is 0, which is no bound here; the
systemd mode, in which a container has its own limits to write, and which a command may turn on (it is turned off); a
part of a volume or image that is outside of it; a quota without the period of which it is one, where a container has
another; a change that leaves out a limit, which Podman 5.1 to 5.3 drop then (libpod/container_internal.go, update); a
secret by the beginning of its id; a time zone that is any file; labels of a volume in the one of two fields that is not
looked at.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from dockerproxy.policy.bodies.addressing import check_subnets
from dockerproxy.policy.bodies.containing import check_cpus, check_labels, check_memory, check_new_cpus, check_pids
from dockerproxy.policy.bodies.giving import check_given, check_tagged
from dockerproxy.policy.bodies.inspection import Check, Inspection, Object
from dockerproxy.policy.bodies.mounting import check_mounts, check_subpath, check_tmpfs, relabels
from dockerproxy.policy.bodies.naming import check_images, is_listed_image, matches, name_if_listed
from dockerproxy.policy.bodies.networking import check_publish
from dockerproxy.policy.objects import Found, Kind, is_whole, name_in
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

_NOT_KNOWN: Final = "is not one that is known to be harmless"


def see_as(check: Check, seen: Inspection, value: Json, path: str, spelled: Mapping[str, str]) -> Json:
    """Have a check of Docker's look at a value.

    Args:
        check: The check.
        seen: The inspection.
        value: In Docker's spelling.
        path: Where it stands.
        spelled: For what Docker calls a field, what it is called below that path.
    """
    twin = replace(seen, faults=[])
    result = check(twin, value, path, {})
    for fault in twin.faults:
        name = spelled.get(fault.path.rpartition(".")[2], "")
        seen.faults.append(replace(fault, path=f"{path}.{name}" if name else path))
    return result


def _beside(check: Check, around: Object) -> Check:
    """Return a check that has this around it."""
    return lambda seen, value, path, _: check(seen, value, path, around)


def each_object(value: Json) -> list[tuple[int, Object]]:
    """Return the objects of a list, with their numbers."""
    listed = value if isinstance(value, list) else []
    return [(number, item) for number, item in enumerate(listed) if isinstance(item, dict)]


def _check_options(seen: Inspection, options: Json, known: frozenset[str], path: str) -> list[str]:
    """Look whether options are known; return them."""
    texts = [str(option) for option in options] if isinstance(options, list) else []
    for option in texts:
        if option not in known:
            seen.fault(path, option, f"and that option {_NOT_KNOWN}")
    return texts


def check_podman_mounts(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each mount is a directory of the host that is granted, or memory."""
    del around
    for number, mount in each_object(value):
        where, kind, target = f"{path}[{number}]", mount.get("type"), mount.get("destination")
        if kind == "bind":
            options = _check_options(seen, mount.get("options"), _MOUNT_OPTIONS, f"{where}.options")
            bind: Object = {
                "Type": "bind",
                "Source": mount.get("source"),
                "Target": target,
                "ReadOnly": "ro" in options and not relabels(options),
            }
            see_as(check_mounts, seen, [bind], where, {"Source": "source", "Target": "destination"})
            mount["source"] = bind["Source"]
        elif kind == "tmpfs":
            _check_memory_mount(seen, mount, where)
        else:
            seen.fault(f"{where}.type", kind or "", "which is neither bind nor tmpfs")
    return value


def _check_memory_mount(seen: Inspection, mount: Object, path: str) -> None:
    if mount.get("source") not in (None, "", "tmpfs"):
        seen.fault(f"{path}.source", mount["source"], "and memory has no source")
    listed = mount.get("options")
    options = [str(option) for option in listed] if isinstance(listed, list) else []
    see_as(check_tmpfs, seen, {str(mount.get("destination") or ""): ",".join(options)}, path, {})


def check_podman_volumes(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each volume is one that is granted, and no directory of the host in disguise."""
    del around
    for number, volume in each_object(value):
        where = f"{path}[{number}]"
        _check_options(seen, volume.get("Options"), _VOLUME_OPTIONS, f"{where}.Options")
        as_docker: Object = {
            "Type": "volume",
            "Source": volume.get("Name"),
            "Target": volume.get("Dest"),
            "VolumeOptions": {"Subpath": volume.get("SubPath")},
        }
        see_as(check_mounts, seen, [as_docker], where, {"Source": "Name", "Target": "Dest", "Subpath": "SubPath"})
    return value


def check_image_volumes(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each image whose files are shown is one that is granted."""
    del around
    for number, volume in each_object(value):
        where = f"{path}[{number}]"
        volume["Source"] = check_podman_images(seen, volume.get("Source"), f"{where}.Source", volume)
        check_subpath(seen, volume.get("subPath"), f"{where}.subPath")
    return value


def check_podman_images(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """An image is one that is granted, by the name that Podman has for it."""
    reference = parse_reference(value) if isinstance(value, str) else None
    if "images" not in seen.bounds or reference is None or not isinstance(value, str) or is_whole(value, reference):
        return check_images(seen, value, path, around)
    found = seen.ask(Kind.IMAGE, value)
    if found is None:
        return value
    if not is_listed_image(seen, found):
        name = name_if_listed(seen, value, reference)
        if not name:
            seen.fault(path, value, "which is none of the granted images", "images", found.names[:1] or (found.id,))
        return name or value
    named = (name for name in found.names if is_listed_image(seen, Found("", (name,))))
    return next(named, found.id)


def check_podman_given(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """An image gets a name that the grant lists, or none; one without a registry is one of `localhost`."""
    return check_given(seen, _with_registry(value), path, around)


def check_podman_tagged(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """An image that is there gets a name that the grant lists."""
    if not value:
        seen.fault(path, None, "is missing")
        return value
    return check_tagged(seen, _with_registry(value), path, around)


def _with_registry(value: Json) -> Json:
    """Return a name as Podman completes it."""
    reference = parse_reference(value) if isinstance(value, str) else None
    return value if reference is None or is_whole(str(value), reference) else f"localhost/{value}"


def check_podman_pushed(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """An image is sent only under its own name, and only if the grant lists that."""
    del around
    if value:
        seen.fault(path, value, "which may be any registry, and only the name of the image is judged")
    elif "images" not in seen.bounds:
        name = name_in(seen.request.path, seen.request.operation)
        reference = parse_reference(name)
        needed = (str(with_default_tag(reference)),) if reference is not None and is_whole(name, reference) else ""
        seen.fault("the image", name, "and sending it to a registry is not granted", "images", needed)
    return value


def check_podman_publish(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each port of the host is granted, on an address that is: all of a range."""
    del around
    for number, mapping in each_object(value):
        first, more = mapping.get("host_port") or 0, mapping.get("range") or 1
        ports = f"{first}-{first + more - 1}" if first and isinstance(first, int) and isinstance(more, int) else "0"
        ports = ports if more != 1 else str(first)
        binding: Object = {"HostPort": ports, "HostIp": mapping.get("host_ip") or ""}
        spelled = {"HostPort": "host_port", "HostIp": "host_ip"}
        see_as(check_publish, seen, {"": [binding]}, f"{path}[{number}]", spelled)
    return value


def check_podman_memory(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """There is a bound of memory, and none of swap that makes it worthless; 0 is none."""
    del around
    limits, name = value if isinstance(value, dict) else {}, path.rpartition(".")[2]
    swap = limits.get("swap")
    check = _beside(check_memory, {"MemorySwap": -1 if swap == 0 else swap})
    see_as(check, seen, limits.get("limit"), path, {name: "limit", f"{name}Swap": "swap"})
    return value


def check_podman_cpu(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """There is a bound of processors, by a quota within a period."""
    del around
    limits = value if isinstance(value, dict) else {}
    quota, period = limits.get("quota"), limits.get("period")
    see_as(_beside(check_cpus, {"CpuQuota": quota, "CpuPeriod": period}), seen, None, path, {"cpu": "quota"})
    return value


def check_podman_new_cpu(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """What processors are changed to is a quota together with its period: that of the container may be a short one."""
    del around
    limits = value if isinstance(value, dict) else {}
    others: Object = {"CpuQuota": limits.get("quota"), "CpuPeriod": limits.get("period")}
    if "cpus" in seen.bounds and not any(others.values()):
        seen.fault(f"{path}.quota", None, "must be set, together with its period", "cpus")
    see_as(_beside(check_new_cpus, others), seen, None, path, {"cpu": "quota"})
    return value


def check_podman_pids(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """There is a bound of processes."""
    del around
    limits = value if isinstance(value, dict) else {}
    see_as(check_pids, seen, limits.get("limit"), path, {path.rpartition(".")[2]: "limit"})
    return value


def check_podman_secrets(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each secret is granted by its name; one that could be the beginning of an id is none."""
    del around
    named = [(f"{path}[{number}].Source", secret.get("Source")) for number, secret in each_object(value)]
    named += [(f"{path}[{show(key)}]", name) for key, name in value.items()] if isinstance(value, dict) else []
    for where, name in named:
        if not isinstance(name, str) or _HEXADECIMAL(name):
            seen.fault(where, name, "which is no name of a secret, or could be the id of another one")
        elif not matches(seen, "secrets", name):
            seen.fault(where, name, "and that secret is not granted", "secrets", (name,))
    return value


def check_podman_labels(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Put the grant's labels on a volume; neither of its two fields of labels may contradict them."""
    own = around.get("Label")
    if isinstance(own, dict):
        check_labels(seen, own, path.replace("Labels", "Label"), around)
    return check_labels(seen, value, path, around)


def check_podman_subnets(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each subnet is within one that is granted, and all other addresses are in it."""
    del around
    spelled = {"Subnet": "subnet", "Gateway": "gateway", **{f'{name.rpartition(".")[2]}"]': name for name in _RANGE}}
    for number, subnet in each_object(value):
        lease = subnet.get("lease_range")
        ends = {name: lease.get(name.rpartition(".")[2]) for name in _RANGE} if isinstance(lease, dict) else {}
        config: Object = {
            "Subnet": subnet.get("subnet"),
            "Gateway": subnet.get("gateway"),
            "AuxiliaryAddresses": {name: end for name, end in ends.items() if end},
        }
        see_as(check_subnets, seen, [config], f"{path}[{number}]", spelled)
    return value


def check_podman_options(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Options of a network are among those that are harmless."""
    del around
    for name, option in value.items() if isinstance(value, dict) else ():
        if name not in _OPTIONS or _OPTIONS[name].fullmatch(str(option)) is None:
            seen.fault(f"{path}[{show(name)}]", option, "and it could open the network to the host or its neighbours")
    return value


def check_systemd(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """No container has its control group to write: what clients say by themselves goes on as a no."""
    del around
    if value not in (None, "", "true", "false"):
        seen.fault(path, value, "which gives it its control group to write")
    return "false"


def check_zone(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """A time zone is a name, which leads to no other file."""
    del around
    if value and not (isinstance(value, str) and _ZONE(value)):
        seen.fault(path, value, "which is no name of a time zone")
    return value
