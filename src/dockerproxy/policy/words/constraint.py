"""The constraint behind each policy word, and the condition that it becomes in a grant.

A constraint knows everything about its word: valid values in a policy file, the claims that a value admits, whether one
value covers another, and the least value that admits a claim. The loader, the schema, enforcement, `explain`,
`suggest`, `diff`, learning and the documentation all use it.
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
    """The meaning of one policy word.

    Attributes:
        name: The word.
        summary: Its meaning, in a phrase.
        takes: The form of its value.
        narrows: A grant without it admits everything. Others admit more than a grant without them.
        choices: The values of a choice.
        is_learned: A learned policy uses it, if it narrows.
        acts: It changes admitted values for the engine.
        unspoken: The list that a grant without it implies; empty if such a grant admits nothing, or everything.
        is_private: No policy file can contain it: only switches of the environment use it, or internal grants.
        needs_lookup: A grant without it depends on the engine's answer.
        writes_patterns: It may list a claim by a pattern.
    """

    takes: ClassVar[Takes] = Takes.ITEMS
    choices: tuple[str, ...] = ()
    unspoken: ClassVar[tuple[str, ...]] = ()
    is_learned: ClassVar[bool] = True
    acts: ClassVar[bool] = False
    is_private: ClassVar[bool] = False
    needs_lookup: ClassVar[bool] = False
    writes_patterns: ClassVar[bool] = False

    def __init__(self, name: str, summary: str, *, narrows: bool = False) -> None:
        self.name = name
        self.summary = summary
        self.narrows = narrows

    def fault(self, item: str) -> str:
        """Return why an item, or an amount, can never match; empty if it is valid."""
        return "" if item else "an empty item matches nothing"

    def matcher(self, granted: Value) -> Matcher:
        """Return a function that tells whether a value is admitted."""
        raise NotImplementedError

    def by_default(self, _value: Hashable) -> bool:
        """Whether a grant without the word admits a value."""
        return self.narrows

    def least(self, _value: Hashable) -> Value | None:
        """Return the least policy value that admits a claim's value; None if there is none."""
        return None

    def record(self, value: Hashable) -> Value | None:
        """Return what a record keeps of a claim's value, to judge it again; None if no condition admits it."""
        return self.least(value)

    def spell(self, item: str) -> Hashable:
        """Return an item in canonical form, as in claims."""
        return item

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return the claims' values for a recorded value (`record`)."""
        return tuple(map(self.spell, items_of(least)))

    def within(self, inner: Value, outer: Value) -> bool:
        """Whether `outer` certainly admits every value that `inner` admits."""
        return inner == outer

    def admits_unspoken(self, value: Value) -> bool:
        """Whether a value covers a grant without the word. Only for words that do not narrow."""
        return all(map(self.matcher(value), self.read_back(self.unspoken)))

    def problem(self, _granted: Value | None, claim: Claim) -> str:
        """Describe why a claim is not admitted, as a clause."""
        return claim.says

    def judge(self, condition: "Condition", claim: Claim) -> Substitute | Lookup:
        """Return the replacement for a claim's value, or the lookup that it depends on; None if it is not admitted."""
        return next((substitute for value, substitute in claim.options if condition.matches(value)), None)

    def describe(self, value: Value) -> str:
        """Describe a condition, as a clause after "if"."""
        several = isinstance(value, tuple | Pairs) and self.name.endswith("s")
        return f"{self.name} {'are' if several else 'is'} {say_value(value)}"


