"""A look at one request as its grant bounds it, with an engine that knows some objects."""

from collections.abc import Mapping

from policy.inspecting import Inspected, inspect
from policy.policies import ID, request_for, request_of

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import Known
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.objects import Found, Kind
from dockerproxy.policy.values import Value
from dockerproxy.wire.document import Json

OTHER = "0123" + 60 * "9"
ENGINE = {
    **dict.fromkeys(("web", ID, ID[:12]), Found(ID, ("web",), owner=ID, document={"name": "/web"})),
    **dict.fromkeys(("db", OTHER, OTHER[:12]), Found(OTHER, ("db",), owner=OTHER, document={"name": "/db"})),
}
"""Containers, by what they can be asked for."""


def look(  # noqa: PLR0913 (they are what a request consists of)
    name: str,
    query: str = "",
    content: Json = None,
    found: Found | None = None,
    *,
    bounds: Mapping[str, Value] | None = None,
    target: str = "",
) -> Inspected:
    """Look at a request for an operation until nothing more is to be asked; there is a body if there is content."""
    operation = OPERATIONS[name]
    request = request_of(operation.method, target + query) if target else request_for(operation, query)
    answers: dict[tuple[Kind, str], Found] = {}
    while True:
        known = Known(found=found, body=(content,), answers=answers)
        inspected = inspect(BODIES[name], bounds or {}, request, known)
        if not inspected.questions:
            return inspected
        for question in inspected.questions:
            missing = Found(question.name, (question.name,))
            answers[question.kind, question.name] = ENGINE.get(question.name, missing)


def faults(name: str, query: str = "", content: Json = None, found: Found | None = None, **bounds: Value) -> list[str]:
    """Return what is wrong with a request."""
    return list(map(str, look(name, query, content, found, bounds=bounds).faults))
