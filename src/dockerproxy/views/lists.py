"""Lists of objects: what of one a client gets to see, by the same conditions that judge an object that it names.

The engine's answer is cut into its elements, byte for byte, and those that some grant admits are put together again.

Attacks: docs/attacks.md, views/lists.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.policy.descriptions import prove_owner, read_fields
from dockerproxy.policy.objects import LABELLED, OBJECT_WORDS, OWN, OWNED, Kind, Lookup, ResolvedObject
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.text import lower
from dockerproxy.views.cutter import Cutter
from dockerproxy.wire.document import object_of, read_value

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

_REMEMBERED: Final = 1024 * 1024
_MOST_REMEMBERED: Final = 4
"""Characters of a list that are remembered until it comes again, and how many lists are."""

Shows: TypeAlias = Sequence[Mapping[str, Condition]]
"""The conditions of each grant of a list."""

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


Remembered: TypeAlias = dict[tuple[str, str], list[Element]]
"""Elements of lists that were read, by operation and version."""


class Selection:
    """Reads the elements of a list, and says which of them a client may see."""

    def __init__(self, operation: Operation, version: str, shows: Shows, known: Remembered) -> None:
        """Select what a grant's conditions show; without grants, all.

        Further lookups are under the version. Elements that are known are not read again; what is read is known then.
        """
        key = operation.name, version
        self._lookup = Lookup(LISTS[operation.name], "", "", operation)
        self._version, self._shows = version, shows
        self._before, self._seen = known.get(key, ()), list[Element]()
        self._turn, self._room = 0, _REMEMBERED
        if key not in known and len(known) >= _MOST_REMEMBERED:
            known.clear()
        known[key] = self._seen

    def read(self, text: str, place: int) -> tuple[Element | None, int]:
        """Read an element; leave it out if the client may not see it, as far as that is known now.

        Clients poll, and most elements are as before: these are not read again.
        """
        before = self._before
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
            self._seen.append(element)
        return element if self._may_show(element.found) else None, place + len(element.text)

    def show(self, listing: Cutter[Element], labels: ImageLabels, count: int, services: Services) -> bytes:
        """Return the list that was read with the elements that the client may see, at most `count` if any.

        The labels are those of images, by the targets of their lookups; the services all of which there may be tasks.
        """
        shown = [each.text for each in listing.elements if self._is_proven(each.found, labels, services)]
        return listing.write(shown[: count or None])

    def _may_show(self, found: ResolvedObject | Lookup) -> bool:
        """Whether the client may see an element, as far as it is known now.

        The owner of a container depends on the labels of its image, which are not known yet. In a long list, its own
        labels count until then, so that none of its owner's is left out.
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


def read_list(operation: Operation, content: bytes, version: str, known: Remembered) -> Cutter[Element] | None:
    """Read the answer to a list operation; None if it is not as it must be."""
    return Cutter(operation.name, Selection(operation, version, (), known).read).finish(content)


def _read_element(lookup: Lookup, value: object, version: str) -> ResolvedObject | Lookup:
    """Return what an element is about. A ValueError says that its form is not known."""
    fields = dict(zip(_lower_all(tuple(value)), value.values(), strict=True)) if isinstance(value, dict) else {}
    found = read_fields(lookup, fields, version)
    if found is None and lookup.kind is Kind.TASK and not fields.get(OWNED[Kind.TASK]):  # It attaches a container.
        return lookup
    if found is None:
        raise ValueError(value)
    return found
