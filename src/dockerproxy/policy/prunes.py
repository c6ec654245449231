"""A prune of what is own: a list, and a removal for each element that nobody uses, as if the client had sent them.

The engine gets no prune. Each removal is judged like a client's, so it reaches only what `own` admits, by the object's
ID where it has one. Nothing is forced: the engine refuses what is in use, or was started meanwhile.

- Attack: a container of another's whose image has the client's stamp -> Defence: list and removal ask for the image
  (test: test_a_prune_removes_nothing_that_an_inspection_would_not_show).
- Attack: a filter that widens: Podman 6 drops all others for `all`, and reads a star in a label -> Defence: the engine
  gets none of them (test: test_no_filter_reaches_the_engine).
- Attack: a filter that readers disagree about: `false` in a map, twice, in other capitals, unknown -> Defence: denied
  (test: test_a_filter_that_cannot_be_honoured_is_denied).
- Attack: a dry run, which only Podman 6 knows, so that more goes than is meant -> Defence: denied (test:
  test_a_dry_run_removes_nothing).
- Attack: a volume that is replaced between list and removal -> Defence: each removal claims its volume and asks anew
  (test: test_a_volume_that_is_anothers_by_now_stays).
"""

import json
import re
from collections.abc import Generator, Mapping
from datetime import datetime
from http import HTTPStatus
from math import inf
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import CanonicalRequest, read_version
from dockerproxy.policy.anonymous import ANONYMOUS
from dockerproxy.policy.lists import PRUNES, RELATIVE, is_relative, read_list
from dockerproxy.policy.objects import ResolvedObject, certain_values, get_object
from dockerproxy.text import decimal, number
from dockerproxy.wire.answer import write_message
from dockerproxy.wire.document import Json, read_json


class Ask(NamedTuple):
    """A request without a body."""

    method: str
    target: str

    @property
    def head(self) -> bytes:
        """Return all of it."""
        return f"{self.method} {self.target} HTTP/1.1\r\nhost: dockerproxy\r\n\r\n".encode()


Answer: TypeAlias = tuple[int, bytes]
"""Status and content."""


class _Prune(NamedTuple):
    """How one is done: the list of what it may remove, and where the answer has what was removed."""

    lists: str
    path: str
    query: str
    key: str


_CONTAINERS: Final = _Prune("ContainerList", "/containers", "/json?all=1&size=1", "ContainersDeleted")
_IMAGES: Final = _Prune("ImageList", "/images", "/json", "ImagesDeleted")
_NETWORKS: Final = _Prune("NetworkList", "/networks", "", "NetworksDeleted")
_VOLUMES: Final = _Prune("VolumeList", "/volumes", "", "VolumesDeleted")
_CACHE: Final = _Prune("ImageList", "/images", "/json", "CachesDeleted")

_UNOWNED: Final = frozenset({_IMAGES, _CACHE})
"""Images and build cache have no owner: none is removed, and `docker system prune` completes."""

TABLE: Final[Mapping[str, _Prune]] = {
    "BuildPrune": _CACHE,
    "ContainerPrune": _CONTAINERS,
    "ImagePrune": _IMAGES,
    "NetworkPrune": _NETWORKS,
    "VolumePrune": _VOLUMES,
}

UNCLEAR: Final = "is not label, label!, until, all for volumes, or dangling for images, or is ambiguous"

_FILTERS: Final = frozenset({"label", "label!", "until"})
_MORE: Final = {_VOLUMES: "all", _IMAGES: "dangling"}
"""Filters that say whether what has a name goes, too: by default it does not."""

_ALL_BEFORE: Final = (1, 42, 0)
"""The first version under which only anonymous volumes are removed (moby volume_routes.go)."""

_TRUE: Final = frozenset({"1", "t", "T", "true", "True", "TRUE"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "False", "FALSE"})

_STOPPED: Final = ("created", "dead", "exited", "stopped")

_DURATION: Final = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?").fullmatch
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
).fullmatch


class Filters(NamedTuple):
    """To what a client narrows a prune.

    Attributes:
        labels: Labels that an object must have all of, as `NAME` or `NAME=VALUE`.
        without: Labels of which it may have none.
        age: Seconds that it must be old at least.
        latest: When it must have been created, in seconds since 1970.
        named: Whether volumes go too that somebody gave a name, and images that have one.
    """

    labels: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    age: float = 0.0
    latest: float = inf
    named: bool = True

    def admits(self, found: ResolvedObject, now: float) -> bool:
        """Whether an object is one that the client means, at this time."""
        labels = found.labels
        return (
            all(_has(labels, each) for each in self.labels)
            and not any(_has(labels, each) for each in self.without)
            and find_time(found) <= min(self.latest, now - self.age if self.age else inf)
        )


def _has(labels: Mapping[str, object], text: str) -> bool:
    name, equals, value = text.partition("=")
    return name in labels and (not equals or labels[name] == value)


def refuse_filters(request: CanonicalRequest) -> str:
    """Say why filters of a list or a prune cannot be honoured where some is hidden; empty if they can."""
    if request.operation.name in PRUNES:
        return UNCLEAR if read_filters(request) is None else ""
    return RELATIVE if is_relative(request) else ""


