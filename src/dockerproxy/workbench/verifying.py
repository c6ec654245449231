"""Compare a policy with an engine: its version, what it confines, and the objects that conditions name.

The engine is only asked to read. What it says is not trusted: a text is shown escaped, and an answer that is no JSON
object counts as empty (test: test_an_answer_that_makes_no_sense_is_no_crash).
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
from dockerproxy.policy.compile import Case
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.objects import Kind, ask, get_object
from dockerproxy.policy.subtrees import SINCE
from dockerproxy.policy.values import is_literal, items_of
from dockerproxy.policy.vocabulary import is_of_body
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.settings import SocketSettings
from dockerproxy.version import DOCKER_API, PODMAN_API
from dockerproxy.wire.document import list_of, object_of
from dockerproxy.workbench.findings import Finding, Severity, differ, place_of_source

Ask = Callable[[str], tuple[int, bytes]]
"""Sends the engine a GET for a target; returns the status and the content."""

Number = tuple[int, ...]

_LIBPOD: Final = "v4.0.0"
_SWARM: Final = frozenset({"configs", "nodes", "plugins", "services", "swarm", "tasks"})
"""Sections that Podman has nothing of."""

_CREATES: Final = frozenset({"ContainerCreate", "ContainerCreateLibpod"})

_OF_MANAGERS: Final = frozenset({"configs", "nodes", "secrets", "services", "tasks"})
"""Sections for which Docker must manage a swarm."""


class Engine(NamedTuple):
    """What an engine says of itself: a name like `Docker 26.1.5`, versions, and where it keeps its data.

    Its security is what confines containers: `seccomp`, `rootless`, `userns`; None if it does not say.
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
            return f"{start}, of unknown confinement"
        who = "rootless" if "rootless" in self.security else "as root"
        spaces = "with" if self.security & {"rootless", "userns"} else "without"
        return f"{start}, {who}, {spaces} user namespaces"


def read_engine(ask_engine: Ask) -> Engine:
    """Ask an engine what it is. An `OSError` says that it does not answer."""
    version, info = (object_of(read(ask_engine, target)) for target in ("/version", "/info"))
    is_podman = _is_podman(version)
    options = info.get("SecurityOptions")
    # Like `name=seccomp,profile=builtin`.
    security = frozenset(str(each).partition(",")[0].removeprefix("name=") for each in list_of(options))
    return Engine(
        name=f"{'Podman' if is_podman else 'Docker'} {version.get('Version', 'of no version')}",
        api=read_number(version.get("ApiVersion")),
        podman=read_number(version.get("Version")) if is_podman else (),
        security=security if isinstance(options, list) else None,
        folder=str(info.get("DockerRootDir", "")),
        in_swarm=object_of(info.get("Swarm")).get("ControlAvailable") is True,
    )


def find_podman(ask_engine: Ask) -> bool | None:
    """Ask an engine whether it is Podman; None if it does not say. An `OSError` says that it does not answer."""
    version = object_of(read(ask_engine, "/version"))
    return _is_podman(version) if read_number(version.get("ApiVersion")) else None


def _is_podman(version: Mapping[str, object]) -> bool:
    parts = map(object_of, list_of(version.get("Components")))
    return any(str(part.get("Name")).startswith("Podman") for part in parts)


def read(ask_engine: Ask, target: str) -> object:
    """Ask an engine for a document; return None for what is no JSON."""
    try:
        return json.loads(ask_engine(target)[1])
    except (ValueError, RecursionError):
        return None


def read_number(text: object) -> Number:
    """Read the first two numbers of a version; none if it is not one."""
    found = re.match(r"([0-9]{1,4})\.([0-9]{1,4})", text) if isinstance(text, str) else None
    return (int(found[1]), int(found[2])) if found else ()


