"""Remove an owner's objects: list them, then remove each as if one of the owner's clients had asked.

A prune and a sweep (`tenancy/sweeps`) share this code. The engine gets no prune. The proxy judges each removal like a
client's: it looks up the object again, and removes it by ID, or a volume under a hold. A prune does not force, so the
engine keeps objects that are in use, or were started meanwhile.

Attacks: docs/attacks.md, tenancy/prunes.
"""

import json
from collections.abc import Callable, Generator, Mapping
from http import HTTPStatus
from typing import Final, TypeAlias
from urllib.parse import quote

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.owner_labels import OWNER
from dockerproxy.policy.descriptions import find_time
from dockerproxy.policy.list_filters import PRUNED, read_filters
from dockerproxy.policy.lists import read_list
from dockerproxy.policy.objects import Kind, ResolvedObject, get_object
from dockerproxy.policy.steps import Answer, Ask
from dockerproxy.wire.answer import write_message

Removal: TypeAlias = Generator[Ask, Answer, None]
"""Yields each request of a removal, and gets its answer."""

LISTINGS: Final[Mapping[Kind, tuple[str, str, str]]] = {
    Kind.SERVICE: ("ServiceList", "/services", ""),
    Kind.CONTAINER: ("ContainerList", "/containers", "/json?all=1"),
    Kind.SECRET: ("SecretList", "/secrets", ""),
    Kind.CONFIG: ("ConfigList", "/configs", ""),
    Kind.NETWORK: ("NetworkList", "/networks", ""),
    Kind.VOLUME: ("VolumeList", "/volumes", ""),
}
"""By kind: the operation that lists it, the path of its objects, and the rest of the list's target. Users come before
what they use."""


def remove_own(
    kind: Kind, owner: str, remove: Callable[[ResolvedObject, str], Removal], version: str = ""
) -> Generator[Ask, Answer, Answer]:
    """Yield each request to remove an owner's objects of a kind, newest first. Returns the answer to the list.

    Args:
        kind: Kind of the objects.
        owner: The owner whose objects are removed.
        remove: Removes the object with a target, if it must go.
        version: API version, as in a path.
    """
    operation, path, rest = LISTINGS[kind]
    path = f"/{version}{path}" if version else path
    status, content = yield Ask("GET", f"{path}{rest}")
    if status != HTTPStatus.OK:
        return status, content
    listing = read_list(OPERATIONS[operation], content, version, {})
    if listing is None:
        return HTTPStatus.BAD_GATEWAY, write_message("the engine's list is not as expected")
    listed = (get_object(element.found) for element in reversed(listing.elements))
    for found in sorted(listed, key=find_time, reverse=True):
        if found.labels.get(OWNER) == owner:
            yield from remove(found, f"{path}/{quote(found.id, safe=':')}")
    return status, content


def prune(request: CanonicalRequest, now: float, owner: str) -> Generator[Ask, Answer, Answer]:
    """Yield each request of an owner's prune. Returns the answer to the prune."""
    kind, key = PRUNED[request.operation.name]
    filters, removed = read_filters(request, now), list[ResolvedObject]()

    def remove(found: ResolvedObject, target: str) -> Removal:
        driver, options = found.document.get("driver"), found.document.get("options")
        is_plain = kind is not Kind.VOLUME or (driver == "local" and not options)  # Docker sizes no others.
        if filters is not None and filters.admits(found) and is_plain:
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
