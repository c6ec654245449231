"""Objects that a request names: what the engine would act on, and how to find out.

A client may name a container by an id prefix or a network by its id, and an exec by nothing but its id. A condition
is decided on the object itself, so the engine is asked what a name means, and the request goes on under the full id of
what was judged: an object that is renamed or made anew in between cannot slip in.

Attacks: docs/attacks.md, policy/objects.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from typing import Final
from urllib.parse import quote

from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.api.podman import is_libpod
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.api.rows import read_rows
from dockerproxy.policy.references import Reference, parse_reference, with_default_tag
from dockerproxy.policy.stamps import NEW
from dockerproxy.text import fold

_FULL_ID: Final = re.compile(r"(sha256:)?[0-9a-f]{64}")


class Kind(StrEnum):
    """What an object is."""

    CONTAINER = "container"
    IMAGE = "image"
    REMOTE_IMAGE = "image of a registry"
    NETWORK = "network"
    VOLUME = "volume"
    SERVICE = "service"
    POD = "pod"
    EXEC = "exec"
    TASK = "task"
    SECRET = "secret"  # noqa: S105 (it is what the object is called)
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class ResolvedObject:
    """An object, as the engine knows it.

    Attributes:
        id: What the request goes on under: the full id, or the name of what has none.
        names: All names it is judged by; of an image its normalised references, of an exec those of its container.
        every: Whether the operation acts on all its names, so that a condition must hold for each.
        subject: Id of what it is judged by: of an exec its container, of a task its service, else its own.
        belongs_to: Who created it, by its stamp; `NEW` if there is no such object, so that whoever makes it does.
        document: What the engine says of it, keys in small letters; empty if there is no such object.
        labels: Of it, or of what it is judged by.
    """

    id: str
    names: tuple[str, ...]
    every: bool = False
    subject: str = ""
    belongs_to: str = field(default="", compare=False)
    document: Mapping[str, object] = field(default_factory=dict, compare=False)
    labels: Mapping[str, object] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the engine must be asked before a request can be judged.

    Attributes:
        kind: Of the object.
        name: As the client spells it.
        target: Of the GET that answers it.
        operation: The client's.
        acts_on: Id of the exec or task the answer is about, once that is known.
        document: What the engine said of that exec or task.
        of: The container whose image the answer is about, of which all else is known; None if it is about no such.
        others: Further ones that the same body raises.
    """

    kind: Kind
    name: str
    target: str
    operation: Operation
    acts_on: str = ""
    document: Mapping[str, object] = field(default_factory=dict, compare=False)
    of: ResolvedObject | None = field(default=None, compare=False)
    others: "tuple[Lookup, ...]" = field(default=(), compare=False)


_SECTIONS: Final[Mapping[Kind, str]] = {
    **{kind: f"{kind}s" for kind in Kind},
    Kind.REMOTE_IMAGE: "distribution",
    Kind.EXEC: "exec",
}
"""The segment in front of the name, where to ask for an object."""

WORDS: Final = {**_SECTIONS, Kind.REMOTE_IMAGE: "images", Kind.EXEC: "containers", Kind.TASK: "services"}
"""What the condition on an object is called. An exec is judged by its container, a task by its service."""

_KINDS: Final = {section: kind for kind, section in _SECTIONS.items()}
"""By that segment."""

OWNED: Final[Mapping[Kind, str]] = {Kind.EXEC: "containerid", Kind.TASK: "serviceid"}
"""Kinds of objects that are judged by what they belong to, with the field that names it. It is asked about as well."""

_SHORT: Final = frozenset({Kind.NETWORK, Kind.VOLUME, Kind.SERVICE, Kind.TASK, Kind.SECRET, Kind.CONFIG})
"""Docker inspects these without `/json` after the name; Podman's own API always has it."""

_NAMELESS: Final = frozenset({"ImageResolveLibpod"})
"""They take words that need not name anything."""