def compare(sockets: tuple[SocketSettings, ...], engine: Engine, ask_engine: Ask, file: str) -> Iterator[Finding]:
    """Yield what the policies of some sockets, of a file, have that an engine has not."""
    yield from _find_newer(engine, file)
    creates = any(socket.policy.allows(name) for socket in sockets for name in _CREATES)
    if engine.podman and creates and "rootless" not in (engine.security or ()):
        text = (
            "it opens files of a container, like /etc/passwd, from outside as root: no proxy holds a hostile container"
        )
        yield differ("engine", file, Severity.NOTE, text, "give each hostile client a rootless one")
    exists = cache(partial(_exists, ask_engine))
    for socket in sockets:
        if socket.policy.policy.places.has_parts and (engine.podman or engine.api < SINCE[:2]):
            text = "binds below a directory need Docker 26, API 1.45: this engine gets none of them"
            yield differ(f"socket {socket.name}", file, Severity.WARNING, text, "let binds list the directory alone")
        for name, cases in socket.policy.cases.items():
            for case in cases if name in OPERATIONS else ():
                make = partial(differ, f"socket {socket.name}", place_of_source(file, case.decision.source))
                yield from _compare_case(engine, exists, OPERATIONS[name], case, make)


Make = Callable[..., Finding]
"""Makes a finding about one line: of its level, what is the matter, and a hint."""


def _compare_case(engine: Engine, exists: "Exists", operation: Operation, case: Case, make: Make) -> Iterator[Finding]:
    lack = _find_lack(engine, operation)
    if lack:
        if not case.decision.source.startswith(PRESET):  # Presets are for either engine.
            yield make(Severity.NOTE, lack)
        return
    for condition in case.conditions:
        yield from _find_ignored(engine, operation, condition, make)
        yield from _find_missing(exists, condition, make)


def _find_newer(engine: Engine, file: str) -> Iterator[Finding]:
    """Find an engine that is newer than the tables: what is new in it is refused."""
    if not engine.api:
        text = "it does not say which version of the API it has"
        yield differ("engine", file, Severity.WARNING, text, "is it Docker or Podman?")
    covered = read_number(PODMAN_API if engine.podman else DOCKER_API)
    own = engine.podman or engine.api
    if own > covered:
        what = "Podman" if engine.podman else "API"
        text = (
            f"{what} {_say(own)} is newer than {_say(covered)}, up to which its fields are known: new ones are denied"
        )
        yield differ("engine", file, Severity.WARNING, text, "update dockerproxy")
    if engine.security is not None and "seccomp" not in engine.security:
        text = "no seccomp filter confines its containers"
        yield differ("engine", file, Severity.WARNING, text, "run it on a kernel with seccomp")


def _say(number: Number) -> str:
    return ".".join(map(str, number))


def _find_lack(engine: Engine, operation: Operation) -> str:
    """Say why an engine has no such operation, or nothing if it may."""
    if operation.section.startswith("libpod/") and not engine.podman:
        return f"{operation.section} has no effect: this engine is Docker"
    if operation.section in _SWARM and engine.podman:
        return f"{operation.section} has no effect: this engine is Podman"
    if operation.section in _OF_MANAGERS and not (engine.in_swarm or engine.podman):
        return f"{operation.section} has no effect: this engine manages no swarm"
    return ""


def _find_ignored(engine: Engine, operation: Operation, condition: Condition, make: Make) -> Iterator[Finding]:
    """Find a condition all of whose fields are newer than the engine, which drops them.

    What Podman knows of Docker's API does not go by its version.
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
"""By the word that names objects: what they are, who asks for one, and how grave it is that there is none: images are
pulled when they are needed."""

_ALWAYS: Final = frozenset({"none", "default", "bridge", "host", "podman"})
"""Networks, or words for none, that need not be asked for."""

Exists = Callable[[str, Condition], bool]


def _find_missing(exists: Exists, condition: Condition, make: Make) -> Iterator[Finding]:
    """Find names in a condition that no object has. What a pattern means may come yet."""
    if condition.word not in _KINDS or not isinstance(condition.value, tuple):
        return
    kind, _, severity = _KINDS[condition.word]
    for item in items_of(condition.value):
        one = Condition(condition.constraint, (item,))
        if is_literal(item) and item not in _ALWAYS and not exists(condition.word, one):
            yield make(severity, f'there is no {kind} "{item}"')


def _exists(ask_engine: Ask, word: str, condition: Condition) -> bool:
    """Whether the engine has an object that a condition on one name admits; also if it does not say."""
    kind, asks, _ = _KINDS[word]
    version = _LIBPOD if asks.endswith("Libpod") else ""
    (name,) = items_of(condition.value)
    lookup = ask(kind, name, version, OPERATIONS[asks])
    status, content = ask_engine(lookup.target)
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
        return False
    found = read_object(lookup, content, version) if status == HTTPStatus.OK else None
    return found is None or condition.matches(get_object(found))