def read_filters(request: CanonicalRequest) -> Filters | None:
    """Read the filters of a prune; None if they are ambiguous, or not known."""
    given, dry_run = certain_values(request, "filters"), certain_values(request, "dryrun")
    row = TABLE[request.operation.name]
    more = _MORE.get(row, "")
    if given is None or len(given) > 1 or dry_run is None or not _FALSE.issuperset(dry_run):
        return None
    document = read_json(given[0].encode(errors="surrogateescape")) if any(given) else {}
    if not isinstance(document, dict):
        return None
    read = {key: _read_texts(value) for key, value in document.items()}
    texts = {key: values for key, values in read.items() if values is not None}
    if len(texts) < len(read) or not texts.keys() <= _FILTERS | ({more} - {""}):
        return None
    until, named = _read_until(texts.get("until")), _read_named(request, row, texts)
    if until is None or named is None:
        return None
    return Filters(texts.get("label", ()), texts.get("label!", ()), *until, named)


def _read_texts(value: Json) -> tuple[str, ...] | None:
    """Read the values of a filter: a list, or a map to true. For Docker `false` means the same, for Podman nothing."""
    if isinstance(value, dict) and not all(each is True for each in value.values()):
        return None
    texts = tuple(value) if isinstance(value, dict | list) else None
    return texts if texts and all(isinstance(each, str) and each for each in texts) else None  # type: ignore[return-value] # they are texts


def _read_until(texts: tuple[str, ...] | None) -> tuple[float, float] | None:
    """Read a time as Go does: a duration, seconds since 1970, or a moment with its zone; None if it is no such."""
    if texts is None:
        return 0.0, inf
    text, *others = texts
    if others:
        return None
    duration, seconds = _DURATION(text), decimal(text)
    if duration is not None:
        hours, minutes, rest = (number(each or "") or 0 for each in duration.groups())
        return hours * 3600 + minutes * 60 + rest, inf
    if seconds is not None:
        return 0.0, seconds
    moment = _read_moment(text) if _MOMENT(text) else None
    return None if moment is None else (0.0, moment)


def _read_moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _read_named(request: CanonicalRequest, row: _Prune, texts: Mapping[str, tuple[str, ...]]) -> bool | None:
    """Whether volumes and images with names go too; None if that is not certain."""
    version = read_version(request.version)
    if row not in _MORE:
        return True
    if row is not _IMAGES and version is not None and version < _ALL_BEFORE:
        return True
    text, *others = texts.get(_MORE[row], ("true" if row is _IMAGES else "false",))
    if others or text not in _TRUE | _FALSE:
        return None
    return text in (_FALSE if row is _IMAGES else _TRUE)


def find_time(found: ResolvedObject) -> float:
    """Return when something was created, in seconds since 1970; what does not say so is as old as can be."""
    value = found.document.get("created") or found.document.get("createdat")
    if isinstance(value, int | float):
        return value
    return _read_moment(str(value)) or 0.0


def begin_prune(request: CanonicalRequest) -> Ask:
    """Return the list with which a prune begins."""
    row = TABLE[request.operation.name]
    return Ask("GET", f"{_prefix(request)}{row.path}{row.query}")


def _prefix(request: CanonicalRequest) -> str:
    """Return what stands before a path."""
    return f"/{request.version}" if request.version else ""


def prune(request: CanonicalRequest, now: float) -> Generator[Ask, Answer, Answer]:
    """Yield each request that an owner's prune takes, get its answer, and return the answer to the prune."""
    row, filters = TABLE[request.operation.name], read_filters(request)
    if row in _UNOWNED:
        return HTTPStatus.OK, _sum_up(row, [])
    status, content = yield begin_prune(request)
    if status != HTTPStatus.OK:
        return status, content
    listing = read_list(OPERATIONS[row.lists], content, request.version)
    if listing is None or filters is None:
        return HTTPStatus.BAD_GATEWAY, write_message("the engine's list is not as expected")
    removed: list[ResolvedObject] = []
    for element in listing.elements:
        found = get_object(element.found)
        if filters.admits(found, now) and _is_unused(row, found) and _is_named(row, found) <= filters.named:
            status, _ = yield Ask("DELETE", f"{_prefix(request)}{row.path}/{quote(found.id, safe=':')}")
            if status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
                removed.append(found)
    return HTTPStatus.OK, _sum_up(row, removed)


def _is_named(row: _Prune, found: ResolvedObject) -> bool:
    """Whether somebody gave it a name, of images and volumes."""
    return row in _MORE and ANONYMOUS not in found.labels


def _is_unused(row: _Prune, found: ResolvedObject) -> bool:
    """Whether it is worth trying: the engine says so of containers, and Docker prunes only plain local volumes."""
    said = found.document
    if row is _CONTAINERS:
        return said.get("state") in _STOPPED
    return row is _NETWORKS or (said.get("driver") == "local" and not said.get("options"))


def _sum_up(row: _Prune, removed: list[ResolvedObject]) -> bytes:
    """Write the answer."""
    names = [(each.names or (each.id,))[0] if row is _NETWORKS else each.id for each in removed]
    sizes = [size if isinstance(size := each.document.get("sizerw"), int) else 0 for each in removed]
    reclaimed = {} if row is _NETWORKS else {"SpaceReclaimed": sum(sizes)}
    return json.dumps({row.key: names, **reclaimed}).encode()
