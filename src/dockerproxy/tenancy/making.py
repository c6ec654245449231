"""What is done before something is created: what is there is counted for a quota, and volumes are made under a stamp.

The count has a lock of the owner, which is held until the engine has answered, so that the next one counts what this
one made.

Attacks: docs/attacks.md, tenancy/making.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.descriptions import has_labels
from dockerproxy.policy.model import Making
from dockerproxy.policy.objects import Lookup, ResolvedObject, get_object
from dockerproxy.policy.stamps import find_owner
from dockerproxy.policy.steps import Ask, Lock, Says, Scene, Steps, UnknownObjectError
from dockerproxy.tenancy.anonymous import list_nonces
from dockerproxy.tenancy.quota import Quota
from dockerproxy.views.answers import find_labels, read_listing
from dockerproxy.views.filters import write_filters
from dockerproxy.wire.document import object_of

_LISTS: Final = {
    "containers": ("ContainerList", "/containers/json?all=1&"),
    "networks": ("NetworkList", "/networks?"),
    "volumes": ("VolumeList", "/volumes?"),
}
"""By what is counted: how the engine is asked for it. Docker's API, which Podman serves as well."""


def count(owner: str, quota: Quota, create: Making, scene: Scene) -> Steps[Says | None]:
    """Return what is said if a create adds too much to what is there of an owner."""
    most = quota.for_operation(create.request.operation.name).most
    try:
        if most:
            yield from Lock(owner)
        for word, allowed in most.items():
            there = yield from _list_ids(scene, word, owner)
            added = _count_added(create, word, there)
            if added and len(there) + added > allowed:
                what = f"{len(there)} of {allowed} {word} are there"
                return Says(HTTPStatus.FORBIDDEN, f'{what}; remove one, or raise quota of socket "{quota.socket}"')
    except UnknownObjectError as error:
        says = f"what counts for quota of socket {quota.socket} is not known: {error}"
        return Says(HTTPStatus.SERVICE_UNAVAILABLE, says)
    return None


def _list_ids(scene: Scene, word: str, owner: str) -> Steps[set[str]]:
    """Return the ids of all that an owner has; those of volumes are their names."""
    name, target = _LISTS[word]
    status, content = yield from Ask("GET", f"{target}filters={write_filters(owner)}")
    if status != HTTPStatus.OK:
        raise UnknownObjectError(f"asked for all {word}, the engine answered {status}")
    listing = yield from read_listing(scene, OPERATIONS[name], content)
    labels = yield from find_labels(listing, owner)
    return {get_object(each.found).id for each in listing.elements if is_counted(each.found, owner, labels)}


def is_counted(found: ResolvedObject | Lookup, owner: str, labels: Mapping[str, Mapping[str, object] | None]) -> bool:
    """Whether something counts as an owner's: it has the stamp, and nothing proves that the stamp is its image's."""
    inherited = labels.get(found.target) if isinstance(found, Lookup) else None
    return find_owner(get_object(found).labels, inherited or {}) == owner


def _count_added(create: Making, word: str, there: set[str]) -> int:
    """Return how many a create adds to those that are there, by what goes to the engine."""
    if word != "volumes":
        return 1
    content, named = object_of(json.loads(create.content or b"{}")), {*create.uses.mounts}
    if create.request.operation.name == "VolumeCreate":
        named.add(str(content.get("Name") or ""))  # One without a name is new.
    return len(named - there) + len(list_nonces(content))


def make_volumes(stamp: Mapping[str, str], create: Making) -> Steps[None]:
    """Make the volumes that a create would make on its way, under the stamp of the one who makes them."""
    version = create.request.version
    for name, labels in create.uses.makes.items():
        content = json.dumps({"Name": name, "Labels": {**labels, **stamp}}).encode()
        status, answer = yield from Ask("POST", f"{version and '/'}{version}/volumes/create", content)
        if status != HTTPStatus.CREATED or not has_labels(answer, stamp):
            reason = f"the volume {name} could not be made, or another client made it meanwhile"
            raise UnknownObjectError(reason, HTTPStatus.SERVICE_UNAVAILABLE)
