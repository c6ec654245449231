"""From a policy to a table: for each operation, the cases in the order they are tried, and the answer if none holds.

All that does not depend on a request is done here, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dockerproxy.api.catalog import HEALTH, OPERATIONS
from dockerproxy.policy.model import Condition, Decision, Grant, Policy


@dataclass(frozen=True, slots=True)
class Case:
    """A decision, and the condition under which it holds."""

    condition: Condition | None
    decision: Decision


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """What a request is judged by.

    Attributes:
        cases: For each operation's name, what may allow it; unconditional ones first.
        default: For each operation's name, the answer if no case holds.
    """

    cases: Mapping[str, tuple[Case, ...]]
    default: Mapping[str, Decision]

    def allows(self, name: str) -> bool:
        """Whether some request for this operation is allowed."""
        return bool(self.cases[name])


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Compile a policy. Every operation of the catalog gets an answer."""
    cases: dict[str, tuple[Case, ...]] = {HEALTH.name: (Case(None, Decision(allowed=True, source="always")),)}
    default = {HEALTH.name: Decision(allowed=True, source="always")}
    for name in OPERATIONS:
        denial = next((denial for denial in policy.denials if name in denial.operations), None)
        grants = [] if denial else [grant for grant in policy.grants if name in grant.operations]
        grants.sort(key=lambda grant: grant.condition is not None)
        cases[name] = tuple(Case(grant.condition, Decision(allowed=True, source=grant.source)) for grant in grants)
        source = denial.source if denial else " or ".join(grant.source for grant in grants)
        message = f"{name} is not allowed here{_unmet(grants)}; {policy.hints[name]}"
        default[name] = Decision(allowed=False, source=source, message=message)
    return CompiledPolicy(cases, default)


def _unmet(grants: list[Grant]) -> str:
    """Say the conditions none of which held."""
    conditions = " or ".join(str(grant.condition) for grant in grants if grant.condition)
    return f" except if {conditions}" if conditions else ""
