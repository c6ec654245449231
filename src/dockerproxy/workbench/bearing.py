"""What bears on a request: each grant and denial of its operation, and what would turn the decision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from dockerproxy.api.bodies.tables import SEALED, Content
from dockerproxy.api.catalog import HEALTH, UNKNOWN, Operation
from dockerproxy.policy.claim import Fault
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.registry import CONSTRAINTS
from dockerproxy.policy.decide import claims_of_head, judge_claims
from dockerproxy.policy.model import Grant, Policy
from dockerproxy.policy.needs import LISTS, can_be_listed, find_needs
from dockerproxy.policy.objects import Lookup
from dockerproxy.policy.remedies import find_remedy, widen
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.vocabulary import UNRESTRICTED, find_words, is_about_object, is_of_body
from dockerproxy.policy.wording import is_literal, list_names, say_value, write_grant
from dockerproxy.workbench.needs import LITERAL
from dockerproxy.workbench.trying import Tried, answer_by_name, find_faults

Line = tuple[str, str]
"""A label and a text; the label is empty where the text belongs to the line before."""


def list_bearing(policy: Policy, tried: Tried) -> Iterator[Line]:
    """Say which grants and denials speak of a request's operation, and which of their conditions it keeps to.

    Of a grant that is contained also all that is wrong with the request, and what would allow it.
    """
    operation = tried.request.operation
    if operation in (UNKNOWN, HEALTH):
        return
    grants = _grants_of(policy, operation.name)
    for grant in grants:
        yield "grant", grant.source
        alone = _compile(grant, policy)
        found = [(case, find_faults(case, tried)) for case in alone.cases[operation.name]]
        faults = tuple(fault for _, those in found for fault in those)
        for condition in grant.conditions:
            yield "", _bear(condition, tried, operation, faults)
        if operation.name in SEALED and UNRESTRICTED not in grant.conditions:
            yield "", f"no   no condition can limit it: {SEALED[operation.name]}"
        if operation.name in BODIES and UNRESTRICTED not in grant.conditions and tried.wants_body:
            yield "", "?    it is contained: that depends on the body"
        for case, those in found:
            yield from (("", f"no   {fault}") for fault in those)
            if those:
                yield "", f"     {find_remedy(alone, operation.name, case, those)}"
    denials = [denial.source for denial in policy.denials if operation.name in denial.operations]
    for source in denials:
        yield "denial", source.removeprefix("deny ")
    if not grants and not denials:
        yield "grant", "none"


def _bear(condition: Condition, tried: Tried, operation: Operation, faults: tuple[Fault, ...]) -> str:
    """Say of a condition whether the request keeps to it."""
    if condition == UNRESTRICTED:
        return f"yes  {UNRESTRICTED.word}: the body may be anything"
    if is_of_body(operation, condition.word):
        broken = any(fault.word == condition.word for fault in faults)
        return f"{'?   ' if tried.wants_body else 'no  ' if broken else 'yes '} {condition}"
    if _holds(condition, tried):
        return f"yes  {condition}"
    return f"no   {condition}{_explain(condition, tried)}"


def _holds(condition: Condition, tried: Tried) -> bool:
    """Whether a request keeps to a condition on its head, if the grant has no other."""
    return not judge_claims({condition.word: condition}, claims_of_head(tried.request, tried.known)).faults


def _compile(grant: Grant, policy: Policy) -> CompiledPolicy:
    """Compile a grant as if there were no other, and no denial."""
    return compile_policy(replace(policy, grants=(grant,), denials=()))


def find_change(policy: Policy, tried: Tried, socket: str, file: str) -> Iterator[Line]:
    """Say what to write in a policy file to turn the decision, so that the file has no mistake then.

    Args:
        policy: Of the socket.
        tried: The request.
        socket: Its name.
        file: The policy file.
    """
    operation = tried.request.operation
    if operation in (UNKNOWN, HEALTH) or tried.wants_body:
        return
    where = f'of socket "{socket}" in {file}'
    grants = _grants_of(policy, operation.name)
    if tried.decision.allowed:
        yield from _find_refusal(policy, tried, operation, where)
    elif not any(_keeps_to(grant, policy, tried) for grant in grants):
        needed = _find_needed(tried, operation)
        patterns = _find_patterns(needed)
        if patterns:
            no_list = f"{list_names(patterns, 'and')} cannot list it: * and ? are wildcards there"
            yield "change", f'no line in "allow" {where} allows only this: {no_list}'
            return
        demanding = _keep_demands(grants, policy, tried, needed)
        if isinstance(demanding, str):
            yield "change", f'no line in "allow" {where} keeps the conditions of the grant and allows this: {demanding}'
            return
        needed = demanding
        denied = any(operation.name in denial.operations for denial in policy.denials)
        what = "it if contained (its body says what else it needs)" if _lacks_body(tried, operation) else "it"
        what = f"{what} and everything else" if UNRESTRICTED.word in needed else what
        start = f"to allow {what}, {'also ' if denied else ''}"
        line = write_grant(operation.name, needed)
        named = [grant.source for grant in grants if grant.source.partition(" ")[0] == operation.name]
        if named and not needed:  # Beside a line without conditions, theirs would restrict nothing.
            yield "change", f'{start}remove the conditions of {list_names(named, "and")} in "allow" {where}'
        elif named and set(needed) == {UNRESTRICTED.word}:
            yield "change", f'{start}replace {list_names(named, "and")} in "allow" {where} by this line:'
            yield "", f"- {line}"
        else:
            unlisted = list_names(_find_unlisted(tried, operation, needed) or [""], "and")
            more = f" (it allows more, as {unlisted} cannot list what it has)" if unlisted else ""
            more = "" if UNRESTRICTED.word in needed else more
            yield "change", f'{start}add this line to "allow" {where}{more}:'
            yield "", f"- {line}"


def _find_needed(tried: Tried, operation: Operation) -> Mapping[str, Value]:
    """Return the conditions, values by their words, that allow a request and as little else as can be said."""
    needed = _find_needed_of_head(tried, operation)
    if operation.name in SEALED or tried.fault:
        return {**needed, UNRESTRICTED.word: True}
    if operation.name not in BODIES or _lacks_body(tried, operation):
        return needed
    body, known = replace(BODIES[operation.name], of_object={}), tried.known
    body = replace(body, content=Content.NONE) if body.streams else body  # What is in an archive, a grant cannot say.
    while isinstance(bounds := find_needs(body, tried.request, known), Lookup):
        for lookup in (bounds, *bounds.others):
            known = answer_by_name(known, lookup)
    if UNRESTRICTED.word in bounds:
        return {**needed, UNRESTRICTED.word: True}
    return {**needed, **{word: value for word, value in bounds.items() if value and word not in needed}}


def _keep_demands(
    grants: Sequence[Grant], policy: Policy, tried: Tried, needed: Mapping[str, Value]
) -> Mapping[str, Value] | str:
    """Add what the nearest grant demands of every request, as far as the request needs; or say why that cannot be.

    Attack: a request without a limit that its grant demands, for which an operator asks how to allow it -> Defence: the
    line demands it, too (test: test_a_proposed_line_demands_what_the_grant_demands).
    """
    if not grants or UNRESTRICTED.word in needed:
        return needed
    operation = tried.request.operation
    nearest = min(grants, key=lambda grant: len(_find_all_faults(grant, policy, tried)))
    demanded = {
        condition.word: condition.value
        for condition in nearest.conditions
        if condition.constraint.narrows and is_of_body(operation, condition.word) and condition.word not in needed
    }
    line = {**needed, **demanded}
    alone = Grant(frozenset({operation.name}), "", tuple(_make(line).values()))
    return widen(line, [fault for fault in _find_all_faults(alone, policy, tried) if fault.word in demanded])


def _find_all_faults(grant: Grant, policy: Policy, tried: Tried) -> list[Fault]:
    """Return what is wrong with a request under a grant."""
    cases = _compile(grant, policy).cases[tried.request.operation.name]
    return [fault for case in cases for fault in find_faults(case, tried)]


def _find_needed_of_head(tried: Tried, operation: Operation) -> Mapping[str, Value]:
    """Return the least conditions on the head that a request keeps to, all together."""
    claims = claims_of_head(tried.request, tried.known)
    needed: dict[str, Value] = {}
    for word, constraint in find_words(operation).items():
        if is_of_body(operation, word):
            continue
        own = (claim for claim in claims if claim.words == (word,) and claim.options)
        value = next((each for claim in own if (each := constraint.least(claim.options[0][0])) is not None), None)
        if value is not None and can_be_listed(constraint, value):
            needed[word] = value
    while faults := judge_claims(_make(needed), claims).faults:
        needed = {word: value for word, value in needed.items() if word not in {fault.word for fault in faults}}
    return needed


def _make(values: Mapping[str, Value]) -> Mapping[str, Condition]:
    return {word: Condition(CONSTRAINTS[word], value) for word, value in values.items()}


def _find_patterns(needed: Mapping[str, Value]) -> list[str]:
    """Return the conditions in which what a request has would be a pattern, and let others pass.

    Attack: a command like `sh -c **`, for which an operator asks how to allow it -> Defence: no line is proposed.
    """
    return [word for word, value in needed.items() if word not in LITERAL and not is_literal(value)]


def _find_unlisted(tried: Tried, operation: Operation, needed: Mapping[str, Value]) -> list[str]:
    """Return the conditions that would let less through, but cannot say what a request has."""
    lacks_body, is_optional = _lacks_body(tried, operation), {"names"}
    return [
        name
        for name, word in find_words(operation).items()
        if name not in needed
        and (
            (word.narrows and word.is_learned and word.takes in LISTS and not lacks_body)
            if is_of_body(operation, name)
            else word.takes is Takes.ITEMS
        )
        if name not in is_optional
    ]


def _lacks_body(tried: Tried, operation: Operation) -> bool:
    """Whether a request lacks the body that it must have."""
    return operation.name in BODIES and not BODIES[operation.name].optional and tried.known.body is None


def _find_refusal(policy: Policy, tried: Tried, operation: Operation, where: str) -> Iterator[Line]:
    """Say what to write to have an operation refused: a denial, or less where a denial would leave a grant nothing."""
    grants = _grants_of(policy, operation.name)
    alone = list(dict.fromkeys(grant.source for grant in grants if _covers_only(policy, grant.source, operation.name)))
    holding = list(dict.fromkeys(grant.source for grant in grants if _keeps_to(grant, policy, tried)))
    if set(holding) <= set(alone):
        yield "change", f'to deny it, remove {list_names(holding, "and")} from "allow" {where}'
        return
    besides = f'remove {list_names(alone, "and")} from "allow", and ' if alone else ""
    yield "change", f'to deny it, {besides}add this line to "deny" {where}:'
    yield "", f"- {operation.name}"


def _covers_only(policy: Policy, source: str, name: str) -> bool:
    """Whether a line of `allow` grants one operation and no other, but for those that are denied."""
    granted = frozenset[str]().union(*(grant.operations for grant in policy.grants if grant.source == source))
    return granted.difference(*(denial.operations for denial in policy.denials)) == {name}


def _grants_of(policy: Policy, name: str) -> list[Grant]:
    return [grant for grant in policy.grants if name in grant.operations]


def _keeps_to(grant: Grant, policy: Policy, tried: Tried) -> bool:
    """Whether a grant allows a request."""
    name = tried.request.operation.name
    return any(
        not judge_claims(case.by_word, claims_of_head(tried.request, tried.known)).faults
        and not find_faults(case, tried)
        and (case.body is None or not tried.fault)
        for case in _compile(grant, policy).cases[name]
    )


def _explain(condition: Condition, tried: Tried) -> str:
    """Say what a request has instead of what a condition demands, as the end of a line; nothing if no more is known."""
    if is_about_object(tried.request.operation, condition.word):
        return _explain_object(condition, tried)
    if condition.constraint.takes is Takes.CHOICE:
        return ""
    claims = (claim for claim in claims_of_head(tried.request, tried.known) if claim.words == (condition.word,))
    least = next((condition.constraint.least(claim.options[0][0]) for claim in claims if claim.options), None)
    if least is None:
        return ": missing or ambiguous in the request"
    return f": it is {say_value(least)}"


def _explain_object(condition: Condition, tried: Tried) -> str:
    found = tried.found
    if found is None:
        return ": which one it is cannot be known"
    if _holds(condition, replace(tried, request=replace(tried.request, query=()))):
        return ": with this query an engine would act on others too"
    return f": it is {list_names(found.names, 'and')}"
