"""Find the plan of a request, and its holds.

Attacks: docs/attacks.md, policy/plans.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Final

from dockerproxy.api.answers import SPELLED
from dockerproxy.api.catalog import OPERATIONS, Shape
from dockerproxy.policy import objects, steps
from dockerproxy.policy.claim import ENGINE
from dockerproxy.policy.creating import create, hold_for_create, mount_unread, remove_unused
from dockerproxy.policy.model import NO_USES, Mode
from dockerproxy.policy.needs import refuse_to_bound
from dockerproxy.policy.objects import (
    BUILD,
    INSPECTIONS,
    MOUNTING,
    NETWORK_REMOVALS,
    SWEEPING,
    VOLUME_PRUNES,
    Kind,
    ResolvedObject,
)
from dockerproxy.policy.phases import Act, Plan, Verdict, deny
from dockerproxy.policy.steps import Ask, Hold, Says, Scene, UnknownObjectError, Whole
from dockerproxy.policy.subtrees import NO_PART, is_removed_at_end, mounts_part, reveals_path, uses_parts
from dockerproxy.policy.words.networks import list_joined
from dockerproxy.views.answers import edit, read, read_listing, show_list
from dockerproxy.views.events import watch
from dockerproxy.views.filters import write_filters
from dockerproxy.views.lists import EVENTS, PRUNED, has_joined
from dockerproxy.wire.answer import read_message, write_document
from dockerproxy.wire.document import object_of

PlanMaker = Callable[[Verdict, Scene], Plan]

_REMOVALS: Final = frozenset({"ContainerDelete", "ContainerPrune"})
"""They may leave a volume of the proxy unused."""


def find_plan(verdict: Verdict) -> PlanMaker | None:
    """Return a request's plan; None if it is only forwarded, or does not pass."""
    if not verdict.passes:
        return None
    name, decision, places, found = verdict.operation.name, verdict.decision, verdict.known.places, verdict.known.found
    is_partial, is_stream = bool(verdict.hides or decision.shows), verdict.operation.shape is Shape.STREAM
    # Learning denies nothing.
    may_be_refused = decision.allowed and verdict.mode is not Mode.LEARN
    is_counted = may_be_refused and verdict.policy.tenancy.counts(name) != ""
    has_parts = places.has_parts and name == "ContainerCreate" and decision.copies is not None
    plans = (
        (build, decision.plan == "build" or (name == BUILD and verdict.needs is not None)),
        (copy_files, decision.plan == "copy" and found is not None),
        (start, decision.plan == "start" and found is not None),
        (remove, name in steps.REMOVING and not decision.shows),
        (remove_network, _find_network(verdict) is not None),
        (watch, (is_partial and is_stream) or ((places.has_parts or places.hides) and name in EVENTS)),
        (prune_own, decision.shows and name in PRUNED),
        (stop_and_remove, name == "ContainerStop" and is_removed_at_end(found)),
        (remove_containers, name in _REMOVALS and (places.has_parts or uses_parts(found))),
        (create, decision.copies or decision.uses != NO_USES or is_counted or has_parts),
        (show_list, decision.shows),
        (read, is_partial or (places.differ and name in SPELLED) or (name in INSPECTIONS and mounts_part(found))),
        (mount_unread, decision.copies is None and name in MOUNTING),
    )
    return next((plan for plan, applies in plans if applies), None)


def find_holds(verdict: Verdict) -> tuple[Hold, ...]:
    """Return the holds of a request, to take before a decision by the engine's state."""
    if verdict.plan is remove:
        return (hold_for_removal(verdict),)
    if verdict.plan in {create, mount_unread}:
        return hold_for_create(verdict)
    found = _find_network(verdict) if verdict.plan is remove_network else verdict.known.found
    if found is None or verdict.plan not in {remove_network, copy_files, start}:
        return ()
    kind = Kind.NETWORK if verdict.plan is remove_network else Kind.CONTAINER
    # Podman first starts the containers that it joins. Inspections have their IDs.
    joined = list_joined(object_of(found.document.get("hostconfig"))) if verdict.plan is start else ()
    return tuple(
        steps.hold_object(kind, each, uses=verdict.plan is start) for each in dict.fromkeys((found.id, *joined))
    )


def hold_for_removal(verdict: Verdict) -> Hold:
    """Return a hold on the volumes that a request may remove."""
    operation, found = verdict.operation, verdict.known.found
    if operation.name in SWEEPING:
        return Hold(f"{Kind.VOLUME}/" if operation.name in VOLUME_PRUNES else "", was_judged=False)
    if found is None or not verdict.decision.about_object:  # It is forwarded with the client's spelling.
        return Hold(f"{Kind.VOLUME}/{objects.name_in(verdict.request.path, operation)}", was_judged=False)
    return steps.hold_object(Kind.VOLUME, found.id)


def _find_network(verdict: Verdict) -> ResolvedObject | None:
    """Return the owned network that a request removes; None if it removes none."""
    found = verdict.known.found if verdict.operation.name in NETWORK_REMOVALS else None
    return found if found is not None and found.document and found.belongs_to else None


