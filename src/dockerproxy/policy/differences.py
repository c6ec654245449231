"""Compare policies by what they allow, and identify a policy by it.

Sources, order, and grants removed by denials make no difference. Policies with the same lines decide alike.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Final, NamedTuple

from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.model import values_of
from dockerproxy.policy.objects import GIVING, OWN, RUNNING, SENDING, WORDS, Kind
from dockerproxy.policy.values import Pairs, Value, write_grant
from dockerproxy.policy.vocabulary import CONSTRAINTS, UNRESTRICTED, is_about_object, is_of_body, narrows
from dockerproxy.policy.words.constraint import Condition, Constraint

_GIVEN: Final = ("names", "tags")
_OBJECTS: Final = frozenset(WORDS.values())
"""A grant with such a word, but none for new names, gives objects only names that it lists."""

_NAMED: Final = WORDS[Kind.CONTAINER]
"""Without it, a grant admits any container that a body names, except own ones if clients own what they create."""

_OF_SENT: Final = frozenset({WORDS[Kind.IMAGE], UNRESTRICTED.word})
"""Nothing is sent without one of these words."""

_DIGITS: Final = 12
"""Digits of a digest: 48 bits distinguish the policies of one operator."""


class Change(NamedTuple):
    """An operation that is allowed before and after, under different conditions.

    Attributes:
        before: Removed grants, as in a policy file.
        after: Added grants.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]


class Changes(NamedTuple):
    """The differences between two policies; false if there are none.

    Attributes:
        settings: Other differences, as from `compare_settings`.
        gained: Grants of operations that were never allowed before.
        lost: Former grants of operations that are never allowed now.
        changed: Operations that are allowed under different conditions.
    """

    settings: tuple[str, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    changed: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.changed or self.settings)

    def lines(self) -> Iterator[str]:
        """Yield lines for the log."""
        yield from self.settings
        if self.gained:
            yield f"gained {', '.join(self.gained)}"
        if self.lost:
            yield f"lost {', '.join(self.lost)}"
        for change in self.changed:
            parts = (("gained", change.after), ("lost", change.before))
            yield "; ".join(f"{word} {', '.join(grants)}" for word, grants in parts if grants)


def find_changes(old: CompiledPolicy, new: CompiledPolicy) -> Changes:
    """Compare two policies, operation by operation, in catalog order."""
    gained: list[str] = []
    lost: list[str] = []
    changed = []
    for name in OPERATIONS:
        before, after = find_ways(old, name), find_ways(new, name)
        if not before:
            gained += after
        elif not after:
            lost += before
        elif before != after:
            fewer, more = (way for way in before if way not in after), (way for way in after if way not in before)
            changed.append(Change(tuple(fewer), tuple(more)))
    settings = tuple(f"{key} {said}" for key, said in compare_settings(old, new))
    return Changes(settings=settings, gained=tuple(gained), lost=tuple(lost), changed=tuple(changed))


def list_settings(policy: CompiledPolicy) -> Mapping[str, str]:
    """Return settings other than grants and denials as text, by the keys of a policy file."""
    places = policy.policy.places
    paths = (f"{client} is {host}" for client, host in sorted(places.paths.items()))
    quota = {**policy.policy.tenancy.most, **policy.policy.bounds.changed}
    said = {
        "mode": policy.policy.mode_word,
        "own_as": policy.owner,
        "own_socket": places.own_socket,
        "paths": ", ".join(paths),
        "quota": ", ".join(f"{word} {most}" for word, most in quota.items()),
        "hide": ", ".join(sorted(policy.hides)),
    }
    return {key: text for key, text in said.items() if text}


def compare_settings(old: CompiledPolicy, new: CompiledPolicy) -> Iterator[tuple[str, str]]:
    """Yield changed keys other than grants and denials, each with the new and old value."""
    before, after = list_settings(old), list_settings(new)
    for key in (*before, *(key for key in after if key not in before)):
        was, now = before.get(key, "none"), after.get(key, "none")
        if was != now:
            yield key, f"{now}, was {was}"


def find_ways(policy: CompiledPolicy, name: str) -> tuple[str, ...]:
    """Return the grants that allow an operation; empty if none.

    Redundant grants are left out. Conditions and their items are sorted.
    """
    needed = find_needed(name, (case.conditions for case in policy.cases[name]), owns=policy.owner != "")
    said = (sorted(values_of(conditions).items()) for conditions in needed)
    return tuple(sorted({write_grant(name, {word: _sort_value(value) for word, value in each}) for each in said}))


def write_needed(name: str, sets: Iterable[tuple[Condition, ...]]) -> list[str]:
    """Return sets of conditions of an operation as grants of a file, without redundant ones."""
    return [write_grant(name, values_of(tuple(_spell(conditions)))) for conditions in find_needed(name, sets)]


