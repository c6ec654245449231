"""`networks` and `joins`: networks and namespaces that a container may join, at creation and later.

Without `networks`, a container joins the engine's default network, or none. Podman's answers have another name for it.

Attacks: docs/attacks.md, policy/words/networks.
"""

import re
from collections.abc import Hashable
from functools import partial
from typing import Final, NamedTuple

from dockerproxy.policy.claim import Fault, Object, Reading, find_fault, items_at, objects_at, owned, pairs_at
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject, find_object
from dockerproxy.policy.values import Value, items_of
from dockerproxy.policy.words.constraint import Constraint, Matcher, Objects
from dockerproxy.policy.words.fixed import clean_endpoint
from dockerproxy.policy.words.names import IS_NAME, named, resolve
from dockerproxy.policy.words.spellings import fault_of_name, is_id_of_swarm
from dockerproxy.wire.document import Json, object_of

DEFAULT: Final = ResolvedObject("", ("default", "bridge"))
"""The engine's default network, which containers join without asking."""

_OF_HOST: Final = frozenset({"host", "slirp4netns", "pasta"})
"""Modes that use the host's network, or a process there."""

_NAMESPACE: Final = partial(re.fullmatch, "(container|service|pod|ns|host):.*", flags=re.DOTALL)

BY_ITSELF: Final = frozenset({"", "default", "bridge", "none"})
"""Networks that a container may join without a grant: the engine's default, or none."""

_OF_CONTAINER: Final = "container:"

_OWN: Final = {"PidMode": ("", "private"), "IpcMode": ("", "none", "private", "shareable")}
"""Values for a private namespace, by field of the host configuration."""

_NOT_GRANTED: Final = "a network that no rule allows"

_ONLY_OWN: Final = "only allowed in a network that the client owns"

_OF_PODMAN: Final = frozenset({"slirp4netns", "pasta"})
"""Podman's modes with processes in the host's network. Docker takes them for names."""

_HOST: Final = "not allowed: it is the host's network"

_CONTROLS: Final = partial(re.search, r"[\0-\x1f\x7f-\x9f\u2028\u2029]")

_SEPARATES: Final = partial(re.search, r"[\0- ,\x7f]")
"""Separators in the file that Podman writes for aardvark-dns (netavark aardvark.rs)."""


class Joined(NamedTuple):
    """A joined network, and whether it is the engine's default: None if only the engine can tell."""

    found: ResolvedObject
    is_default: bool | None = False


class _Networks(Objects):
    unspoken = ("default",)
    needs_lookup = True  # Only the engine knows its default network.

    def fault(self, item: str) -> str:
        if item in _OF_HOST:
            return "the host's network needs unrestricted, which lets clients become root on the host"
        if _NAMESPACE(item):
            return "a namespace is not a network: list in joins whose namespaces may be joined"
        return fault_of_name(item)

    def matcher(self, granted: Value) -> Matcher:
        """Match a named or joined network."""
        matches = super().matcher(granted)
        return lambda value: matches(value.found if isinstance(value, Joined) else value)

    def by_default(self, value: Hashable) -> bool:
        """Whether a network is the engine's default, or belongs to an operation that is not contained."""
        return value.is_default is True if isinstance(value, Joined) else True

    def admits_unspoken(self, value: Value) -> bool:
        """Only `**` covers the default network: Podman's answers have another name for it."""
        return "**" in items_of(value)

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        named = (Joined(ResolvedObject(item, (item,))) for item in items_of(least) if item not in DEFAULT.names)
        own = [Joined(DEFAULT, is_default=True)] if set(items_of(least)) & set(DEFAULT.names) else []
        return (*own, *named)

    def least(self, value: Hashable) -> Value | None:
        return super().least(value.found if isinstance(value, Joined) else value)


class _Joins(Objects):
    describe = Constraint.describe