def build(verdict: Verdict, _scene: Scene) -> Plan:
    """Forward a build if the engine is Docker, whose builder is contained; otherwise deny it.

    In modes that deny nothing, it passes, and needs `unrestricted`.
    """
    counts = verdict.operation.shape is not Shape.TUNNEL  # There, each of its builds counts.
    if counts:
        yield from steps.Enter("builds", verdict.policy.policy.bounds.builds)
    is_docker = yield from steps.Identify()
    if is_docker and counts:
        return steps.Pass()
    verdict = replace(verdict, plan=None)
    if is_docker:
        return verdict
    reason = "does not say that it is Docker, and only Docker's builder is contained"
    if verdict.needs is not None:
        verdict = replace(verdict, needs=refuse_to_bound(f"{ENGINE} {reason}"))
    if verdict.decision.plan != "build":
        return verdict
    case = next(each for each in verdict.policy.cases[BUILD] if each.decision.plan == "build")
    return deny(verdict, reason, case=case, path=ENGINE)


def refuse_archive(verdict: Verdict, reason: str) -> Verdict:
    """Deny a request under a contained grant for what its archive has. In modes that deny nothing, it passes."""
    if verdict.needs is not None:
        verdict = replace(verdict, needs=refuse_to_bound(reason))
    if not (verdict.decision.allowed and verdict.decision.walks):
        return verdict
    case = next(each for each in verdict.policy.cases[verdict.operation.name] if each.decision.walks)
    return deny(verdict, reason, case=case)


def copy_files(_verdict: Verdict, _scene: Scene) -> Plan:
    """Copy files into or out of a container that must not start meanwhile."""
    yield from ()
    return steps.Pass()


def start(verdict: Verdict, _scene: Scene) -> Plan:
    """Start a container whose files must not be copied meanwhile, or an exec. Few may be pending."""
    yield from steps.Enter("starts", verdict.policy.policy.bounds.starts)
    if verdict.operation.shape is Shape.TUNNEL:
        return steps.Pass()
    answer = yield from Act(verdict)
    if mounts_part(verdict.known.found) and reveals_path(answer.content.decode(errors="replace")):
        return Says(HTTPStatus.BAD_REQUEST, NO_PART)
    return (yield from edit(verdict, answer))


def remove(verdict: Verdict, scene: Scene) -> Plan:
    """Forward a request that may remove volumes.

    It has its own connection, which stays open if the client leaves: engines continue such removals.
    """
    scene.fills.forget(hold_for_removal(verdict))
    return (yield from edit(verdict, (yield from Act(verdict, to_the_end=True))))


def remove_containers(verdict: Verdict, _scene: Scene) -> Plan:
    """Remove containers, and then unused volumes of the proxy."""
    answer = yield from Act(verdict)
    yield from remove_unused(verdict)
    return (yield from edit(verdict, answer))


def stop_and_remove(verdict: Verdict, _scene: Scene) -> Plan:
    """Stop a container that the engine then removes, as a sweep does, and remove unused volumes of the proxy.

    A container that never started stays: waiting for its end would delay the answer.
    """
    answer, found = (yield from Act(verdict)), verdict.known.found
    if answer.status == HTTPStatus.NO_CONTENT:
        target = f"/containers/{found.id if found else ''}/wait?condition=removed"
        with suppress(UnknownObjectError):
            yield from steps.Read(Ask("POST", target).head, waits=True)
            yield from remove_unused(verdict)
    return (yield from edit(verdict, answer))


def remove_network(verdict: Verdict, scene: Scene) -> Plan:
    """Remove a network, unless a container would join the next network of its name, whose owner may differ.

    Only containers of the network's owner count. Others join it because a grant lists its name, under any owner.
    """
    network, reason, listing = _find_network(verdict), "", None
    filters = write_filters(network.belongs_to if network else "")
    with suppress(UnknownObjectError):
        status, content = yield from Ask("GET", f"/containers/json?all=1&filters={filters}")
        is_list = status == HTTPStatus.OK
        listing = (yield from read_listing(scene, OPERATIONS["ContainerList"], content)) if is_list else None
    if network is None or listing is None:
        reason = "the engine does not say which containers are on it"
    elif any(has_joined(objects.get_object(each.found), network) for each in listing.elements):
        reason = "a container is on it, running or not, and would join the next network of its name; remove it first"
    verdict = deny(verdict, reason) if reason else verdict
    return (yield from edit(verdict, (yield from Act(verdict)))) if verdict.passes else verdict


def prune_own(verdict: Verdict, scene: Scene) -> Plan:
    """Remove the owned objects that a prune selects, one by one."""
    requests = verdict.policy.tenancy.prune(verdict.request, scene.now)
    asked: Callable[[], Ask] = partial(next, requests)
    content = b""
    while True:
        work: steps.Work[Ask | steps.Answer] = steps.Work(content, partial(_go_on, asked))
        step = yield from work
        if not isinstance(step, Ask):
            break
        answer = yield from steps.Perform(step)
        asked, content = partial(requests.send, answer), answer[1]
    status, content = step
    if status == HTTPStatus.OK:
        return Whole(write_document(content), status, content)
    return Says(status, read_message(content) or "the engine returned no list")


def _go_on(step: Callable[[], Ask]) -> Ask | steps.Answer:
    """Return the next request, or the final answer."""
    try:
        return step()
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return] # it is what the generator returns


def can_begin(verdict: Verdict) -> bool:
    """Whether a plan can begin with the part of its request that has arrived."""
    return verdict.is_whole or verdict.plan in {build, copy_files}


def is_prune(verdict: Verdict) -> bool:
    """Whether a request keeps a list of the engine until its plan ends."""
    return verdict.plan is prune_own


def is_removal(verdict: Verdict) -> bool:
    """Whether a request counts toward the limit of concurrent removals of volumes or networks."""
    return verdict.plan in {remove, remove_network}
