"""What a create takes: it fills new volumes alone, and its socket's tenancy prepares it.

Which volumes Docker may fill, `policy/copies` says. Two proxies before one engine know nothing of what is copied
through the other, and none does of what was before it.
"""

import json
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.copies import SERVICES, is_outside_swarm, list_mounted
from dockerproxy.policy.descriptions import has_labels
from dockerproxy.policy.holds import Hold, hold_network, hold_volume
from dockerproxy.policy.model import Making, Mode, Tenancy
from dockerproxy.policy.objects import OWN, VOLUME_CREATE, Kind, is_full_id
from dockerproxy.policy.phases import Act, Acts, Plan, Verdict, deny
from dockerproxy.policy.stamps import OWNER
from dockerproxy.policy.steps import Ask, Says, Scene, Steps, UnknownObjectError, Whole, Work
from dockerproxy.policy.subtrees import LABEL, is_volume_of, knows_parts, list_ours, write_parts, write_volume
from dockerproxy.policy.writing import keep_from_copying, settle
from dockerproxy.views.answers import edit
from dockerproxy.wire.document import list_of, object_of, read_engine_json

_SILENT: Final = "the engine does not say what there is of its volumes"

_TAKEN: Final = "the name is taken by somebody else; use another name"


def hold_for_create(verdict: Verdict) -> tuple[Hold, ...]:
    """Return what must be there still when the engine acts, and the volumes that nobody else mounts meanwhile."""
    decision = verdict.decision
    copies = decision.copies if decision.copies is not None else list_mounted(verdict.body or b"")
    names = sorted({*copies, *decision.uses.mounts})
    volumes = (hold_volume(name, uses=name not in copies) for name in names)
    return (*volumes, *(hold_network(each, uses=True) for each in sorted(decision.uses.joins)))


def create(verdict: Verdict, scene: Scene) -> Plan:
    """Have something created, or something that mounts volumes."""
    if verdict.decision.copies:
        verdict = yield from _settle_copies(verdict, scene)
    elif verdict.decision.copies is None:
        for hold in (yield from Work(verdict.body or b"", partial(hold_for_create, verdict))):
            scene.fills.forget(hold)
    if not verdict.passes:
        return verdict
    verdict = yield from _prepare(verdict, scene)
    if verdict.passes:
        verdict = yield from _mount_parts(verdict)
    if not verdict.passes:
        return verdict
    filled, tenancy = verdict.decision.copies or (), verdict.policy.tenancy
    scene.fills.discard(filled)
    answer = yield from Act(verdict)
    if verdict.known.places.has_parts:
        yield from remove_unused(verdict)
    if answer.status >= HTTPStatus.BAD_REQUEST:
        scene.fills.add(filled)  # Clients pull an image when they hear that there is none, and create once more.
    elif verdict.operation.name == VOLUME_CREATE and verdict.mode is Mode.ENFORCE and not _is_new(tenancy, answer):
        return Says(HTTPStatus.CONFLICT, _TAKEN)  # Another client has made it meanwhile.
    return (yield from edit(verdict, answer))


def _is_new(tenancy: Tenancy, answer: Whole) -> bool:
    """Whether a volume was made now: an engine answers alike if there is one of that name."""
    return not tenancy.owner or has_labels(answer.content, {OWNER: tenancy.owner})


def _prepare(verdict: Verdict, scene: Scene) -> Steps[Verdict]:
    """Have the tenancy prepare a create, also one that is above a quota, but passes."""
    decision, tenancy = verdict.decision, verdict.policy.tenancy
    is_counted = decision.allowed and verdict.mode is not Mode.LEARN  # Where a client is learned from, all passes.
    making = Making(verdict.request, decision.content or b"", decision.uses, verdict.known.nonce, is_counted)
    refusal = yield from tenancy.prepare(making, scene)
    if refusal is None:
        return verdict
    verdict = deny(verdict, refusal.message, refusal.status)
    if verdict.passes:
        yield from tenancy.prepare(making._replace(is_counted=False), scene)
    return verdict


def mount_unread(verdict: Verdict, scene: Scene) -> Plan:
    """Have something created by a body that no grant judged. Only where volumes are held or may be filled."""
    return (yield from create(verdict, scene))


def _mount_parts(verdict: Verdict) -> Steps[Verdict]:
    """Have binds below a root be parts of volumes that are made before (`policy/subtrees`).

    A body that no grant judged goes on with its binds: it may have options or a version that parts cannot have.
    """
    content, places = verdict.decision.content or b"", verdict.known.places
    is_judged = verdict.decision.copies is not None and verdict.operation.name == "ContainerCreate"
    if not places.has_parts or not is_judged or not content:
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
            says = "the engine has not made the volume that a bind needs, or has another one of that name"
            raise UnknownObjectError(says, HTTPStatus.SERVICE_UNAVAILABLE)
    return settle(verdict, verdict.decision._replace(content=content), verdict.needs)


def remove_unused(verdict: Verdict) -> Acts[None]:
    """Remove the volumes of ours that no container uses. The engine keeps those that one has got meanwhile."""
    filters = quote(json.dumps({"dangling": ["true"], "label": [LABEL]}))
    try:
        _, content = yield from Ask("GET", f"/volumes?filters={filters}")
        for name in list_ours(content):
            yield from Act(replace(verdict, to_engine=Ask("DELETE", f"/volumes/{quote(name, safe='')}").head))
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
        is_served = operation in SERVICES or _grants_services(verdict.policy)
        may_fill = bool(new) and not is_served and (yield from _is_outside_swarm())
        for name in filter(is_full_id, () if is_made else set(names).difference(absent)):
            if not (yield from _is_mounted(name)):
                return deny(verdict, "no container that was started has this anonymous volume; name it")
    except UnknownObjectError:
        return deny(verdict, _SILENT, HTTPStatus.GATEWAY_TIMEOUT)
    filled = tuple(new) if may_fill and not is_made else ()
    fills.add(absent if may_fill and is_made else ())
    fills.discard(() if may_fill else names)
    settled = replace(verdict, decision=verdict.decision._replace(copies=filled))
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
    """Whether a container has a volume that was started: into others, files may be copied (`policy/words/running`)."""
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
