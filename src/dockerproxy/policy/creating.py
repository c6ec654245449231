"""What a create takes: it is counted for a quota, fills new volumes alone, and makes volumes under its stamp before.

Before a create goes on that adds to a quota, what is there is counted, under a lock of the owner. The lock is held
until the engine has answered, so that the next one counts what this one made.

- Attack: many creates at once, on several sockets of one owner -> Defence: one lock for all of them
  (test: test_creates_at_once_do_not_pass_a_quota).
- Attack: end the connection while the engine works -> Defence: the lock stays until the engine is done
  (test: test_what_a_client_left_is_counted_when_the_engine_is_done).
- Attack: have the engine work for hours, to keep others waiting -> Defence: only creates of the same owner wait, and
  are denied after a while (test: test_creates_of_one_owner_wait_for_a_slow_one_and_those_of_others_do_not).
- Attack: an engine that says nothing while it is asked -> Defence: it has its time, then the request is denied
  (test: test_an_engine_that_says_nothing_is_not_waited_for_and_the_lock_is_free_then).
- Attack: delete the image of a container, so that its stamp proves nothing -> Defence: it counts all the same
  (test: test_a_forged_stamp_does_not_count_and_one_that_cannot_be_proven_does).
Two proxies before one engine know nothing of what is under way through the other.
Which volumes Docker may fill, `policy/copies` says. Two proxies before one engine know nothing of what is copied
through the other, and none does of what was before it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.anonymous import list_nonces
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.copies import SERVICES, is_outside_swarm, list_mounted
from dockerproxy.policy.descriptions import has_labels
from dockerproxy.policy.holds import Hold, hold_network, hold_volume
from dockerproxy.policy.lists import write_filters
from dockerproxy.policy.objects import OWN, VOLUME_CREATE, Kind, Lookup, ResolvedObject, get_object, is_full_id
from dockerproxy.policy.phases import Act, Plan, Scene, Steps, Verdict, deny
from dockerproxy.policy.stamps import find_owner, make_stamp
from dockerproxy.policy.steps import Ask, Lock, UnknownObjectError, Work
from dockerproxy.policy.subtrees import LABEL, is_volume_of, knows_parts, list_ours, write_parts, write_volume
from dockerproxy.policy.views import edit, find_labels, read_listing
from dockerproxy.policy.writing import keep_from_copying, settle
from dockerproxy.wire.document import list_of, object_of, read_engine_json

_SILENT: Final = "the engine does not say what there is of its volumes"

_LISTS: Final = {
    "containers": ("ContainerList", "/containers/json?all=1&"),
    "networks": ("NetworkList", "/networks?"),
    "volumes": ("VolumeList", "/volumes?"),
}
"""By what is counted: how the engine is asked for it. Docker's API, which Podman serves as well."""


def hold_for_create(verdict: Verdict) -> tuple[Hold, ...]:
    """Return what must be there still when the engine acts, and the volumes that nobody else mounts meanwhile."""
    decision = verdict.decision
    copies = decision.copies if decision.copies is not None else list_mounted(verdict.body or b"")
    names = sorted({*copies, *decision.mounts})
    volumes = (hold_volume(name, uses=name not in copies) for name in names)
    return (*volumes, *(hold_network(each, uses=True) for each in sorted(decision.joins)))


def create(verdict: Verdict, scene: Scene) -> Plan:
    """Have something created, or something that mounts volumes."""
    if verdict.decision.copies:
        verdict = yield from _settle_copies(verdict, scene)
    elif verdict.decision.copies is None:
        for hold in (yield from Work(verdict.body or b"", partial(hold_for_create, verdict))):
            scene.fills.forget(hold)
    if verdict.passes and verdict.decision.counts_for:
        verdict = yield from _keep_quota(verdict, scene)
    if not verdict.passes:
        return verdict
    yield from _make_volumes(verdict, scene.policy.owner)
    verdict = yield from _mount_parts(verdict)
    if not verdict.passes:
        return verdict
    filled = verdict.decision.copies or ()
    scene.fills.discard(filled)
    answer = yield from Act(verdict)
    if verdict.known.places.has_parts:
        yield from remove_unused(verdict)
    if answer.status >= HTTPStatus.BAD_REQUEST:
        scene.fills.add(filled)  # Clients pull an image when they hear that there is none, and create once more.
    return (yield from edit(verdict, answer))


def mount_unread(verdict: Verdict, scene: Scene) -> Plan:
    """Have something created by a body that no grant judged. Only where volumes are held or may be filled."""
    return (yield from create(verdict, scene))


def _mount_parts(verdict: Verdict) -> Steps[Verdict]:
    """Have binds below a root be parts of volumes that are made before (`policy/subtrees`)."""
    content, places = verdict.decision.content or b"", verdict.known.places
    if not places.has_parts or not content or verdict.operation.name != "ContainerCreate":
        return verdict
    content, roots = yield from Work(content, partial(write_parts, content, places))
    if not roots:
        return verdict
    status, said = yield from Ask("GET", "/version")
    if status != HTTPStatus.OK or not knows_parts(said):
        return deny(verdict, "only Docker 26 and newer mount what lies below a directory in which links may change")
    for name, root in roots.items():
        status, said = yield from Ask("POST", "/volumes/create", write_volume(name, root))
        if status != HTTPStatus.CREATED or not is_volume_of(said, root):
            raise UnknownObjectError(f"the volume {name} could not be made; remove it", HTTPStatus.SERVICE_UNAVAILABLE)
    return settle(verdict, replace(verdict.decision, content=content), verdict.needs)


