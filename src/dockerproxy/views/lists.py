"""Lists of objects: what of one a client gets to see, by the same conditions that judge an object that it names.

The engine's answer is cut into its elements, byte for byte, and those that some grant admits are put together again.

Attacks: docs/attacks.md, views/lists.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote

from dockerproxy.api.catalog import Operation
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.descriptions import prove_owner, read_fields
from dockerproxy.policy.objects import LABELLED, OBJECT_WORDS, OWN, OWNED, Kind, Lookup, ResolvedObject
from dockerproxy.policy.stamps import OWNER
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.text import fold, lower, number
from dockerproxy.wire.document import list_of, object_of, read_json, read_value, skip_blanks

LISTS: Final[Mapping[str, Kind]] = {
    "ConfigList": Kind.CONFIG,
    "ContainerList": Kind.CONTAINER,
    "ContainerListLibpod": Kind.CONTAINER,
    "ImageList": Kind.IMAGE,
    "ImageListLibpod": Kind.IMAGE,
    "NetworkList": Kind.NETWORK,
    "NetworkListLibpod": Kind.NETWORK,
    "PodListLibpod": Kind.POD,
    "SecretList": Kind.SECRET,
    "SecretListLibpod": Kind.SECRET,
    "ServiceList": Kind.SERVICE,
    "TaskList": Kind.TASK,
    "VolumeList": Kind.VOLUME,
    "VolumeListLibpod": Kind.VOLUME,
}
"""For each operation whose answer is a list: of what."""

BELOW: Final = {"VolumeList": "Volumes"}
"""Where a list stands that is not the whole answer."""

EVENTS: Final = frozenset({"SystemEvents", "SystemEventsLibpod"})
"""Operations whose answer is a list without end, of what happens to objects of all kinds."""

PRUNED: Final[Mapping[str, tuple[Kind | None, str]]] = {
    "BuildPrune": (None, "CachesDeleted"),
    "ContainerPrune": (Kind.CONTAINER, "ContainersDeleted"),
    "ImagePrune": (None, "ImagesDeleted"),
    "NetworkPrune": (Kind.NETWORK, "NetworksDeleted"),
    "VolumePrune": (Kind.VOLUME, "VolumesDeleted"),
}
"""For each prune the kind of what it removes, and where the answer has what was removed.

Images and build cache have no owner: none is removed, and `docker system prune` completes."""

LISTED: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: OBJECT_WORDS[kind] for name, kind in LISTS.items()},
    **dict.fromkeys(sorted(EVENTS), (OWN, LABELLED)),
    **dict.fromkeys(sorted(PRUNED), (OWN,)),
}
"""The words of conditions on what a list shows or a prune removes, by operation."""

COUNTS: Final = ("last", "limit")
"""Parameters that say how many of a list a client wants; all that are there, if it is not positive."""

_ENDLESS: Final = "1000000000"

Services: TypeAlias = Mapping[str, ResolvedObject]
"""What a list of services has, by their ids: tasks are judged by their services."""

ImageLabels: TypeAlias = Mapping[str, Mapping[str, object] | None]
"""Labels of images, by the targets of the lookups of those that have them; None where they are unknown."""


@lru_cache(maxsize=64)
def _lower_all(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return keys in small letters; those of each element are the same."""
    return tuple(map(lower, keys))


class Element(NamedTuple):
    """One element of a list: where it stands in the text, and what it is about, or what to ask to know that."""

    start: int
    stop: int
    found: ResolvedObject | Lookup


class Listing(NamedTuple):
    """The engine's answer to a list operation: its elements stand between the brackets, from `start` to `stop`."""

    text: str
    start: int
    stop: int
    elements: tuple[Element, ...]

    def show(
        self,
        shows: Sequence[Mapping[str, Condition]],
        labels: ImageLabels,
        count: int = 0,
        services: Services = MappingProxyType({}),
    ) -> bytes:
        """Return the answer with those of its elements that the conditions of some grant admit, at most `count` if any.

        The labels are those of images, by the targets of their lookups; the services all of which there may be tasks.
        """
        found = ((each, _prove(each.found, labels, services)) for each in self.elements)
        shown = [each for each, one in found if one and any(admits(conditions, one) for conditions in shows)]
        inner = ",".join(self.text[each.start : each.stop] for each in shown[: count or None])
        return f"{self.text[: self.start]}{inner}{self.text[self.stop :]}".encode(errors="surrogateescape")


def _prove(found: ResolvedObject | Lookup, labels: ImageLabels, services: Services) -> ResolvedObject | None:
    """Return what an element is judged by; None for a task without a service."""
    if isinstance(found, ResolvedObject):
        return found
    if found.of is None:
        return services.get(found.name)
    return prove_owner(found, labels.get(found.target))


