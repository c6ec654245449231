"""The plan of a create: only new volumes are filled, and the socket's tenancy prepares it.

Docker fills an empty volume from the image. It copies as root, from outside, and follows links in the volume (moby
daemon/container/container_unix.go, copyExistingContents, up to 29.7 at least). A container that changes the volume
meanwhile makes Docker write anywhere on the host. So a volume is filled only if it was made through this proxy and no
container has mounted it since. All other contained mounts get `NoCopy`. Two proxies in front of one engine do not know
each other's copies, and no proxy knows copies from before its start.

Attacks: docs/attacks.md, plans/creating.
"""

import json
from collections.abc import Container
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from dockerproxy.owner_labels import OWNER
from dockerproxy.plans.showing import edit
from dockerproxy.policy.claim import Object, objects_at
from dockerproxy.policy.descriptions import has_labels
from dockerproxy.policy.model import Making, Mode, Tenancy
from dockerproxy.policy.objects import OWN, SERVICES, VOLUME_CREATE, Kind, is_full_id
from dockerproxy.policy.phases import Act, Acts, Plan, Verdict, deny, settle
from dockerproxy.policy.steps import Ask, Hold, Says, Scene, Steps, UnknownObjectError, Whole, Work, hold_object
from dockerproxy.policy.subtrees import LABEL, is_volume_of, knows_parts, list_ours, write_parts, write_volume
from dockerproxy.wire.document import Json, list_of, object_of, read_engine_json, write_json

_SILENT: Final = "the engine did not list its volumes"


def hold_for_create(verdict: Verdict) -> tuple[Hold, ...]:
    """Return holds on objects that must still exist then, and on volumes that no other client may mount."""
    decision = verdict.decision
    copies = decision.copies if decision.copies is not None else list_mounted(verdict.body or b"")
    names = sorted({*copies, *decision.uses.mounts})
    volumes = (hold_object(Kind.VOLUME, name, uses=name not in copies) for name in names)
    networks = (hold_object(Kind.NETWORK, each, uses=True) for each in sorted(decision.uses.joins))
    return (*volumes, *networks, *(Hold(f"name/{each}") for each in sorted(decision.uses.names)))


def create(verdict: Verdict, scene: Scene) -> Plan:
    """Create an object. One with an unread body may mount any volume."""
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
        scene.fills.add(filled)  # Clients pull a missing image, and repeat the create.
    elif verdict.operation.name == VOLUME_CREATE and verdict.mode is Mode.ENFORCE and not _is_new(tenancy, answer):
        return Says(HTTPStatus.CONFLICT, "another client uses this name; choose another")  # Meanwhile.
    return (yield from edit(verdict, answer))


def _is_new(tenancy: Tenancy, answer: Whole) -> bool:
    """Whether a volume is new: an engine answers the same for an existing one."""
    return not tenancy.owner or has_labels(answer.content, {OWNER: tenancy.owner})


def _prepare(verdict: Verdict, scene: Scene) -> Steps[Verdict]:
    """Let the tenancy prepare a create, even one that exceeds a quota but passes."""
    decision, tenancy = verdict.decision, verdict.policy.tenancy
    is_counted = decision.allowed and verdict.mode is not Mode.LEARN  # Learning denies nothing.
    making = Making(verdict.request, decision.content or b"", decision.uses, verdict.known.nonce, is_counted)
    refusal = yield from tenancy.prepare(making, scene)
    if refusal is None:
        return verdict
    verdict = deny(verdict, refusal.message, refusal.status)
    if verdict.passes:
        yield from tenancy.prepare(making._replace(is_counted=False), scene)
    return verdict


