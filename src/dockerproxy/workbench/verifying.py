"""Compare a policy with an engine: its version, its confinement, and the objects that conditions name.

This only reads. Answers are not trusted: text is shown escaped, and an answer that is not a JSON object counts as empty
(test: test_an_answer_that_makes_no_sense_is_no_crash).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from http import HTTPStatus
from typing import Final, NamedTuple

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.config.groups import PRESET
from dockerproxy.owner_labels import OWNER
from dockerproxy.policy.compile import Case
from dockerproxy.policy.descriptions import read_object, read_security
from dockerproxy.policy.objects import Kind, ask, get_object, is_full_id
from dockerproxy.policy.subtrees import SINCE
from dockerproxy.policy.values import is_literal, items_of
from dockerproxy.policy.vocabulary import is_of_body
from dockerproxy.policy.words.capabilities import NODES, capability_name
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.spellings import is_certainly_not_root
from dockerproxy.policy.words.user import MAPPED, writes_to_host
from dockerproxy.settings import SocketSettings
from dockerproxy.version import DOCKER_API, PODMAN_API
from dockerproxy.wire.document import list_of, object_of
from dockerproxy.workbench.findings import Finding, Severity, differ, place_of

Ask = Callable[[str], tuple[int, bytes]]
"""Sends a GET for a target to the engine; returns the status and the content."""

Number = tuple[int, ...]

_LIBPOD: Final = "v4.0.0"
_SWARM: Final = frozenset({"configs", "nodes", "plugins", "services", "swarm", "tasks"})
"""Sections that Podman does not have."""

_CREATES: Final = frozenset({"ContainerCreate", "ContainerCreateLibpod"})

_OF_MANAGERS: Final = frozenset({"configs", "nodes", "secrets", "services", "tasks"})
"""Sections that need a swarm in Docker."""


class Engine(NamedTuple):
    """An engine, as it describes itself: a name like `Docker 26.1.5`, versions, and its data directory.

    Security is what confines containers: `seccomp`, `rootless`, `userns`; None if unknown.
    """

    name: str
    api: Number = ()
    podman: Number = ()
    security: frozenset[str] | None = None
    folder: str = ""
    in_swarm: bool = False

    def __str__(self) -> str:
        start = f"{self.name}, API {_say(self.api) or 'unknown'}"
        if self.security is None:
            return f"{start}, unknown confinement"
        who = "rootless" if "rootless" in self.security else "as root"
        spaces = "with" if self.security & {"rootless", "userns"} else "without"
        return f"{start}, {who}, {spaces} user namespaces"


def read_engine(ask_engine: Ask) -> Engine:
    """Ask an engine to describe itself. Raises `OSError` if it does not answer."""
    version, info = (object_of(read(ask_engine, target)) for target in ("/version", "/info"))
    is_podman = _is_podman(version)
    options = info.get("SecurityOptions")
    return Engine(
        name=f"{'Podman' if is_podman else 'Docker'} {version.get('Version', 'without version')}",
        api=read_number(version.get("ApiVersion")),
        podman=read_number(version.get("Version")) if is_podman else (),
        security=read_security(options) if isinstance(options, list) else None,
        folder=str(info.get("DockerRootDir", "")),
        in_swarm=object_of(info.get("Swarm")).get("ControlAvailable") is True,
    )


def find_podman(ask_engine: Ask) -> bool | None:
    """Return whether an engine is Podman; None if unknown. Raises `OSError` if it does not answer."""
    version = object_of(read(ask_engine, "/version"))
    return _is_podman(version) if read_number(version.get("ApiVersion")) else None


def _is_podman(version: Mapping[str, object]) -> bool:
    parts = map(object_of, list_of(version.get("Components")))
    return any(str(part.get("Name")).startswith("Podman") for part in parts)


def read(ask_engine: Ask, target: str) -> object:
    """Ask an engine for a JSON document; return None if the answer is not JSON."""
    try:
        return json.loads(ask_engine(target)[1])
    except (ValueError, RecursionError):
        return None


def read_number(text: object) -> Number:
    """Read the first two numbers of a version; empty if it is not a version."""
    found = re.match(r"([0-9]{1,4})\.([0-9]{1,4})", text) if isinstance(text, str) else None
    return (int(found[1]), int(found[2])) if found else ()


def compare(sockets: tuple[SocketSettings, ...], engine: Engine, ask_engine: Ask, file: str) -> Iterator[Finding]:
    """Yield the mismatches between the policies of these sockets and an engine."""
    yield from _find_newer(engine, file)
    creates = any(socket.policy.allows(name) for socket in sockets for name in _CREATES)
    if engine.podman and creates and "rootless" not in (engine.security or ()):
        text = "it opens files of containers, like /etc/passwd, as root: no proxy confines a hostile container"
        yield differ("engine", file, Severity.NOTE, text, "give each hostile client its own rootless engine")
    exists = cache(partial(_exists, ask_engine))
    for socket in sockets:
        if socket.policy.policy.places.has_parts and (engine.podman or engine.api < SINCE[:2]):
            text = "binds below a directory need Docker 26, API 1.45: this engine gets none"
            yield differ(f"socket {socket.name}", file, Severity.WARNING, text, "list only the directory in binds")
        for name, cases in socket.policy.cases.items():
            for case in cases if name in OPERATIONS else ():
                make = partial(differ, f"socket {socket.name}", place_of(file, case.source))
                yield from _compare_case(engine, exists, OPERATIONS[name], case, make)


def find_old(
    containers: object, sockets: tuple[SocketSettings, ...], engine: Engine, ask_engine: Ask, file: str
) -> Iterator[Finding]:
    """Find owners' containers, in the engine's list, that could make devices, or set-user-id files of root on the host.

    They are from before the proxy prevented that.
    """
    owners = {socket.policy.owner: socket for socket in sockets if socket.policy.owner}
    for container in map(object_of, list_of(containers)):
        socket = owners.get(str(object_of(container.get("Labels")).get(OWNER)))
        if socket is None or not is_full_id(str(container.get("Id"))):
            continue
        known = object_of(read(ask_engine, f"/containers/{container['Id']}/json"))
        host, config = object_of(known.get("HostConfig")), object_of(known.get("Config"))
        users = (case.by_word.get("user") for case in socket.policy.cases["ContainerCreate"] if case.body is not None)
        bounds = any(each is not None and each.value != "any" for each in users)
        named = {capability_name(str(each)) for key in ("CapAdd", "CapDrop") for each in list_of(host.get(key))}
        own_socket = socket.policy.policy.places.own_socket
        may_be_root = not is_certainly_not_root(str(config.get("User")))
        is_mapped = not (engine.security or frozenset()).isdisjoint(MAPPED)
        name = str(known.get("Name", "without a name")).removeprefix("/")
        if known and not engine.podman and named.isdisjoint({"ALL", NODES}):
            text = f"container {name} can make devices, which the engine may open"
            yield differ(f"socket {socket.name}", file, Severity.WARNING, text, "create it again")
        if known and bounds and may_be_root and not is_mapped and writes_to_host(known.get("Mounts"), own_socket):
            text = f"container {name} may be root, and writes to a bind: its set-user-id files make local users root"
            yield differ(f"socket {socket.name}", file, Severity.WARNING, text, "create it again")


Make = Callable[..., Finding]
"""Makes a finding about one line, from a severity, a text and a hint."""


def _compare_case(engine: Engine, exists: "Exists", operation: Operation, case: Case, make: Make) -> Iterator[Finding]:
    lack = _find_lack(engine, operation)
    if lack:
        if not case.source.word.startswith(PRESET):  # Presets are for both engines.
            yield make(Severity.NOTE, lack)
        return
    for condition in case.conditions:
        yield from _find_ignored(engine, operation, condition, make)
        yield from _find_missing(exists, condition, make)


def _find_newer(engine: Engine, file: str) -> Iterator[Finding]:
    """Find an engine that is newer than the tables, whose new fields are denied."""
    if not engine.api:
        text = "its API version is unknown"
        yield differ("engine", file, Severity.WARNING, text, "is it Docker or Podman?")
    covered = read_number(PODMAN_API if engine.podman else DOCKER_API)
    own = engine.podman or engine.api
    if own > covered:
        what = "Podman" if engine.podman else "API"
        text = f"{what} {_say(own)} is newer than {_say(covered)}, the newest known version: its new fields are denied"
        yield differ("engine", file, Severity.WARNING, text, "update dockerproxy")
    if engine.security is not None and "seccomp" not in engine.security:
        text = "its containers have no seccomp filter"
        yield differ("engine", file, Severity.WARNING, text, "run it on a kernel with seccomp")


def _say(number: Number) -> str:
    return ".".join(map(str, number))


def _find_lack(engine: Engine, operation: Operation) -> str:
    """Return why an engine lacks an operation; empty if it may have it."""
    if operation.section.startswith("libpod/") and not engine.podman:
        return f"{operation.section} has no effect: this engine is Docker"
    if operation.section in _SWARM and engine.podman:
        return f"{operation.section} has no effect: this engine is Podman"
    if operation.section in _OF_MANAGERS and not (engine.in_swarm or engine.podman):
        return f"{operation.section} has no effect: this engine manages no swarm"
    return ""


def _find_ignored(engine: Engine, operation: Operation, condition: Condition, make: Make) -> Iterator[Finding]:
    """Find a condition whose fields are all newer than the engine, which ignores them.

    Podman is skipped, because its support of Docker's fields does not follow the API version.
    """
    own = () if engine.podman else engine.api
    if own and is_of_body(operation, condition.word):
        fields = (each for each in BODIES[operation.name].fields if condition.word in each.words)
        needed = [read_number(each.since) for each in fields]
        if needed and min(needed) > own:
            text = f"{condition.word} of {operation.name} is ignored: it needs {_say(min(needed))}, this is {_say(own)}"
            yield make(Severity.WARNING, text, "update the engine, or do not rely on it")


# Objects

_KINDS: Final[Mapping[str, tuple[Kind, str, Severity]]] = {
    "containers": (Kind.CONTAINER, "ContainerInspect", Severity.WARNING),
    "networks": (Kind.NETWORK, "NetworkInspect", Severity.WARNING),
    "volumes": (Kind.VOLUME, "VolumeInspect", Severity.WARNING),
    "services": (Kind.SERVICE, "ServiceInspect", Severity.WARNING),
    "pods": (Kind.POD, "PodInspectLibpod", Severity.WARNING),
    "secrets": (Kind.SECRET, "SecretInspect", Severity.WARNING),
    "configs": (Kind.CONFIG, "ConfigInspect", Severity.WARNING),
    "images": (Kind.IMAGE, "ImageInspect", Severity.NOTE),
}
"""For each word that names objects: their kind, the operation that reads one, and the severity of a missing one.
Missing images are pulled when needed."""

_ALWAYS: Final = frozenset({"none", "default", "bridge", "host", "podman"})
"""Networks, or words for none, that always exist."""

Exists = Callable[[str, Condition], bool]


def _find_missing(exists: Exists, condition: Condition, make: Make) -> Iterator[Finding]:
    """Find names in a condition without an object. Patterns are skipped, because matching objects may come later."""
    if condition.word not in _KINDS or not isinstance(condition.value, tuple):
        return
    kind, _, severity = _KINDS[condition.word]
    for item in items_of(condition.value):
        one = Condition(condition.constraint, (item,))
        if is_literal(item) and item not in _ALWAYS and not exists(condition.word, one):
            yield make(severity, f'there is no {kind} "{item}"')


def _exists(ask_engine: Ask, word: str, condition: Condition) -> bool:
    """Whether the engine has an object that a condition on one name admits; True if unknown."""
    kind, asks, _ = _KINDS[word]
    version = _LIBPOD if asks.endswith("Libpod") else ""
    (name,) = items_of(condition.value)
    lookup = ask(kind, name, version, OPERATIONS[asks])
    status, content = ask_engine(lookup.target)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
        return False
    found = read_object(lookup, content, version) if status == HTTPStatus.OK else None
    return found is None or condition.matches(get_object(found))