def admits(conditions: Mapping[str, Condition], found: ResolvedObject) -> bool:
    """Whether the conditions of a grant let a client see an object in a list, or an event about it."""
    return all(condition.matches(found) for condition in conditions.values())


def has_joined(found: ResolvedObject, network: ResolvedObject) -> bool:
    """Whether a container of a list joins a network when it is started. Engines then look for it by its name.

    Docker joins what is its mode if it is in no other network.
    """
    said = object_of(found.document.get("networksettings")).get("Networks")
    mode = object_of(found.document.get("hostconfig")).get("NetworkMode")
    return not {network.id, *network.names}.isdisjoint([*object_of(said)] or [str(mode)])


def read_count(request: CanonicalRequest) -> int:
    """Return how many elements a client wants; 0 for all."""
    counts = [text for name in COUNTS for text in request.values(name)]
    return min(filter(None, map(_read_number, counts)), default=0)


def _read_number(text: str) -> int | None:
    """Read a number as Go does, which takes a plus sign and any number of zeros in front."""
    return number(text.removeprefix("+").lstrip("0") or "0")


def without_count(request: CanonicalRequest) -> Mapping[str, tuple[str, ...]]:
    """Return what goes on in place of the parameters that say how many: as many as there are.

    With such a number an engine also lists what does not run.
    """
    names = {name for name, value in request.query if fold(name) in COUNTS and _read_number(value)}
    return {name: (_ENDLESS,) * sum(name == each for each, _ in request.query) for name in names}


def with_label(request: CanonicalRequest, name: str, value: str) -> CanonicalRequest:
    """Return a request for a list that has the engine leave out what lacks a label: others are nobody's load.

    Of several labels, engines ask for all. All filters are lists, or all are maps.
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
    """Return the filters of a list of what has an owner's stamp, for a query."""
    return quote(json.dumps({"label": [f"{OWNER}={owner}"]}))


def read_list(operation: Operation, content: bytes, version: str, before: Listing | None = None) -> Listing | None:
    """Read the answer to a list operation; None if it is not as it must be. Further lookups are under the version.

    Clients poll, and most of what comes is as it was before, in an answer to the same: that is not read again.
    """
    text, lookup = content.decode(errors="surrogateescape"), Lookup(LISTS[operation.name], "", "", operation)
    try:
        start = find_list(text, BELOW.get(operation.name, ""))
        if text.startswith("null", start):
            return Listing(text, len(text), len(text), ())
        elements = tuple(_read_elements(text, start, lookup, version, before))
    except (ValueError, IndexError, RecursionError):
        return None
    stop = skip_blanks(text, elements[-1].stop if elements else start + 1)
    return Listing(text, start + 1, stop, elements)


def find_list(text: str, key: str) -> int:
    """Return where the list begins."""
    place = skip_blanks(text, 0)
    if not key:
        return place
    while True:  # `{` before the first key, `,` before the others.
        name, place = read_value(text, skip_blanks(text, place + 1))
        place = skip_blanks(text, skip_blanks(text, place) + 1)
        if name == key:
            return place
        _, place = read_value(text, place)
        place = skip_blanks(text, place)


def _read_elements(text: str, start: int, lookup: Lookup, version: str, before: Listing | None) -> Iterator[Element]:
    """Yield the elements of a list. A ValueError or IndexError says that it is none, or cut short."""
    if text[start] != "[":
        raise ValueError(start)
    (seen, known), turn = ("", ()) if before is None else (before.text, before.elements), 0
    place = skip_blanks(text, start + 1)
    while text[place] != "]":
        near = range(max(turn - 1, 0), min(turn + 2, len(known)))  # One may have come, gone or changed.
        same = next((nth for nth in near if text.startswith(seen[known[nth].start : known[nth].stop], place)), None)
        if same is not None:
            stop, found = place + known[same].stop - known[same].start, known[same].found
        else:
            value, stop = read_value(text, place)
            found = read_element(lookup, value, version)
        turn = (turn if same is None else same) + 1
        yield Element(place, stop, found)
        place = skip_blanks(text, stop)
        if text[place] not in ",]":
            raise ValueError(place)
        place = skip_blanks(text, place + 1) if text[place] == "," else place


def read_element(lookup: Lookup, value: object, version: str) -> ResolvedObject | Lookup:
    """Return what an element is about. A ValueError says that its form is not known."""
    fields = dict(zip(_lower_all(tuple(value)), value.values(), strict=True)) if isinstance(value, dict) else {}
    found = read_fields(lookup, fields, version)
    if found is None and lookup.kind is Kind.TASK and not fields.get(OWNED[Kind.TASK]):  # It attaches a container.
        return lookup
    if found is None:
        raise ValueError(value)
    return found
