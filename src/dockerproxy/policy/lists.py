"""Lists of objects: what of one a client gets to see, by the same conditions that judge an object that it names.

The engine's answer is cut into its elements, byte for byte, and those that some grant admits are put together again.

Attack: learn of others by what a list is narrowed or cut by: `before` and `since` name containers and images, `limit`
counts all -> Defence: the former are refused where anything is hidden, the latter is applied to what is shown.
Attack: an element in a form that is not known -> Defence: then nothing is shown, and the client gets an error.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from dockerproxy.api.catalog import Operation
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.descriptions import prove_owner, read_fields
from dockerproxy.policy.objects import LABELLED, OBJECT_WORDS, OWN, Kind, Lookup, ResolvedObject
from dockerproxy.text import fold, lower, number
from dockerproxy.wire.document import read_json

_KINDS: Final[Mapping[str, Kind]] = {
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
    "VolumeList": Kind.VOLUME,
    "VolumeListLibpod": Kind.VOLUME,
}
"""For each operation whose answer is a list: of what."""

_BELOW: Final = {"VolumeList": "Volumes"}
"""Where a list stands that is not the whole answer."""

EVENTS: Final = frozenset({"SystemEvents", "SystemEventsLibpod"})
"""Operations whose answer is a list without end, of what happens to objects of all kinds."""

LISTED: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: OBJECT_WORDS[kind] for name, kind in _KINDS.items()},
    **dict.fromkeys(sorted(EVENTS), (OWN, LABELLED)),
}
"""The words of conditions on what a list shows, by operation."""

COUNTS: Final = ("last", "limit")
"""Parameters that say how many of a list a client wants; all that are there, if it is not positive."""

_ENDLESS: Final = "1000000000"

_RELATIVE: Final = frozenset({"after", "before", "since"})
"""Filters that compare with an object."""

RELATIVE: Final = "compares with an object that may be hidden (after, before, since)"

ImageLabels: TypeAlias = Mapping[str, Mapping[str, object] | None]
"""Labels of images, by the targets of the lookups of those that have them; None where they are unknown."""

_BLANKS: Final = re.compile(r"[ \t\n\r]*").match
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a list.

    Attributes:
        start, stop: Where it stands in the text.
        found: What it is about, or what the engine must be asked to know that.
    """

    start: int
    stop: int
    found: ResolvedObject | Lookup


@dataclass(frozen=True, slots=True)
class Answer:
    """The engine's answer to a list operation.

    Attributes:
        text: All of it.
        start, stop: Where the elements stand in it, from behind the opening bracket to the closing one.
        elements: In their order.
    """

    text: str
    start: int
    stop: int
    elements: tuple[Element, ...]

    def show(
        self,
        shows: Sequence[Mapping[str, Condition]],
        labels: ImageLabels,
        count: int = 0,
    ) -> bytes:
        """Return the answer with those of its elements that the conditions of some grant admit.

        Args:
            shows: The conditions of each grant.
            labels: Those of the images that the engine was asked for, by the targets of the lookups.
            count: How many elements are wanted at most; 0 for all.
        """
        found = ((each, _prove(each.found, labels)) for each in self.elements)
        shown = [each for each, one in found if any(admits(conditions, one) for conditions in shows)]
        inner = ",".join(self.text[each.start : each.stop] for each in shown[: count or None])
        return f"{self.text[: self.start]}{inner}{self.text[self.stop :]}".encode(errors="surrogateescape")


def _prove(found: ResolvedObject | Lookup, labels: ImageLabels) -> ResolvedObject:
    if isinstance(found, ResolvedObject):
        return found
    return prove_owner(found, labels.get(found.target))


def admits(conditions: Mapping[str, Condition], found: ResolvedObject) -> bool:
    """Whether the conditions of a grant let a client see an object in a list, or an event about it."""
    return all(condition.matches(found) for condition in conditions.values())


def is_relative(request: CanonicalRequest) -> bool:
    """Whether a list is narrowed by comparing with an object, which may be another's; or by what cannot be read."""
    for text in request.values("filters"):
        filters = read_json(text.encode(errors="surrogateescape")) if text else {}
        if not isinstance(filters, dict) or not _RELATIVE.isdisjoint(map(lower, filters)):
            return True
    return False


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


def read_list(operation: Operation, content: bytes, version: str) -> Answer | None:
    """Read the answer to a list operation; None if it is not as it must be."""
    text = content.decode(errors="surrogateescape")
    try:
        start = _find_list(text, _BELOW.get(operation.name, ""))
        if text.startswith("null", start):
            return Answer(text, len(text), len(text), ())
        spans = tuple(_cut(text, start))
    except (ValueError, IndexError, RecursionError):
        return None
    kind, elements = _KINDS[operation.name], list[Element]()
    for first, last, value in spans:
        fields = {lower(str(key)): item for key, item in value.items()} if isinstance(value, dict) else {}
        found = read_fields(Lookup(kind, "", "", operation), fields, version)
        if found is None:
            return None
        elements.append(Element(first, last, found))
    stop = _skip(text, spans[-1][1] if spans else start + 1)
    return Answer(text, start + 1, stop, tuple(elements))


def _skip(text: str, place: int) -> int:
    blanks = _BLANKS(text, place)
    return place if blanks is None else blanks.end()


def _find_list(text: str, key: str) -> int:
    """Return where the list begins."""
    place = _skip(text, 0)
    if not key:
        return place
    while True:  # `{` before the first key, `,` before the others.
        name, place = _DECODER.raw_decode(text, _skip(text, place + 1))
        place = _skip(text, _skip(text, place) + 1)
        if name == key:
            return place
        _, place = _DECODER.raw_decode(text, place)
        place = _skip(text, place)


def _cut(text: str, start: int) -> Iterator[tuple[int, int, object]]:
    """Yield where each element stands, and what it is."""
    if text[start] != "[":
        raise ValueError(start)
    place = _skip(text, start + 1)
    while text[place] != "]":
        value, stop = _DECODER.raw_decode(text, place)
        yield place, stop, value
        place = _skip(text, stop)
        if text[place] not in ",]":
            raise ValueError(place)
        place = _skip(text, place + 1) if text[place] == "," else place
