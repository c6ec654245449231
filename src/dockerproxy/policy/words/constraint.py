"""The constraint behind each word of a policy, and the condition that it becomes in a grant.

A constraint knows everything about its word: what a policy file may write, which claims a value admits, whether one
value admits all that another does, and the least value that admits a claim. Whoever speaks of a policy asks it: the
loader, the schema, enforcement, `explain`, `suggest`, `diff`, learning, the documentation.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from dockerproxy.api.podman import plain_id
from dockerproxy.policy.claim import KEEP, Claim, Fault, Substitute
from dockerproxy.policy.globs import covers, fits
from dockerproxy.policy.objects import OWN, Lookup, ResolvedObject, is_full_id
from dockerproxy.policy.values import Pairs, Takes, Value, items_of, list_names, say_value
from dockerproxy.policy.words.spellings import fault_of_name, is_id_of_swarm

Matcher = Callable[[Hashable], bool]
"""Whether a claim's value is admitted."""


class Constraint:
    """What one word of a policy demands.

    Attributes:
        name: The word.
        summary: What it demands, in a phrase.
        takes: The form of its value.
        narrows: Whether a grant without it admits everything. Others admit more than a grant without them.
        choices: The values of a choice.
        is_learned: Whether a learned policy narrows by it, if it narrows.
        acts: Whether it changes what goes to the engine of what it admits.
        unspoken: The list that means what a grant without it means; empty if that admits nothing, or everything.
        is_private: Whether no policy file can name it: switches of the environment have it, or nothing has.
        needs_lookup: Whether a grant that does not speak of it depends on what the engine says.
    """

    takes: ClassVar[Takes] = Takes.ITEMS
    choices: tuple[str, ...] = ()
    unspoken: ClassVar[tuple[str, ...]] = ()
    is_learned: ClassVar[bool] = True
    acts: ClassVar[bool] = False
    is_private: ClassVar[bool] = False
    needs_lookup: ClassVar[bool] = False

    def __init__(self, name: str, summary: str, *, narrows: bool = False) -> None:
        self.name = name
        self.summary = summary
        self.narrows = narrows

    def fault(self, item: str) -> str:
        """Return why an item, or an amount, can never match; empty if all is well."""
        return "" if item else "nothing is called that"

    def matcher(self, granted: Value) -> Matcher:
        """Return a function that says whether a value is admitted."""
        raise NotImplementedError

    def by_default(self, _value: Hashable) -> bool:
        """Whether a value is admitted by a grant that does not speak of it."""
        return self.narrows

    def least(self, _value: Hashable) -> Value | None:
        """Return the least that a policy must say to admit a value; None if it cannot say it."""
        return None

    def record(self, value: Hashable) -> Value | None:
        """Return what a record keeps of a claim's value, to judge it again; None if no condition admits the value."""
        return self.least(value)

    def spell(self, item: str) -> Hashable:
        """Return an item in its one spelling, as claims have it."""
        return item

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return the values of claims of which a record keeps this (`record`)."""
        return tuple(map(self.spell, items_of(least)))

    def within(self, inner: Value, outer: Value) -> bool:
        """Whether `outer` certainly admits every value that `inner` admits."""
        return inner == outer

    def admits_unspoken(self, value: Value) -> bool:
        """Whether a value certainly admits all that a grant without the word admits; only of what does not narrow."""
        return all(map(self.matcher(value), self.read_back(self.unspoken)))

    def problem(self, _granted: Value | None, claim: Claim) -> str:
        """Say what is wrong with a claim that is not admitted, as a clause."""
        return claim.says

    def judge(self, condition: "Condition", claim: Claim) -> Substitute:
        """Return what goes on in place of a claim's value; None if it is not admitted."""
        return next((substitute for value, substitute in claim.options if condition.matches(value)), None)

    def describe(self, value: Value) -> str:
        """Say what a condition demands, as a clause that follows "if"."""
        several = isinstance(value, tuple | Pairs) and self.name.endswith("s")
        return f"{self.name} {'are' if several else 'is'} {say_value(value)}"


@dataclass(frozen=True)
class Condition:
    """What a grant says by one word: its constraint, what the policy file writes, and what that matches."""

    constraint: Constraint
    value: Value
    matches: Matcher = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Compile the value."""
        object.__setattr__(self, "matches", self.constraint.matcher(self.value))

    @property
    def word(self) -> str:
        """What a policy file calls it."""
        return self.constraint.name

    def __str__(self) -> str:
        return self.constraint.describe(self.value)


class Texts(Constraint):
    """Names, each with a text, that are put into what a request makes."""

    takes = Takes.TEXTS
    acts = True

    def within(self, inner: Value, outer: Value) -> bool:
        """Whether the inner one puts in all that the outer one does."""
        return isinstance(inner, Pairs) and isinstance(outer, Pairs) and set(outer.items) <= set(inner.items)


class Choice(Constraint):
    """One word that can be demanded, to which a request keeps or not: values of claims are true or false."""

    takes = Takes.CHOICE

    def __init__(self, name: str, summary: str, choice: str, clause: str = "") -> None:
        super().__init__(name, summary, narrows=True)
        self.choices = (choice,)
        self._clause = clause

    def matcher(self, _granted: Value) -> Matcher:
        """Match what keeps to it."""
        return lambda value: value is True

    def least(self, value: Hashable) -> Value | None:
        """Demand it of what keeps to it."""
        return self.choices[0] if value is True else None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return that it keeps to it, or not."""
        return (least in self.choices,)

    def describe(self, value: Value) -> str:
        """Say it in its own clause, if it has one."""
        return self._clause or super().describe(value)


