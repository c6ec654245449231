"""What differs between two policies, and what identifies one: what is allowed, however it is written.

Sources, the order of lines and what denials take out say nothing here. Two policies with the same lines decide alike.
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
"""Without a word for names that are given, a grant of some objects gives only names by which it lists them."""

_NAMED: Final = WORDS[Kind.CONTAINER]
"""A grant without it is for any container that a body names, but for own ones where clients own what they create."""

_OF_SENT: Final = frozenset({WORDS[Kind.IMAGE], UNRESTRICTED.word})
"""Words without which nothing is sent."""

_DIGITS: Final = 12
"""Of a digest: 48 bits tell the policies of one operator apart."""


class Change(NamedTuple):
    """An operation that is allowed before and after, but not in the same cases.

    Attributes:
        before: Grants of it that are no more, as a policy file writes them.
        after: Those that are new.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]


class Changes(NamedTuple):
    """What differs between two policies; false if nothing does.

    Attributes:
        settings: What differs besides, as `compare_settings` says it.
        gained: Operations that were not allowed in any case, as grants.
        lost: Operations that are not allowed in any case any more, as the grants they had.
        changed: Operations that are allowed in other cases.
    """

    settings: tuple[str, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    changed: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.changed or self.settings)

    def lines(self) -> Iterator[str]:
        """Say it in lines for the log."""
        yield from self.settings
        if self.gained:
            yield f"gained {', '.join(self.gained)}"
        if self.lost:
            yield f"lost {', '.join(self.lost)}"
        for change in self.changed:
            parts = (("gained", change.after), ("lost", change.before))
            yield "; ".join(f"{word} {', '.join(grants)}" for word, grants in parts if grants)


def find_changes(old: CompiledPolicy, new: CompiledPolicy) -> Changes:
    """Compare two policies, operation by operation in the order of the catalog."""
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
    """Return what a policy says besides its grants and denials, in words, by the keys of a policy file."""
    places = policy.policy.places
    paths = (f"{client} is {host}" for client, host in sorted(places.paths.items()))
    said = {
        "mode": policy.policy.mode_word,
        "own_as": policy.owner,
        "own_socket": places.own_socket,
        "paths": ", ".join(paths),
        "quota": ", ".join(f"{word} {most}" for word, most in policy.policy.tenancy.most.items()),
        "hide": ", ".join(sorted(policy.hides)),
    }
    return {key: text for key, text in said.items() if text}


def compare_settings(old: CompiledPolicy, new: CompiledPolicy) -> Iterator[tuple[str, str]]:
    """Yield the keys of what differs besides grants and denials, each with what it is and was."""
    before, after = list_settings(old), list_settings(new)
    for key in (*before, *(key for key in after if key not in before)):
        was, now = before.get(key, "none"), after.get(key, "none")
        if was != now:
            yield key, f"{now}, was {was}"


def find_ways(policy: CompiledPolicy, name: str) -> tuple[str, ...]:
    """Return in which cases an operation is allowed, each written as a grant; nothing if in none.

    What another case covers is left out. Conditions and their items are sorted.
    """
    needed = find_needed(name, (case.conditions for case in policy.cases[name]), owns=policy.owner != "")
    said = (sorted(values_of(conditions).items()) for conditions in needed)
    return tuple(sorted({write_grant(name, {word: _sort_value(value) for word, value in each}) for each in said}))


def write_needed(name: str, sets: Iterable[tuple[Condition, ...]]) -> list[str]:
    """Return sets of conditions of an operation as grants of a file, without those that another one makes pointless."""
    return [write_grant(name, values_of(tuple(_spell(conditions)))) for conditions in find_needed(name, sets)]


def _spell(conditions: tuple[Condition, ...]) -> Iterable[Condition]:
    """Leave out private conditions, and `unrestricted` where one has in its place the rule of contained grants."""
    is_bound = any(each.word == "registries" for each in conditions)
    left_out = {UNRESTRICTED.word} if is_bound else set()
    return (each for each in conditions if not each.constraint.is_private and each.word not in left_out)


def find_needed(
    name: str, sets: Iterable[tuple[Condition, ...]], *, owns: bool = False
) -> tuple[tuple[Condition, ...], ...]:
    """Return those of the sets of conditions of an operation that no other one makes pointless, each once."""
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
    """Whether a grant of an operation certainly admits all that another one admits.

    Args:
        name: Of the operation.
        theirs: Conditions of the one.
        mine: Conditions of the other.
        as_it_is: Whether it must have the same go on to the engine, too: labels and bounds that are put in.
        owns: Whether it is known that clients of the socket own what they create.
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
    is_first = is_open and not any(is_about_object(operation, word) for word in wide)  # It is tried before the other.
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
    """Whether what one grant says by a word admits all that another one admits there.

    Args:
        constraint: Of the word.
        wide: What the one says; None if nothing.
        narrow: What the other says; None if nothing.
        narrows: Whether to say nothing admits everything.
    """
    if wide is None:
        said = narrow if constraint.unspoken else None  # Else to say nothing admits nothing.
        return narrows or (said is not None and constraint.within(said, constraint.unspoken))
    if narrow is None:
        return not narrows and constraint.admits_unspoken(wide)
    return constraint.within(narrow, wide)


def _sort_value(value: Value) -> Value:
    """Return a value whose order says nothing in one order; that of the words of a command does say something."""
    if isinstance(value, Pairs):
        pairs = ((name, tuple(sorted(set(item))) if isinstance(item, tuple) else item) for name, item in value.items)
        return Pairs(tuple(sorted(pairs, key=itemgetter(0))))
    if not isinstance(value, tuple):
        return value
    commands = tuple(sorted({item for item in value if isinstance(item, tuple)}))
    return commands or tuple(sorted({item for item in value if isinstance(item, str)}))


def describe(policy: CompiledPolicy) -> tuple[str, ...]:
    """Say all that a policy means: its settings, and every operation that is allowed with the conditions."""
    settings = (f"{key}: {text}" for key, text in list_settings(policy).items())
    return (*settings, *(way for name in sorted(filter(policy.allows, OPERATIONS)) for way in find_ways(policy, name)))


def digest(policy: CompiledPolicy) -> str:
    """Return a few digits that two policies share only if they mean the same."""
    return hashlib.sha256("\n".join(describe(policy)).encode()).hexdigest()[:_DIGITS]
