"""Learning: what was asked for on a socket, and the smallest policy that allows it.

Each operation is granted by itself, once, under every condition to which all its requests kept. Of two requests that
differ in two conditions at once (`web` with follow, `db` without) the grant allows the other pairs too: one line that a
person reads is worth more than the last bit. What else is wider than what was seen, a comment says and why.

What is kept is bounded, whatever clients do: the operations are those of the catalog, and a list that grows without
end is made shorter by patterns, or left out.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.observe.learned import LearnedGrant, LearnedSocket, write_policy
from dockerproxy.observe.needs import REACHING, Absent, Gap, Impossible, Need, find_leave, find_need
from dockerproxy.observe.patterns import Families, find_families, find_image_families, is_generated, is_id
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.policy.globs import Glob
from dockerproxy.policy.model import Policy, Value
from dockerproxy.policy.objects import KINDS, WORDS
from dockerproxy.policy.vocabulary import Takes, Word, find_words
from dockerproxy.policy.wording import values_of, write_value
from dockerproxy.settings import SocketSettings

_MOST_KEPT: Final = 300
"""Items of a list that are kept before patterns are looked for among them."""

_MOST_LISTED: Final = 100
"""Items of a list that a person still reads."""

_MOST_WRITTEN: Final = 4000
"""Characters of a list: with all lists of the catalog, and what is said of them, a file stays below 1 MiB."""

_MOST_EXPLAINED: Final = 5
"""Patterns of a list that are explained one by one."""

_MOST_IMPOSSIBLE: Final = 50
"""Kinds of requests that no policy allows, which are told apart."""

_EARLIER: Final = Gap("came before the proxy was started again, and it was left out then")

_NOT_FOUND: Final = 404
"""The engine had nothing of that name, and would have said so itself."""

_EXAMPLES: Final = 5
_SHOWN: Final = 80
"""Items, and characters of each, that a comment shows."""

_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 512

_FINDERS: Final = {
    **dict.fromkeys(("images", "from"), find_image_families),
    **dict.fromkeys(("containers", "networks", "volumes", "services", "pods", "path"), find_families),
}
"""How families are found among the items of a list."""


class Learner:
    """Notes what is asked for on one socket. Cheap for what comes again and again, as programs poll.

    Attributes:
        changed: Whether anything came since the text was last asked for.
    """

    def __init__(self, settings: SocketSettings) -> None:
        self.changed = False
        self._settings = settings
        self._usages: dict[str, _Usage] = {}
        self._impossible: Counter[str] = Counter()
        self._others = 0
        self._known: dict[tuple[object, ...], Need | Impossible | None] = {}

    @property
    def name(self) -> str:
        """Name of the socket."""
        return self._settings.name

    def note(self, record: Record, when: float) -> None:
        """Note a request.

        Args:
            record: What is known of it; of a stream once, when it begins or when it ends.
            when: Seconds since 1970.
        """
        need = self._find_need(record)
        if need is None:
            return
        self.changed = True
        if isinstance(need, Impossible):
            self._note_impossible(need.text)
            return
        usage = self._usages.get(need.operation.name)
        if usage is None:
            usage = self._usages[need.operation.name] = _Usage(need.operation)
        usage.note(need, when, denied=record.decision is Outcome.DENIED and record.status != _NOT_FOUND)

    def resume(self, policy: Policy, told: Mapping[str, tuple[int, float]]) -> None:
        """Go on from what was learned before the proxy was started again.

        Args:
            policy: That was written then.
            told: For operations, how many requests needed them, and when the last of them came.
        """
        for grant in policy.grants:
            for name in grant.operations:
                usage = self._usages.setdefault(name, _Usage(OPERATIONS[name]))
                usage.resume(values_of(grant.conditions), *told.get(name, (1, 0.0)))

    def text(self) -> str:
        """Return a policy file with this one socket."""
        self.changed = False
        return write_policy([self.learned()])

    def learned(self) -> LearnedSocket:
        """Return what was learned, the grants in the order of the catalog."""
        return LearnedSocket(
            settings=self._settings,
            grants=tuple(self._usages[name].grant() for name in OPERATIONS if name in self._usages),
            impossible=tuple(self._impossible.most_common()),
            others=self._others,
        )

    def _find_need(self, record: Record) -> Need | Impossible | None:
        key = (
            record.method,
            record.target,
            record.object,
            record.operation,
            record.decision,
            record.status,
            record.reason,
        )
        known = self._known.get(key)
        if known is None:
            known = find_need(record)
            if len(record.target) + len(record.object) + len(record.reason) <= _LONGEST_REMEMBERED:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[key] = known
        return known

    def _note_impossible(self, text: str) -> None:
        if text in self._impossible or len(self._impossible) < _MOST_IMPOSSIBLE:
            self._impossible[text] += 1
        else:
            self._others += 1


class _Usage:
    """What was seen of one operation."""

    def __init__(self, operation: Operation) -> None:
        self._name = operation.name
        self._words = {word.name: _Seen(word) for word in find_words(operation).values()}
        self._count = self._denied = self._reaching = 0
        self._last = 0.0

    def note(self, need: Need, when: float, *, denied: bool) -> None:
        self._count += 1
        self._denied += denied
        self._last = max(self._last, when)
        self._reaching += need.reaches
        for word, value in need.values.items():
            self._words[word].note(value)

    def resume(self, values: Mapping[str, Value], count: int, last: float) -> None:
        self._count += count
        self._last = max(self._last, last)
        if any(values.get(name) is True for name in find_leave(OPERATIONS[self._name])):
            self._reaching += count
        for name, word in self._words.items():
            word.resume(values.get(name), count)

    def grant(self) -> LearnedGrant:
        conditions: dict[str, Value] = {}
        remarks: list[str] = []
        for name, word in self._words.items():
            value, why = word.settle(self._count)
            remarks += why
            if value is not None:
                conditions[name] = value
        if self._reaching and not find_leave(OPERATIONS[self._name]).keys() <= conditions.keys():
            named = WORDS[KINDS[self._name]]
            if conditions.pop(named, None) is not None:
                remarks.append(f"{named}: left out, since {_share(self._reaching, self._count)} {REACHING.reason}")
        if self._denied:
            were = "was denied when it" if self._denied == 1 else "were denied when they"
            remarks.append(f"{self._denied} of {self._count} {were} came")
        return LearnedGrant(
            operation=self._name,
            conditions=conditions,
            remarks=tuple(remarks),
            count=self._count,
            last=self._last,
        )


class _Seen:
    """What was seen of one condition of an operation."""

    def __init__(self, word: Word) -> None:
        self._word = word
        self._gaps: Counter[Gap] = Counter()
        self._values: set[bool | str] = set()
        self._items: set[str] = set()
        self._families: dict[str, tuple[str, ...]] = {}
        self._absent: Counter[str] = Counter()
        self._is_endless = False

    def note(self, value: Value | Gap | Absent) -> None:
        if isinstance(value, Gap):
            self._gaps[value] += 1
        elif isinstance(value, Absent):
            # One of them is enough to list, where no other object was named at all.
            self._absent[next(iter(self._absent), value.id)] += 1
        elif isinstance(value, tuple):
            for item in value:
                self._add(item)
        else:
            self._values.add(value)

    def resume(self, value: Value | None, count: int) -> None:
        """Take in what a file says; None if it has no such condition."""
        if value is None:
            self._gaps[_EARLIER] += count
        elif isinstance(value, tuple):
            # An id stays one: it was listed since nothing else was named, or a person has written it.
            globs = self._word.name in _FINDERS
            fixed = {item for item in value if globs and (is_id(item) or not Glob(item).is_literal)}
            self._families |= dict.fromkeys(fixed, ())
            self._items |= set(value) - fixed
        else:
            self._values.add(value)

    def _add(self, item: str) -> None:
        if item in self._items or self._is_endless or any(Glob(pattern).matches(item) for pattern in self._families):
            return
        self._items.add(item)
        if len(self._items) > _MOST_KEPT:
            self._families, self._items = self._shorten()
            # Half of the room is needed for what comes, or a name that fits no family would cost a search each time.
            self._is_endless = len(self._items) > _MOST_KEPT // 2 or len(self._families) > _MOST_LISTED

    def _shorten(self) -> tuple[dict[str, tuple[str, ...]], set[str]]:
        """Return the families with two examples each, and the items that belong to none."""
        find = _FINDERS.get(self._word.name)
        found: Families = find(self._items) if find is not None else {}
        found = {pattern: members for pattern, members in found.items() if not self._word.fault(pattern)}
        families = {pattern: members[:2] for pattern, members in found.items()}
        return families | self._families, self._items.difference(*found.values())

    def settle(self, total: int) -> tuple[Value | None, list[str]]:
        """Return the value of the condition, None to leave it out, and what there is to say about it.

        Args:
            total: Requests that were noted.
        """
        families, single = self._shorten()
        items = tuple(sorted({*single, *families}))
        value, left_out = self._choose(items, total)
        if left_out:
            return None, [f"{self._word.name}: left out, since {left_out}{_describe(items)}"]
        remarks = [_explain(self._word.name, pattern, members) for pattern, members in sorted(families.items())]
        if len(remarks) > _MOST_EXPLAINED:
            remarks[_MOST_EXPLAINED:] = [f"{self._word.name}: the other patterns were made likewise"]
        if any("?" in item for item in single if self._word.name in _FINDERS):
            remarks.append(f"{self._word.name}: a ? stands for the * or ? that a request had there")
        made_up = sorted(filter(is_generated, single))
        if made_up and self._word.name in _FINDERS:
            remarks.append(f'{self._word.name}: the engine makes names up like {made_up[0]}; "*_*" allows the next one')
        if self._absent:
            those = _share(self._absent.total(), total)
            remarks.append(
                f"{self._word.name}: {those} named an id that the engine did not know, which always gets 404"
            )
        return value, remarks

    def _choose(self, items: tuple[str, ...], total: int) -> tuple[Value | None, str]:
        """Return the value, if there is one, and why there is none, if that must be said."""
        gaps = sorted((-count, gap.reason) for gap, count in self._gaps.items())
        if gaps:
            return None, " and ".join(f"{_share(-count, total)} {reason}" for count, reason in gaps)
        if self._word.takes is not Takes.ITEMS:
            return next(iter(self._values)) if len(self._values) == 1 else None, ""
        if self._is_endless or len(items) > _MOST_LISTED or len(write_value(items)) > _MOST_WRITTEN:
            return None, "there were more than a person would read"
        return items or tuple(self._absent), ""


def _share(count: int, total: int) -> str:
    return "every request" if count == total else f"{count} of {total} requests"


def _explain(word: str, pattern: str, members: tuple[str, ...]) -> str:
    """Say what a pattern stands for."""
    if not members:
        return f"{word}: {write_value(pattern)} is what was learned before the proxy was started again"
    if is_id(members[0]):
        return f"{word}: {len(pattern)} question marks stand for names that look like ids, like {members[0]}"
    return f"{word}: {write_value(_clip(pattern))} stands for names like {' and '.join(map(_clip, members))}"


def _describe(items: tuple[str, ...]) -> str:
    """Name some items, for whoever wants to list them after all."""
    if not items:
        return ""
    more = f" and {len(items) - _EXAMPLES} more" if len(items) > _EXAMPLES else ""
    return f"; seen were {', '.join(map(_clip, items[:_EXAMPLES]))}{more}"


def _clip(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
