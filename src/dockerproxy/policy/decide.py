"""The decision: a lookup, total and pure."""

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import Decision

_SHOWN = 200
"""Characters of a path that a message shows."""


def decide(policy: CompiledPolicy, request: CanonicalRequest) -> Decision:
    """Judge a request by what it asks for. No matching grant means no.

    Every input has an answer, and the same input always has the same one.
    """
    if request.operation is None:
        asked = f"{request.method} {request.path[:_SHOWN]}"
        message = f"{asked} is no operation that is known here, and what is not known is refused"
        return Decision(allowed=False, source="", message=message)
    for case in policy.cases[request.operation.name]:
        if case.condition is None or case.condition.holds(request):
            return case.decision
    return policy.default[request.operation.name]
