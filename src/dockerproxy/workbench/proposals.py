"""Propose the grants that a policy lacks, with what each would expose, the most dangerous first."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final, NamedTuple

from dockerproxy.advice.needs import restricts
from dockerproxy.api.catalog import OPERATIONS, Access
from dockerproxy.policy.compile import OWN_GRANT, CompiledPolicy, compile_policy
from dockerproxy.policy.model import CREATES, Grant, Policy, Source
from dockerproxy.policy.values import Value, merge
from dockerproxy.policy.vocabulary import CONSTRAINTS, UNRESTRICTED, conditions_of
from dockerproxy.workbench.exposure import EXPOSURES, find_exposures
from dockerproxy.workbench.learned import LearnedGrant
from dockerproxy.workbench.learning import find_contained

NOTHING: Final = compile_policy(Policy(grants=(), denials=()))
"""A policy that allows nothing."""

_RANKS: Final = {exposure.says: rank for rank, exposure in enumerate(EXPOSURES)}
"""The rank of each exposure, the most dangerous first."""


class Proposal(NamedTuple):
    """A missing grant, as narrow as the requests, and what it would expose."""

    grant: LearnedGrant
    exposes: tuple[str, ...]


def list_proposals(policy: CompiledPolicy, grants: Iterable[LearnedGrant]) -> tuple[Proposal, ...]:
    """Return the proposals: the most dangerous first, then writes, then the most frequent."""
    found = [Proposal(grant, find_new_exposures(policy, grant.operation, grant.conditions)) for grant in grants]
    return tuple(
        sorted(
            found,
            key=lambda each: (
                min((_RANKS[says] for says in each.exposes), default=len(_RANKS)),
                each.grant.operation in OPERATIONS and OPERATIONS[each.grant.operation].access is Access.READ,
                -each.grant.count,
            ),
        )
    )


def find_new_exposures(policy: CompiledPolicy, name: str, conditions: Mapping[str, Value]) -> tuple[str, ...]:
    """Return what one more grant would let clients do in addition, as clauses that follow "a client"."""
    before = {exposure.says: exposure.cases for exposure in find_exposures(policy)}
    grant = Grant(frozenset({name}), Source(name), conditions_of(conditions)) if name in OPERATIONS else OWN_GRANT
    after = find_exposures(compile_policy(policy.policy._replace(grants=(*policy.policy.grants, grant))))
    return tuple(exposure.says for exposure in after if exposure.cases != before.get(exposure.says))


def complete(policy: CompiledPolicy, learned: LearnedGrant, broken: AbstractSet[str]) -> LearnedGrant:
    """Return a learned grant that fits into a policy, with remarks on what it exposes.

    A socket has one line for each create, so a narrower line would restrict other clients. The line therefore keeps the
    conditions of the policy, except broken words, which it loosens.
    """
    name, seen, remarks = learned.operation, learned.conditions, [*learned.remarks]
    case, operation = find_contained(policy, name), OPERATIONS.get(name)
    if case is None or operation is None or UNRESTRICTED.word in seen:
        return learned
    said = {each.word: each.value for each in case.conditions if not each.constraint.is_private}
    if name in CREATES:
        remarks = [remark for remark in remarks if remark.partition(":")[0] in broken]
        told = {remark.partition(":")[0] for remark in remarks}
        for word in sorted(broken & said.keys() | broken & seen.keys()):
            constraint = CONSTRAINTS[word]
            own, before = (values.get(word, constraint.unspoken or None) for values in (seen, said))
            if own is not None:
                both = None if before is None or restricts(operation, constraint) else merge(before, own)
                said[word] = own if both is None else both
            elif word not in told:
                remarks.append(f"{word}: cannot list what a request has; only a grant without {word} allows it")
            elif constraint.narrows:
                del said[word]
        seen = said
        if name in policy.policy.lines:
            remarks.insert(0, "replaces the existing line: a socket has one for each create")
    if any(restricts(operation, CONSTRAINTS[word]) for word in broken):
        exposed = {exposure.says for exposure in find_exposures(policy)}
        new = [says for says in find_new_exposures(policy, name, seen) if says not in exposed]
        remarks += [f"with this line, a client {says}" for says in new]
    return replace(learned, conditions=seen, remarks=tuple(remarks))