SENDING: Final = frozenset({"ImagePush"})
"""They send an image to a registry. Without a condition on it, none is sent."""

NAMING: Final = {"ImageGetAll": "names", "ImageExportLibpod": "references"}
"""They save images that a parameter names, any number of them. In the archive each has that name."""

SAVING: Final = frozenset({*NAMING, "ImageGet", "ImageGetLibpod"})

BY_REFERENCE: Final = SAVING | {"ImagePush", "ImageDelete", "ImageDeleteLibpod", "ImagePushLibpod"}
"""They act on the reference that the client names, if it names one: of two names of an image only one is deleted."""

BY_NAME: Final = frozenset({"VolumeDelete", "VolumeDeleteLibpod"})
"""They remove a volume, which has no id: Podman the one whose name begins so, if there is none of that very name."""

VOLUME_PRUNES: Final = frozenset({"VolumePrune", "VolumePruneLibpod"})
SWEEPING: Final = VOLUME_PRUNES | {"SystemPruneLibpod", "KubePlayDownLibpod", "PlayKubeDownLibpod"}
"""They may remove volumes that no path names."""

NETWORK_REMOVALS: Final = frozenset({"NetworkDelete", "NetworkDeleteLibpod"})
"""They remove a network, whose name engines keep for the containers that were to join it."""

EVERY: Final = frozenset({"ImageUntagLibpod"})
"""They may act on names that the request does not name first."""

_REACHING: Final = read_rows("reaching", 3)
REACHING: Final = {
    name: tuple(parameter for parameter, _, names in _REACHING if name in names.split(" "))
    for name in " ".join(names for _, _, names in _REACHING).split(" ")
}
"""By operation, the parameters with which an engine acts on more than the named object.

Docker acts on directories of the host; Podman on all containers, on those that depend on it or use it, on one it is
compared with, on an archive in the body, on a registry.
"""

SWITCHES: Final = frozenset(parameter for parameter, kind, _ in _REACHING if kind == "switch")
"""Those of them that say nothing if they are false; any value of the others names something."""

VOLUME_CREATE: Final = "VolumeCreate"
SERVICES: Final = frozenset({"ServiceCreate", "ServiceUpdate"})

MOUNTING: Final = SERVICES | {"ContainerCreate"}
"""Operations that mount volumes. Podman's own are not among them: it does not fill volumes from outside."""

RUNNING: Final = "running"

ANONYMOUS: Final = "com.docker.volume.anonymous"
"""The label that Docker puts on volumes without a name, but not on those of mounts."""

TASK: Final = "com.docker.swarm.task.id"
"""A label that a swarm puts on each container of a service, over any that the client sent."""

GIVING: Final = frozenset({"ContainerRename", "ContainerRenameLibpod", "ImageTag", "ImageTagLibpod"})
"""They give the object a name, by which others may be granted; one of an image is taken from the one that has it."""


def _find_kind(operation: Operation) -> Kind | None:
    before, brace, _ = operation.path.partition("{")
    section = operation.section.removeprefix("libpod/")
    if not brace or not before.endswith(f"/{section}/") or operation.name in _NAMELESS:
        return None
    return _KINDS.get(section)


KINDS: Final[Mapping[str, Kind]] = {
    name: kind for name, operation in OPERATIONS.items() if (kind := _find_kind(operation)) is not None
}
"""For each operation whose path names an object that a condition can speak of: what it is."""

INSPECTIONS: Final = frozenset(
    name
    for name, kind in KINDS.items()
    if OPERATIONS[name].method == "GET"
    and OPERATIONS[name].path.endswith("}" if kind in _SHORT and not is_libpod(OPERATIONS[name]) else "}/json")
)
"""Operations that answer a lookup of their object, and nothing else."""

BUILD: Final = "ImageBuild"
PULL: Final = "ImageCreate"
TAGGING: Final = "ImageTag"
REMOVAL: Final = "ImageDelete"

OWN: Final = "own"
LABELLED: Final = "labelled"
"""Words about whose an object is, and how it is labelled, whatever it is called."""

