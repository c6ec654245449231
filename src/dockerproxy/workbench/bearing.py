"""Explain a decision: each grant and denial of the operation, and what would change the decision.

Attacks: docs/attacks.md, workbench/bearing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from dockerproxy.advice.dangers import LEAVE_OUT, describe_danger, say_what
from dockerproxy.advice.denials import find_remedy, widen
from dockerproxy.advice.needs import can_be_listed, find_needs, leave_out_restrictions
from dockerproxy.api.bodies.tables import BODIES, SEALED
from dockerproxy.api.catalog import BUILD_TUNNELS, HEALTH, OPERATIONS, UNKNOWN, Operation
from dockerproxy.policy.claim import Claim, Fault
from dockerproxy.policy.compile import Case, CompiledPolicy, compile_policy
from dockerproxy.policy.decide import judge_claims, reading_of_head
from dockerproxy.policy.image_grants import needs_tags
from dockerproxy.policy.model import CREATES, Grant, Policy, Source, values_of
from dockerproxy.policy.objects import BUILD, NAMING, Lookup
from dockerproxy.policy.reader import read_request
from dockerproxy.policy.values import Takes, Value, is_literal, items_of, list_names, say_value, write_grant
from dockerproxy.policy.vocabulary import CONSTRAINTS, SWITCHED, UNRESTRICTED, is_about_object, is_of_body
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.workbench.needs import LITERAL, NO_NAME, find_least, words_of_head
from dockerproxy.workbench.removing import find_removal
from dockerproxy.workbench.trying import Tried, answer_by_name, find_faults

Line = tuple[str, str]
"""A label and a text; the label is empty if the text continues the previous line."""


class _Alone(NamedTuple):
    """A grant judged alone, without other grants and denials: the faults by each case, and whether it allows."""

    grant: Grant
    policy: CompiledPolicy
    faults: Sequence[tuple[Case, tuple[Fault, ...]]]
    allows: bool

    @property
    def all_faults(self) -> list[Fault]:
        """The faults of all cases."""
        return [fault for _, faults in self.faults for fault in faults]


def _judge_alone(grant: Grant, policy: Policy, tried: Tried) -> _Alone:
    alone, claims = compile_policy(policy._replace(grants=(grant,), denials=())), _claims_of(tried)
    faults = [(case, find_faults(case, tried)) for case in alone.cases[tried.request.operation.name]]
    allows = any(not those and not judge_claims(case.by_word, claims).faults for case, those in faults)
    return _Alone(grant, alone, faults, allows)


def _judge_each(policy: Policy, tried: Tried) -> list[_Alone]:
    name = tried.request.operation.name
    return [_judge_alone(grant, policy, tried) for grant in policy.grants if name in grant.operations]


def list_bearing(policy: Policy, tried: Tried) -> Iterator[Line]:
    """Yield the grants and denials of a request's operation, and which of their conditions the request meets.

    For a contained grant, also yield all faults of the request, and what would allow it.
    """
    operation = tried.request.operation
    if operation in (UNKNOWN, HEALTH):
        return
    grants = _judge_each(policy, tried)
    for alone in grants:
        yield "grant", str(alone.grant.source)
        for condition in (each for each in alone.grant.conditions if each != SWITCHED):
            yield "", _bear(condition, tried, alone.all_faults)
        if operation.name in SEALED and UNRESTRICTED not in alone.grant.conditions:
            yield "", f"no   no condition can limit it: {SEALED[operation.name]}"
        if operation.name in BODIES and UNRESTRICTED not in alone.grant.conditions and tried.wants_body:
            yield "", "?    contained: depends on the body"
        for case, those in alone.faults:
            yield from (("", f"no   {fault}") for fault in those)
            if those:
                yield "", f"     {find_remedy(alone.policy, operation.name, case, those)}"
    denials = [str(denial.source) for denial in policy.denials if operation.name in denial.operations]
    for source in denials:
        yield "denial", source.removeprefix("deny ")
    if not grants and not denials:
        yield "grant", "none"


def _bear(condition: Condition, tried: Tried, faults: Sequence[Fault]) -> str:
    """Return whether the request meets a condition, as text."""
    if condition == UNRESTRICTED:
        return f"yes  {UNRESTRICTED.word}: any body is allowed"
    if is_of_body(tried.request.operation, condition.word):
        broken = any(fault.word == condition.word for fault in faults)
        return f"{'?   ' if tried.wants_body else 'no  ' if broken else 'yes '} {condition}"
    if _holds(condition, tried):
        return f"yes  {condition}"
    return f"no   {condition}{_explain(condition, tried)}"


def _claims_of(tried: Tried) -> tuple[Claim, ...]:
    return tuple(reading_of_head(tried.request, tried.known).claims)


def _holds(condition: Condition, tried: Tried) -> bool:
    """Whether a request meets a condition on its head, if the grant has no other condition."""
    return not judge_claims({condition.word: condition}, _claims_of(tried)).faults


def _explain(condition: Condition, tried: Tried) -> str:
    """Return what a request has instead of what a condition demands, as the end of a line; empty if unknown."""
    if is_about_object(tried.request.operation, condition.word):
        if tried.known.found is None:
            return ": unknown object"
        if _holds(condition, replace(tried, request=tried.request._replace(query=()))):
            return ": with this query an engine would act on others too"
        return f": it is {list_names(tried.known.found.names, 'and')}"
    if condition.constraint.takes is Takes.CHOICE:
        return ""
    least = find_least(condition.constraint, _claims_of(tried))
    if least is None:
        return ": missing or ambiguous in the request"
    is_named = tried.request.operation.name in NAMING and isinstance(least, tuple)
    return f": it is {list_names(items_of(least), 'and') if is_named else say_value(least)}"


def find_change(policy: Policy, tried: Tried, socket: str, file: str) -> Iterator[Line]:
    """Yield the edit of a policy file that changes the decision of a socket, and keeps the file valid."""
    if tried.request.operation.name in BUILD_TUNNELS and not tried.decision.allowed:
        build = tried.request._replace(operation=OPERATIONS[BUILD], query=())
        tried = replace(tried, request=build, known=tried.known._replace(body=(None,)))
    operation = tried.request.operation
    if operation in (UNKNOWN, HEALTH) or tried.wants_body:
        return
    where = f'of socket "{socket}" in {file}'
    grants = _judge_each(policy, tried)
    if tried.decision.allowed:
        yield from _find_refusal(policy, operation, grants, where)
    elif not any(alone.allows for alone in grants):
        yield from _find_line(policy, tried, grants, where)


def _find_line(policy: Policy, tried: Tried, grants: Sequence[_Alone], where: str) -> Iterator[Line]:
    """Yield the line that allows a request."""
    operation = tried.request.operation
    evaded = policy.tenancy.refuses(operation.name, is_open=operation.name in SEALED)
    if evaded:
        yield "change", f'no line in "allow" {where} allows this: its quota of {evaded} cannot count what it makes'
        return
    needed = _find_needed(tried, operation)
    unlisted = [word for word, value in needed.items() if value == () and word != "names"]
    line = {word: value for word, value in needed.items() if value != ()}
    patterns = [word for word, value in line.items() if word not in LITERAL and not is_literal(value)]
    if patterns:
        no_list = f"{list_names(patterns, 'and')} cannot list it: * and ? are wildcards there"
        yield "change", f'no line in "allow" {where} allows only this: {no_list}'
        return
    demanding = _keep_demands(grants, policy, tried, line)
    if isinstance(demanding, str):
        yield "change", f'no line in "allow" {where} keeps the conditions of the grant and allows this: {demanding}'
        return
    if needs_tags(operation.name, demanding.keys(), owns=compile_policy(policy).owner != ""):
        if operation.name != BUILD:
            yield "change", f'no line in "allow" {where} allows this: it does not say which name of an image'
            return
        demanding = {**demanding, "tags": NO_NAME}
    denied = any(operation.name in denial.operations for denial in policy.denials)
    fix = _find_fix(tried, operation) if UNRESTRICTED.word in demanding else ""
    if fix:
        yield "change", f"to allow it, {fix}"
        return
    how = " if contained (its body says what else it needs)" if _lacks_body(tried, operation) else ""
    danger = describe_danger(operation.name, demanding, places=policy.places, owns=compile_policy(policy).owner != "")
    # The operation's own requirements cannot be omitted.
    instead = LEAVE_OUT if operation.name in BODIES and operation.name not in SEALED else ""
    start = f"to allow {say_what(operation.name, demanding, danger, how=how, instead=instead)}, "
    start += "also " if denied else ""
    sources = (alone.grant.source for alone in grants)
    named = list_names([str(source) for source in sources if source.word == operation.name] or [""], "and")
    if named and not demanding:  # A line without conditions would make theirs useless.
        yield "change", f'{start}remove the conditions of {named} in "allow" {where}'
        return
    if named and (operation.name in CREATES or set(demanding) == {UNRESTRICTED.word}):
        yield "change", f'{start}replace {named} in "allow" {where} by this line:'
    else:
        is_wider = unlisted and UNRESTRICTED.word not in demanding
        more = f" (it allows more, because {list_names(unlisted, 'and')} cannot list what it has)" if is_wider else ""
        yield "change", f'{start}add this line to "allow" {where}{more}:'
    yield "", f"- {write_grant(operation.name, demanding)}"


def _find_needed(tried: Tried, operation: Operation) -> Mapping[str, Value]:
    """Return the narrowest conditions that allow a request, as values by word.

    A list is empty if the word restricts the request, but cannot list what the request has.
    """
    needed = _find_needed_of_head(tried, operation)
    if operation.name in SEALED:
        return {**needed, UNRESTRICTED.word: True}
    if operation.name not in BODIES or _lacks_body(tried, operation):
        return needed
    body, known = BODIES[operation.name].without_object(), tried.known
    bounds: Mapping[str, Value] | Lookup | None = tried.recorded
    while bounds is None or isinstance(bounds, Lookup):
        known = known if bounds is None else answer_by_name(known, bounds)
        bounds = find_needs(read_request(body, tried.request, known))
    if UNRESTRICTED.word in bounds:
        return {**needed, UNRESTRICTED.word: True}
    bounds = leave_out_restrictions(operation, bounds)
    return {**needed, **{word: value for word, value in bounds.items() if not needed.get(word)}}


def _find_fix(tried: Tried, operation: Operation) -> str:
    """Return what the client should write instead of an obvious mistake; empty if there are other faults."""
    if operation.name not in BODIES or tried.recorded is not None or _lacks_body(tried, operation):
        return ""
    read = read_request(BODIES[operation.name].without_object(), tried.request, tried.known)
    fixes = [each.fix for each in read.violations]
    return fixes[0] if fixes and all(fixes) else ""


def _find_needed_of_head(tried: Tried, operation: Operation) -> Mapping[str, Value]:
    claims = _claims_of(tried)
    words = words_of_head(operation)
    least = {word: find_least(each, claims) for word, each in words.items()}
    needed = {word: value for word, value in least.items() if value is not None and can_be_listed(words[word], value)}
    while broken := {fault.word for fault in judge_claims(_make(needed), claims).faults} & needed.keys():
        needed = {word: value for word, value in needed.items() if word not in broken}
    return {**needed, **{word: () for word in words if words[word].takes is Takes.ITEMS and word not in needed}}


def _make(values: Mapping[str, Value]) -> Mapping[str, Condition]:
    return {word: Condition(CONSTRAINTS[word], value) for word, value in values.items()}


def _keep_demands(
    grants: Sequence[_Alone], policy: Policy, tried: Tried, needed: Mapping[str, Value]
) -> Mapping[str, Value] | str:
    """Add the demands of the closest grant, loosened as far as the request needs, or return why that fails."""
    if not grants or UNRESTRICTED.word in needed:
        return needed
    operation = tried.request.operation
    nearest = min(grants, key=lambda alone: len(alone.all_faults))
    if operation.name in CREATES:  # Its line merges with the grant, so more conditions would narrow it for others.
        said = tuple(condition for condition in nearest.grant.conditions if not condition.constraint.is_private)
        return widen(values_of(said), nearest.all_faults)
    demanded = {
        condition.word: condition.value
        for condition in nearest.grant.conditions
        if condition.constraint.narrows and is_of_body(operation, condition.word) and condition.word not in needed
    }
    line = {**needed, **demanded}
    alone = _judge_alone(Grant(frozenset({operation.name}), Source(""), tuple(_make(line).values())), policy, tried)
    return widen(line, [fault for fault in alone.all_faults if fault.word in demanded])


def _lacks_body(tried: Tried, operation: Operation) -> bool:
    is_told = tried.recorded is not None or tried.known.body is not None
    return operation.name in BODIES and not BODIES[operation.name].optional and not is_told


def _find_refusal(policy: Policy, operation: Operation, grants: Sequence[_Alone], where: str) -> Iterator[Line]:
    """Yield the edit that denies an operation: a denial, or fewer grants if a denial would leave a grant empty."""
    removal = find_removal(policy, (operation.name,))
    holding = list(dict.fromkeys(str(alone.grant.source) for alone in grants if alone.allows))
    is_joined = operation.name in policy.lines and removal.denied
    if holding and set(holding) <= set(removal.lines) and not is_joined:
        yield "change", f'to deny it, remove {list_names(holding, "and")} from "allow" {where}'
        return
    besides = f'remove {list_names(removal.lines, "and")} from "allow", and ' if removal.lines else ""
    yield "change", f'to deny it, {besides}add this line to "deny" {where}:'
    yield "", f"- {operation.name}"
