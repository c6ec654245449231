"""Judge a request without sending it. The engine is not asked, so a name in the request counts as the object's name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from dockerproxy.advice.needs import claims_of
from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import UNKNOWN, Operation
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.errors import Refusal
from dockerproxy.policy.claim import Fault, Known
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.decide import Wanted, decide, judge_claims
from dockerproxy.policy.judge import find_media_types, judge
from dockerproxy.policy.model import Decision, Denied
from dockerproxy.policy.objects import WORDS, Kind, Lookup, ResolvedObject, find_object, missing
from dockerproxy.policy.phases import NeedsBody, NeedsLookup, Verdict
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.values import Value, list_names
from dockerproxy.policy.vocabulary import CONSTRAINTS, UNRESTRICTED
from dockerproxy.response_filters.hiding import find_bar
from dockerproxy.settings import DEFAULTS
from dockerproxy.wire.document import read_json

_CLIENT: Final = "1000:1000"
"""User and group of a client that is not known, for `user: client`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A request, and its decision if the names in it are the names of the objects.

    Attributes:
        request: The request.
        known: What is known besides its head, without the engine. It always includes the body, which decides what is
            needed to allow the request.
        decision: Whether the policy allows it, whatever the mode of its socket; a denial while the body is missing.
        asked: The lookups that `serve` would send to the engine, the object of the path first.
        wants_body: Whether the decision depends on the missing body.
        is_barred: Whether `hide` denies it, so that no grant can allow it.
        recorded: The recorded conditions in place of a body; None if the request is not from a record.
    """

    request: CanonicalRequest
    known: Known
    decision: Decision
    asked: tuple[Lookup, ...] = ()
    wants_body: bool = False
    is_barred: bool = False
    recorded: Mapping[str, Value] | None = None


def try_request(  # noqa: PLR0913 (what is known of a request)
    policy: CompiledPolicy,
    method: str,
    target: str,
    body: bytes | None = None,
    *,
    most: int = DEFAULTS.body,
    found: ResolvedObject | None = None,
    recorded: Mapping[str, Value] | None = None,
) -> Tried | Refusal:
    """Judge a request as a client sends it. Without `body`, it has none, or an unknown one.

    `most` is the limit of a body in bytes. `found` is the object of the path, if an engine has resolved it. `recorded`
    has the recorded conditions in place of the body.
    """
    head = f"{method} {target} HTTP/1.1\r\nHost: dockerproxy\r\n{_write_fields(method, target, body)}\r\n"
    judged = judge(policy, head.encode(errors="surrogateescape"))
    if isinstance(judged, Refusal):
        return judged
    known = judged.known if found is None else judged.known._replace(found=found)
    known = known._replace(client=known.client or _CLIENT)
    if isinstance(judged, Verdict) and find_bar(policy.hides, judged.operation.name, judged.request):
        return Tried(request=judged.request, known=known, decision=judged.decision, is_barred=True)
    table = BODIES.get(judged.request.operation.name)
    if body is not None and table is not None and table.is_read:
        document = read_json(body) if body else None
        if isinstance(judged, NeedsBody) and len(body) > most:
            return Refusal(413, f"the body is longer than {most} bytes")
        if isinstance(judged, NeedsBody) and isinstance(document, Refusal):
            return document
        known = known if isinstance(document, Refusal) else known._replace(body=(document,))
    if recorded is not None:
        policy = judge_recorded(policy, judged.request.operation, recorded)
    tried = replace(_try(_leave_out_objects(policy, judged.request), judged.request, known), recorded=recorded)
    if isinstance(judged, NeedsLookup) and found is None and judged.lookup not in tried.asked:
        tried = replace(tried, asked=(judged.lookup, *tried.asked))
    return tried


def _write_fields(method: str, target: str, body: bytes | None) -> str:
    """Return the header fields about the body, as a valid client sends them."""
    if body is None:
        return ""
    request = canonicalise(method, target)
    operation = request.operation if isinstance(request, CanonicalRequest) else UNKNOWN
    return f"Content-Type: {find_media_types(operation)[0]}\r\nContent-Length: {len(body)}\r\n"


def _leave_out_objects(policy: CompiledPolicy, request: CanonicalRequest) -> CompiledPolicy:
    """Return a policy without conditions on facts about the object that only the engine knows."""
    name = request.operation.name
    cases = tuple(
        case if case.body is None else replace(case, body=case.body.without_object())
        for case in policy.cases.get(name, ())
    )
    return policy._replace(cases={**policy.cases, name: cases})


def _try(policy: CompiledPolicy, request: CanonicalRequest, known: Known) -> Tried:
    """Decide, and answer each lookup with an object of that name."""
    named, asked = find_object(request), list[Lookup]()
    while not isinstance(answer := decide(policy, request, known), Decision):
        if isinstance(answer, Wanted):
            if not all(case.body.optional for case in policy.cases[request.operation.name] if case.body is not None):
                break  # The request is invalid without a body.
            known = known._replace(body=(None,))
        elif answer == named and known.found is None:
            asked.insert(0, answer)
            known = known._replace(found=take_for_name(answer))
        else:
            asked += (answer, *answer.others)
            known = answer_by_name(known, answer)
    if isinstance(named, Lookup) and known.found is None:
        known = known._replace(found=take_for_name(named))
    wants_body = isinstance(answer, Wanted)
    if not isinstance(answer, Decision):
        name = request.operation.name
        answer = Decision(allowed=False, denied=Denied("", policy, f"{name} depends on the body"))
    answer = keep_recorded(policy, request.operation, answer)
    return Tried(request=request, known=known, decision=answer, asked=tuple(asked), wants_body=wants_body)


def find_faults(case: Case, tried: Tried) -> tuple[Fault, ...]:
    """Return the faults of a request by a contained case, as far as the body is known."""
    if case.body is not None and tried.recorded is not None:
        return find_recorded_faults(case, tried.request.operation, tried.recorded)
    if case.body is None or tried.wants_body:
        return ()
    body, known = case.body.without_object(), tried.known
    while True:
        read = read_request(body, tried.request, known)
        judgement = judge_claims(case.of_body, read.claims)
        answered = known
        for lookup in judgement.lookups:
            answered = answer_by_name(answered, lookup)
        if answered.answers.keys() == known.answers.keys():
            return (*read.violations, *judgement.faults)
        known = answered


def judge_recorded(
    policy: CompiledPolicy, operation: Operation, needed: Mapping[str, Value] | None, *, trusting: bool = False
) -> CompiledPolicy:
    """Return a policy that decides a recorded request without its body as if it had the body.

    If the record has no conditions for the body and is trusted, the body counts as meeting those of every grant.
    """
    name, kept, denied = operation.name, list[Case](), list[tuple[Case, tuple[Fault, ...]]]()
    for case in policy.cases[name]:
        faults: tuple[Fault, ...] = ()
        if case.body is not None and needed is not None:
            faults = find_recorded_faults(case, operation, needed)
        elif case.body is not None and not trusting:
            faults = (Fault("the body", "", "is not recorded"),)
        if faults:
            denied.append((case, faults))
        else:
            kept.append(replace(case, body=None, stamped=()))
    denials = policy.denials
    if denied:
        case, faults = min(denied, key=lambda each: len(each[1]))
        nearest = Denied(name, policy, case=case, faults=faults)
        if needed is None:
            nearest = Denied(name, policy, str(faults[0]))
        denials = {name: policy.deny(name)._replace(denied=nearest)}
    return policy._replace(cases={**policy.cases, name: tuple(kept)}, denials=denials)


def keep_recorded(policy: CompiledPolicy, operation: Operation, decision: Decision) -> Decision:
    """Return why the recorded body is denied, if `judge_recorded` found that, in place of another denial."""
    kept = policy.denials.get(operation.name, decision)
    is_recorded = kept.denied is not None and (kept.denied.says or kept.denied.faults)
    return kept if is_recorded and not decision.allowed else decision


def find_recorded_faults(case: Case, operation: Operation, needed: Mapping[str, Value]) -> tuple[Fault, ...]:
    """Return the faults of a recorded request by a contained case."""
    if UNRESTRICTED.word in needed:
        path, _, says = str(needed[UNRESTRICTED.word]).partition(" ")
        return (Fault(path, "", says),)
    if not needed.keys() <= CONSTRAINTS.keys():
        return (Fault("the body", "", "was recorded by another version, with unknown conditions"),)
    return judge_claims(case.by_word, claims_of(operation, needed)).faults


def answer_by_name(known: Known, lookup: Lookup) -> Known:
    """Answer a lookup, and its alternatives, with an object of that name, of which nothing else is known."""
    answers = {(each.kind, each.name): take_for_name(each) for each in (lookup, *lookup.others)}
    return known._replace(answers={**known.answers, **answers})


def take_for_name(lookup: Lookup) -> ResolvedObject:
    """Return an object with the name in the request. For an exec or a task, this is the name of its owner.

    A container counts as an ordinary one, which shares nothing with the host or others, and was not started yet.
    """
    found = missing(lookup)
    return replace(found, names=found.names or (lookup.name,), document=_ORDINARY.get(lookup.kind, {}))


_ORDINARY: Final[Mapping[Kind, Mapping[str, object]]] = {
    Kind.CONTAINER: {
        "hostconfig": {"NetworkMode": "default", "PidMode": "", "IpcMode": "private"},
        "mounts": [],
        "state": {"Status": "created"},
    },
    Kind.NETWORK: {"driver": "overlay"},
}
"""The facts of an ordinary object."""


def describe_object(lookup: Lookup) -> str:
    """Return how the name in a request was interpreted."""
    if lookup.kind is Kind.ENGINE:
        return "the engine, taken for one whose root is the host's; serve asks it"
    taken = "its name"
    if lookup.kind in {Kind.EXEC, Kind.TASK}:
        taken = f"the name of its {WORDS[lookup.kind].removesuffix('s')}"
    return f"{lookup.kind} {lookup.name}, taken for {taken}; serve asks the engine"


def describe_unseen(tried: Tried) -> str:
    """Return what `serve` would also check of the named object; empty if nothing."""
    operation = tried.request.operation
    body = BODIES.get(operation.name)
    if body is None or not body.of_object:
        return ""
    fields = dict.fromkeys(path.partition(".")[0] for path in body.of_object)
    return f"its {list_names(list(fields), 'and')} is unknown here; serve asks the engine and checks it too"
