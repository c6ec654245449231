"""Operations that list or prune, and how a client narrows them, where it may not see or remove everything.

Attacks: docs/attacks.md, policy/list_filters.
"""

import json
import re
from collections.abc import Mapping
from math import inf
from typing import Final, NamedTuple
from urllib.parse import quote

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import CanonicalRequest, read_version
from dockerproxy.owner_labels import OWNER
from dockerproxy.policy.descriptions import find_time, read_moment
from dockerproxy.policy.objects import ANONYMOUS, LABELLED, OBJECT_WORDS, OWN, Kind, ResolvedObject, certain_values
from dockerproxy.text import decimal, fold, lower, number
from dockerproxy.wire.document import Json, list_of, object_of, read_json

LISTS: Final[Mapping[str, Kind]] = {
    name: kind
    for kind in Kind
    for name in (f"{kind.capitalize()}List", f"{kind.capitalize()}ListLibpod")
    if name in OPERATIONS
}
"""The kind of the elements, for each operation whose answer is a list, like `ContainerList`."""

EVENTS: Final = frozenset({"SystemEvents", "SystemEventsLibpod"})
"""Operations whose answer is an endless list of events about objects of all kinds."""

PRUNED: Final[Mapping[str, tuple[Kind | None, str]]] = {
    "BuildPrune": (None, "CachesDeleted"),
    "ContainerPrune": (Kind.CONTAINER, "ContainersDeleted"),
    "ImagePrune": (None, "ImagesDeleted"),
    "NetworkPrune": (Kind.NETWORK, "NetworksDeleted"),
    "VolumePrune": (Kind.VOLUME, "VolumesDeleted"),
}
"""For each prune, the kind that it removes, and the field of the answer that lists the removed objects.

Images and build cache have no owner, so none is removed, and `docker system prune` succeeds."""

LISTED: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: OBJECT_WORDS[kind] for name, kind in LISTS.items()},
    **dict.fromkeys(sorted(EVENTS), (OWN, LABELLED)),
    **dict.fromkeys(sorted(PRUNED), (OWN,)),
}
"""Words of conditions on listed or pruned objects, by operation."""

_COUNTS: Final = ("last", "limit")
"""Parameters that limit a list's length. Values that are not positive mean all."""

_ENDLESS: Final = "1000000000"

_RELATIVE: Final = frozenset({"after", "before", "since", "after!", "before!", "since!"})
"""Filters that compare with an object. In Podman, an exclamation mark negates filters of images."""

_OF_OTHERS: Final = frozenset({"containers", "containers!", "reference!"})
"""Filters of images by their users, or by names that they lack. Both may belong to others."""

RELATIVE: Final = "may reveal hidden objects (after, before, since, containers, reference!, part of an id)"

_PART_OF_NETWORK: Final = ("network",), re.compile(r'"[0-9a-f]{1,63}"').search
_PART_OF_SWARM: Final = ("node", "service"), re.compile(r'"[0-9a-z]{0,24}"').search
_PART_OF_POD: Final = ("pod",), re.compile(r'"(?![0-9a-f]{64}")[0-9A-Fa-f%_]+"').search
_PART_OF_CONTAINER: Final = ("network",), re.compile(r'"container:(?![0-9a-f]{64}")[0-9A-Fa-f%_]+"').search
"""Filters that reveal whether any ID begins like this: Podman's of networks, and those of pods and containers, also by
wildcards of its database; and a swarm's of tasks."""

_PARTS: Final = {Kind.TASK: (_PART_OF_SWARM,), Kind.CONTAINER: (_PART_OF_POD, _PART_OF_CONTAINER)}
"""Further such filters by the kind that is listed."""

_MOST_LABELS: Final = 100
"""Labels of a filter. Each object is compared with each of them."""

UNCLEAR: Final = (
    f"is not label, until, or all for volumes from API 1.42 on, is ambiguous, or has more than {_MOST_LABELS} labels"
)

_ALL_SINCE: Final = (1, 42, 0)
"""Since this version, only anonymous volumes are removed by default (moby volume_routes.go)."""

_TRUE: Final = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "False", "FALSE"})

_DURATION: Final = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?").fullmatch


class Filters(NamedTuple):
    """The filters of a prune.

    Attributes:
        labels: Labels that an object must have, all of them, as `NAME` or `NAME=VALUE`.
        latest: Latest time of creation, in seconds since 1970.
        named: Whether named volumes are removed too.
    """

    labels: tuple[str, ...] = ()
    latest: float = inf
    named: bool = True

    def admits(self, found: ResolvedObject) -> bool:
        """Whether the filters select an object."""
        labels, pairs = found.labels, (each.partition("=") for each in self.labels)
        has_all = all(name in labels and (not equals or labels[name] == value) for name, equals, value in pairs)
        return has_all and find_time(found) <= self.latest and (self.named or ANONYMOUS in labels)


