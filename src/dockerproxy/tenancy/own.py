"""The tenancy of a socket with `own`: objects that its clients create get their owner's stamp, and count for a quota.

Before a create, the proxy counts the owner's objects, and makes the volumes that the create would make. A lock per
owner is held from the count until the engine has answered, so that the next count includes the new object.

Each anonymous volume that a create in Docker's API asks for becomes a mount with the stamp. Docker makes an anonymous
volume for a mount without a source, with the mount's labels, and removes it with its container as usual (moby
daemon/volumes.go and mounts.go). Podman drops the labels, so these volumes are unowned there. Volumes that an image
asks for are unknown here.

Attacks: docs/attacks.md, tenancy/own.
"""

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.owner_labels import NEW, NONCE, STAMP, add_stamp, make_stamp
from dockerproxy.plans.showing import find_labels, read_listing
from dockerproxy.policy.claim import Claim, Object, Reading, objects_at
from dockerproxy.policy.descriptions import has_labels
from dockerproxy.policy.list_filters import write_filters
from dockerproxy.policy.model import CREATED_BY, Grant, Making, Tenancy, Uses
from dockerproxy.policy.objects import ANONYMOUS, Kind, ResolvedObject, get_object
from dockerproxy.policy.steps import Answer, Ask, Lock, OvertakenError, Says, Scene, Steps, UnknownObjectError
from dockerproxy.policy.words.spellings import clean_path
from dockerproxy.tenancy.changes import bound_changes
from dockerproxy.tenancy.neighbours import find_taken, is_counted, list_names, list_shared
from dockerproxy.tenancy.prunes import LISTINGS, prune
from dockerproxy.tenancy.quota import NO_QUOTA, Quota
from dockerproxy.wire.document import Json, list_of, object_of, show


@dataclass(frozen=True)
class Own(Tenancy):
    """Clients own what they create.

    Attributes:
        owner: The same on all sockets with this owner.
        quota: Limits the owner's objects.
    """

    owner: str
    quota: Quota = field(default=NO_QUOTA, hash=False)

    @property
    def most(self) -> Mapping[str, int]:
        """The limit for each word of the quota."""
        return self.quota.most

    def owns(self, found: ResolvedObject) -> bool:
        """Whether an object has the owner's stamp."""
        return found.belongs_to == self.owner

    def refuses(self, name: str, *, is_open: bool) -> str:
        """Return the quotas that an operation would bypass."""
        return self.quota.evaded_by(name, is_open=is_open)

    def counts(self, name: str) -> str:
        """Return the quotas that an operation may fill."""
        return str(self.quota.for_operation(name))

    def bound(self, name: str, grants: Sequence[Grant], creates: Mapping[str, Sequence[Grant]]) -> Iterable[Grant]:
        """Limit the grants of a change by the profile."""
        return bound_changes(name, grants, creates) if name in CREATED_BY else grants

    def stamp(self, nonce: str) -> Mapping[str, str]:
        """Return the stamp for a new object."""
        return make_stamp(self.owner, nonce)

    def stamp_volumes(self, create: Object, stamp: Mapping[str, str]) -> Object:
        """Return the body of a create with a stamp on its anonymous volumes."""
        return stamp_anonymous(create, stamp)

    def use(self, read: Reading) -> Uses:
        """Hold owned objects until the engine is done, make new volumes first, and take no name of others."""
        volumes, networks = _find_own("volumes", read.claims), _find_own("networks", read.claims)
        makes = {name: found.labels for name, found in volumes.items() if found.belongs_to == NEW}
        shares, joins = list_shared(read, self.owner), tuple(each.id for each in networks.values() if self.owns(each))
        return Uses(tuple(volumes), makes, joins, shares, list_names(read) if shares else ())

    def prepare(self, create: Making, scene: Scene) -> Steps[Says | None]:
        """Check names and the quota, then make the volumes that the create would make."""
        refusal = (yield from find_taken(self.owner, create, scene)) if create.is_counted else None
        if refusal is None and create.is_counted:
            refusal = yield from count(self.owner, self.quota, create, scene)
        if refusal is None:
            yield from make_volumes(self.stamp(create.nonce), create)
        return refusal

    def prune(self, request: CanonicalRequest, now: float) -> Generator[Ask, Answer, Answer]:
        """Yield the requests that remove the owner's objects a prune selects. Returns the answer to the prune."""
        return prune(request, now, self.owner)


def _find_own(word: str, claims: Iterable[Claim]) -> Mapping[str, ResolvedObject]:
    """Return the owned or new objects that are used, by ID."""
    found = (claim.owned for claim in claims if claim.word == word)
    return {each.id: each for each in found if isinstance(each, ResolvedObject)}