def _spell(conditions: tuple[Condition, ...]) -> Iterable[Condition]:
    """Leave out private conditions, and `unrestricted` if `registries` replaces it."""
    is_bound = any(each.word == "registries" for each in conditions)
    left_out = {UNRESTRICTED.word} if is_bound else set()
    return (each for each in conditions if not each.constraint.is_private and each.word not in left_out)


def find_needed(
    name: str, sets: Iterable[tuple[Condition, ...]], *, owns: bool = False
) -> tuple[tuple[Condition, ...], ...]:
    """Return the distinct sets of conditions of an operation that no other set covers."""
    once = tuple(dict.fromkeys(sets))
    return tuple(
        mine
        for mine in once
        if not any(theirs != mine and covers(name, theirs, mine, as_it_is=True, owns=owns) for theirs in once)
    )


def covers(
    name: str,
    theirs: tuple[Condition, ...],
    mine: tuple[Condition, ...],
    *,
    as_it_is: bool = False,
    owns: bool = False,
) -> bool:
    """Whether one grant of an operation certainly admits everything that another admits.

    Args:
        name: The operation.
        theirs: Conditions of the first grant.
        mine: Conditions of the second grant.
        as_it_is: It must also add the same to requests: labels and limits.
        owns: Clients of the socket are known to own what they create.
    """
    wide, narrow = values_of(theirs), values_of(mine)
    is_open = name not in CONTAINED or UNRESTRICTED.word in wide
    if UNRESTRICTED.word in narrow and not is_open:
        return False
    silent = [_OF_SENT.isdisjoint(each) for each in (wide, narrow)] if name in SENDING else []
    if any(silent):
        return silent[1]
    operation, words = OPERATIONS[name], dict.fromkeys((*wide, *narrow))
    reaches = (
        narrow.get("force") is True and "force" not in wide and any(is_about_object(operation, word) for word in wide)
    )
    renames = "tags" in wide and "tags" not in narrow and "images" in narrow
    gives = (
        name in GIVING and any(word not in wide and word in narrow for word in _GIVEN) and bool(_OBJECTS & wide.keys())
    )
    owns = owns or OWN in wide or OWN in narrow
    lists = owns and not is_open and is_of_body(operation, _NAMED) and _NAMED in narrow and _NAMED not in wide
    may_be_any = is_open or name in SENDING
    acts = (condition for condition in (*theirs, *mine) if condition.constraint.acts)
    is_first = is_open and not any(is_about_object(operation, word) for word in wide)  # It is tried first.
    if as_it_is and not is_first and any(wide.get(condition.word) != narrow.get(condition.word) for condition in acts):
        return False
    runs = RUNNING in narrow and {RUNNING, UNRESTRICTED.word}.isdisjoint(wide)
    return not (reaches or renames or gives or lists or runs) and all(
        _covers_word(
            CONSTRAINTS[word], wide.get(word), narrow.get(word), narrows=may_be_any or narrows(operation, word)
        )
        for word in words
        if word not in {UNRESTRICTED.word, RUNNING}
    )


def _covers_word(constraint: Constraint, wide: Value | None, narrow: Value | None, *, narrows: bool) -> bool:
    """Whether a word's value in one grant admits everything that another grant's value admits.

    Args:
        constraint: The constraint of the word.
        wide: The value in the first grant; None without the word.
        narrow: The value in the second grant; None without the word.
        narrows: Without the word, everything is admitted.
    """
    if wide is None:
        said = narrow if constraint.unspoken else None  # Otherwise, nothing is admitted without the word.
        return narrows or (said is not None and constraint.within(said, constraint.unspoken))
    if narrow is None:
        return not narrows and constraint.admits_unspoken(wide)
    return constraint.within(narrow, wide)


def _sort_value(value: Value) -> Value:
    """Sort a value, unless its order has a meaning, like that of a command's words."""
    if isinstance(value, Pairs):
        pairs = ((name, tuple(sorted(set(item))) if isinstance(item, tuple) else item) for name, item in value.items)
        return Pairs(tuple(sorted(pairs, key=itemgetter(0))))
    if not isinstance(value, tuple):
        return value
    commands = tuple(sorted({item for item in value if isinstance(item, tuple)}))
    return commands or tuple(sorted({item for item in value if isinstance(item, str)}))


def describe(policy: CompiledPolicy) -> tuple[str, ...]:
    """Describe a whole policy: its settings, and every allowed operation with its conditions."""
    settings = (f"{key}: {text}" for key, text in list_settings(policy).items())
    return (*settings, *(way for name in sorted(filter(policy.allows, OPERATIONS)) for way in find_ways(policy, name)))


def digest(policy: CompiledPolicy) -> str:
    """Return a short digest that policies share only if they mean the same."""
    return hashlib.sha256("\n".join(describe(policy)).encode()).hexdigest()[:_DIGITS]
