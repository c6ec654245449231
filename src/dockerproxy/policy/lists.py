"""Lists of objects: a client sees the elements that the conditions of some grant admit, as if it had named them.

The engine's answer is cut into its elements, byte for byte, and the admitted ones are joined again.

Attacks: docs/attacks.md, policy/lists.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from dockerproxy.api.catalog import Operation
from dockerproxy.policy.descriptions import prove_owner, read_fields
from dockerproxy.policy.list_filters import LISTS
from dockerproxy.policy.objects import OWNED, Kind, Lookup, ResolvedObject
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.response_filters.json_filter import Cutter, widen
from dockerproxy.text import lower
from dockerproxy.wire.document import object_of, read_value

_REMEMBERED: Final = 256 * 1024
_MOST_REMEMBERED: Final = 4
"""Bytes of a list to remember until it comes again, and the number of lists. In memory, they are ten times as long."""

Shows: TypeAlias = Sequence[Mapping[str, Condition]]
"""The conditions of each grant of a list operation."""

Services: TypeAlias = Mapping[str, ResolvedObject]
"""Services by ID. Tasks are judged by their services."""

ImageLabels: TypeAlias = Mapping[str, Mapping[str, object] | None]
"""Labels of images, by target of the lookup; None if unknown."""


@lru_cache(maxsize=64)
def _lower_all(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return lowercase keys. Elements of a list share them."""
    return tuple(map(lower, keys))


class Element(NamedTuple):
    """An element of a list: its text in the answer, and its object, or the lookup that finds it."""

    text: str
    found: ResolvedObject | Lookup


Remembered: TypeAlias = dict[tuple[str, str], list[Element]]
"""Elements of earlier lists, by operation and version."""


class Selection:
    """Reads the elements of a list, and decides which of them a client may see."""

    def __init__(self, operation: Operation, version: str, shows: Shows, known: Remembered) -> None:
        """Select what the conditions of grants show; without grants, everything.

        Further lookups use the version. Known elements are not parsed again. New ones are added to `known`.
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
        """Read an element. Leave it out if the client is already known not to see it.

        Clients poll, and most elements are unchanged: these are not parsed again.
        """
        before = self._before
        near = range(max(self._turn - 1, 0), min(self._turn + 2, len(before)))  # One may have come, gone or changed.
        same = next((nth for nth in near if text.startswith(before[nth].text, place)), None)
        if same is not None:
            element = before[same]
        else:
            value, stop = read_value(text, place)
            kept = text[place:stop]
            if not kept.isascii():
                value, _ = read_value(widen(kept), 0)
            element = Element(kept, _read_element(self._lookup, value, self._version))
        self._turn = (self._turn if same is None else same) + 1
        self._room -= len(element.text)
        if self._room >= 0:
            self._seen.append(element)
        return element if self._may_show(element.found) else None, place + len(element.text)

    def show(self, listing: Cutter[Element], labels: ImageLabels, count: int, services: Services) -> bytes:
        """Return the list with the elements that the client may see, at most `count` unless that is 0.

        `labels` has labels of images by the targets of lookups. `services` has all services whose tasks may be listed.
        """
        shown = [each.text for each in listing.elements if self._is_proven(each.found, labels, services)]
        return listing.write(shown[: count or None])

    def _may_show(self, found: ResolvedObject | Lookup) -> bool:
        """Whether the client may see an element, as far as known.

        A container's owner depends on the labels of its image, which are not known yet. In a long list, its own labels
        decide first, which never leaves out a container of the owner.
        """
        if isinstance(found, ResolvedObject):
            return not self._shows or self._is_shown(found)
        return self._room >= 0 or found.of is None or not self._shows or self._is_shown(prove_owner(found, {}))

    def _is_shown(self, found: ResolvedObject) -> bool:
        return any(admits(conditions, found) for conditions in self._shows)

    def _is_proven(self, found: ResolvedObject | Lookup, labels: ImageLabels, services: Services) -> bool:
        """Whether the client may see a kept element. One that needs no proof was judged when it was read."""
        if isinstance(found, ResolvedObject):
            return True
        proven = services.get(found.name) if found.of is None else prove_owner(found, labels.get(found.target))
        return proven is not None and self._is_shown(proven)


def admits(conditions: Mapping[str, Condition], found: ResolvedObject) -> bool:
    """Whether the conditions of a grant let a client see an object in a list, or its events."""
    return all(condition.matches(found) for condition in conditions.values())


def has_joined(found: ResolvedObject, network: ResolvedObject) -> bool:
    """Whether a listed container joins a network when it starts. Engines then look up the network by name.

    Docker uses the network mode if the container is in no other network.
    """
    said = object_of(found.document.get("networksettings")).get("Networks")
    mode = object_of(found.document.get("hostconfig")).get("NetworkMode")
    return not {network.id, *network.names}.isdisjoint([*object_of(said)] or [str(mode)])


def read_list(operation: Operation, content: bytes, version: str, known: Remembered) -> Cutter[Element] | None:
    """Read the answer to a list operation; None if it is invalid, or an element takes too long to read."""
    listing = Cutter(operation.name, Selection(operation, version, (), known).read).finish(content)
    return None if listing is None or listing.left_out else listing


def _read_element(lookup: Lookup, value: object, version: str) -> ResolvedObject | Lookup:
    """Return the object of an element, or its lookup. A ValueError means that its form is unknown."""
    fields = dict(zip(_lower_all(tuple(value)), value.values(), strict=True)) if isinstance(value, dict) else {}
    found = read_fields(lookup, fields, version)
    if found is None and lookup.kind is Kind.TASK and not fields.get(OWNED[Kind.TASK]):  # It attaches a container.
        return lookup
    if found is None:
        raise ValueError(value)
    return found
