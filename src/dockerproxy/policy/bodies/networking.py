"""Which networks and whose namespaces a container joins, and which ports of the host it opens.

How one would get into a network or at a process that is another's, and what stops it: the beginning of a network's id
for its name (the engine is asked, and the request goes on under the whole id); the whole id of one in a swarm, which
this engine does not know before a container of its own joins it; a path of a namespace, or a word that only Podman
takes for a network of the host's (a name has no colon and no slash, and those words are none); a container that has
what it would share from the host or from another one, or that does not exist yet; two networks, one in each of two
fields. How one would open a port that is not granted: a list without bindings, which Docker fills in; a range of which
only the ends are granted; an address that Go cannot read, and takes for any, or reads otherwise than Podman's netavark.
"""

from typing import Final

from dockerproxy.policy.bodies.amounts import is_id_of_swarm, merge_ports, read_address, read_ports
from dockerproxy.policy.bodies.defaults import check_endpoint
from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.bodies.naming import IS_NAME, is_listed, items, resolve
from dockerproxy.policy.model import Pairs
from dockerproxy.policy.objects import Found, Kind
from dockerproxy.wire.document import Json, show

BY_ITSELF: Final = frozenset({"", "default", "bridge", "none"})
"""Networks that a container may join where a grant names none: the engine's own, or nothing."""

_HARMLESS: Final = frozenset({"none"})
_OF_PODMAN: Final = frozenset({"slirp4netns", "pasta"})
"""Ways of Podman to have its processes speak from the host's network; for Docker they would be names."""

_HOST: Final = "and the host's network is for unrestricted grants"
_ANY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104 (what an empty HostIp means, nothing is bound here)