OBJECT_WORDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    **{kind: (WORDS[kind], OWN, LABELLED) for kind in Kind},
    Kind.IMAGE: (WORDS[Kind.IMAGE], LABELLED),
    Kind.REMOTE_IMAGE: (WORDS[Kind.REMOTE_IMAGE],),
    Kind.POD: (WORDS[Kind.POD], LABELLED),
}
"""For each kind of object the words of conditions that speak of it: of its name first. No image or pod has an owner."""


@cache
def words_of_object(name: str) -> tuple[str, ...]:
    """Return the words of conditions on the object that an operation names; nothing if it names none."""
    if name not in KINDS:
        return ()
    words, is_image = OBJECT_WORDS[KINDS[name]], KINDS[name] is Kind.IMAGE
    left_out = {LABELLED} if is_image and name in BY_REFERENCE | EVERY | GIVING else set()
    words = (*words, "tags") if name == REMOVAL else words
    return tuple(word for word in words if word not in left_out)


def list_switches(name: str) -> tuple[str, ...]:
    """Return the parameters that say whether an operation acts on more than the object that it names."""
    return tuple(parameter for parameter in REACHING.get(name, ()) if parameter in SWITCHES)


def find_object(request: CanonicalRequest) -> ResolvedObject | Lookup | None:
    """Return the object a request names, or what to ask the engine to know it.

    None if the operation names no object, or names it so that it cannot be known.
    """
    operation = request.operation
    if operation.name not in KINDS:
        return None
    kind, name = KINDS[operation.name], name_in(request.path, operation)
    if kind is Kind.REMOTE_IMAGE or operation.name == "ImagePush":
        return find_reference(request)
    return ask(kind, name, request.version, operation)


def find_reference(request: CanonicalRequest) -> ResolvedObject | None:
    """Return an image by the reference that a path has, beside its tag: one in a registry, or one to be sent there."""
    reference, tags = parse_reference(name_in(request.path, request.operation)), certain_values(request, "tag")
    is_push = request.operation.name == "ImagePush"
    if reference is None or tags is None or len(tags) > 1:
        return None
    if tags and (reference.tag or reference.digest or not is_push):  # What is no push knows no tag beside the name.
        return None
    if is_push:
        whole = parse_reference(f"{reference.name}:{tags[0]}") if tags else reference
        # Without a tag the engine sends every image of that name.
        if whole is None or not whole.tag:
            return None
        return ResolvedObject(str(reference), (str(whole),))
    reference = with_default_tag(reference)
    return ResolvedObject(str(reference), (str(reference),))


def ask(kind: Kind, name: str, version: str, operation: Operation) -> Lookup:
    """Return what to ask the engine to know what a name means."""
    libpod = "/libpod" if is_libpod(operation) else ""
    path = f"{libpod}/{_SECTIONS[kind]}/{name}{'/json' if libpod or kind not in _SHORT else ''}"
    path = quote(path, safe="/:@")  # A name that stands in a body may be of any characters.
    return Lookup(kind, name, f"/{version}{path}" if version else path, operation)


def join_lookups(lookups: Iterable[Lookup]) -> Lookup | None:
    """Return lookups that do not depend on each other as one, each of them once; None if there are none."""
    by_target = {lookup.target: lookup for lookup in lookups}
    if not by_target:
        return None
    first, *others = by_target.values()
    return replace(first, others=tuple(others))


def missing(lookup: Lookup) -> ResolvedObject:
    """Return what a name that means nothing to the engine is judged by: itself."""
    spelled = parse_reference(lookup.name) if lookup.kind is Kind.IMAGE else None
    name = str(with_default_tag(spelled)) if spelled is not None else lookup.name
    named = lookup.kind not in OWNED and not lookup.acts_on
    return ResolvedObject(lookup.name, (name,) if named else (), belongs_to=NEW)


