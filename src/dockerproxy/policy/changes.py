"""What differs between two policies, and what identifies one: what is allowed, however it is written.

Sources, the order of lines and what denials take out say nothing here. Two policies with the same lines decide alike.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.conditions import UNRESTRICTED
from dockerproxy.policy.model import Condition, Mode, Pairs, Value
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.policy.wording import values_of, write_grant

_DIGITS: Final = 12
"""Of a digest: 48 bits tell the policies of one operator apart."""


@dataclass(frozen=True, slots=True)
class Change:
    """An operation that is allowed before and after, but not in the same cases.

    Attributes:
        before: Grants of it that are no more, as a policy file writes them.
        after: Those that are new.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What differs between two policies; false if nothing does.

    Attributes:
        mode: Before and after.
        gained: Operations that were not allowed in any case, as grants.
        lost: Operations that are not allowed in any case any more, as the grants they had.
        changed: Operations that are allowed in other cases.
    """

    mode: tuple[Mode, Mode]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    changed: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.changed or self.mode[0] is not self.mode[1])

    def lines(self) -> Iterator[str]:
        """Say it in lines for the log."""
        if self.mode[0] is not self.mode[1]:
            yield f"mode {self.mode[1]}, was {self.mode[0]}"
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
        if before == after:
            continue
        if not before:
            gained += after
        elif not after:
            lost += before
        else:
            changed.append(
                Change(
                    tuple(way for way in before if way not in after), tuple(way for way in after if way not in before)
                )
            )
    return Changes(mode=(old.mode, new.mode), gained=tuple(gained), lost=tuple(lost), changed=tuple(changed))


def find_ways(policy: CompiledPolicy, name: str) -> tuple[str, ...]:
    """Return in which cases an operation is allowed, each written as a grant; nothing if in none.

    What another case covers is left out. Conditions and their items are sorted.
    """
    needed = find_needed(name, (case.conditions for case in policy.cases[name]))
    return tuple(sorted({write_grant(name, _sort(values_of(conditions))) for conditions in needed}))


def find_needed(name: str, sets: Iterable[tuple[Condition, ...]]) -> tuple[tuple[Condition, ...], ...]:
    """Return those of the sets of conditions of an operation that no other one makes pointless, each once."""
    once = tuple(dict.fromkeys(sets))
    return tuple(mine for mine in once if not any(theirs != mine and covers(name, theirs, mine) for theirs in once))


def covers(name: str, theirs: tuple[Condition, ...], mine: tuple[Condition, ...]) -> bool:
    """Whether a grant of an operation is certainly no narrower than another one, by what they say.

    One without conditions covers all, of an operation that is contained one that is unrestricted: what a grant says of
    bodies may let more through than one that says nothing.

    Args:
        name: Of the operation.
        theirs: Conditions of the one.
        mine: Conditions of the other.
    """
    if name not in CONTAINED or UNRESTRICTED in theirs:
        return theirs == ((UNRESTRICTED,) if name in CONTAINED else ())
    words = find_words(OPERATIONS[name])
    return theirs == () and UNRESTRICTED not in mine and all(words[condition.word].narrows for condition in mine)


def _sort(values: Mapping[str, Value]) -> Mapping[str, Value]:
    return {word: _sort_value(value) for word, value in sorted(values.items())}


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
    """Say all that a policy means: its mode, and every operation that is allowed with the conditions."""
    return (f"mode: {policy.mode}", *(way for name in sorted(OPERATIONS) for way in find_ways(policy, name)))


def digest(policy: CompiledPolicy) -> str:
    """Return a few digits that two policies share only if they mean the same."""
    return hashlib.sha256("\n".join(describe(policy)).encode()).hexdigest()[:_DIGITS]
