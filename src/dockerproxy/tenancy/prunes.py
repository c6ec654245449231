"""Remove what an owner has: a list, then one removal for each object, as if a client of the owner had sent them.

A prune and a sweep (`tenancy/sweeps`) use the same routine. The engine gets no prune. The proxy judges each removal
like a client's: it looks the object up again, and removes it by its ID, a volume under a claim. A prune forces nothing,
so the engine keeps what is in use, or was started meanwhile.

- Attack: a container of another's whose image has the client's stamp -> Defence: list and removal ask for the image
  (test: test_a_prune_removes_nothing_that_an_inspection_would_not_show).
- Attack: a filter that widens: Podman 6 drops all others for `all`, and reads a star in a label -> Defence: the engine
  gets none of them (test: test_no_filter_reaches_the_engine).
- Attack: a filter that readers disagree about: `false` in a map, twice, in other capitals, unknown, of a newer API ->
  Defence: denied (test: test_a_filter_that_cannot_be_honoured_is_denied).
- Attack: a dry run, which only Podman 6 knows, so that more goes than is meant -> Defence: denied (test:
  test_a_dry_run_removes_nothing).
- Attack: a volume that is replaced between list and removal -> Defence: each removal claims its volume and asks anew
  (test: test_a_volume_that_is_anothers_by_now_stays).
- Attack: an ID in a list that is the beginning of another's, or a path -> Defence: a removal is judged by what the
  engine finds under it (test: test_no_id_in_a_list_removes_what_is_anothers).
"""

import json
import re
from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from http import HTTPStatus
from math import inf
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import CanonicalRequest, read_version
from dockerproxy.policy.objects import Kind, ResolvedObject, certain_values, get_object
from dockerproxy.policy.stamps import OWNER
from dockerproxy.policy.steps import Answer, Ask
from dockerproxy.tenancy.anonymous import ANONYMOUS
from dockerproxy.text import decimal, number
from dockerproxy.views.lists import PRUNES, RELATIVE, is_relative, read_list
from dockerproxy.wire.answer import write_message
from dockerproxy.wire.document import Json, read_json

Removal: TypeAlias = Generator[Ask, Answer, None]
"""Yields each request that a removal takes, and gets its answer."""

LISTINGS: Final[Mapping[Kind, tuple[str, str, str]]] = {
    Kind.SERVICE: ("ServiceList", "/services", ""),
    Kind.CONTAINER: ("ContainerList", "/containers", "/json?all=1"),
    Kind.SECRET: ("SecretList", "/secrets", ""),
    Kind.CONFIG: ("ConfigList", "/configs", ""),
    Kind.NETWORK: ("NetworkList", "/networks", ""),
    Kind.VOLUME: ("VolumeList", "/volumes", ""),
}
"""For each kind the operation that lists it, the path below which its objects are, and the rest of the list's target.
What uses others comes first."""

PRUNED: Final[Mapping[str, tuple[Kind | None, str]]] = {
    "BuildPrune": (None, "CachesDeleted"),
    "ContainerPrune": (Kind.CONTAINER, "ContainersDeleted"),
    "ImagePrune": (None, "ImagesDeleted"),
    "NetworkPrune": (Kind.NETWORK, "NetworksDeleted"),
    "VolumePrune": (Kind.VOLUME, "VolumesDeleted"),
}
"""For each prune the kind of what it removes, and where the answer has what was removed.

Images and build cache have no owner: none is removed, and `docker system prune` completes."""

UNCLEAR: Final = "is not label, until, or all for volumes from API 1.42 on, or is ambiguous"

_ALL_SINCE: Final = (1, 42, 0)
"""The first version under which only anonymous volumes are removed by default (moby volume_routes.go)."""

_TRUE: Final = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "False", "FALSE"})

_DURATION: Final = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?").fullmatch
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
).fullmatch


class Filters(NamedTuple):
    """To what a client narrows a prune.

    Attributes:
        labels: Labels that an object must have all of, as `NAME` or `NAME=VALUE`.
        latest: When it must have been created, in seconds since 1970.
        named: Whether volumes go too that have a name.
    """

    labels: tuple[str, ...] = ()
    latest: float = inf
    named: bool = True

    def admits(self, found: ResolvedObject) -> bool:
        """Whether an object is one that the client means."""
        return (
            all(_has(found.labels, each) for each in self.labels)
            and find_time(found) <= self.latest
            and (self.named or ANONYMOUS in found.labels)
        )


def _has(labels: Mapping[str, object], text: str) -> bool:
    name, equals, value = text.partition("=")
    return name in labels and (not equals or labels[name] == value)


