"""The plan of each kind, and the holds that it needs."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from dockerproxy.plans.creating import create, hold_for_create
from dockerproxy.plans.removing import (
    hold_for_removal,
    prune_own,
    remove,
    remove_containers,
    remove_network,
    stop_and_remove,
)
from dockerproxy.plans.showing import read, show_list
from dockerproxy.plans.starting import build, copy_files, start
from dockerproxy.plans.watching import watch
from dockerproxy.policy.objects import Kind
from dockerproxy.policy.phases import Plan, Verdict
from dockerproxy.policy.planning import find_removed_network
from dockerproxy.policy.steps import Hold, PlanKind, Scene, hold_object
from dockerproxy.policy.words.networks import list_joined
from dockerproxy.wire.document import object_of

PlanMaker: TypeAlias = Callable[[Verdict, Scene], Plan]

PLANS: Final[Mapping[PlanKind, PlanMaker]] = {
    PlanKind.BUILD: build,
    PlanKind.COPY_FILES: copy_files,
    PlanKind.START: start,
    PlanKind.REMOVE: remove,
    PlanKind.REMOVE_NETWORK: remove_network,
    PlanKind.REMOVE_CONTAINERS: remove_containers,
    PlanKind.STOP_AND_REMOVE: stop_and_remove,
    PlanKind.PRUNE_OWN: prune_own,
    PlanKind.CREATE: create,
    PlanKind.MOUNT_UNREAD: create,
    PlanKind.READ: read,
    PlanKind.SHOW_LIST: show_list,
    PlanKind.WATCH: watch,
}

_HOLDING: Final = frozenset({PlanKind.REMOVE_NETWORK, PlanKind.COPY_FILES, PlanKind.START})
"""Kinds of plans that hold the object of the request."""


def find_holds(verdict: Verdict) -> tuple[Hold, ...]:
    """Return the holds of a request, to take before a decision by the engine's state."""
    if verdict.plan is PlanKind.REMOVE:
        return (hold_for_removal(verdict),)
    if verdict.plan in {PlanKind.CREATE, PlanKind.MOUNT_UNREAD}:
        return hold_for_create(verdict)
    found = find_removed_network(verdict) if verdict.plan is PlanKind.REMOVE_NETWORK else verdict.known.found
    if found is None or verdict.plan not in _HOLDING:
        return ()
    kind = Kind.NETWORK if verdict.plan is PlanKind.REMOVE_NETWORK else Kind.CONTAINER
    # Podman first starts the containers that it joins. Inspections have their IDs.
    joined = list_joined(object_of(found.document.get("hostconfig"))) if verdict.plan is PlanKind.START else ()
    return tuple(
        hold_object(kind, each, uses=verdict.plan is PlanKind.START) for each in dict.fromkeys((found.id, *joined))
    )
