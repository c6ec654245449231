"""A look at one request as its grant bounds it, with an engine that knows some objects."""

from collections.abc import Mapping

from policy.inspecting import Inspected, inspect
from policy.policies import ID, request_for, request_of

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import Known
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.values import Value
from dockerproxy.wire.document import Json

OTHER = "0123" + 60 * "9"
ENGINE = {
    **dict.fromkeys(("web", ID, ID[:12]), ResolvedObject(ID, ("web",), subject=ID, document={"name": "/web"})),
    **dict.fromkeys(("db", OTHER, OTHER[:12]), ResolvedObject(OTHER, ("db",), subject=OTHER, document={"name": "/db"})),
}
"""Containers, by what they can be asked for."""


def look(  # noqa: PLR0913 (they are what a request consists of)
    name: str,
    query: str = "",
    content: Json = None,
    found: ResolvedObject | None = None,
    *,
    bounds: Mapping[str, Value] | None = None,
    target: str = "",
) -> Inspected:
    """Look at a request for an operation until nothing more is to be asked; there is a body if there is content."""
    operation = OPERATIONS[name]
    request = request_of(operation.method, target + query) if target else request_for(operation, query)
    answers: dict[tuple[Kind, str], ResolvedObject] = {}
    while True:
        known = Known(found=found, body=(content,), answers=answers)
        inspected = inspect(BODIES[name], bounds or {}, request, known)
        if not inspected.lookups:
            return inspected
        for lookup in inspected.lookups:
            missing = ResolvedObject(lookup.name, (lookup.name,))
            answers[lookup.kind, lookup.name] = ENGINE.get(lookup.name, missing)


def faults(
    name: str, query: str = "", content: Json = None, found: ResolvedObject | None = None, **bounds: Value
) -> list[str]:
    """Return what is wrong with a request."""
    return list(map(str, look(name, query, content, found, bounds=bounds).faults))
