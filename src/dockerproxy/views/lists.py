"""Lists of objects: what of one a client gets to see, by the same conditions that judge an object that it names.

The engine's answer is cut into its elements, byte for byte, and those that some grant admits are put together again.

Attacks: docs/attacks.md, views/lists.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote

from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.descriptions import prove_owner, read_fields
from dockerproxy.policy.objects import LABELLED, OBJECT_WORDS, OWN, OWNED, Kind, Lookup, ResolvedObject
from dockerproxy.policy.stamps import OWNER
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.text import fold, lower, number
from dockerproxy.views.cutter import Cutter
from dockerproxy.wire.document import list_of, object_of, read_json, read_value

LISTS: Final[Mapping[str, Kind]] = {
    name: kind
    for kind in Kind
    for name in (f"{kind.capitalize()}List", f"{kind.capitalize()}ListLibpod")
    if name in OPERATIONS
}
"""For each operation whose answer is a list, like `ContainerList`: of what."""

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

_REMEMBERED: Final = 1024 * 1024
"""Characters of a list that are remembered until it comes again."""

Shows: TypeAlias = Sequence[Mapping[str, Condition]]
"""What the grants of a list say: their conditions."""

Services: TypeAlias = Mapping[str, ResolvedObject]
"""What a list of services has, by their ids: tasks are judged by their services."""

ImageLabels: TypeAlias = Mapping[str, Mapping[str, object] | None]
"""Labels of images, by the targets of the lookups of those that have them; None where they are unknown."""


@lru_cache(maxsize=64)
def _lower_all(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return keys in small letters; those of each element are the same."""
    return tuple(map(lower, keys))


class Element(NamedTuple):
    """One element of a list: its text, and what it is about, or what to ask to know that."""

    text: str
    found: ResolvedObject | Lookup


Known: TypeAlias = Mapping[tuple[str, str], Sequence[Element]]
"""Elements that were read, by the `key` of their list."""


class Selection:
    """Reads the elements of a list, and says which of them a client may see.

    Attributes:
        key: Which lists have the same elements: operation and version.
        seen: The first of all elements, to compare those of the next answer with.
    """

    def __init__(
        self, operation: Operation, version: str = "", shows: Shows = (), known: Known = MappingProxyType({})
    ) -> None:
        """Select what a grant's conditions show; without grants, all.

        Further lookups are under the version. Elements that are known are not read again.
        """
        self.key, self.seen = (operation.name, version), list[Element]()
        self._lookup = Lookup(LISTS[operation.name], "", "", operation)
        self._version, self._shows, self._seen_before = version, shows, known.get(self.key, ())
        self._turn, self._room = 0, _REMEMBERED

    def read(self, text: str, place: int) -> tuple[Element | None, int]:
        """Read an element; leave it out if the client may not see it, as far as that is known now.

        Clients poll, and most elements are as before: these are not read again.
        """
        before = self._seen_before
        near = range(max(self._turn - 1, 0), min(self._turn + 2, len(before)))  # One may have come, gone or changed.
        same = next((nth for nth in near if text.startswith(before[nth].text, place)), None)
        if same is not None:
            element = before[same]
        else:
            value, stop = read_value(text, place)
            element = Element(text[place:stop], _read_element(self._lookup, value, self._version))
        self._turn = (self._turn if same is None else same) + 1
        self._room -= len(element.text)
        if self._room >= 0:
            self.seen.append(element)
        return element if self._may_show(element.found) else None, place + len(element.text)

    def show(self, listing: Cutter[Element], labels: ImageLabels, count: int, services: Services) -> bytes:
        """Return the list that was read with the elements that the client may see, at most `count` if any.

        The labels are those of images, by the targets of their lookups; the services all of which there may be tasks.
        """
        shown = [each.text for each in listing.elements if self._is_proven(each.found, labels, services)]
        return listing.write(shown[: count or None])

    def _may_show(self, found: ResolvedObject | Lookup) -> bool:
        """Whether the client may see an element, as far as it is known now.

        Whose a container is depends on the labels of its image, which are not known yet. In a list that is long, its
        own labels count until then, so that none of its owner's is left out.
        """
        if isinstance(found, ResolvedObject):
            return not self._shows or self._is_shown(found)
        return self._room >= 0 or found.of is None or not self._shows or self._is_shown(prove_owner(found, {}))

    def _is_shown(self, found: ResolvedObject) -> bool:
        return any(admits(conditions, found) for conditions in self._shows)

    def _is_proven(self, found: ResolvedObject | Lookup, labels: ImageLabels, services: Services) -> bool:
        """Whether the client may see an element that was kept. One that needs no proof was judged when it came."""
        if isinstance(found, ResolvedObject):
            return True
        proven = services.get(found.name) if found.of is None else prove_owner(found, labels.get(found.target))
        return proven is not None and self._is_shown(proven)


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


def keep(text: str, place: int) -> tuple[bool, int]:
    """Keep an element, whatever it is."""
    return True, read_value(text, place)[1]


def read_list(operation: Operation, content: bytes, version: str) -> Cutter[Element] | None:
    """Read the answer to a list operation; None if it is not as it must be."""
    return Cutter(operation.name, Selection(operation, version).read).finish(content)


def _read_element(lookup: Lookup, value: object, version: str) -> ResolvedObject | Lookup:
    """Return what an element is about. A ValueError says that its form is not known."""
    fields = dict(zip(_lower_all(tuple(value)), value.values(), strict=True)) if isinstance(value, dict) else {}
    found = read_fields(lookup, fields, version)
    if found is None and lookup.kind is Kind.TASK and not fields.get(OWNED[Kind.TASK]):  # It attaches a container.
        return lookup
    if found is None:
        raise ValueError(value)
    return found
