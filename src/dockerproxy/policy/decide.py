"""The decision: a lookup, total and pure. Where it depends on an object, what must be asked first."""

from typing import overload

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import Found, Question, find_object

_SHOWN = 200
"""Characters of a path that a message shows."""


@overload
def decide(policy: CompiledPolicy, request: CanonicalRequest, found: Found) -> Decision: ...
@overload
def decide(policy: CompiledPolicy, request: CanonicalRequest, found: None = None) -> Decision | Question: ...
def decide(policy: CompiledPolicy, request: CanonicalRequest, found: Found | None = None) -> Decision | Question:
    """Judge a request by what it asks for. No matching grant means no.

    Every input has an answer, and the same input always has the same one. It is a question only as long as `found` is
    None and some grant would allow the request for certain objects.

    Args:
        policy: Of the socket it came in by.
        request: What the client asks for.
        found: The object that it names, once that is known.
    """
    if request.operation is None:
        asked = f"{request.method} {request.path[:_SHOWN]}"
        message = f"{asked} is no operation that is known here, and what is not known is refused"
        return Decision(allowed=False, source="", message=message)
    for case in policy.cases[request.operation.name]:
        if case.decision.about_object and found is None:
            known = find_object(request)
            if isinstance(known, Question):
                return known  # This case and all that follow are about the object.
            found = known
        if all(condition.holds(request, found) for condition in case.conditions):
            return case.decision
    return policy.default[request.operation.name]
