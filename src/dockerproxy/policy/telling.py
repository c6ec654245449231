"""What a client is told of a denial: nothing of an object that it may not inspect but what it said of it itself.

A denial is decided by what the engine says of each object that a request names. What the client reads is the same
decision made again, without what it may not know: as if nothing were called as it says. So the answer for another's
object and the one for an object that does not exist are one, whatever a check writes into its message.

Attack: the beginning of an id for the name, two digits at a time -> Defence: a hint names what the client said.
Attack: whether a guessed id exists -> Defence: both answers are made by the same steps from the same values.
Attack: what an object is like, such as the mounts of a pod -> Defence: its description is left out, too.

Two things a client may still learn. Who sends a whole id may learn whether an object has it: nobody guesses one. And
where a grant covers a name that could be the beginning of an id, like `a*`, a body that names something else's id so
is denied, while the engine answers for a name of nothing. Of an image, such a name goes on as a name.
"""

from dataclasses import replace

from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.policy.bodies.inspection import Inspection, Known
from dockerproxy.policy.bodies.naming import is_listed, is_listed_image
from dockerproxy.policy.bodies.narrowing import NARROWING
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.decide import decide, is_allowed
from dockerproxy.policy.objects import WORDS, Found, Kind, Question, ask, find_object, missing
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.policy.wording import values_of


def forget_others(policy: CompiledPolicy, request: CanonicalRequest, known: Known) -> Known:
    """Return what is known of a request without what its client may not know.

    Args:
        policy: Of the socket it came in by.
        request: What the client asks for.
        known: What is known of it.
    """
    named, found, operation = find_object(request), known.found, request.operation
    if operation is None:
        return known
    if found is not None and isinstance(named, Question):
        found = _show(policy, request, named, found)
    answers = {
        (kind, name): _show(policy, request, ask(kind, name, request.version, operation), answer)
        for (kind, name), answer in known.answers.items()
    }
    return replace(known, found=found, answers=answers)


def _show(policy: CompiledPolicy, request: CanonicalRequest, question: Question, found: Found) -> Found:
    """Return an object as the client may know it: as one that does not exist, if it may not."""
    if not found.document:
        return found
    cases = policy.cases[question.operation.name]
    is_granted = any(_grants(case, request, question.kind, found) for case in cases)
    return found if is_granted or _may_inspect(policy, question, found) else missing(question)


def _grants(case: Case, request: CanonicalRequest, kind: Kind, found: Found) -> bool:
    """Whether a case lists an object, or lets it be any: its client may use it, and reads what else is wrong."""
    bounds = values_of(case.conditions)
    seen = Inspection(request=request, bounds=bounds, answers={})
    words = {WORDS[kind], "joins"} & (find_words(request.operation).keys() if request.operation is not None else set())
    if any(word in NARROWING and word not in bounds for word in words):
        return True
    return (kind is Kind.IMAGE and is_listed_image(seen, found)) or any(is_listed(seen, word, found) for word in words)


def _may_inspect(policy: CompiledPolicy, question: Question, found: Found) -> bool:
    """Whether the client could ask the engine for an object as we did."""
    request = canonicalise("GET", question.target)
    return isinstance(request, CanonicalRequest) and is_allowed(decide(policy, request, Known(found=found)))