@dataclass(frozen=True)
class Condition:
    """A word in a grant: its constraint, its value in the policy file, and the matching function."""

    constraint: Constraint
    value: Value
    matches: Matcher = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Compile the value."""
        object.__setattr__(self, "matches", self.constraint.matcher(self.value))

    @property
    def word(self) -> str:
        """Its name in a policy file."""
        return self.constraint.name

    def __str__(self) -> str:
        return self.constraint.describe(self.value)


class Texts(Constraint):
    """Named texts that are added to what a request creates."""

    takes = Takes.TEXTS
    acts = True

    def within(self, inner: Value, outer: Value) -> bool:
        """Whether the inner value adds everything that the outer one does."""
        return isinstance(inner, Pairs) and isinstance(outer, Pairs) and set(outer.items) <= set(inner.items)


class Choice(Constraint):
    """A word that can be required. Values of claims tell whether a request meets it."""

    takes = Takes.CHOICE

    def __init__(self, name: str, summary: str, choice: str, clause: str = "") -> None:
        super().__init__(name, summary, narrows=True)
        self.choices = (choice,)
        self._clause = clause

    def matcher(self, _granted: Value) -> Matcher:
        """Match requests that meet it."""
        return lambda value: value is True

    def least(self, value: Hashable) -> Value | None:
        """Require it if the request meets it."""
        return self.choices[0] if value is True else None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return whether the request meets it."""
        return (least in self.choices,)

    def describe(self, value: Value) -> str:
        """Use its own clause, if it has one."""
        return self._clause or super().describe(value)


class Items(Constraint):
    """A list of items, which are compared in canonical form."""

    def matcher(self, granted: Value) -> Matcher:
        """Match any of the items."""
        return frozenset(map(self.spell, items_of(granted))).__contains__

    def least(self, value: Hashable) -> Value | None:
        """Return a list of the item."""
        return (value,) if isinstance(value, str) and value else None

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare item by item."""
        return all(map(self.matcher(outer), self.read_back(inner)))


class Globs(Items):
    """A list of patterns."""

    def matcher(self, granted: Value) -> Matcher:
        """Match any of the patterns."""
        globs = self.patterns(granted)
        return lambda value: isinstance(value, str) and any(fits(glob, value) for glob in globs)

    def patterns(self, granted: Value) -> tuple[str, ...]:
        """Return the patterns of a value, in the canonical form of the compared texts."""
        return items_of(granted)

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare the patterns."""
        wide = self.patterns(outer)
        return all(any(covers(glob, narrow) for glob in wide) for narrow in self.patterns(inner))


class Objects(Globs):
    """A list of objects, by name, pattern or full ID."""

    fault = staticmethod(fault_of_name)

    IDS_LIKE_NAMES: Final = frozenset({"configs", "networks", "secrets", "services"})
    """A swarm's IDs have 25 letters and digits, and could be names."""

    def matcher(self, granted: Value) -> Matcher:
        """Match an object by its ID or one of its names; by all names if the operation acts on all."""
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
        """Return the patterns of names."""
        return tuple(item for item in items_of(granted) if not is_full_id(item))

    def least(self, value: Hashable) -> Value | None:
        """List the object by its first name, or by all if the operation acts on all."""
        if not isinstance(value, ResolvedObject):
            return None
        names = value.names if value.every else value.names[:1]
        named = names or tuple(filter(None, (value.subject or value.id,)))
        return named or None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return objects with these names or IDs."""
        return tuple(
            ResolvedObject(item, () if is_full_id(item) else (item,), subject=item) for item in items_of(least)
        )

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare patterns with patterns, and IDs with IDs. An item that may be either must match as both."""
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
    """Judge a claim by the conditions of a grant, or by its word's constraint if the grant omits the word."""
    condition = conditions.get(claim.word)
    own = conditions.get(OWN) if claim.owned is not None else None
    constraint = condition.constraint if condition is not None else constraint
    if claim.unless in conditions:
        admitted: Substitute | Lookup = KEEP
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
    fault = claim.fault(says, word, "" if needed is None else needed)
    return fault._replace(is_pattern=constraint.writes_patterns)


def is_default(constraint: Constraint, claim: Claim) -> bool:
    """Whether a grant without the word admits a claim."""
    if claim.without is not None:
        return claim.without
    return constraint.narrows or any(constraint.by_default(value) for value, _ in claim.options)
