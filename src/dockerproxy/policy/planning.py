"""Find which plan a request needs."""

from typing import Final

from dockerproxy.api.answers import SPELLED
from dockerproxy.api.catalog import Shape
from dockerproxy.policy.list_filters import EVENTS, PRUNED
from dockerproxy.policy.model import NO_USES, Mode
from dockerproxy.policy.objects import BUILD, INSPECTIONS, MOUNTING, NETWORK_REMOVALS, ResolvedObject
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.steps import REMOVING, PlanKind
from dockerproxy.policy.subtrees import is_removed_at_end, mounts_part, uses_parts

_REMOVALS: Final = frozenset({"ContainerDelete", "ContainerPrune"})
"""They may leave a volume of the proxy unused."""


def find_plan(verdict: Verdict) -> PlanKind | None:
    """Return the kind of a request's plan; None if it is only forwarded, or does not pass."""
    if not verdict.passes:
        return None
    name, decision, places, found = verdict.operation.name, verdict.decision, verdict.known.places, verdict.known.found
    is_partial, is_stream = bool(verdict.hides or decision.shows), verdict.operation.shape is Shape.STREAM
    # Learning denies nothing.
    may_be_refused = decision.allowed and verdict.mode is not Mode.LEARN
    is_counted = may_be_refused and verdict.policy.tenancy.counts(name) != ""
    has_parts = places.has_parts and name == "ContainerCreate" and decision.copies is not None
    plans = (
        (PlanKind.BUILD, decision.plan is PlanKind.BUILD or (name == BUILD and verdict.needs is not None)),
        (decision.plan, decision.plan is not None and found is not None),
        (PlanKind.REMOVE, name in REMOVING and not decision.shows),
        (PlanKind.REMOVE_NETWORK, find_removed_network(verdict) is not None),
        (PlanKind.WATCH, (is_partial and is_stream) or ((places.has_parts or places.hides) and name in EVENTS)),
        (PlanKind.PRUNE_OWN, decision.shows and name in PRUNED),
        (PlanKind.STOP_AND_REMOVE, name == "ContainerStop" and is_removed_at_end(found)),
        (PlanKind.REMOVE_CONTAINERS, name in _REMOVALS and (places.has_parts or uses_parts(found))),
        (PlanKind.CREATE, decision.copies or decision.uses != NO_USES or is_counted or has_parts),
        (PlanKind.SHOW_LIST, decision.shows),
        (
            PlanKind.READ,
            is_partial or (places.differ and name in SPELLED) or (name in INSPECTIONS and mounts_part(found)),
        ),
        (PlanKind.MOUNT_UNREAD, decision.copies is None and name in MOUNTING),
    )
    return next((plan for plan, applies in plans if applies), None)


def find_removed_network(verdict: Verdict) -> ResolvedObject | None:
    """Return the owned network that a request removes; None if it removes none."""
    found = verdict.known.found if verdict.operation.name in NETWORK_REMOVALS else None
    return found if found is not None and found.document and found.belongs_to else None


def can_begin(verdict: Verdict) -> bool:
    """Whether a plan can begin with the part of its request that has arrived."""
    return verdict.is_whole or verdict.plan in {PlanKind.BUILD, PlanKind.COPY_FILES}


def is_removal(verdict: Verdict) -> bool:
    """Whether a request counts toward the limit of concurrent removals of volumes or networks."""
    return verdict.plan in {PlanKind.REMOVE, PlanKind.REMOVE_NETWORK}