def _mount_parts(verdict: Verdict) -> Steps[Verdict]:
    """Turn binds below a root into parts of volumes, which are made first (`policy/subtrees`).

    An unread body keeps its binds: their options or version may not support parts.
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
        return deny(verdict, "only Docker 26 and newer can mount paths below a directory that clients can write to")
    for name, root in roots.items():
        status, said = yield from Ask("POST", "/volumes/create", write_volume(name, root))
        if status != HTTPStatus.CREATED or not is_volume_of(said, root):
            says = "the engine did not make the volume for a bind, or has another of that name"
            raise UnknownObjectError(says, HTTPStatus.SERVICE_UNAVAILABLE)
    return settle(verdict, verdict.decision._replace(content=content), verdict.needs)


def remove_unused(verdict: Verdict) -> Acts[None]:
    """Remove unused volumes of the proxy. The engine keeps those that a container uses by then."""
    filters = quote(json.dumps({"dangling": ["true"], "label": [LABEL]}))
    with suppress(UnknownObjectError):  # The next removal finds them.
        _, content = yield from Ask("GET", f"/volumes?filters={filters}")
        for name in list_ours(content):
            yield from Act(replace(verdict, to_engine=Ask("DELETE", f"/volumes/{quote(name, safe='')}").head))


def _settle_copies(verdict: Verdict, scene: Scene) -> Steps[Verdict]:
    """Let a contained create fill only new volumes, and hold all that it mounts.

    The returned decision names only volumes into which the engine may copy.
    """
    names, fills, operation = verdict.decision.copies or (), scene.fills, verdict.operation.name
    is_made = operation == VOLUME_CREATE
    try:
        absent = yield from _find_absent(verdict, names)
        new = [name for name in names if name in fills or name in absent]
        granted = (case for name in SERVICES for case in verdict.policy.cases[name])
        # `own` alone does not allow clients to make services, or change those of others.
        is_served = operation in SERVICES or any(OWN not in case.by_word for case in granted)
        may_fill = bool(new) and not is_served and (yield from is_outside_swarm())
        for name in filter(is_full_id, () if is_made else set(names).difference(absent)):
            if not (yield from _is_mounted(name)):
                return deny(verdict, "this anonymous volume belongs to no started container; name it")
    except UnknownObjectError:
        return deny(verdict, _SILENT, HTTPStatus.GATEWAY_TIMEOUT)
    filled = tuple(new) if may_fill and not is_made else ()
    fills.add(absent if may_fill and is_made else ())
    fills.discard(() if may_fill else names)
    settled = replace(verdict, decision=verdict.decision._replace(copies=filled))
    unfilled = set(names).difference(filled)
    if not unfilled:
        return settled
    content = settled.decision.content or b"{}"
    content = yield from Work(content, partial(write_without_copies, content, unfilled))
    return settle(settled, settled.decision._replace(content=content), settled.needs)


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
    """Whether a started container has a volume: files may be copied into others (`policy/words/running`)."""
    filters = quote(json.dumps({"volume": [name]}))
    status, content = yield from Ask("GET", f"/containers/json?all=1&filters={filters}")
    states = [object_of(each).get("State") for each in list_of(read_engine_json(content))]
    return status == HTTPStatus.OK and any(isinstance(state, str) and state != "created" for state in states)


def is_outside_swarm() -> Steps[bool]:
    """Whether the engine quickly answers that it is in no swarm, like every Podman; False if unclear.

    Docker says `inactive` only without any swarm (moby daemon/cluster/noderunner.go, State). Its errors are ambiguous:
    if a node cannot start, they also ask for `docker swarm init`. Without a quorum, a manager takes long.
    """
    try:
        status, content = yield from Ask("GET", "/info")
    except UnknownObjectError:
        return False
    swarm = object_of(object_of(read_engine_json(content)).get("Swarm"))
    return status == HTTPStatus.OK and swarm.get("LocalNodeState") == "inactive"


def list_mounted(content: bytes) -> tuple[str, ...]:
    """Return the sources of all mounts in an unread body, including volumes.

    Unusual spellings gain an unrestricted client nothing: it can write to the host anyway.
    """
    body = object_of(read_engine_json(content))
    host, task = object_of(body.get("HostConfig")), object_of(body.get("TaskTemplate"))
    binds = [str(bind).partition(":")[0] for bind in list_of(host.get("Binds"))]
    listed = [each.get("Mounts") for each in (host, object_of(task.get("ContainerSpec")))]
    mounts = [str(mount.get("Source")) for each in listed for _, mount in objects_at(each, "")]
    return tuple(dict.fromkeys((*binds, *mounts)))


def write_without_copies(content: bytes, volumes: Container[str]) -> bytes:
    """Write the body of a create so that nothing is copied into some mounted volumes.

    Their binds become mounts: older versions of Podman do not know `nocopy` in binds, and need none.
    """
    body: Object = object_of(json.loads(content))
    host = object_of(body.get("HostConfig"))
    binds = [str(bind) for bind in list_of(host.get("Binds"))]
    moved = [bind for bind in binds if bind.partition(":")[0] in volumes]
    mounts = [mount for _, mount in objects_at(host.get("Mounts"), "")]
    for source, target, *options in (bind.split(":") for bind in moved):
        read_only: Json = "ro" in ",".join(options).split(",")
        mounts.append({"Type": "volume", "Source": source, "Target": target, "ReadOnly": read_only})
    if moved:
        host["Binds"] = [bind for bind in binds if bind not in moved]
        host["Mounts"] = list[Json](mounts)
    for mount in mounts:
        if mount.get("Type") == "volume" and mount.get("Source") in volumes:
            mount["VolumeOptions"] = {**object_of(mount.get("VolumeOptions")), "NoCopy": True}
    return write_json(body)
