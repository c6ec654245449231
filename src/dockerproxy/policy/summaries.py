"""Summaries of all that an engine has, for a client that sees only some: disk usage, and the counts of `/info`.

Disk usage has what the client's lists show, and sums of that. Counts are 0.

Attack: sums, images and caches of others, a field of a newer engine -> Defence: what is not made anew is left out
(test: test_of_disk_usage_only_what_the_lists_have_is_left).
Attack: a container or volume whose labels disk usage does not tell, as Podman's -> Defence: what lists show decides
(test: test_disk_usage_is_judged_by_lists).
"""

import json
from collections.abc import Callable, Generator, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from dockerproxy.api.answers import REST, Node
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.hiding import cut
from dockerproxy.policy.lists import read_list
from dockerproxy.policy.objects import get_object
from dockerproxy.policy.prunes import Answer, Ask
from dockerproxy.wire.answer import write_message
from dockerproxy.wire.document import list_of, object_of, read_engine_json

Item = Mapping[str, object]


class _Usage(NamedTuple):
    """How one kind of object is told of, in Docker's API, which Podman has too.

    The answer has items, newer ones also sums with items in them. The list shows those that its client may see.
    """

    items: str
    sums: str
    key: str
    lists: str
    path: str
    size: Callable[[Item], object]
    is_active: Callable[[Item], bool]


_TABLE: Final = (
    _Usage(
        *("Containers", "ContainerUsage", "Id", "ContainerList", "/containers/json?all=1"),
        lambda container: container.get("SizeRw"),
        lambda container: container.get("State") in {"running", "paused", "restarting"},
    ),
    _Usage(
        *("Volumes", "VolumeUsage", "Name", "VolumeList", "/volumes"),
        lambda volume: object_of(volume.get("UsageData")).get("Size"),
        lambda volume: object_of(volume.get("UsageData")).get("RefCount") != 0,
    ),
)

_NOTHING: Final[Mapping[str, object]] = {
    "LayersSize": 0,
    "Images": [],
    "ImageUsage": {},
    "BuilderSize": 0,
    "BuildCache": [],
    "BuildCacheUsage": {},
}
"""What is nobody's, as an engine says that there is none."""


def sum_up(request: CanonicalRequest) -> Generator[Ask, Answer, Answer]:
    """Yield each request that disk usage takes, get its answer, and return the answer to the client."""
    status, content = yield Ask("GET", request.target)
    if status != HTTPStatus.OK:
        return status, content
    told = object_of(read_engine_json(content))
    shown: dict[str, object] = {key: empty for key, empty in _NOTHING.items() if key in told}
    for row in _TABLE:
        status, content = yield Ask("GET", f"{'/' if request.version else ''}{request.version}{row.path}")
        if status != HTTPStatus.OK:
            return status, content
        listing = read_list(OPERATIONS[row.lists], content, request.version)
        if listing is None:
            return HTTPStatus.BAD_GATEWAY, write_message("the engine's list is not as expected")
        known = {get_object(each.found).id for each in listing.elements}
        if row.items in told:
            shown[row.items] = _choose(row, told[row.items], known)
        if row.sums in told:
            shown[row.sums] = _add_up(row, told[row.sums], known)
    return HTTPStatus.OK, json.dumps(shown).encode()


def _choose(row: _Usage, items: object, known: set[str]) -> list[Item]:
    """Return those of some items that are known."""
    return [each for each in list_of(items) if isinstance(each, dict) and each.get(row.key) in known]


def _add_up(row: _Usage, told: object, known: set[str]) -> Mapping[str, object]:
    """Return sums as Docker makes them (moby daemon/disk_usage.go), of the items that are known."""
    items = _choose(row, object_of(told).get("Items"), known)
    sizes = [max(size, 0) if isinstance(size := row.size(each), int) else 0 for each in items]
    active = [row.is_active(each) for each in items]
    free = sum(size for size, is_active in zip(sizes, active, strict=True) if not is_active)
    counts = {"ActiveCount": sum(active), "TotalCount": len(items), "Reclaimable": free, "TotalSize": sum(sizes)}
    return {**counts, "Items": items}


# Counts


def _blank(_text: str) -> str:
    return "0"


_COUNTS: Final = (
    *("Containers", "ContainersRunning", "ContainersPaused", "ContainersStopped", "Images"),
    *("NEventsListener", "NFd", "NGoroutines"),  # They grow with each client, container and stream.
)
_STORE: Final[Mapping[str, Node]] = {"containerStore": {REST: _blank}, "imageStore": {REST: _blank}, REST: str}

COUNTING: Final[Mapping[str, Mapping[str, Node]]] = {
    "SystemInfo": {**dict.fromkeys(_COUNTS, _blank), REST: str},
    "SystemInfoLibpod": {"host": {"freeLocks": _blank, REST: str}, "store": _STORE, REST: str},
}
"""Operations whose answers count all that there is, with the places of the counts."""


def blank_counts(name: str, content: bytes) -> bytes | None:
    """Return the content of an answer with 0 for each count; None if it cannot be read."""
    return cut(content, COUNTING[name])
