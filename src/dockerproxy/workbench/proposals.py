"""What a person may decide about a policy: grants that it lacks, with what each would expose, the gravest first."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from dockerproxy.api.catalog import OPERATIONS, Access
from dockerproxy.policy.asking import extend
from dockerproxy.policy.compile import OWN_GRANT, CompiledPolicy
from dockerproxy.policy.model import Grant
from dockerproxy.policy.values import Value
from dockerproxy.policy.words.registry import conditions_of
from dockerproxy.workbench.exposure import find_exposures
from dockerproxy.workbench.learned import LearnedGrant

_NOTHING: Final = 1 << 10
"""Rank of what exposes nothing."""


class Proposal(NamedTuple):
    """A grant that a policy lacks, as narrow as what was seen, and what it would expose."""

    grant: LearnedGrant
    exposes: tuple[str, ...]


def list_proposals(policy: CompiledPolicy, grants: Iterable[LearnedGrant]) -> tuple[Proposal, ...]:
    """Return what to decide: what exposes most first, then what changes something, then what was asked for most."""
    found = [Proposal(grant, find_new_exposures(policy, grant.operation, grant.conditions)) for grant in grants]
    with_all = _add(policy, [(each.grant.operation, each.grant.conditions) for each in found])
    ranks = {exposure.says: rank for rank, exposure in enumerate(find_exposures(with_all))}
    return tuple(
        sorted(
            found,
            key=lambda each: (
                min((ranks[says] for says in each.exposes), default=_NOTHING),
                each.grant.operation in OPERATIONS and OPERATIONS[each.grant.operation].access is Access.READ,
                -each.grant.count,
            ),
        )
    )


def find_new_exposures(policy: CompiledPolicy, name: str, conditions: Mapping[str, Value]) -> tuple[str, ...]:
    """Say what a client could do besides if a policy had one more grant; each is a clause that follows "a client"."""
    before = {exposure.says: exposure.cases for exposure in find_exposures(policy)}
    after = find_exposures(_add(policy, [(name, conditions)]))
    return tuple(exposure.says for exposure in after if exposure.cases != before.get(exposure.says))


def _add(policy: CompiledPolicy, items: Iterable[tuple[str, Mapping[str, Value]]]) -> CompiledPolicy:
    made = ((name, Grant(frozenset({name}), name, conditions_of(conditions))) for name, conditions in items)
    return extend(policy, tuple(grant if name in OPERATIONS else OWN_GRANT for name, grant in made))
