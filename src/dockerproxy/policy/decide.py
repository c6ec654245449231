"""The decision: a lookup, total and pure. Where it depends on an object or a body, what is needed first."""

from dataclasses import replace
from enum import Enum
from typing import Final

from dockerproxy.api.bodies.tables import Body
from dockerproxy.api.catalog import UNKNOWN
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.bodies.inspection import Fault, Known
from dockerproxy.policy.bodies.reader import Inspected, inspect
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import Question, find_object
from dockerproxy.policy.wording import is_literal, write_grant
from dockerproxy.wire.document import write_json

_SHOWN = 200
"""Characters of a path that a message shows."""


class Wanted(Enum):
    """What is needed to decide, besides what the engine knows."""

    BODY = "the body"


NOTHING: Final = Known()


def decide(policy: CompiledPolicy, request: CanonicalRequest, known: Known = NOTHING) -> Decision | Question | Wanted:
    """Judge a request by what it asks for. No matching grant means no.

    Every input has an answer, and the same input always has the same one. It is a question, or the wish for the body,
    only as long as that is not known and some grant might allow the request.

    Args:
        policy: Of the socket it came in by.
        request: What the client asks for.
        known: What is known besides.
    """
    if request.operation is UNKNOWN:
        asked = f"{request.method} {request.path[:_SHOWN]}"
        message = f"{asked} is no operation that is known here, and what is not known is refused"
        return Decision(allowed=False, source="", message=message)
    name, faults = request.operation.name, list[tuple[Case, tuple[Fault, ...]]]()
    for case in policy.cases[name]:
        found = known.found
        if case.decision.about_object and found is None:
            named = find_object(request)
            if isinstance(named, Question):
                return named  # This case and all that follow are about the object.
            found = named
        if not all(condition.holds(request, found) for condition in case.of_head):
            continue
        if case.body is None:
            return case.decision
        answer = _look_into(case, case.body, request, known if found is known.found else replace(known, found=found))
        if not isinstance(answer, tuple):
            return answer
        faults.append((case, answer))
    denial = policy.default[name]
    return (
        replace(denial, message=_explain(policy, name, *min(faults, key=lambda each: len(each[1]))))
        if faults
        else denial
    )


def is_allowed(answer: Decision | Question | Wanted) -> bool:
    """Whether it is decided that a request is allowed."""
    return isinstance(answer, Decision) and answer.allowed


def _look_into(
    case: Case, body: Body, request: CanonicalRequest, known: Known
) -> Decision | Question | Wanted | tuple[Fault, ...]:
    """Look at what a request says besides its path; return what is wrong with it if it is not allowed."""
    if body.is_read and known.body is None:
        return Wanted.BODY
    inspected = inspect(body, case.bounds, request, known)
    if inspected.faults:
        return inspected.faults
    if inspected.questions:
        first, *others = inspected.questions
        return replace(first, others=tuple(others)) if others else first
    return _allow(case, inspected)


def _allow(case: Case, inspected: Inspected) -> Decision:
    content = write_json(inspected.content) if case.reads_body and inspected.content is not None else None
    if content is None and not inspected.query:
        return case.decision
    return replace(case.decision, content=content, query=inspected.query)


def _explain(policy: CompiledPolicy, name: str, case: Case, faults: tuple[Fault, ...]) -> str:
    """Say what is wrong with a request, and what would allow it."""
    first, *more = faults
    others = f", and {len(more)} more" if more else ""
    return f"{name} is not allowed here: {first}{others}; {find_remedy(policy, name, case, first)}"


def find_remedy(policy: CompiledPolicy, name: str, case: Case, fault: Fault) -> str:
    """Say what would let a request pass in spite of a fault.

    Attack: a line beside the grant, written as the message has it, would lack what the grant demands besides
    -> Defence: dots stand for that, which no policy file can have
    (test: test_a_remedy_stands_for_what_else_the_grant_demands).
    """
    if not fault.word:
        return policy.policy.opening.format(name=name)
    if not fault.value:
        return f"the grant demands it by {fault.word}"
    if not is_literal(fault.value):
        return f"{fault.word} cannot list it, since * and ? stand for other characters there"
    grant = write_grant(name, {fault.word: fault.value})
    return policy.policy.granting.format(grant=grant.replace("{", "{..., ", 1) if case.conditions else grant)
