"""The decision: a pure, total lookup in a table. If an object or a body is needed, it returns what to get first.

A denial is a value, too. `advice` writes its sentence, with the line that would allow the request.

Attacks: docs/attacks.md, policy/decide.
"""

import re
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import replace
from enum import Enum
from typing import Final, NamedTuple

from dockerproxy.api.bodies.tables import BODIES, Body
from dockerproxy.api.catalog import UNKNOWN
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.owner_labels import NEW, add_stamp, put_stamp, read_stamp
from dockerproxy.policy import objects
from dockerproxy.policy.claim import Claim, Fault, Keep, Known, Object, Reading
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.image_grants import find_strange, list_asked
from dockerproxy.policy.model import Decision, Denied
from dockerproxy.policy.objects import Lookup, ResolvedObject, find_object, join_lookups
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.steps import PlanKind
from dockerproxy.policy.values import Pairs
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.capabilities import drop_nodes
from dockerproxy.policy.words.constraint import Condition, judge_claim
from dockerproxy.policy.words.fixed import label_built
from dockerproxy.policy.words.images import is_import
from dockerproxy.policy.words.names import named
from dockerproxy.policy.words.parameters import read_head
from dockerproxy.wire.document import Json, show, write_json

_SHOWN = 200
"""Characters of a path in a message."""

_STEPS: Final = re.compile(r"[^.\[\]]+|\[\d+\]").findall


_COPYING: Final = {"VolumeCreate": "names", **dict.fromkeys(objects.MOUNTING, "volumes")}
"""Operations that mount or make volumes, with the word of the claims that have their names."""


class Wanted(Enum):
    """What a decision needs, besides lookups."""

    BODY = "the body"


NOTHING: Final = Known()


class Judgement(NamedTuple):
    """A grant's judgement of claims; without faults if all are granted.

    While there are lookups, `waiting` has further possible faults, by the names to look up. Substitutes replace values
    for the engine, by path.
    """

    faults: tuple[Fault, ...]
    waiting: tuple[Fault, ...]
    lookups: tuple[Lookup, ...]
    substitutes: Mapping[str, Json]


def decide(
    policy: CompiledPolicy, request: CanonicalRequest, known: Known = NOTHING, reads: list[Reading] | None = None
) -> Decision | Lookup | Wanted:
    """Judge a request by its claims. Without a matching grant, it is denied.

    Total and deterministic. It returns that the body or a lookup is needed only while that is unknown, and some grant
    might allow the request. If the body was read, it is added to `reads`.
    """
    if request.operation is UNKNOWN:
        asked = f"{request.method} {request.path[:_SHOWN]}"
        says = "not a known Docker API operation; unknown operations are always denied"
        return Decision(allowed=False, denied=Denied(asked, policy, says))
    name, denied, reads = request.operation.name, list[tuple[Case, Judgement]](), [] if reads is None else reads
    for case in policy.cases[name]:
        if case.decision.about_object and known.found is None:
            named = find_object(request)
            if isinstance(named, Lookup):
                return named  # This case and all later ones depend on the object.
            known = known._replace(found=named)
        answer = _look_at(policy, case, request, known, reads)
        if isinstance(answer, Judgement):
            denied.append((case, answer))
        elif answer is not None:
            return answer
    if not denied:
        return _deny_images(policy, request) or deny(policy, name, known.found)
    case, judgement = min(denied, key=lambda each: len(each[1].faults))  # The nearest grant.
    nearest = Denied(name, policy, case=case, faults=judgement.faults, waiting=judgement.waiting)
    return policy.deny(name)._replace(denied=nearest)


def deny(policy: CompiledPolicy, name: str, found: ResolvedObject | None) -> Decision:
    """Deny a request that no case allows, maybe about another client's object."""
    denial, owns = policy.deny(name), any(objects.OWN in case.by_word for case in policy.cases[name])
    if not owns or found is None or not found.names or found.belongs_to in {NEW, policy.owner}:
        return denial
    return denial._replace(denied=Denied(name, policy, others=found.names[:1]))


def _deny_images(policy: CompiledPolicy, request: CanonicalRequest) -> Decision | None:
    """Deny a request that names images. None if it names none."""
    name, images = request.operation.name, list_asked(request)
    about = [(find_strange(request, it.by_word), it) for it in policy.cases[name] if {*it.by_word} & {"images", "tags"}]
    faults, nearest = min(about, key=lambda each: len(each[0]), default=((), None))
    # If one lists them all, it denies for another reason.
    denied = Denied(name, policy, case=nearest, faults=faults, images=images)
    return policy.deny(name)._replace(denied=denied) if images else None