def refuse_filters(request: CanonicalRequest) -> str:
    """Explain why filters of a list or a prune cannot be applied if some objects are hidden; empty if they can."""
    if request.operation.name in PRUNED:
        return UNCLEAR if read_filters(request) is None else ""
    return RELATIVE if is_relative(request) else ""


def read_filters(request: CanonicalRequest, now: float = 0.0) -> Filters | None:
    """Read the filters of a prune at a time; None if they are ambiguous or unknown."""
    kind, _ = PRUNED[request.operation.name]
    if kind is None:
        return Filters()
    given, version = certain_values(request, "filters"), read_version(request.version)
    if given is None or len(given) > 1 or certain_values(request, "dryrun") != ():
        return None
    document = read_json(given[0].encode(errors="surrogateescape")) if any(given) else {}
    spares_named = kind is Kind.VOLUME and (version is None or version >= _ALL_SINCE)
    known = {"label", "until", "all"} if spares_named else {"label", "until"}
    if not isinstance(document, dict) or not document.keys() <= known:
        return None
    texts = {key: _read_texts(value) for key, value in document.items()}
    until, named = texts.get("until"), texts.get("all", ("false" if spares_named else "true",))
    latest = inf if until is None else _read_until(until, now)
    labels = texts.get("label", ())
    if not all(texts.values()) or latest is None or len(named) > 1 or named[0] not in _TRUE | _FALSE:
        return None
    return Filters(labels, latest, named[0] in _TRUE) if len(labels) <= _MOST_LABELS else None


def _read_texts(value: Json) -> tuple[str, ...]:
    """Read the values of a filter: a list, or a map to true. For Docker, `false` counts too; for Podman, it does not.

    Empty if the value is neither, or has no items.
    """
    if isinstance(value, dict) and not all(each is True for each in value.values()):
        return ()
    texts = tuple(value) if isinstance(value, dict | list) else ()
    return texts if all(isinstance(each, str) and each for each in texts) else ()  # type: ignore[return-value] # they are texts


def _read_until(texts: tuple[str, ...], now: float) -> float | None:
    """Read a time as Go does: a duration, seconds since 1970, or a date with its zone; None if invalid."""
    if len(texts) != 1:
        return None
    if (duration := _DURATION(texts[0])) is not None:
        hours, minutes, rest = (number(each or "") or 0 for each in duration.groups())
        return now - (hours * 3600 + minutes * 60 + rest)
    seconds = decimal(texts[0])
    return read_moment(texts[0]) if seconds is None else seconds


def is_relative(request: CanonicalRequest) -> bool:
    """Whether a list's filters compare with an object that another client may own, or cannot be read."""
    listed = LISTS.get(request.operation.name)
    parts = (_PART_OF_NETWORK, *(_PARTS.get(listed, ()) if listed is not None else ()))
    for text in request.values("filters"):
        filters = read_json(text.encode(errors="surrogateescape")) if text else {}
        if not isinstance(filters, dict) or not (_RELATIVE | _OF_OTHERS).isdisjoint(map(lower, filters)):
            return True
        for names, begins_an_id in parts:
            if any(lower(key) in names and begins_an_id(json.dumps(value)) for key, value in filters.items()):
                return True
    return False


def read_count(request: CanonicalRequest) -> int:
    """Return how many elements a client wants; 0 means all."""
    counts = [text for name in _COUNTS for text in request.values(name)]
    return min(filter(None, map(_read_number, counts)), default=0)


def _read_number(text: str) -> int | None:
    """Read a number as Go does: with a plus sign and leading zeros allowed."""
    return number(text.removeprefix("+").lstrip("0") or "0")


def without_count(request: CanonicalRequest) -> Mapping[str, tuple[str, ...]]:
    """Return replacements for the parameters that limit the length: as long as possible.

    With a limit, an engine also lists stopped containers.
    """
    names = {name for name, value in request.query if fold(name) in _COUNTS and _read_number(value)}
    return {name: (_ENDLESS,) * sum(name == each for each, _ in request.query) for name in names}


def with_label(request: CanonicalRequest, name: str, value: str) -> CanonicalRequest:
    """Add a label filter to a list request, so that the engine, not the proxy, leaves out other objects.

    Engines combine labels with AND. Filters are all lists or all maps.
    """
    others = tuple(pair for pair in request.query if fold(pair[0]) != "filters")
    given = request.values("filters")
    filters = read_json(given[0].encode(errors="surrogateescape")) if any(given) else {}
    if len(given) > 1 or request.operation.name not in LISTS or not isinstance(filters, dict):
        return request
    said, label = filters.get("label"), f"{name}={value}"
    is_map = any(isinstance(each, dict) for each in filters.values())
    if "label" in map(lower, filters) and not isinstance(said, dict if is_map else list):
        return request
    put = {**object_of(said), label: True} if is_map else [*list_of(said), label]
    text = json.dumps({**filters, "label": put}, separators=(",", ":"))
    return request._replace(query=(*others, ("filters", text)))


def write_filters(owner: str) -> str:
    """Return the query's filters for a list of an owner's objects."""
    return quote(json.dumps({"label": [f"{OWNER}={owner}"]}))
