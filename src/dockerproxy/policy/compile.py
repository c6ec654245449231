"""From a policy to a table: for each operation, the cases in the order they are tried, and the answer if none holds.

All that does not depend on a request is done here, once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dockerproxy.api.bodies.tables import SEALED, Body
from dockerproxy.api.catalog import HEALTH, OPERATIONS, UNKNOWN
from dockerproxy.policy.claims.tables import BODIES
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.own import own_by
from dockerproxy.policy.lists import LISTED, RELATIVE
from dockerproxy.policy.model import Decision, Denial, Grant, Mode, Policy, values_of
from dockerproxy.policy.objects import KINDS, OWN, REACHING, SWITCHES, WORDS
from dockerproxy.policy.vocabulary import UNRESTRICTED, is_about_object, is_of_body
from dockerproxy.policy.wording import propose


@dataclass(frozen=True, slots=True)
class Case:
    """A decision, and the conditions under which it holds: all of them.

    Attributes:
        conditions: What a request must keep to.
        decision: The answer to one that does.
        body: The table of what it may say besides its path; None if that may be anything.
        by_word: The conditions by their words.
        of_body: The same for what a body says, and besides them what is the client's own.
        judges_head: Whether some of them are about the head, or the object that it names.
        beside: What objects that a body names may be besides those of the conditions: the client's own.
    """

    conditions: tuple[Condition, ...]
    decision: Decision
    body: Body | None = None
    judges_head: bool = field(default=False, compare=False)
    beside: Condition | None = field(default=None, compare=False)
    by_word: Mapping[str, Condition] = field(init=False, compare=False, repr=False)
    of_body: Mapping[str, Condition] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Index the conditions."""
        by_word = {condition.word: condition for condition in self.conditions}
        of_body = by_word if self.beside is None else {self.beside.word: self.beside, **by_word}
        object.__setattr__(self, "by_word", by_word)  # How a frozen value gets what follows from its others.
        object.__setattr__(self, "of_body", of_body)

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
        owner: Whose what its clients create is; empty if it is nobody's.
    """

    policy: Policy
    cases: Mapping[str, tuple[Case, ...]]
    default: Mapping[str, Decision]
    owner: str = ""

    @property
    def mode(self) -> Mode:
        """What becomes of a request that is not allowed."""
        return self.policy.mode

    def allows(self, name: str) -> bool:
        """Whether some request for this operation is allowed."""
        return bool(self.cases[name])


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Compile a policy. Every operation of the catalog gets an answer."""
    granted: dict[str, list[Grant]] = {}
    for grant in policy.grants:
        for name in grant.operations:
            granted.setdefault(name, []).append(grant)
    denied = {name: denial for denial in reversed(policy.denials) for name in denial.operations}
    cases: dict[str, tuple[Case, ...]] = dict.fromkeys((UNKNOWN.name, *OPERATIONS), ())
    cases[HEALTH.name] = (Case((), Decision(allowed=True, source="always")),)
    owns = any(condition.word == OWN for grant in policy.grants for condition in grant.conditions)
    owner = policy.owner if owns else ""
    for name in granted.keys() - denied.keys():
        # What nothing can bound, only an unrestricted grant allows.
        grants = [each for each in granted[name] if name not in SEALED or UNRESTRICTED in each.conditions]
        cases[name] = tuple(
            sorted(_show_some(name, [_compile(name, each, owner) for each in grants], owner), key=_cost)
        )
    return CompiledPolicy(policy, cases, _Answers(policy, cases, granted, denied), owner)


def _show_some(name: str, cases: list[Case], owner: str) -> Iterable[Case]:
    """Have a list show what any of its cases admits, if each of them admits only some."""
    if name not in LISTED or not all(case.conditions for case in cases):
        return cases
    shows = tuple(case.by_word for case in cases)
    owner = owner if all(OWN in each for each in shows) else ""
    return [replace(case, decision=replace(case.decision, shows=shows, owner=owner)) for case in cases]


class _Answers(dict[str, Decision]):
    """What each operation is answered with if no case holds: worded when it is first needed, since most never are."""

    def __init__(
        self,
        policy: Policy,
        cases: Mapping[str, tuple[Case, ...]],
        granted: Mapping[str, list[Grant]],
        denied: Mapping[str, Denial],
    ) -> None:
        always = Decision(allowed=True, source="always")
        super().__init__({UNKNOWN.name: Decision(allowed=False, source=""), HEALTH.name: always})
        self._policy, self._cases, self._granted, self._denied = policy, cases, granted, denied

    def __missing__(self, name: str) -> Decision:
        denial, grants, cases = self._denied.get(name), self._granted.get(name, ()), self._cases[name]
        source = denial.source if denial else " or ".join(grant.source for grant in grants)
        reason, remedy = _unmet(name, cases) or "no rule allows it", self._policy.hint(name)
        if name in LISTED and cases:
            reason = f"a filter of it {RELATIVE}"
        if denial:
            reason = "a rule denies it"
        elif name in SEALED and grants and not cases:
            reason = f"{SEALED[name]}, and no condition can limit it"
            remedy = propose(self._policy.remedy, name, values_of((UNRESTRICTED,)))
        self[name] = Decision(allowed=False, source=source, message=f"{name} denied: {reason}; {remedy}")
        return self[name]


def _compile(name: str, grant: Grant, owner: str) -> Case:
    """Compile a grant for one of its operations: contained, unless it says otherwise."""
    body = None if UNRESTRICTED in grant.conditions else BODIES.get(name)
    operation = OPERATIONS[name]
    own = Condition(own_by(owner), value=True)
    conditions = tuple(own if condition.word == OWN else condition for condition in grant.conditions)
    speaks = any(is_about_object(operation, condition.word) for condition in conditions)
    decision = Decision(
        allowed=True,
        source=grant.source,
        about_object=speaks or (body is not None and body.asks),
        conditions=({each.word: each for each in conditions},) if body is not None and body.streams else (),
    )
    about_head = (each for each in conditions if each != UNRESTRICTED and not is_of_body(operation, each.word))
    beside = own if owner and body is not None else None
    return Case(conditions, decision, body, judges_head=any(about_head), beside=beside)


def _cost(case: Case) -> tuple[int, bool, bool, str]:
    """Rank cases: what is decided by the head, by the body, by a lookup to the engine.

    Of two that allow the same, one that is whole comes first, then one that puts labels on or bounds in: the order of
    lines says nothing.
    """
    asks, reads = case.decision.about_object, case.body is not None
    rank = 3 if asks else 2 if reads else 1 if set(case.conditions) - {UNRESTRICTED} else 0
    acts = any(condition.constraint.acts for condition in case.conditions)
    return rank, reads, not acts, describe_conditions(case)


def describe_conditions(case: Case) -> str:
    """Say the conditions of a case, as a clause that follows "if"."""
    return " and ".join(str(condition) for condition in case.conditions if condition != UNRESTRICTED)


def _unmet(name: str, cases: tuple[Case, ...]) -> str:
    """Say which conditions must hold, as a clause; empty if there are none."""
    if not cases:
        return ""
    conditions = " or ".join(dict.fromkeys(describe_conditions(case) for case in cases if case.conditions))
    word = WORDS[KINDS[name]] if name in KINDS else ""
    silent = any(word in case.by_word and "force" not in case.by_word for case in cases)
    further = [parameter for parameter in REACHING.get(name, ()) if parameter in SWITCHES and silent]
    without = f", without {' or '.join(further)}" if further else ""
    return f"only allowed if {conditions}{without}" if conditions else ""