def check_network_mode(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """The network is one that is granted, and the host's never."""
    del around
    mode = value if isinstance(value, str) else ""
    if mode.startswith("container:"):
        return _join(seen, mode, path, "NetworkMode")
    return check_network(seen, mode, path, value) or value


def check_networks(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each key is a network that is granted."""
    del around
    joined: Object = {}
    for name, endpoint in value.items() if isinstance(value, dict) else ():
        where = f"{path}[{show(name)}]"
        known = check_network(seen, name, where, name)
        if known in joined:
            seen.fault(where, name, "which is the same network as another one")
        joined[known] = check_endpoint(seen, endpoint, where, {})
    return joined


def check_network(seen: Inspection, name: str, path: str, shown: Json) -> str:
    """Look whether a network may be joined; return what it goes on under."""
    granted = "networks" in seen.bounds
    if name == "host":
        seen.fault(path, name, _HOST)
    elif name in _OF_PODMAN:
        seen.fault(path, name, "which is the host's network for Podman")
    elif name and not IS_NAME(name):
        seen.fault(path, name, "which is no name of a network")
    elif name not in (_HARMLESS if granted else BY_ITSELF):
        found = Found(name, ("default", "bridge")) if name in BY_ITSELF else resolve(seen, Kind.NETWORK, name)
        if found is not None:
            _check_found(seen, found, path, shown)
            return found.id
    return name


def _check_found(seen: Inspection, found: Found, path: str, shown: Json) -> None:
    by_itself = "networks" not in seen.bounds and _is_default(seen, found)
    if "host" in found.names:
        seen.fault(path, shown, _HOST)
    elif not found.document and is_id_of_swarm(found.id):
        seen.fault(path, shown, "which could be the id of a network of the swarm that is not on this node yet")
    elif not (is_listed(seen, "networks", found) or by_itself):
        seen.fault(path, shown or "default", "and that network is not granted", "networks", found.names[:1])


def _is_default(seen: Inspection, found: Found) -> bool:
    """Whether a network is the one that containers join by themselves: Podman has another name for it in answers."""
    if not BY_ITSELF.isdisjoint(found.names):
        return True
    default = seen.ask(Kind.NETWORK, "bridge") if found.owner else Found("", ())
    return default is None or (default.owner == found.owner != "")


def check_pid_mode(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """The processes that it sees are its own, or those of a container it may join."""
    del around
    return _check_namespace(seen, value, path, "PidMode", frozenset({"", "private"}))


def check_ipc_mode(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """The memory that it shares is its own, or that of a container it may join."""
    del around
    return _check_namespace(seen, value, path, "IpcMode", frozenset({"", "none", "private", "shareable"}))


def _check_namespace(seen: Inspection, value: Json, path: str, name: str, own: frozenset[str]) -> Json:
    mode = value if isinstance(value, str) else ""
    if mode.startswith("container:"):
        return _join(seen, mode, path, name)
    if mode not in own:
        seen.fault(path, value, "and is not the container's own")
    return value


def _join(seen: Inspection, mode: str, path: str, field: str) -> str:
    """Look whether a container may be joined; return it under its whole id, so that no other can take its place."""
    name = mode.removeprefix("container:")
    if not items(seen.bounds.get("joins")):
        seen.fault(path, mode, "and joining other containers is not granted", "joins", (name,))
        return mode
    if not IS_NAME(name):
        seen.fault(path, mode, "which is no name of a container")
        return mode
    found = seen.ask(Kind.CONTAINER, name)
    if found is None:
        return mode
    if not is_listed(seen, "joins", found):
        seen.fault(path, mode, "and joining that container is not granted", "joins", found.names[:1])
    elif not found.document:
        seen.fault(path, mode, "and there is no such container")
    elif not _has_its_own(found, field):
        seen.fault(path, mode, "and that container shares it with the host or another one")
    return f"container:{found.id}"


def _has_its_own(found: Found, field: str) -> bool:
    """Whether a container shares nothing with others: whoever joins it would share that, too."""
    config = found.document.get("hostconfig")
    mode = config.get(field) if isinstance(config, dict) else None
    return isinstance(mode, str) and mode != "host" and mode not in _OF_PODMAN and ":" not in mode


def check_publish(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Each port of the host is granted, on an address that is."""
    del around
    opened: dict[tuple[str, str], tuple[str, int]] = {}  # Each port at each address, and where it stands first.
    for port, bindings in value.items() if isinstance(value, dict) else ():
        listed = bindings if isinstance(bindings, list) else []
        for number, binding in enumerate(listed or [{}]):  # Docker fills in what is empty: a free port, any address.
            fields = binding if isinstance(binding, dict) else {}
            opened.setdefault((str(fields.get("HostPort") or "0"), str(fields.get("HostIp") or "")), (port, number))
    for (free, address), (port, number) in opened.items():
        where = f"{path}[{show(port)}][{number}]"
        _check_port(seen, free, f"{where}.HostPort")
        _check_address(seen, address, f"{where}.HostIp")
    return value


def check_publish_all(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """Ports that the engine picks are opened on all addresses only if both are granted."""
    del around
    if value is True:
        _check_port(seen, "0", path)
        _check_address(seen, "", path)
    return value


def _granted(seen: Inspection, name: str) -> tuple[str, ...] | None:
    """Return what `publish` says of ports or addresses; None if it says nothing."""
    publish = seen.bounds.get("publish")
    value = dict(publish.items).get(name) if isinstance(publish, Pairs) else None
    return value if isinstance(value, tuple) else None


def _check_port(seen: Inspection, port: str, path: str) -> None:
    asked, granted = read_ports(port), _granted(seen, "ports")
    if asked is None:
        seen.fault(path, port, "which is neither a port nor a range of ports")
        return
    free = merge_ports(granted or ())
    within = any(each.start <= asked.start and asked.stop <= each.stop for each in free)
    if "publish" not in seen.bounds or not (granted is None or within):
        shown = "any free port" if port == "0" else port
        seen.fault(path, shown, "and publishing it is not granted", "publish", Pairs((("ports", (port,)),)))


def _check_address(seen: Inspection, address: str, path: str) -> None:
    granted = _granted(seen, "addresses")
    if granted is None:
        return
    if address and read_address(address) is None:
        seen.fault(path, address, "which is no IP address, or not one for every engine")
        return
    needed = (address,) if address else _ANY_ADDRESS
    if not {normalise_address(item) for item in granted}.issuperset(map(normalise_address, needed)):
        seen.fault(path, address, "and that address is not granted", "publish", Pairs((("addresses", needed),)))


def normalise_address(text: str) -> str:
    """Return an address in its one spelling; what is none stays as it is."""
    return str(read_address(text) or text)
