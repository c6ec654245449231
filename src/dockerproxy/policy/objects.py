"""Objects that a request names: which object the engine would act on, and how to find out.

Clients may name a container by an ID prefix, a network by its ID, and an exec only by its ID. A condition is decided on
the object itself, so the engine is asked what a name means. The request is forwarded with the full ID of the judged
object, so that a renamed or recreated object cannot take its place.

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
from dockerproxy.owner_labels import NEW
from dockerproxy.policy.references import Reference, parse_reference, with_default_tag
from dockerproxy.text import fold

_DIGITS: Final = 12
"""Digits of an ID in a message."""

_FULL_ID: Final = re.compile(r"(sha256:)?[0-9a-f]{64}")


class Kind(StrEnum):
    """Kind of an object."""

    CONTAINER = "container"
    IMAGE = "image"
    REMOTE_IMAGE = "image of a registry"
    NETWORK = "network"
    VOLUME = "volume"
    SERVICE = "service"
    POD = "pod"
    EXEC = "exec"
    TASK = "task"
    SECRET = "secret"  # noqa: S105 (a kind of object)
    CONFIG = "config"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class ResolvedObject:
    """An object, as the engine describes it.

    Attributes:
        id: The full ID for the forwarded request, or the name if the object has none.
        names: All names by which it is judged; normalised references of an image, names of an exec's container.
        every: The operation acts on all its names, so a condition must hold for each.
        subject: ID of the object by which it is judged: an exec's container, a task's service, else its own.
        belongs_to: Its owner, by the stamp; `NEW` if it does not exist yet, and will belong to its creator.
        document: The engine's description, with lowercase keys; empty if it does not exist.
        labels: Its labels, or those of the object by which it is judged.
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
    """A question to the engine that must be answered before a request can be judged.

    Attributes:
        kind: Kind of the object.
        name: As the client spells it.
        target: Target of the GET request.
        operation: The client's operation.
        acts_on: ID of the exec or task that the answer is about, once known.
        document: The engine's description of that exec or task.
        of: A known container, if the answer is about its image; otherwise None.
        others: Further lookups for the same body.
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
    **{kind: f"{kind}s" for kind in Kind if kind is not Kind.ENGINE},
    Kind.REMOTE_IMAGE: "distribution",
    Kind.EXEC: "exec",
}
"""Path segment before the name in a lookup."""

WORDS: Final = {**_SECTIONS, Kind.REMOTE_IMAGE: "images", Kind.EXEC: "containers", Kind.TASK: "services"}
"""The word of the condition on an object. An exec is judged by its container, a task by its service."""

_KINDS: Final = {section: kind for kind, section in _SECTIONS.items()}
"""Kinds by that segment."""

OWNED: Final[Mapping[Kind, str]] = {Kind.EXEC: "containerid", Kind.TASK: "serviceid"}
"""Objects that are judged by another object, with the field that names it. That object is looked up too."""

_SHORT: Final = frozenset({Kind.NETWORK, Kind.VOLUME, Kind.SERVICE, Kind.TASK, Kind.SECRET, Kind.CONFIG})
"""Docker inspects these without `/json` after the name; Podman's own API always has it."""

_NAMELESS: Final = frozenset({"ImageResolveLibpod"})
"""They take names that need not exist."""

SENDING: Final = frozenset({"ImagePush"})
"""They push an image to a registry. Without a condition on the image, none is pushed."""

NAMING: Final = {"ImageGetAll": "names", "ImageExportLibpod": "references"}
"""They save any number of images that a parameter names. The archive contains those names."""

SAVING: Final = frozenset({*NAMING, "ImageGet", "ImageGetLibpod"})

BY_REFERENCE: Final = SAVING | {"ImagePush", "ImageDelete", "ImageDeleteLibpod", "ImagePushLibpod"}
"""They act on the reference in the request, if any: of an image's two names, only one is deleted."""

BY_NAME: Final = frozenset({"VolumeDelete", "VolumeDeleteLibpod"})
"""They remove a volume, which has no ID. Podman takes a volume with this prefix if none has the exact name."""

VOLUME_PRUNES: Final = frozenset({"VolumePrune", "VolumePruneLibpod"})
SWEEPING: Final = VOLUME_PRUNES | {"SystemPruneLibpod", "KubePlayDownLibpod", "PlayKubeDownLibpod"}
"""They may remove volumes that no path names."""

NETWORK_REMOVALS: Final = frozenset({"NetworkDelete", "NetworkDeleteLibpod"})
"""They remove a network. Engines keep its name in containers that will join it."""

EVERY: Final = frozenset({"ImageUntagLibpod"})
"""They may act on other names first than those in the request."""

_REACHING: Final = read_rows("reaching", 3)
REACHING: Final = {
    name: tuple(parameter for parameter, _, names in _REACHING if name in names.split(" "))
    for name in " ".join(names for _, _, names in _REACHING).split(" ")
}
"""Parameters with which an engine acts on more than the named object, by operation.

Docker acts on directories of the host. Podman acts on all containers, on those that depend on the object or use it,
on one to compare with, on an archive in the body, or on a registry.
"""

