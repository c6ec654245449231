"""What a container of Podman's shares with others: namespaces, networks, pods.

Attack: a namespace by a file of the host, which has a mode of its own -> Defence: refused.
Attack: a network of no grant, by no mode or another name of the default one -> Defence: judged as the default network.
Attack: a mode in which a host process sends, and reaches what listens there only -> Defence: the engine's choice only.
Attack: a pod on the host, or with mounts and devices, which all its containers get -> Defence: the engine is asked for
the container that holds them.
"""

from collections.abc import Mapping
from typing import Final

from dockerproxy.policy.claim import Check, Object, Reading, Spelling, find_fault, read_as
from dockerproxy.policy.claims.mounts import check_mounts
from dockerproxy.policy.claims.names import IS_NAME
from dockerproxy.policy.claims.networks import check_ipc_mode, check_network_mode, check_networks, check_pid_mode
from dockerproxy.policy.constraints.networks import DEFAULT, Joined
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.wire.document import Json, show

_BY_DEFAULT: Final = frozenset({"", "default", "private"})
_BRIDGED: Final = _BY_DEFAULT | {"bridge"}
_OWN_NETWORK: Final = "podman"
"""What Podman calls the network that containers join by themselves."""


def check_podman_networks(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each key is a network that is granted, or the one that containers join by themselves."""
    joined: Object = {}
    for name, endpoint in value.items() if isinstance(value, dict) else ():
        where = f"{path}[{show(name)}]"
        if name in {"default", _OWN_NETWORK}:
            _check_own_network(reading, where)
            joined[name] = endpoint
        else:
            known = read_as(check_networks, reading, {name: endpoint}, Spelling(path=where))
            joined.update(known if isinstance(known, dict) else {})
    return joined


def check_podman_order(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Networks stand in an order under the names by which they are joined. Podman refuses one that is not joined."""
    order: list[Json] = []
    for name in value if isinstance(value, list) else ():
        joined = check_podman_networks(reading, {str(name): None}, path, {})
        order.extend(joined if isinstance(joined, dict) else ())
    return order


def _check_own_network(reading: Reading, path: str) -> None:
    """Claim the network that containers join by themselves, by any of the names that it has."""
    own = Joined(ResolvedObject("", (*DEFAULT.names, _OWN_NETWORK)), is_default=True)
    reading.claim("networks", own, path, "default", "a network that no rule allows")


def check_netns(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """The network is the container's own, in one that is granted, or that of a container it may join."""
    space, mode, name = _read_namespace(value)
    if mode == "container":
        return _join(check_network_mode, reading, space, path)
    if name:
        reading.violate(f"{path}.value", name, "not allowed: it is a file of the host, or an option")
    if mode in _BRIDGED:
        if not parent.get("Networks") and not _has_network_of_pod(reading, parent):
            _check_own_network(reading, path)
    elif mode != "none":
        reading.violate(f"{path}.nsmode", mode, "not the container's own")
    return value


def check_pidns(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """The processes that it sees are its own, or those of a container it may join."""
    return _check_namespace(check_pid_mode, reading, value, path, _BY_DEFAULT)


def check_ipcns(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """The memory that it shares is its own, or that of a container it may join."""
    return _check_namespace(check_ipc_mode, reading, value, path, _BY_DEFAULT | {"none", "shareable"})


def _check_namespace(check: Check, reading: Reading, value: Json, path: str, own: frozenset[str]) -> Json:
    space, mode, name = _read_namespace(value)
    if mode == "container":
        return _join(check, reading, space, path)
    if mode not in own or name:
        reading.violate(path, f"{mode}:{name}" if name else mode, "not the container's own")
    return value


def _read_namespace(value: Json) -> tuple[Object, str, str]:
    space = value if isinstance(value, dict) else {}
    return space, str(space.get("nsmode") or ""), str(space.get("value") or "")


def _join(check: Check, reading: Reading, space: Object, path: str) -> Json:
    """Look whether a container may be joined; it goes on under its whole id."""
    name = str(space.get("value") or "")
    joined = read_as(check, reading, f"container:{name}", Spelling(path=f"{path}.value"))
    return {"nsmode": "container", "value": str(joined).removeprefix("container:")}


def check_pods(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """The pod is one that is granted, and neither on the host nor with more of it than a container may have."""
    if not isinstance(value, str) or not value:
        return value
    if not IS_NAME(value):
        reading.violate(path, value, "not a valid pod name")
        return value
    found = reading.find(Kind.POD, value)
    says = "a pod that no rule allows"
    if found is None:
        reading.claim("pods", None, path, value, says, lookup=reading.lookup(Kind.POD, value))
        return value
    name = found.document.get("infracontainerid")
    holder = reading.find(Kind.CONTAINER, name) if isinstance(name, str) and name else None
    asks = holder is None and isinstance(name, str) and name
    later = (reading.lookup(Kind.CONTAINER, str(name)),) if asks else ()
    wrong = () if found.document else (find_fault(path, value, "a pod that does not exist"),)
    reading.claim("pods", found, path, value, says, later=later, wrong=wrong)
    if holder is not None:
        _check_holder(reading, holder, value, path)
    return found.id


def _check_holder(reading: Reading, holder: ResolvedObject, shown: str, path: str) -> None:
    """Look at the container that holds the namespaces of a pod: the others get what it has."""
    if not holder.document:
        reading.violate(path, shown, "a pod that may have more than a rule allows")
        return
    config = _object(holder.document.get("hostconfig"))
    modes = [str(config.get(mode)) for mode in ("NetworkMode", "PidMode", "IpcMode", "UTSMode")]
    if not config or any(mode == "host" or mode.startswith("ns:") for mode in modes):
        reading.violate(path, shown, "a pod in a namespace of the host")
    if config.get("Privileged") or config.get("Devices") or config.get("SecurityOpt"):
        reading.violate(path, shown, "a pod with devices or less confinement")
    mounts = holder.document.get("mounts")
    for mount in map(_object, mounts if isinstance(mounts, list) else []):
        source = mount.get("Name") if mount.get("Type") == "volume" else mount.get("Source")
        as_docker: Object = {
            "Type": "volume" if mount.get("Type") == "volume" else "bind",
            "Source": str(source or ""),
            "Target": str(mount.get("Destination") or ""),
            "ReadOnly": mount.get("RW") is False,
        }
        read_as(check_mounts, reading, [as_docker], Spelling(path=path))


def _has_network_of_pod(reading: Reading, parent: Object) -> bool:
    """Whether a container that joins a pod, which is judged where it is named, has its network from there."""
    pods = (found for (kind, _), found in reading.answers.items() if kind is Kind.POD and found.id == parent.get("pod"))
    shared = [found.document.get("sharednamespaces") for found in pods]
    return any(isinstance(names, list) and "net" in names for names in shared)


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
