"""Hide from a client's denial every object that the client may neither use nor inspect.

A denial is decided by what the engine says of each object in the request. The client's message comes from a second
decision, in which hidden objects do not exist. So a hidden object and a missing one get the same answer, whatever a
check writes into its message.

Attack: send the beginning of an ID for the name, two digits at a time -> Defence: a hint names what the client sent.
Attack: guess whether an ID exists -> Defence: both answers are made by the same steps from the same values.
Attack: find out what an object is like, such as the mounts of a pod -> Defence: its description is hidden, too.

A client may still learn whether something has a whole ID, which nobody guesses: of a network, service, secret or
config, 12 digits are enough as the name of a new one. With a grant of a pattern like `a*`, it may learn whether
something else has an ID that begins so, unless that is an image: a body with it is denied, while the engine answers for
a name of nothing.
"""

from dataclasses import replace

from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.policy.claim import Known
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.decide import decide, is_allowed
from dockerproxy.policy.objects import LABELLED, OWN, WORDS, Kind, Lookup, ResolvedObject, ask, find_object, missing
from dockerproxy.policy.stamps import NEW
from dockerproxy.policy.vocabulary import find_words, narrows


def forget_others(policy: CompiledPolicy, request: CanonicalRequest, known: Known) -> Known:
    """Return what is known of a request without what its client may not know."""
    named, found, operation = find_object(request), known.found, request.operation
    if found is not None and isinstance(named, Lookup):
        found = _show(policy, request, named, found)
    answers = {
        (kind, name): _show(policy, request, ask(kind, name, request.version, operation), answer)
        for (kind, name), answer in known.answers.items()
    }
    return replace(known, found=found, answers=answers)


def _show(policy: CompiledPolicy, request: CanonicalRequest, lookup: Lookup, found: ResolvedObject) -> ResolvedObject:
    """Return an object as the client may know it: as one that does not exist, if it may not."""
    if not found.document and (not policy.owner or found.belongs_to == NEW):
        return found  # A name of an image, by which it is removed or sent, has no document.
    cases = policy.cases[lookup.operation.name]
    is_granted = any(_grants(case, request, lookup.kind, found) for case in cases)
    return found if is_granted or _may_inspect(policy, lookup, found) else missing(lookup)


def _grants(case: Case, request: CanonicalRequest, kind: Kind, found: ResolvedObject) -> bool:
    """Whether a case lists an object, or lets it be any: its client may use it, and reads what else is wrong."""
    operation, own, labelled = request.operation, case.of_body.get(OWN), case.by_word.get(LABELLED)
    words = {WORDS[kind], "joins"} & find_words(operation).keys()
    is_listed = any(word in case.by_word and case.by_word[word].matches(found) for word in words)
    if own is not None:
        return (is_listed and OWN not in case.by_word) or own.matches(found)
    if labelled is not None and not labelled.matches(found):
        return False
    return is_listed or any(word not in case.by_word and narrows(operation, word) for word in words)


def _may_inspect(policy: CompiledPolicy, lookup: Lookup, found: ResolvedObject) -> bool:
    """Whether the client could ask the engine for an object as we did."""
    request = canonicalise("GET", lookup.target)
    return isinstance(request, CanonicalRequest) and is_allowed(decide(policy, request, Known(found=found)))
