"""Write what goes to the engine of a request that is decided, and for a prune of what is own its first question."""

from collections.abc import Callable, Container, Mapping
from typing import Final

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import HEALTH, OPERATIONS, Shape
from dockerproxy.policy.copies import write_without_copies
from dockerproxy.policy.holds import REMOVING
from dockerproxy.policy.model import Decision, Mode
from dockerproxy.policy.objects import VOLUME_CREATE, goes_on_as, with_fixed, with_name, with_query
from dockerproxy.policy.phases import Phase, Plan, Verdict, find_sole_owner
from dockerproxy.policy.places import NOWHERE
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.stamps import OWNER
from dockerproxy.policy.steps import Scene
from dockerproxy.policy.values import Value
from dockerproxy.views.lists import PRUNED, with_label, without_count
from dockerproxy.wire.document import write_json
from dockerproxy.wire.head import Framing, write_request

_PING: Final = (
    f"GET {OPERATIONS['SystemPing'].path} HTTP/1.1\r\nhost: dockerproxy\r\nconnection: close\r\n\r\n".encode()
)

_OF_ANSWERS: Final = frozenset(
    b"accept-encoding if-match if-modified-since if-none-match if-range if-unmodified-since range".split(b" ")
)
"""Fields by which an answer comes compressed, in part or not at all. Where it may be read, it comes whole."""


def settle(
    phase: Phase,
    decision: Decision,
    needs: Mapping[str, Value] | None,
    plan: Callable[[Verdict, Scene], Plan] | None = None,
) -> Verdict:
    """Write what goes to the engine. A request that was judged by its object names it by its id."""
    operation, request, found, decided = phase.operation, phase.request, phase.known.found, decision
    if phase.mode is not Mode.ENFORCE:  # Where nothing is refused, builds pass as they come.
        decision = decided._replace(docker_only=False, fixed={})
        if not decision.allowed and phase.known.places != NOWHERE and phase.known.body is not None:
            decision = decision._replace(content=_find_places(phase))
    if decision.shows and operation.name in PRUNED:  # The engine would remove what others have: it gets no prune.
        return Verdict(*phase.parts, decided, _PING, needs, plan)
    if decision.shows:
        request = with_query(request, without_count(request))
        owner = find_sole_owner(phase.policy, decision)
        request = with_label(request, OWNER, owner) if owner else request
    if decision.query:
        request = with_query(request, decision.query)
    if decision.fixed:
        request = with_fixed(request, decision.fixed)
    if decision.about_object and found is not None:
        request = with_name(request, operation, goes_on_as(request, found))
    target = phase.target if request is phase.request else request.target
    passes = decision.allowed or phase.mode is not Mode.ENFORCE
    return Verdict(*phase.parts, decided, _write(phase, decision, target) if passes else b"", needs, plan)


def keep_from_copying(verdict: Verdict, volumes: Container[str]) -> Verdict:
    """Have a create go on by which nothing is copied into some volumes that it mounts."""
    content = write_without_copies(verdict.decision.content or b"{}", volumes)
    return settle(verdict, verdict.decision._replace(content=content), verdict.needs)


def _find_places(phase: Phase) -> bytes | None:
    """Write the body of a request that is not allowed, but passes, with what it mounts where the engine finds that."""
    read = read_request(BODIES[phase.operation.name], phase.request, phase.known)
    return None if read.violations or read.content is None else write_json(read.content)


def _write(phase: Phase, decision: Decision, target: str) -> bytes:
    """Write the head, and behind it the body if it was held: as it was understood, or as it came where none judged."""
    head, operation = phase.head, phase.operation
    if decision.shows or phase.hides or phase.known.places.differ or operation.name == VOLUME_CREATE:
        head = head._replace(fields=tuple(field for field in head.fields if field[0] not in _OF_ANSWERS))
    if operation is HEALTH:
        return _PING
    if operation.name in REMOVING:
        head = head._replace(close=True)  # It has a connection of its own, whose end says that the engine is done.
    content = None
    if phase.body is not None and head.framing is not Framing.NONE:
        content = phase.body if decision.content is None else decision.content
    return write_request(head, target.encode(), upgrade=operation.shape is Shape.TUNNEL, content=content)