class Items(Constraint):
    """A list of items, each compared in its one spelling."""

    def matcher(self, granted: Value) -> Matcher:
        """Match any item."""
        return frozenset(map(self.spell, items_of(granted))).__contains__

    def least(self, value: Hashable) -> Value | None:
        """List the item."""
        return (value,) if isinstance(value, str) and value else None

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare item by item."""
        return all(map(self.matcher(outer), self.read_back(inner)))


class Globs(Items):
    """A list of patterns over texts."""

    def matcher(self, granted: Value) -> Matcher:
        """Match a text by any pattern."""
        globs = self.patterns(granted)
        return lambda value: isinstance(value, str) and any(fits(glob, value) for glob in globs)

    def patterns(self, granted: Value) -> tuple[str, ...]:
        """Return the patterns of a value, each in the one form of the texts that it is compared with."""
        return items_of(granted)

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare the patterns."""
        wide = self.patterns(outer)
        return all(any(covers(glob, narrow) for glob in wide) for narrow in self.patterns(inner))


class Objects(Globs):
    """A list of objects, by name, pattern or full id."""

    fault = staticmethod(fault_of_name)

    IDS_LIKE_NAMES: Final = frozenset({"configs", "networks", "secrets", "services"})
    """A swarm's ids have 25 letters and digits, as a name can."""

    def matcher(self, granted: Value) -> Matcher:
        """Match an object by its id or one of its names; by all names if the operation acts on all."""
        ids = frozenset(plain_id(item) for item in items_of(granted) if self._is_id(item))
        globs = self.patterns(granted)

        def matches(value: Hashable) -> bool:
            if not isinstance(value, ResolvedObject):
                return False
            if ids and plain_id(value.subject or value.id) in ids:
                return True
            names = value.names or (value.subject,)
            return (all if value.every else any)(any(fits(glob, name) for glob in globs) for name in names)

        return matches

    def _is_id(self, item: str) -> bool:
        return is_full_id(item) or self.name in self.IDS_LIKE_NAMES

    def patterns(self, granted: Value) -> tuple[str, ...]:
        """Return the patterns over names."""
        return tuple(item for item in items_of(granted) if not is_full_id(item))

    def least(self, value: Hashable) -> Value | None:
        """List the object by the first of its names, or by all if the operation acts on all."""
        if not isinstance(value, ResolvedObject):
            return None
        names = value.names if value.every else value.names[:1]
        named = names or tuple(filter(None, (value.subject or value.id,)))
        return named or None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return objects of these names or ids."""
        return tuple(
            ResolvedObject(item, () if is_full_id(item) else (item,), subject=item) for item in items_of(least)
        )

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare patterns with patterns, and ids with ids; what may be the one or the other, as both."""
        of_swarm = filter(is_id_of_swarm, items_of(inner) if self.name in self.IDS_LIKE_NAMES else ())
        ids = {*map(plain_id, filter(is_full_id, items_of(inner))), *of_swarm}
        known = {plain_id(item) for item in items_of(outer) if self._is_id(item)}
        return ids <= known and super().within(inner, outer)

    def describe(self, value: Value) -> str:
        """Name the objects."""
        return f"the {self.name.removesuffix('s')} is {list_names(items_of(value))}"


def judge_claim(
    conditions: "Mapping[str, Condition]", claim: Claim, constraint: Constraint
) -> Substitute | Fault | Lookup:
    """Judge one claim by the conditions of a grant, or by the constraint of its word if none speaks of it."""
    condition = conditions.get(claim.word)
    own = conditions.get(OWN) if claim.owned is not None else None
    constraint = condition.constraint if condition is not None else constraint
    if claim.unless in conditions:
        admitted: Substitute = KEEP
    elif condition is not None:
        admitted = constraint.judge(condition, claim)
    else:
        admitted = KEEP if own is None and is_default(constraint, claim) else None
    if admitted is not None:
        return admitted
    if own is not None and isinstance(claim.owned, Lookup):
        return claim.owned
    if own is not None and own.matches(claim.owned):
        return KEEP
    if claim.lookup is not None and (condition is not None or (claim.without is None and constraint.needs_lookup)):
        return claim.lookup
    says = constraint.problem(condition.value if condition is not None else None, claim)
    asked = (claim.lookup.name,) if claim.lookup is not None else None
    needed = constraint.least(claim.options[0][0]) if claim.options else asked
    word = "" if constraint.is_private else constraint.name
    return claim.fault(says, word, "" if needed is None else needed)


def is_default(constraint: Constraint, claim: Claim) -> bool:
    """Whether a claim is admitted of which the grant says nothing."""
    if claim.without is not None:
        return claim.without
    return constraint.narrows or any(constraint.by_default(value) for value, _ in claim.options)