def get_object(found: ResolvedObject | Lookup) -> ResolvedObject:
    """Return what is said of an object, also where the engine must still be asked whose it is."""
    return found if isinstance(found, ResolvedObject) else found.of or ResolvedObject("", ())


def is_full_id(name: str) -> bool:
    """Whether a name is a whole id, which nobody guesses."""
    return _FULL_ID.fullmatch(name) is not None


def name_in(path: str, operation: Operation) -> str:
    """Return what stands in a path in place of the operation's first parameter."""
    before, _, rest = operation.path.partition("{")
    after = rest.partition("}")[2]
    if "{" in after:
        return path[len(before) :].partition("/")[0]
    return path[len(before) : len(path) - len(after)]


def with_name(request: CanonicalRequest, operation: Operation, name: str) -> CanonicalRequest:
    """Return a request that names its object in another way."""
    before = operation.path.partition("{")[0]
    after = request.path[len(before) + len(name_in(request.path, operation)) :]
    return request._replace(path=f"{before}{name}{after}")


def goes_on_as(request: CanonicalRequest, found: ResolvedObject) -> str:
    """Return what a request goes on under: the ID of its object, or the name of a network that it removes.

    Podman compares what it is given with the names of the networks that containers are on (network.go, NetworkRm). By
    an ID it would remove one in use, and with `force` leave the containers. The name of one that is somebody's is
    claimed meanwhile; of one of nobody's, it goes on if the client says it.
    """
    is_named = bool(found.belongs_to) or name_in(request.path, request.operation) in found.names
    return found.names[0] if request.operation.name in NETWORK_REMOVALS and is_named and found.names else found.id


def with_query(request: CanonicalRequest, values: Mapping[str, tuple[str, ...]]) -> CanonicalRequest:
    """Return a request some of whose parameters have other values, as many as before or fewer: the rest is left out."""
    left = {name: iter(those) for name, those in values.items()}
    query = ((name, next(left[name], None) if name in left else value) for name, value in request.query)
    return request._replace(query=tuple((name, value) for name, value in query if value is not None))


def with_fixed(request: CanonicalRequest, fixed: Mapping[str, str]) -> CanonicalRequest:
    """Return a request some of whose parameters have these values, or are left out if that is empty."""
    kept = tuple(pair for pair in request.query if fold(pair[0]) not in fixed)
    return request._replace(query=(*kept, *(pair for pair in fixed.items() if pair[1])))


def new_name(request: CanonicalRequest) -> str:
    """Return the name that an operation of `GIVING` would give its object; empty if that is not certain."""
    operation = request.operation
    if operation.name not in GIVING:
        return ""
    image = KINDS[operation.name] is Kind.IMAGE
    names, tags = certain_values(request, "repo" if image else "name"), certain_values(request, "tag")
    if names is None or tags is None or len(names) != 1 or len(tags) > 1:
        return ""
    if not image:
        return names[0].removeprefix("/")
    reference = join_reference(names[0], "".join(tags))
    short = is_libpod(operation) and reference is not None and not is_whole(names[0], reference)
    return "" if reference is None or short else str(with_default_tag(reference))


def join_reference(name: str, tag: str) -> Reference | None:
    """Read a reference whose tag or digest may stand in a parameter beside it; None if it has two, or is none."""
    reference = parse_reference(name)
    if reference is None or not tag:
        return reference
    return None if reference.tag or reference.digest else parse_reference(f"{name}{'@' if ':' in tag else ':'}{tag}")


def is_whole(name: str, reference: Reference) -> bool:
    """Whether a reference is spelled with its registry. Podman's own API looks others up in a list of registries."""
    return name.startswith(reference.name)


def certain_values(request: CanonicalRequest, parameter: str) -> tuple[str, ...] | None:
    """Return the values of a parameter; None if its name is also there in other capitals, which only Podman reads."""
    folded = fold(parameter)
    if any(name != parameter and fold(name) == folded for name, _ in request.query):
        return None
    return request.values(folded)