def count(owner: str, quota: Quota, create: Making, scene: Scene) -> Steps[Says | None]:
    """Return a denial if a create would exceed the owner's quota."""
    most = quota.for_operation(create.request.operation.name).most
    try:
        if most:
            yield from Lock(owner)
        for word, allowed in most.items():
            there = yield from _list_ids(scene, word, owner)
            added = _count_added(create, word, there)
            if added and len(there) + added > allowed:
                what = f"{len(there)} of {allowed} {word} exist"
                return Says(HTTPStatus.FORBIDDEN, f'{what}; remove one, or raise quota of socket "{quota.socket}"')
    except UnknownObjectError as error:
        says = f'quota of socket "{quota.socket}" cannot be checked: {error}'
        return Says(HTTPStatus.SERVICE_UNAVAILABLE, says)
    return None


def _list_ids(scene: Scene, word: str, owner: str) -> Steps[set[str]]:
    """Return the IDs of an owner's objects; those of volumes are their names."""
    name, path, rest = LISTINGS[Kind(word.removesuffix("s"))]
    status, content = yield from Ask("GET", f"{path}{rest}{'&' if rest else '?'}filters={write_filters(owner)}")
    if status != HTTPStatus.OK:
        raise UnknownObjectError(f"the engine answered {status} to the list of {word}")
    listing = yield from read_listing(scene, OPERATIONS[name], content)
    labels = yield from find_labels(listing, owner)
    return {get_object(each.found).id for each in listing.elements if is_counted(each.found, owner, labels)}


def _count_added(create: Making, word: str, there: set[str]) -> int:
    """Return how many new objects a create adds, according to the body for the engine."""
    if word != "volumes":
        return 1
    content, named = object_of(json.loads(create.content or b"{}")), {*create.uses.mounts}
    if create.request.operation.name == "VolumeCreate":
        named.add(str(content.get("Name") or ""))  # One without a name is new.
    return len(named - there) + len(list_nonces(content))


def make_volumes(stamp: Mapping[str, str], create: Making) -> Steps[None]:
    """Make the volumes that a create would make, with the stamp of its owner."""
    version = create.request.version
    for name, labels in create.uses.makes.items():
        content = json.dumps({"Name": name, "Labels": {**labels, **stamp}}).encode()
        status, answer = yield from Ask("POST", f"{version and '/'}{version}/volumes/create", content)
        if status != HTTPStatus.CREATED or not has_labels(answer, stamp):
            reason = f"volume {show(name)} could not be made, or another client made it meanwhile"
            is_there = status == HTTPStatus.CREATED
            raise (OvertakenError if is_there else UnknownObjectError)(reason, HTTPStatus.SERVICE_UNAVAILABLE)


_VOLUME: Final = "volume"


def stamp_anonymous(content: Object, stamp: Mapping[str, str]) -> Object:
    """Return the body of a create with a stamp on the anonymous volumes that it requests."""
    host, volumes = object_of(content.get("HostConfig")), object_of(content.get("Volumes"))
    binds = [str(bind) for bind in list_of(host.get("Binds"))]
    mounts = [mount for _, mount in objects_at(host.get("Mounts"), "")]
    unnamed = (*volumes, *(bind for bind in binds if ":" not in bind))
    if not unnamed and not any(mount.get("Type") == _VOLUME or "VolumeOptions" in mount for mount in mounts):
        return content
    taken = {clean_path(bind.split(":")[1]) for bind in binds if ":" in bind}
    taken |= {clean_path(str(mount.get("Target"))) for mount in mounts}
    taken |= {clean_path(path) for path in object_of(host.get("Tmpfs"))}
    free = {path: clean for path in unnamed if (clean := clean_path(path)) not in taken}
    more: list[Object] = [{"Type": _VOLUME, "Target": clean} for clean in dict.fromkeys(free.values())]
    mounts = [*(each if STAMP.isdisjoint(_read_labels(each)) else _put_stamp(each, {}) for each in mounts), *more]
    for number, mount in enumerate(mounts):
        if _is_anonymous(mount):
            mounts[number] = _put_stamp(mount, {**stamp, NONCE: f"{stamp[NONCE]}.{number}", ANONYMOUS: ""})
    host = {**host, "Mounts": list[Json](mounts)}
    content = {**content, "HostConfig": host}
    if volumes:
        content["Volumes"] = {path: value for path, value in volumes.items() if path not in free}
    if binds:
        host["Binds"] = [bind for bind in binds if bind not in free]
    return content


def _read_labels(mount: Object) -> Object:
    return object_of(object_of(mount.get("VolumeOptions")).get("Labels"))


def _put_stamp(mount: Object, stamp: Mapping[str, str]) -> Object:
    labels: Json = add_stamp(_read_labels(mount), stamp)
    return {**mount, "VolumeOptions": {**object_of(mount.get("VolumeOptions")), "Labels": labels}}


def _is_anonymous(mount: Mapping[str, Json]) -> bool:
    return mount.get("Type") == _VOLUME and not mount.get("Source")


def list_nonces(content: Mapping[str, object]) -> tuple[str, ...]:
    """Return the nonces of the anonymous volumes that a create makes, from the body for the engine."""
    mounts = objects_at(object_of(content.get("HostConfig")).get("Mounts"), "")
    labels = (_read_labels(mount) for _, mount in mounts if _is_anonymous(mount))
    return tuple(str(each[NONCE]) for each in labels if STAMP & each.keys())
