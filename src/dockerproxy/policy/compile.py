"""From a policy to a table: for each operation, the cases in the order they are tried, and the answer if none holds.

All that does not depend on a request is done here, once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dockerproxy.api.catalog import HEALTH, OPERATIONS
from dockerproxy.policy.conditions import Flag, NamesObject
from dockerproxy.policy.model import Condition, Decision, Grant, Mode, Policy
from dockerproxy.policy.objects import REACHING, SWITCHES


@dataclass(frozen=True, slots=True)
class Case:
    """A decision, and the conditions under which it holds: all of them.

    Attributes:
        conditions: What a request must keep to.
        decision: The answer to one that does.
    """

    conditions: tuple[Condition, ...]
    decision: Decision


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """What a request is judged by.

    Attributes:
        policy: What it was compiled from.
        cases: For each operation's name, what may allow it; the cheapest to try first.
        default: For each operation's name, the answer if no case holds.
    """

    policy: Policy
    cases: Mapping[str, tuple[Case, ...]]
    default: Mapping[str, Decision]

    @property
    def mode(self) -> Mode:
        """What becomes of a request that is not allowed."""
        return self.policy.mode

    def allows(self, name: str) -> bool:
        """Whether some request for this operation is allowed."""
        return bool(self.cases[name])


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Compile a policy. Every operation of the catalog gets an answer."""
    cases: dict[str, tuple[Case, ...]] = {HEALTH.name: (Case((), Decision(allowed=True, source="always")),)}
    default = {HEALTH.name: Decision(allowed=True, source="always")}
    granted: dict[str, list[Grant]] = {name: [] for name in OPERATIONS}
    for grant in policy.grants:
        for name in grant.operations:
            granted[name].append(grant)
    denied = {name: denial for denial in reversed(policy.denials) for name in denial.operations}
    for name, grants in granted.items():
        denial = denied.get(name)
        cases[name] = () if denial else tuple(sorted(map(_compile, grants), key=_cost))
        source = denial.source if denial else " or ".join(case.decision.source for case in cases[name])
        message = f"{name} is not allowed here{_unmet(name, cases[name])}; {policy.hints[name]}"
        default[name] = Decision(allowed=False, source=source, message=message)
    return CompiledPolicy(policy, cases, default)


def _compile(grant: Grant) -> Case:
    about_object = any(condition.needs_object for condition in grant.conditions)
    decision = Decision(allowed=True, source=grant.source, about_object=about_object)
    return Case(tuple(_give_leave(grant.conditions)), decision)


def _give_leave(conditions: tuple[Condition, ...]) -> Iterator[Condition]:
    """Let an operation act on more than its object by a parameter of which the grant itself speaks."""
    spoken = SWITCHES & {condition.parameter for condition in conditions if isinstance(condition, Flag)}
    for condition in conditions:
        yield replace(condition, beyond=spoken) if isinstance(condition, NamesObject) else condition


def _cost(case: Case) -> int:
    """Rank cases: without conditions, with some, with a question to the engine."""
    return 2 if case.decision.about_object else 1 if case.conditions else 0


def describe_conditions(case: Case) -> str:
    """Say the conditions of a case, as a clause that follows "if"."""
    return " and ".join(map(str, case.conditions))


def _unmet(name: str, cases: tuple[Case, ...]) -> str:
    """Say the conditions none of which held."""
    if not cases:
        return ""
    conditions = " or ".join(dict.fromkeys(describe_conditions(case) for case in cases if case.conditions))
    objects = [condition for case in cases for condition in case.conditions if isinstance(condition, NamesObject)]
    further = [word for word in REACHING.get(name, ()) if any(word in SWITCHES - named.beyond for named in objects)]
    without = f", without {' or '.join(further)}" if further else ""
    return f" except if {conditions}{without}" if conditions else ""