SWITCHES: Final = frozenset(parameter for parameter, kind, _ in _REACHING if kind == "switch")
"""The switches among them have no effect if false. Every value of the others names something."""

VOLUME_CREATE: Final = "VolumeCreate"
SERVICES: Final = frozenset({"ServiceCreate", "ServiceUpdate"})

MOUNTING: Final = SERVICES | {"ContainerCreate"}
"""Operations that mount volumes. Podman's own API is not among them: it does not fill volumes from outside."""

RUNNING: Final = "running"

ANONYMOUS: Final = "com.docker.volume.anonymous"
"""Docker's label of anonymous volumes, except those of mounts."""

TASK: Final = "com.docker.swarm.task.id"
"""A label that a swarm sets on each container of a service, replacing the client's."""

GIVING: Final = frozenset({"ContainerRename", "ContainerRenameLibpod", "ImageTag", "ImageTagLibpod"})
"""They give an object a name, by which grants may list it. An image's name is moved from its previous image."""


def _find_kind(operation: Operation) -> Kind | None:
    before, brace, _ = operation.path.partition("{")
    section = operation.section.removeprefix("libpod/")
    if not brace or not before.endswith(f"/{section}/") or operation.name in _NAMELESS:
        return None
    return _KINDS.get(section)


KINDS: Final[Mapping[str, Kind]] = {
    name: kind for name, operation in OPERATIONS.items() if (kind := _find_kind(operation)) is not None
}
"""The kind of the object in an operation's path, if conditions can be about it."""

INSPECTIONS: Final = frozenset(
    name
    for name, kind in KINDS.items()
    if OPERATIONS[name].method == "GET"
    and OPERATIONS[name].path.endswith("}" if kind in _SHORT and not is_libpod(OPERATIONS[name]) else "}/json")
)
"""Operations that only answer a lookup of their object."""

EXEC: Final = "ContainerExec"
BUILD: Final = "ImageBuild"
PULL: Final = "ImageCreate"
PUSH: Final = "ImagePush"
TAGGING: Final = "ImageTag"
REMOVAL: Final = "ImageDelete"

OWN: Final = "own"
LABELLED: Final = "labelled"
"""Words about an object's owner and labels, independent of its name."""

OBJECT_WORDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    **{kind: (word, OWN, LABELLED) for kind, word in WORDS.items()},
    Kind.IMAGE: (WORDS[Kind.IMAGE], LABELLED),
    Kind.REMOTE_IMAGE: (WORDS[Kind.REMOTE_IMAGE],),
    Kind.POD: (WORDS[Kind.POD], LABELLED),
}
"""Words of conditions on each kind of object, with that for its name first. Images and pods have no owner."""


@cache
def words_of_object(name: str) -> tuple[str, ...]:
    """Return the words of conditions on the object in an operation's path; empty if there is none."""
    if name not in KINDS:
        return ()
    words, is_image = OBJECT_WORDS[KINDS[name]], KINDS[name] is Kind.IMAGE
    left_out = {LABELLED} if is_image and name in BY_REFERENCE | EVERY | GIVING else set()
    words = (*words, "tags") if name == REMOVAL else words
    return tuple(word for word in words if word not in left_out)


def list_switches(name: str) -> tuple[str, ...]:
    """Return the switches that make an operation act on more than the named object."""
    return tuple(parameter for parameter in REACHING.get(name, ()) if parameter in SWITCHES)


def find_object(request: CanonicalRequest) -> ResolvedObject | Lookup | None:
    """Return the object of a request, or the lookup that finds it; None if there is none, or its name is unclear."""
    operation = request.operation
    if operation.name not in KINDS:
        return None
    kind, name = KINDS[operation.name], name_in(request.path, operation)
    if kind is Kind.REMOTE_IMAGE or operation.name == "ImagePush":
        return find_reference(request)
    return ask(kind, name, request.version, operation)


def find_reference(request: CanonicalRequest) -> ResolvedObject | None:
    """Return an image by the reference in a path and a tag parameter: one in a registry, or one to push."""
    reference, tags = parse_reference(name_in(request.path, request.operation)), certain_values(request, "tag")
    is_push = request.operation.name == "ImagePush"
    if reference is None or tags is None or len(tags) > 1:
        return None
    if tags and (reference.tag or reference.digest or not is_push):  # Only a push has a tag outside the name.
        return None
    if is_push:
        whole = parse_reference(f"{reference.name}:{tags[0]}") if tags else reference
        # Without a tag, the engine pushes all images of that name.
        if whole is None or not whole.tag:
            return None
        return ResolvedObject(str(reference), (str(whole),))
    reference = with_default_tag(reference)
    return ResolvedObject(str(reference), (str(reference),))


