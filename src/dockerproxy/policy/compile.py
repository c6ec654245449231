"""From a policy to a table: for each operation, the cases in the order they are tried, and the answer if none holds.

All that does not depend on a request is done here, once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from dockerproxy.api.bodies.tables import BODIES, SEALED, Body
from dockerproxy.api.catalog import HEALTH, OPERATIONS, UNKNOWN
from dockerproxy.policy.conditions import NAMING, UNRESTRICTED, Bound, Flag, NamesObject
from dockerproxy.policy.model import Condition, Decision, Grant, Mode, Policy, Value
from dockerproxy.policy.objects import REACHING, SWITCHES


@dataclass(frozen=True, slots=True)
class Case:
    """A decision, and the conditions under which it holds: all of them.

    Attributes:
        conditions: What a request must keep to.
        decision: The answer to one that does.
        body: What its parameters and its body are held to; None if they may be anything.
        bounds: What the grant says of them besides, by words.
        of_head: The conditions on its head, and on the object that it names; the others are bounds.
    """

    conditions: tuple[Condition, ...]
    decision: Decision
    body: Body | None = None
    bounds: Mapping[str, Value] = field(default_factory=dict)
    of_head: tuple[Condition, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Find out what must be asked of each head."""
        of_head = tuple(condition for condition in self.conditions if not isinstance(condition, Bound))
        object.__setattr__(self, "of_head", of_head)  # How a frozen value gets what follows from its others.

    @property
    def reads_body(self) -> bool:
        """Whether a request must be here whole before it is known whether it is allowed."""
        return self.body is not None and self.body.is_read


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
    cases: dict[str, tuple[Case, ...]] = {
        UNKNOWN.name: (),
        HEALTH.name: (Case((), Decision(allowed=True, source="always")),),
    }
    default = {
        UNKNOWN.name: Decision(allowed=False, source=""),
        HEALTH.name: Decision(allowed=True, source="always"),
    }
    granted: dict[str, list[Grant]] = {name: [] for name in OPERATIONS}
    for grant in policy.grants:
        for name in grant.operations:
            granted[name].append(grant)
    denied = {name: denial for denial in reversed(policy.denials) for name in denial.operations}
    for name, grants in granted.items():
        denial = denied.get(name)
        compiled = (_compile(name, grant) for grant in grants if _can_bound(name, grant))
        cases[name] = () if denial else tuple(sorted(compiled, key=_cost))
        source = denial.source if denial else " or ".join(grant.source for grant in grants)
        message = f"{name} is not allowed here{_unmet(name, cases[name])}; {policy.hints[name]}"
        if name in SEALED and grants and not cases[name] and not denial:
            opening = policy.opening.format(name=name)
            message = f"{name} is not allowed here: {SEALED[name]}, and it cannot be bounded; {opening}"
        default[name] = Decision(allowed=False, source=source, message=message)
    return CompiledPolicy(policy, cases, default)


def _can_bound(name: str, grant: Grant) -> bool:
    """Whether a grant allows anything: what nothing can bound, only an unrestricted one does."""
    return name not in SEALED or UNRESTRICTED in grant.conditions


def _compile(name: str, grant: Grant) -> Case:
    """Compile a grant for one of its operations: contained, unless it says otherwise."""
    body = None if UNRESTRICTED in grant.conditions else BODIES.get(name)
    about_object = any(condition.needs_object for condition in grant.conditions) or (body is not None and body.asks)
    bounds = {each.word: each.value for each in grant.conditions} if body is not None else {}
    streams = bounds if body is not None and body.streams else None
    decision = Decision(allowed=True, source=grant.source, about_object=about_object, bounds=streams)
    return Case(tuple(_give_leave(grant.conditions)), decision, body, bounds)


def _give_leave(conditions: tuple[Condition, ...]) -> Iterator[Condition]:
    """Let an operation act on more than its object by a parameter of which the grant itself speaks."""
    spoken = SWITCHES & {condition.parameter for condition in conditions if isinstance(condition, Flag)}
    spoken |= NAMING & {condition.word for condition in conditions}
    for condition in conditions:
        yield replace(condition, beyond=spoken) if isinstance(condition, NamesObject) else condition


def _cost(case: Case) -> tuple[int, bool]:
    """Rank cases: what is decided by the head, by the body, by a question to the engine.

    Of two that allow the same, the one that puts labels on what is made comes first: the order of lines says nothing.
    """
    asks, reads = case.decision.about_object, case.body is not None
    return 3 if asks else 2 if reads else 1 if set(case.conditions) - {UNRESTRICTED} else 0, "labels" not in case.bounds


def describe_conditions(case: Case) -> str:
    """Say the conditions of a case, as a clause that follows "if"."""
    return " and ".join(str(condition) for condition in case.conditions if condition != UNRESTRICTED)


def _unmet(name: str, cases: tuple[Case, ...]) -> str:
    """Say the conditions none of which held."""
    if not cases:
        return ""
    conditions = " or ".join(dict.fromkeys(describe_conditions(case) for case in cases if case.conditions))
    objects = [condition for case in cases for condition in case.conditions if isinstance(condition, NamesObject)]
    further = [word for word in REACHING.get(name, ()) if any(word in SWITCHES - named.beyond for named in objects)]
    without = f", without {' or '.join(further)}" if further else ""
    return f" except if {conditions}{without}" if conditions else ""
