"""What a container of Podman's shares with others: namespaces, networks, pods.

Attack: a namespace by a file of the host, which has a mode of its own -> Defence: refused.
Attack: a network of no grant, by no mode or another name of the default one -> Defence: judged as the default network.
Attack: a mode in which a host process sends, and reaches what listens there only -> Defence: the engine's choice only.
Attack: a pod on the host, or with mounts and devices, which all its containers get -> Defence: the engine is asked for
the container that holds them.
"""

from typing import Final

from dockerproxy.policy.claim import Object, Reading, find_fault, objects_at, owned, pairs_at
from dockerproxy.policy.claims.engine_defaults import check_endpoint
from dockerproxy.policy.claims.mounts import claim_mount
from dockerproxy.policy.claims.names import IS_NAME
from dockerproxy.policy.claims.networks import join_container, join_network
from dockerproxy.policy.constraints.networks import DEFAULT, Joined
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.wire.document import Json, list_of, object_of, show

_BY_DEFAULT: Final = frozenset({"", "default", "private"})
_BRIDGED: Final = _BY_DEFAULT | {"bridge"}
_OWN_NETWORK: Final = "podman"
"""What Podman calls the network that containers join by themselves."""


def check_podman_networks(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each key is a network that is granted, or the one that containers join by themselves."""
    return {
        _join_network(reading, name, where): check_endpoint(reading, endpoint, where, {})
        for where, name, endpoint in pairs_at(value, path)
    }


def check_podman_order(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Networks stand in an order under the names by which they are joined. Podman refuses one that is not joined."""
    return [_join_network(reading, name, f"{path}[{show(name)}]") for name in map(str, list_of(value))]


def _join_network(reading: Reading, name: str, path: str) -> str:
    if name not in {"default", _OWN_NETWORK}:
        return join_network(reading, name, path, name)
    _claim_own_network(reading, path)
    return name


def _claim_own_network(reading: Reading, path: str) -> None:
    """Claim the network that containers join by themselves, by any of the names that it has."""
    own = Joined(ResolvedObject("", (*DEFAULT.names, _OWN_NETWORK)), is_default=True)
    reading.claim("networks", own, path, "default", "a network that no rule allows")


def check_netns(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """The network is the container's own, in one that is granted, or that of a container it may join."""
    mode, name = _read_namespace(value)
    if mode == "container":
        return _join(reading, name, path, "NetworkMode")
    if name:
        reading.violate(f"{path}.value", name, "not allowed: it is a file of the host, or an option")
    if mode in _BRIDGED:
        if not parent.get("Networks") and not _has_network_of_pod(reading, parent):
            _claim_own_network(reading, path)
    elif mode != "none":
        reading.violate(f"{path}.nsmode", mode, "not the container's own")
    return None


def check_pidns(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """The processes that it sees are its own, or those of a container it may join."""
    return _check_namespace(reading, value, path, "PidMode", _BY_DEFAULT)


def check_ipcns(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """The memory that it shares is its own, or that of a container it may join."""
    return _check_namespace(reading, value, path, "IpcMode", _BY_DEFAULT | {"none", "shareable"})


def _check_namespace(reading: Reading, value: Json, path: str, field: str, own: frozenset[str]) -> Json:
    mode, name = _read_namespace(value)
    if mode == "container":
        return _join(reading, name, path, field)
    if mode not in own or name:
        reading.violate(path, f"{mode}:{name}" if name else mode, "not the container's own")
    return None


def _read_namespace(value: Json) -> tuple[str, str]:
    space = object_of(value)
    return str(space.get("nsmode") or ""), str(space.get("value") or "")


def _join(reading: Reading, name: str, path: str, field: str) -> Json:
    return {"nsmode": "container", "value": join_container(reading, name, f"{path}.value", field)}


def check_pods(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """The pod is one that is granted, and neither on the host nor with more of it than a container may have."""
    if not isinstance(value, str) or not value:
        return None
    if not IS_NAME(value):
        reading.violate(path, value, "not a valid pod name")
        return None
    found, lookup = reading.resolve(Kind.POD, value)
    name = found.document.get("infracontainerid") if found is not None else None
    holder, asked = reading.resolve(Kind.CONTAINER, name) if isinstance(name, str) and name else (None, None)
    wrong = None if found is None or found.document else find_fault(path, value, "a pod that does not exist")
    says = "a pod that no rule allows"
    mine = owned(found, lookup)
    reading.claim("pods", found, path, value, says, lookup=lookup, later=asked, wrong=wrong, owned=mine)
    if holder is not None:
        _look_at_holder(reading, holder, value, path)
    return found.id if found is not None else None


def _look_at_holder(reading: Reading, holder: ResolvedObject, shown: str, path: str) -> None:
    """Look at the container that holds the namespaces of a pod: the others get what it has."""
    if not holder.document:
        reading.violate(path, shown, "a pod that may have more than a rule allows")
        return
    config = object_of(holder.document.get("hostconfig"))
    modes = [str(config.get(mode)) for mode in ("NetworkMode", "PidMode", "IpcMode", "UTSMode")]
    if not config or any(mode == "host" or mode.startswith("ns:") for mode in modes):
        reading.violate(path, shown, "a pod in a namespace of the host")
    if config.get("Privileged") or config.get("Devices") or config.get("SecurityOpt"):
        reading.violate(path, shown, "a pod with devices or less confinement")
    for _, mount in objects_at(holder.document.get("mounts"), path):
        kind, source = ("volume", "Name") if mount.get("Type") == "volume" else ("bind", "Source")
        names, read_only = (source, "Destination"), mount.get("RW") is False
        name = str(mount.get(source))
        seen = {**mount, source: reading.places.of_client(name) if kind == "bind" else name}
        claim_mount(reading, seen, path, kind, names, read_only=read_only, is_own=False)


def _has_network_of_pod(reading: Reading, parent: Object) -> bool:
    """Whether a container that joins a pod, which is judged where it is named, has its network from there."""
    pods = (found for (kind, _), found in reading.answers.items() if kind is Kind.POD and found.id == parent.get("pod"))
    return any("net" in list_of(found.document.get("sharednamespaces")) for found in pods)