def refuse_filters(request: CanonicalRequest) -> str:
    """Say why filters of a list or a prune cannot be honoured where some is hidden; empty if they can."""
    if request.operation.name in PRUNES:
        return UNCLEAR if read_filters(request) is None else ""
    return RELATIVE if is_relative(request) else ""


def read_filters(request: CanonicalRequest, now: float = 0.0) -> Filters | None:
    """Read the filters of a prune, at this time; None if they are ambiguous, or not known."""
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
    if not all(texts.values()) or latest is None or len(named) > 1 or named[0] not in _TRUE | _FALSE:
        return None
    return Filters(texts.get("label", ()), latest, named[0] in _TRUE)


def _read_texts(value: Json) -> tuple[str, ...]:
    """Read the values of a filter: a list, or a map to true. For Docker `false` means the same, for Podman nothing.

    Nothing if it is neither, or empty.
    """
    if isinstance(value, dict) and not all(each is True for each in value.values()):
        return ()
    texts = tuple(value) if isinstance(value, dict | list) else ()
    return texts if all(isinstance(each, str) and each for each in texts) else ()  # type: ignore[return-value] # they are texts


def _read_until(texts: tuple[str, ...], now: float) -> float | None:
    """Read a time as Go does: a duration, seconds since 1970, or a moment with its zone; None if it is no such."""
    if len(texts) != 1:
        return None
    duration, seconds = _DURATION(texts[0]), decimal(texts[0])
    if duration is not None:
        hours, minutes, rest = (number(each or "") or 0 for each in duration.groups())
        return now - (hours * 3600 + minutes * 60 + rest)
    return _read_moment(texts[0]) if seconds is None and _MOMENT(texts[0]) else seconds


def _read_moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def find_time(found: ResolvedObject) -> float:
    """Return when something was created, in seconds since 1970; what does not say so is as old as can be."""
    value = found.document.get("created") or found.document.get("createdat")
    if isinstance(value, int | float):
        return value
    return _read_moment(str(value)) or 0.0


def remove_own(
    kind: Kind, owner: str, remove: Callable[[ResolvedObject, str], Removal], version: str = ""
) -> Generator[Ask, Answer, Answer]:
    """Yield each request that it takes to remove an owner's objects of a kind, newest first, and get its answer.

    Returns the answer to the list.

    Args:
        kind: Of the objects.
        owner: Whose they must be.
        remove: Removes one of them, by its target, if it must go.
        version: Of the API, as it stands in a path.
    """
    operation, path, _ = LISTINGS[kind]
    status, content = yield list_own(kind, version)
    if status != HTTPStatus.OK:
        return status, content
    listing = read_list(OPERATIONS[operation], content, version)
    if listing is None:
        return HTTPStatus.BAD_GATEWAY, write_message("the engine's list is not as expected")
    listed = (get_object(element.found) for element in reversed(listing.elements))
    for found in sorted(listed, key=find_time, reverse=True):
        if found.labels.get(OWNER) == owner:
            yield from remove(found, f"{_prefix(version)}{path}/{quote(found.id, safe=':')}")
    return status, content


def list_own(kind: Kind, version: str = "") -> Ask:
    """Return the list with which a removal of what an owner has begins."""
    _, path, rest = LISTINGS[kind]
    return Ask("GET", f"{_prefix(version)}{path}{rest}")


def _prefix(version: str) -> str:
    """Return what stands before a path."""
    return f"/{version}" if version else ""


def prune(request: CanonicalRequest, now: float, owner: str) -> Generator[Ask, Answer, Answer]:
    """Yield each request that an owner's prune takes, get its answer, and return the answer to the prune."""
    kind, key = PRUNED[request.operation.name]
    filters, removed = read_filters(request, now), list[ResolvedObject]()

    def remove(found: ResolvedObject, target: str) -> Removal:
        if filters is not None and filters.admits(found) and (kind is not Kind.VOLUME or _is_plain(found)):
            status, _ = yield Ask("DELETE", target)
            if status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
                removed.append(found)

    if kind is not None:
        status, content = yield from remove_own(kind, owner, remove, request.version)
        if status != HTTPStatus.OK:
            return status, content
    names = [(each.names or (each.id,))[0] if kind is Kind.NETWORK else each.id for each in removed]
    reclaimed = {} if kind is Kind.NETWORK else {"SpaceReclaimed": 0}
    return HTTPStatus.OK, json.dumps({key: names, **reclaimed}).encode()


def _is_plain(volume: ResolvedObject) -> bool:
    """Whether Docker would prune a volume: of the others, it does not know how much they take."""
    return volume.document.get("driver") == "local" and not volume.document.get("options")