def is_allowed(answer: Decision | Lookup | Wanted) -> bool:
    """Whether a request is known to be allowed."""
    return isinstance(answer, Decision) and answer.allowed


def reading_of_head(request: CanonicalRequest, known: Known) -> Reading:
    """Read the claims of a request's head."""
    reading = Reading(request=request, answers=known.answers, found=known.found, places=known.places)
    read_head(reading, known.found)
    return reading


def judge_claims(conditions: Mapping[str, Condition], claims: Iterable[Claim]) -> Judgement:
    """Judge claims by a grant's conditions."""
    faults: list[Fault] = []
    waiting: list[Fault] = []
    lookups: dict[str, Lookup] = {}
    substitutes: dict[str, Json] = {}
    for claim in claims:
        answer = judge_claim(conditions, claim, CONSTRAINTS[claim.word])
        if isinstance(answer, Fault):
            faults.append(answer)
        elif isinstance(answer, Lookup):
            lookups[answer.target] = answer
            if not CONSTRAINTS[claim.word].is_private:
                waiting.append(claim.fault(claim.says, claim.word, (answer.name,)))
        else:
            if claim.wrong is not None:
                faults.append(claim.wrong)
            if claim.later is not None:
                lookups[claim.later.target] = claim.later
            if claim.target and not isinstance(answer, Keep) and not callable(answer):
                substitutes[claim.target] = answer
    return Judgement(tuple(faults), tuple(waiting), tuple(lookups.values()), substitutes)


def _look_at(
    policy: CompiledPolicy, case: Case, request: CanonicalRequest, known: Known, reads: list[Reading]
) -> Decision | Lookup | Wanted | Judgement | None:
    """Judge a request by one case. None if the head does not match, or the faults of the rest."""
    decision = case.decision
    if case.judges_head:
        read = reading_of_head(request, known)
        claims = (each for each in read.claims if decision.plan is PlanKind.COPY_FILES or each.word != objects.RUNNING)
        head = judge_claims(case.by_word, claims)
        if head.faults and case.body is not None and is_import(request):
            read = read_once(reads, case.body, request, known)
            faults = (*read.violations, *judge_claims(case.of_body, read.claims).faults)
            return Judgement(faults, (), (), {}) if faults else None
        if head.faults:
            return head if all(fault.word == objects.RUNNING for fault in head.faults) else None
        if head.lookups:
            return join_lookups(head.lookups)
        if read.query:
            decision = decision._replace(query=read.query)
    if case.body is None and not case.stamped:
        return decision
    if case.reads_body and known.body is None:
        return Wanted.BODY
    read = replace(read_once(reads, case.body or BODIES[request.operation.name], request, known))
    return (_judge_body if case.body is not None else _stamp_open)(policy, case, read, known)


def read_once(reads: list[Reading], body: Body, request: CanonicalRequest, known: Known) -> Reading:
    """Read a request's claims, again only if its object became known. They do not depend on grants."""
    if not reads or reads[0].found is not known.found:
        reads[:] = [read_request(body, request, known)]
    return reads[0]


def _judge_body(
    policy: CompiledPolicy, case: Case, read: Reading, known: Known
) -> Decision | Lookup | Judgement | None:
    """Judge a body by a case, and write the body for the engine; or return the faults."""
    judgement = judge_claims(case.of_body, read.claims)
    if read.violations or judgement.faults:
        return judgement._replace(faults=(*read.violations, *judgement.faults))
    if judgement.lookups:
        return join_lookups(judgement.lookups)
    request = read.request
    stamp = _find_stamp(policy, request, known)
    query = substitute(read, _stamp(stamp, read.claims, drop_nodes(read.claims, judgement.substitutes)))
    if stamp and request.operation.name == "ContainerCreate" and isinstance(read.content, dict):
        read.content = policy.tenancy.stamp_volumes(read.content, stamp)
    content = write_json(read.content) if case.reads_body and read.content is not None else None
    copies = list_copies(read.claims, _COPYING.get(request.operation.name, ""))
    uses = policy.tenancy.use(read)
    decision = case.decision._replace(content=content, query=query, copies=copies, uses=uses)
    if decision.plan is PlanKind.BUILD:
        labels = label_built(request.values("labels"), policy.policy.owner)
        decision = decision._replace(fixed={**decision.fixed, "labels": labels})
    # A create may implicitly make a volume that is listed, or that a volume create could make.
    names = [each for each in (case.by_word.get("volumes"),) if each is not None] + list_volume_names(policy)
    strange = [each for each in uses.makes if not any(one is None or one.matches(named(each)) for one in names)]
    if strange:
        says = "a name that no rule allows for a new volume"
        return judgement._replace(faults=(Fault("the volume", show(strange[0]), says, "volumes", (strange[0],)),))
    return decision