def remove_unused(verdict: Verdict) -> Steps[None]:
    """Remove the volumes of ours that no container uses. The engine keeps those that one has got meanwhile."""
    filters = quote(json.dumps({"dangling": ["true"], "label": [LABEL]}))
    try:
        _, content = yield from Ask("GET", f"/volumes?filters={filters}")
        for name in list_ours(content):
            yield from Act(replace(verdict, to_engine=Ask("DELETE", f"/volumes/{name}").head))
    except UnknownObjectError:
        return  # The next removal finds them.


def _settle_copies(verdict: Verdict, scene: Scene) -> Steps[Verdict]:
    """Let a contained create fill only new volumes; it holds all that it mounts.

    The decision that is returned names only those into which the engine may copy.
    """
    names, fills, operation = verdict.decision.copies or (), scene.fills, verdict.operation.name
    is_made = operation == VOLUME_CREATE
    try:
        absent = yield from _find_absent(verdict, names)
        new = [name for name in names if name in fills or name in absent]
        is_served = operation in SERVICES or _grants_services(scene.policy)
        may_fill = bool(new) and not is_served and (yield from _is_outside_swarm())
        for name in filter(is_full_id, () if is_made else set(names).difference(absent)):
            if not (yield from _is_mounted(name)):
                return deny(verdict, "no container that was started has this anonymous volume; name it")
    except UnknownObjectError:
        return deny(verdict, _SILENT, HTTPStatus.GATEWAY_TIMEOUT)
    filled = tuple(new) if may_fill and not is_made else ()
    fills.add(absent if may_fill and is_made else ())
    fills.discard(() if may_fill else names)
    settled = replace(verdict, decision=replace(verdict.decision, copies=filled))
    unfilled = set(names).difference(filled)
    return (yield from Work(verdict.to_engine, partial(keep_from_copying, settled, unfilled))) if unfilled else settled


def _grants_services(policy: CompiledPolicy) -> bool:
    """Whether clients may make services, or change those of others; `own` alone gives them none."""
    return any(OWN not in case.by_word for name in SERVICES for case in policy.cases[name])


def _find_absent(verdict: Verdict, names: tuple[str, ...]) -> Steps[list[str]]:
    """Return those of some volumes that do not exist."""
    absent = []
    for name in names:
        known = verdict.known.answers.get((Kind.VOLUME, name))
        if known is None:
            status, _ = yield from Ask("GET", f"/volumes/{quote(name)}")
            absent += [name] if status == HTTPStatus.NOT_FOUND else []
        elif not known.document:
            absent.append(name)
    return absent


def _is_mounted(name: str) -> Steps[bool]:
    """Whether a container has a volume that was started: into others, files may be copied (`policy/claims/uploads`)."""
    filters = quote(json.dumps({"volume": [name]}))
    status, content = yield from Ask("GET", f"/containers/json?all=1&filters={filters}")
    states = [object_of(each).get("State") for each in list_of(read_engine_json(content))]
    return status == HTTPStatus.OK and any(isinstance(state, str) and state != "created" for state in states)


def _is_outside_swarm() -> Steps[bool]:
    """Whether the engine says that it is in no swarm, and does so soon: without a quorum, a manager takes long."""
    try:
        status, content = yield from Ask("GET", "/info")
    except UnknownObjectError:
        return False
    return status == HTTPStatus.OK and is_outside_swarm(content)


def _keep_quota(verdict: Verdict, scene: Scene) -> Steps[Verdict]:
    """Return the verdict, or a denial if the request adds too much to what is there of its owner."""
    quota, owner = scene.policy.policy.quota, scene.policy.owner
    if quota is None:
        return verdict
    try:
        yield from Lock(owner)
        for word, most in quota.for_operation(verdict.operation.name).most.items():
            there = yield from _list_ids(scene, word, owner)
            added = _count_added(verdict, word, there)
            if added and len(there) + added > most:
                reason = f"{len(there)} of {most} {word} are there"
                return deny(verdict, f'{reason}; remove one, or raise quota of socket "{quota.socket}"')
    except UnknownObjectError as error:
        reason = f"what counts for quota of socket {quota.socket} is not known: {error}"
        return deny(verdict, reason, HTTPStatus.SERVICE_UNAVAILABLE)
    return verdict


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


def _count_added(verdict: Verdict, word: str, there: set[str]) -> int:
    """Return how many a request adds to those that are there, by what goes to the engine."""
    if word != "volumes":
        return 1
    content, named = object_of(json.loads(verdict.decision.content or b"{}")), {*verdict.decision.mounts}
    if verdict.operation.name == "VolumeCreate":
        named.add(str(content.get("Name") or ""))  # One without a name is new.
    return len(named - there) + len(list_nonces(content))


def _make_volumes(verdict: Verdict, owner: str) -> Steps[None]:
    """Make the volumes that a create would make on its way, under the stamp of the one who makes them."""
    request, stamp = verdict.request, make_stamp(owner, verdict.known.nonce)
    target = f"{'/' if request.version else ''}{request.version}/volumes/create"
    for name, labels in verdict.decision.makes.items():
        content = json.dumps({"Name": name, "Labels": {**labels, **stamp}}).encode()
        status, answer = yield from Ask("POST", target, content)
        if status != HTTPStatus.CREATED or not has_labels(answer, stamp):
            reason = f"the volume {name} could not be made, or another client made it meanwhile"
            raise UnknownObjectError(reason, HTTPStatus.SERVICE_UNAVAILABLE)
