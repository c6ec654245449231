"""The plans of removals and prunes.

Attacks: docs/attacks.md, plans/removing.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.plans.creating import remove_unused
from dockerproxy.plans.showing import edit, read_listing
from dockerproxy.policy import objects, steps
from dockerproxy.policy.list_filters import write_filters
from dockerproxy.policy.lists import has_joined
from dockerproxy.policy.objects import SWEEPING, VOLUME_PRUNES, Kind
from dockerproxy.policy.phases import Act, Plan, Verdict, deny
from dockerproxy.policy.planning import find_removed_network
from dockerproxy.policy.steps import Ask, Hold, Says, Scene, UnknownObjectError, Whole
from dockerproxy.wire.answer import read_message, write_document


def hold_for_removal(verdict: Verdict) -> Hold:
    """Return a hold on the volumes that a request may remove."""
    operation, found = verdict.operation, verdict.known.found
    if operation.name in SWEEPING:
        return Hold(f"{Kind.VOLUME}/" if operation.name in VOLUME_PRUNES else "", was_judged=False)
    if found is None or not verdict.decision.about_object:  # It is forwarded with the client's spelling.
        return Hold(f"{Kind.VOLUME}/{objects.name_in(verdict.request.path, operation)}", was_judged=False)
    return steps.hold_object(Kind.VOLUME, found.id)


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
    network, reason, listing = find_removed_network(verdict), "", None
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
