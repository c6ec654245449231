"""Write what goes to the engine of a request that is decided, and for a prune of what is own its first question."""

from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from typing import Final

from dockerproxy.api.catalog import HEALTH, OPERATIONS, Shape
from dockerproxy.policy.claims.reader import read_request
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.copies import write_without_copies
from dockerproxy.policy.holds import REMOVING
from dockerproxy.policy.lists import with_label, without_count
from dockerproxy.policy.model import Decision, Mode
from dockerproxy.policy.objects import Kind, goes_on_as, with_fixed, with_name, with_query
from dockerproxy.policy.phases import Plan, Reading, Scene, Verdict
from dockerproxy.policy.places import NOWHERE
from dockerproxy.policy.prunes import PRUNED, list_own
from dockerproxy.policy.stamps import OWNER
from dockerproxy.policy.values import Value
from dockerproxy.wire.document import write_json
from dockerproxy.wire.head import Framing, write_request

_OF_ANSWERS: Final = frozenset(
    b"accept-encoding if-match if-modified-since if-none-match if-range if-unmodified-since range".split(b" ")
)
"""Fields by which an answer comes compressed, in part or not at all. Where it may be read, it comes whole."""


def settle(
    reading: Reading,
    decision: Decision,
    needs: Mapping[str, Value] | None,
    plan: Callable[[Verdict, Scene], Plan] | None = None,
) -> Verdict:
    """Write what goes to the engine. A request that was judged by its object names it by its id."""
    operation, request, found, decided = reading.operation, reading.request, reading.known.found, decision
    if reading.mode is not Mode.ENFORCE:  # Where nothing is refused, builds pass as they come.
        decision = replace(decided, docker_only=False, fixed={})
        if not decision.allowed and reading.known.places != NOWHERE and reading.known.body is not None:
            decision = replace(decision, content=_find_places(reading))
    if decision.shows and operation.name in PRUNED:  # The engine would remove what others have: it gets no prune.
        kind, _ = PRUNED[operation.name]
        begins = list_own(kind or Kind.CONTAINER, request.version)
        return Verdict(*reading.parts, decided, begins.head, needs, plan)
    if decision.shows:
        request = with_query(request, without_count(request))
        request = with_label(request, OWNER, decision.owner) if decision.owner else request
    if decision.query:
        request = with_query(request, decision.query)
    if decision.fixed:
        request = with_fixed(request, decision.fixed)
    if decision.about_object and found is not None:
        request = with_name(request, operation, goes_on_as(request, found))
    target = reading.target if request is reading.request else request.target
    passes = decision.allowed or reading.mode is not Mode.ENFORCE
    return Verdict(*reading.parts, decided, _write(reading, decision, target) if passes else b"", needs, plan)


def keep_from_copying(verdict: Verdict, volumes: Container[str]) -> Verdict:
    """Have a create go on by which nothing is copied into some volumes that it mounts."""
    content = write_without_copies(verdict.decision.content or b"{}", volumes)
    return settle(verdict, replace(verdict.decision, content=content), verdict.needs)


def _find_places(reading: Reading) -> bytes | None:
    """Write the body of a request that is not allowed, but passes, with what it mounts where the engine finds that."""
    read = read_request(BODIES[reading.operation.name], reading.request, reading.known)
    return None if read.violations or read.content is None else write_json(read.content)


def _write(reading: Reading, decision: Decision, target: str) -> bytes:
    """Write the head, and behind it the body if it was held: as it was understood, or as it came where none judged."""
    head, operation = reading.head, reading.operation
    if decision.shows or decision.owner or reading.hides or reading.known.places.differ:
        head = replace(head, fields=tuple(field for field in head.fields if field[0] not in _OF_ANSWERS))
    if operation is HEALTH:
        operation = OPERATIONS["SystemPing"]
        return f"GET {operation.path} HTTP/1.1\r\nhost: dockerproxy\r\nconnection: close\r\n\r\n".encode()
    if operation.name in REMOVING:
        head = replace(head, close=True)  # It has a connection of its own, whose end says that the engine is done.
    content = None
    if reading.body is not None and head.framing is not Framing.NONE:
        content = reading.body if decision.content is None else decision.content
    return write_request(head, target.encode(), upgrade=operation.shape is Shape.TUNNEL, content=content)