def check_network_mode(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """The network must be granted, and never be the host's."""
    mode = value if isinstance(value, str) else ""
    if mode.startswith(_OF_CONTAINER):
        return _join(reading, mode, path, "NetworkMode")
    return join_network(reading, mode, path, value) or None


def check_networks(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Each key must be a granted network."""
    joined: Object = {}
    for where, name, endpoint in pairs_at(value, path):
        known = join_network(reading, name, where, name)
        if known in joined:
            reading.violate(where, name, "the same network as another one")
        joined[known] = clean_endpoint(endpoint)
        is_named = name not in BY_ITSELF and IS_NAME(name)
        _claim_addresses(reading, endpoint, where, owned(*reading.resolve(Kind.NETWORK, name)) if is_named else None)
    return joined


def check_connection(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """Endpoint settings. Addresses are only allowed in a network that the client owns."""
    _claim_addresses(reading, value, path, owned(reading.found, None))
    return clean_endpoint(value)


def _claim_addresses(reading: Reading, endpoint: Json, path: str, network: ResolvedObject | Lookup | None) -> None:
    """Claim the addresses of an endpoint, which are only allowed in an own network."""
    config = object_of(object_of(endpoint).get("IPAMConfig"))
    for field, mine in (("IPv4Address", network), ("IPv6Address", network), ("LinkLocalIPs", None)):
        where = f"{path}.IPAMConfig.{field}"
        says = "not allowed: other hosts on the link may have it" if mine is None else _ONLY_OWN
        if config.get(field):
            reading.claim("switched", True, where, config[field], says, owned=mine)  # noqa: FBT003 (it is claimed)


def join_network(reading: Reading, name: str, path: str, shown: Json) -> str:
    """Claim a joined network. Returns its name for the engine."""
    if name == "host":
        reading.violate(path, name, _HOST)
    elif name in _OF_PODMAN:
        reading.violate(path, name, "not allowed: for Podman it is the host's network")
    elif name and not IS_NAME(name):
        reading.violate(path, name, "not a valid network name")
    elif name in BY_ITSELF:
        if name != "none":
            reading.claim("networks", Joined(DEFAULT, is_default=True), path, shown or "default", _NOT_GRANTED)
    else:
        return _claim_network(reading, name, path, shown)
    return name


def _claim_network(reading: Reading, name: str, path: str, shown: Json) -> str:
    found, asked = resolve(reading, Kind.NETWORK, name), reading.lookup(Kind.NETWORK, name)
    mine = owned(reading.find(Kind.NETWORK, name), asked)
    if found is None:
        reading.claim("networks", None, path, shown, _NOT_GRANTED, lookup=asked, owned=mine)
        return name
    if "host" in found.names:
        reading.violate(path, shown, _HOST)
    elif not found.document and is_id_of_swarm(found.id):
        reading.violate(path, shown, "ambiguous: it looks like the ID of a swarm network that is not on this node yet")
    is_default = _is_default(reading, found)
    lookup = reading.lookup(Kind.NETWORK, "bridge") if is_default is None else None
    reading.claim("networks", Joined(found, is_default), path, shown, _NOT_GRANTED, lookup=lookup, owned=mine)
    return found.id


def _is_default(reading: Reading, found: ResolvedObject) -> bool | None:
    """Whether a network is the engine's default, for which Podman's answers have another name.

    None if it must be looked up first.
    """
    if not BY_ITSELF.isdisjoint(found.names):
        return True
    default = reading.find(Kind.NETWORK, "bridge") if found.subject else found
    return None if default is None else default.subject == found.subject != ""


def check_hosts(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each entry must be a single line."""
    for where, line in items_at(value, path) if isinstance(value, list) else ((path, value),):
        if _CONTROLS(str(line)):
            says = "ambiguous: a control character ends a line"
            reading.claim("switched", True, where, line, says)  # noqa: FBT003 (it is what is claimed)


def check_known_as(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each alias must be a single word."""
    for where, name in items_at(value, path) if isinstance(value, list) else ((path, value),):
        if _SEPARATES(str(name)):
            reading.violate(where, name, "ambiguous: Podman reads on after a space, comma or control character")


def check_namespace(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """The namespace must be private, or of a container that may be joined."""
    mode, field = value if isinstance(value, str) else "", path.rpartition(".")[2]
    if mode.startswith(_OF_CONTAINER):
        return _join(reading, mode, path, field)
    if mode not in _OWN[field]:
        reading.violate(path, value, "not the container's own")
    return None


def _join(reading: Reading, mode: str, path: str, field: str) -> str:
    """Claim a joined container. Returns the mode with its full ID, so that no other can take its place.

    A field of its inspection tells whose namespace it uses, which a joining container would share. It must not join
    others: a start knows only those that its own container joins (`plans/table`).
    """
    name = mode.removeprefix(_OF_CONTAINER)
    if not IS_NAME(name):
        reading.violate(path, mode, "not a valid container name")
        return mode
    found, lookup = reading.resolve(Kind.CONTAINER, name)
    wrong: Fault | None = None
    host = object_of(found.document.get("hostconfig")) if found is not None else {}
    own, joined = host.get(field), list_joined(host)
    if found is not None and not found.document:
        wrong = find_fault(path, mode, "a container that does not exist")
    elif found is not None and (not isinstance(own, str) or own in _OF_HOST or ":" in own or joined):
        wrong = find_fault(path, mode, "a container that shares it with the host or another one")
    says = "a container that no rule allows to join"
    mine = owned(found, lookup)
    reading.claim("joins", found, path, mode, says, lookup=lookup, wrong=wrong, owned=mine)
    return mode if found is None else f"{_OF_CONTAINER}{found.id}"


def list_joined(host: Object) -> list[str]:
    """Return the names or IDs of the containers whose namespaces a container joins, by its `HostConfig`."""
    modes = (str(host.get(field)) for field in ("NetworkMode", *_OWN))
    return [mode.removeprefix(_OF_CONTAINER) for mode in modes if mode.startswith(_OF_CONTAINER)]


def check_container(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """The container must be listed, if the grant limits it. Returns its full ID."""
    if not isinstance(value, str) or not IS_NAME(value):
        reading.claim("containers", None, path, value or None, "not a valid container name" if value else "is missing")
        return None
    found, lookup = reading.resolve(Kind.CONTAINER, value)
    says = "a container that no rule allows"
    reading.claim("containers", found, path, value, says, lookup=lookup, owned=owned(found, lookup))
    return found.id if found is not None and found.document else None


def check_connected(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """The joined network must be granted, or the engine's default, and never the host's."""
    if value == "host":
        reading.violate(path, value, _HOST)
    else:
        network = find_object(reading.request)  # The client's name, if the engine does not know it.
        spelled = network.name if isinstance(network, Lookup) else network.id if network is not None else ""
        name = value if isinstance(value, str) else spelled
        joined = Joined(reading.found or named(name), isinstance(value, str) and value in BY_ITSELF)
        reading.claim("networks", joined, "the network", name, "which no rule allows", owned=reading.found)


def check_service_networks(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each network must be granted, and is forwarded with its full ID; never the host's."""
    for place, network in objects_at(value, path):
        name, where = str(network.get("Target") or ""), f"{place}.Target"
        if not IS_NAME(name):
            reading.violate(where, name, "not a valid network name")
            continue
        found, lookup = reading.resolve(Kind.NETWORK, name)
        if found is not None and ("host" in found.names or found.document.get("driver") == "host"):
            reading.violate(where, name, _HOST)
        wrong = None if found is None or found.document else find_fault(where, name, "a network that does not exist")
        joined = Joined(found, "bridge" in found.names) if found is not None else None
        reading.claim("networks", joined, where, name, _NOT_GRANTED, lookup=lookup, wrong=wrong)
        network["Target"] = found.id if found is not None else name


_SUMMARY: Final = (
    "which networks, by name, glob or full id; only these may be joined, or without it the default; `none` always"
)
WORDS: Final = (
    _Networks("networks", _SUMMARY),
    _Joins("joins", "which containers' network, PID and IPC namespaces may be joined"),
)
CHECKS: Final = (
    *(check_connected, check_service_networks, check_network_mode, check_networks, check_namespace),
    *(check_container, check_connection, check_hosts, check_known_as),
)