def ask(kind: Kind, name: str, version: str, operation: Operation) -> Lookup:
    """Return the lookup for a name."""
    libpod = "/libpod" if is_libpod(operation) else ""
    path = f"{libpod}/{_SECTIONS[kind]}/{name}{'/json' if libpod or kind not in _SHORT else ''}"
    path = quote(path, safe="/:@")  # A name from a body may contain any characters.
    return Lookup(kind, name, f"/{version}{path}" if version else path, operation)


def join_lookups(lookups: Iterable[Lookup]) -> Lookup | None:
    """Join independent lookups into one, without duplicates; None if there are none."""
    by_target = {lookup.target: lookup for lookup in lookups}
    if not by_target:
        return None
    first, *others = by_target.values()
    return replace(first, others=tuple(others))


def missing(lookup: Lookup) -> ResolvedObject:
    """Return the object by which an unknown name is judged: the name itself."""
    spelled = parse_reference(lookup.name) if lookup.kind is Kind.IMAGE else None
    name = str(with_default_tag(spelled)) if spelled is not None else lookup.name
    named = lookup.kind not in OWNED and not lookup.acts_on
    return ResolvedObject(lookup.name, (name,) if named else (), belongs_to=NEW)


def list_names(found: ResolvedObject) -> tuple[str, ...]:
    """Return what reveals an object in a message: its names, and the beginnings of its IDs."""
    return (*found.names, found.id[:_DIGITS], found.subject[:_DIGITS])


def show_said(said: bytes, found: ResolvedObject, spelled: str) -> ResolvedObject:
    """Return an object as a client knows it that spells it like this, and said some of its names."""
    names = tuple(name for name in found.names if name.encode() in said)
    document = {key: value for key, value in found.document.items() if key != "name" or str(value).encode() in said}
    return replace(found, id=spelled, names=names, subject=found.subject and spelled, document=document)


def get_object(found: ResolvedObject | Lookup) -> ResolvedObject:
    """Return an object, also if its owner must still be looked up."""
    return found if isinstance(found, ResolvedObject) else found.of or ResolvedObject("", ())


def is_full_id(name: str) -> bool:
    """Whether a name is a full ID, which cannot be guessed."""
    return _FULL_ID.fullmatch(name) is not None


def name_in(path: str, operation: Operation) -> str:
    """Return the part of a path at the operation's first parameter."""
    before, _, rest = operation.path.partition("{")
    after = rest.partition("}")[2]
    if "{" in after:
        return path[len(before) :].partition("/")[0]
    return path[len(before) : len(path) - len(after)]


def with_name(request: CanonicalRequest, operation: Operation, name: str) -> CanonicalRequest:
    """Return a request with another name for its object."""
    before = operation.path.partition("{")[0]
    after = request.path[len(before) + len(name_in(request.path, operation)) :]
    return request._replace(path=f"{before}{name}{after}")


def goes_on_as(request: CanonicalRequest, found: ResolvedObject) -> str:
    """Return the name for the forwarded request: the object's ID, or the name of a network to remove.

    Podman compares the argument with the names of containers' networks (network.go, NetworkRm). With an ID, it would
    remove a network in use, and with `force` keep its containers. The name of an owned network is held meanwhile. An
    unowned one is forwarded by name if the client used it.
    """
    is_named = bool(found.belongs_to) or name_in(request.path, request.operation) in found.names
    return found.names[0] if request.operation.name in NETWORK_REMOVALS and is_named and found.names else found.id


def with_query(request: CanonicalRequest, values: Mapping[str, tuple[str, ...]]) -> CanonicalRequest:
    """Return a request with other values of some parameters: as many as before or fewer. The rest is removed."""
    left = {name: iter(those) for name, those in values.items()}
    query = ((name, next(left[name], None) if name in left else value) for name, value in request.query)
    return request._replace(query=tuple((name, value) for name, value in query if value is not None))


def with_fixed(request: CanonicalRequest, fixed: Mapping[str, str]) -> CanonicalRequest:
    """Return a request with fixed values of some parameters. Empty ones are removed."""
    kept = tuple(pair for pair in request.query if fold(pair[0]) not in fixed)
    return request._replace(query=(*kept, *(pair for pair in fixed.items() if pair[1])))


def new_name(request: CanonicalRequest) -> str:
    """Return the new name that an operation of `GIVING` would give its object; empty if uncertain."""
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
    """Read a reference with its tag or digest in a parameter; None if there are two tags, or it is invalid."""
    reference = parse_reference(name)
    if reference is None or not tag:
        return reference
    return None if reference.tag or reference.digest else parse_reference(f"{name}{'@' if ':' in tag else ':'}{tag}")


def is_whole(name: str, reference: Reference) -> bool:
    """Whether a reference contains its registry. Podman's own API resolves others with a list of registries."""
    return name.startswith(reference.name)


def certain_values(request: CanonicalRequest, parameter: str) -> tuple[str, ...] | None:
    """Return a parameter's values; None if it also occurs in other capitalisation, which only Podman reads."""
    folded = fold(parameter)
    if any(name != parameter and fold(name) == folded for name, _ in request.query):
        return None
    return request.values(folded)