def list_copies(claims: Iterable[Claim], word: str) -> tuple[str, ...]:
    """Return the names of volumes that a create mounts or makes."""
    values = (value for claim in claims if claim.word == word for value, _ in claim.options)
    return tuple(dict.fromkeys(value.id for value in values if isinstance(value, ResolvedObject)))


def _stamp_open(policy: CompiledPolicy, case: Case, read: Reading, known: Known) -> Decision | Lookup:
    """Stamp an unread body, and new volumes that it mounts, unless it names their driver."""
    content = known.body[0] if known.body is not None else None
    content = put_stamp(content, case.stamped, _find_stamp(policy, read.request, known) or {})
    if content is None:
        denied = Denied(
            read.request.operation.name, policy, f"{' or '.join(case.stamped)} is not a single map of labels"
        )
        return Decision(allowed=False, sources=(case.source,), denied=denied)
    volumes = (claim.owned for claim in read.claims if claim.word == "volumes")
    lookup = join_lookups(each for each in volumes if isinstance(each, Lookup))
    if lookup is not None:
        return lookup
    decision = case.decision._replace(content=write_json(content))
    has_driver = any("Driver" in each.path for each in read.violations)
    return decision if has_driver else decision._replace(uses=policy.tenancy.use(read)._replace(shares=(), names=()))


def _find_stamp(policy: CompiledPolicy, request: CanonicalRequest, known: Known) -> Mapping[str, str] | None:
    """Return the ownership labels; a changed object keeps its own. None if it may have any."""
    if request.operation.name not in objects.KINDS:
        return policy.tenancy.stamp(known.nonce)
    return read_stamp(known.found.labels) if known.found is not None else {}


def _stamp(
    stamp: Mapping[str, str] | None, claims: Iterable[Claim], substitutes: Mapping[str, Json]
) -> Mapping[str, Json]:
    """Put a stamp on all labelled objects, replacing an existing one."""
    if stamp is None:
        return substitutes
    stamped = dict(substitutes)
    for claim in claims:
        if claim.word == "labels" and claim.target:
            put, sent = stamped.get(claim.target), claim.options[0][0]
            given = put if isinstance(put, dict) else dict(sent.items) if isinstance(sent, Pairs) else {}
            stamped[claim.target] = add_stamp(given, stamp)  # type: ignore[arg-type] # they are texts
    return stamped


def list_volume_names(policy: CompiledPolicy) -> list[Condition | None]:
    """Return the allowed names of new volumes: None for any, empty if no volume may be made."""
    if any(objects.VOLUME_CREATE in denial.operations for denial in policy.policy.denials):
        return []
    return [case.by_word.get("names") for case in policy.cases[objects.VOLUME_CREATE]] or [None]


def substitute(read: Reading, substitutes: Mapping[str, Json]) -> Mapping[str, tuple[str, ...]]:
    """Put substitutes at their paths in the content that was read. Returns the replaced parameters of the query."""
    query = dict(read.query)
    for target, value in substitutes.items():
        if target.startswith("?"):
            query[target[1:]] = (str(value),)
        elif isinstance(read.content, dict):
            read.content = _put(read.content, target, value)
    return query


def _put(content: Object, target: str, value: Json) -> Object:
    """Return an object with a value at a path. Missing objects on the way are made."""
    *steps, last = _STEPS(target)
    changed = dict(content)
    place: Json = changed
    for step in steps:
        below: Json = None
        if step.startswith("[") and isinstance(place, list):
            below = place[int(step[1:-1])] = copy(place[int(step[1:-1])])
        elif isinstance(place, dict):
            below = place[step] = {} if place.get(step) is None else copy(place[step])
        place = below
    if isinstance(place, dict):
        place[last] = value
    return changed
