"""What a service of a swarm mounts, joins and opens, where that is spelled otherwise than for a container.

How one would get past it, and what stops it: a source with a template in it, which a node fills in after the swarm has
taken it, so that `/srv/{{"../.."}}/etc` is `/etc`; a type of a mount in other capitals or none, which means a bind; a
network by its id in the swarm, by the beginning of it or by the older list at the top, the host's network among them
(the engine is asked, and the request goes on under the whole id); a port that is opened on every address of every node;
a request under an older version, of which the engine leaves out the limit that the grant demands; swap where memory is
bounded. That an earlier state comes back by `rollback`, whatever the body says, the table refuses. Other nodes cannot
be seen from here: a volume is looked at where the engine is.
"""

from dataclasses import replace
from typing import Final

from dockerproxy.api.versions import Version, read_version
from dockerproxy.policy.bodies.amounts import read_size
from dockerproxy.policy.bodies.containing import check_pids
from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.bodies.mounting import check_mounts
from dockerproxy.policy.bodies.naming import IS_NAME, is_listed
from dockerproxy.policy.bodies.networking import check_publish
from dockerproxy.policy.objects import Found, Kind
from dockerproxy.wire.document import Json, show

_PIDS_SINCE: Final = (1, 41, 0)
_NO_NEW_PRIVILEGES_SINCE: Final = (1, 44, 0)
"""Under older versions the engine leaves these fields out (`adjustForAPIVersion` in its service router)."""


def check_service_mounts(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each mount is one that a container may have, and says so now: nodes fill in templates later."""
    for number, mount in enumerate(value if isinstance(value, list) else ()):
        source = mount.get("Source") if isinstance(mount, dict) else None
        if isinstance(source, str) and "{{" in source:
            seen.fault(f"{path}[{number}].Source", source, "which is a template, and may become any path")
    return check_mounts(seen, value, path, around)


def check_service_networks(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each network is one that is granted, and goes on under its whole id; the host's never."""
    del around
    for number, network in enumerate(value if isinstance(value, list) else ()):
        if isinstance(network, dict):
            network["Target"] = _check_network(seen, str(network.get("Target") or ""), f"{path}[{number}].Target")
    return value


def _check_network(seen: Inspection, name: str, path: str) -> str:
    if not IS_NAME(name):
        seen.fault(path, name, "which is no name of a network")
        return name
    found = seen.ask(Kind.NETWORK, name)
    if found is None:
        return name
    if "host" in found.names or found.document.get("driver") == "host":
        seen.fault(path, name, "and the host's network is for unrestricted grants")
    elif not (is_listed(seen, "networks", found) or _is_there_anyway(seen, found)):
        seen.fault(path, name, "and that network is not granted", "networks", found.names[:1])
    elif not found.document:
        seen.fault(path, name, "and there is no such network")
    return found.id


def _is_there_anyway(seen: Inspection, found: Found) -> bool:
    """Whether a service that names no network has it, where the grant names none."""
    return "networks" not in seen.bounds and "bridge" in found.names


def check_service_ports(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each port is one that is granted; a swarm opens it on all addresses. Without a number it picks one."""
    for number, port in enumerate(value if isinstance(value, list) else ()):
        published = port.get("PublishedPort") if isinstance(port, dict) else None
        as_of_container = replace(seen, faults=[])
        check_publish(as_of_container, {"": [{"HostPort": str(published or 0)}]}, "", around)
        for fault in as_of_container.faults:
            seen.faults.append(replace(fault, path=f"{path}[{number}].PublishedPort", shown=show(published or 0)))
    return value


def check_service_pids(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """There is a bound of processes, if the grant says so, and the engine reads it."""
    _check_is_read(seen, path, "pids", _PIDS_SINCE)
    return check_pids(seen, value, path, around)


def check_no_new_privileges(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Set-user-id programs are kept from working, if the grant says so, and the engine reads it."""
    del around
    _check_is_read(seen, path, "no_new_privileges", _NO_NEW_PRIVILEGES_SINCE)
    if seen.bounds.get("no_new_privileges") == "required" and value is not True:
        seen.fault(path, value, "and must be true" if value is False else "must be true", "no_new_privileges")
    return value


def _check_is_read(seen: Inspection, path: str, word: str, since: Version) -> None:
    """Look whether the engine would read a field that the grant demands, under the version of the request."""
    version = read_version(seen.request.version)
    if word in seen.bounds and version is not None and version < since:
        seen.fault(path, None, f"is left out by the engine under {seen.request.version}", word)


def check_swap(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Swap does not make a bound of memory worthless."""
    del around
    bound = seen.bounds.get("memory")
    most = read_size(bound) if isinstance(bound, str) else None
    if most is not None and isinstance(value, int) and not 0 <= value <= most:
        seen.fault(path, value, f"and must be at most {most}, the granted memory", "memory")
    return value
