"""Collect the values of requests for one condition, and decide what a policy would list.

Memory is bounded: a list that grows too long becomes patterns, or is omitted. If omitting it would deny requests, the
grant must be unrestricted.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import reduce
from itertools import pairwise
from typing import Final, NamedTuple

from dockerproxy.advice.dangers import gives_away
from dockerproxy.advice.needs import LISTS, Item
from dockerproxy.policy.globs import fits
from dockerproxy.policy.values import Pairs, Takes, Value, is_literal, items_of, merge, write_value
from dockerproxy.policy.words.constraint import Constraint
from dockerproxy.policy.words.spellings import read_ports
from dockerproxy.workbench.generated import mask, mask_command, mask_image, without_stars
from dockerproxy.workbench.needs import UNTOLD, Absent, Gap
from dockerproxy.workbench.owned import Owned
from dockerproxy.workbench.patterns import (
    Families,
    find_bind_families,
    find_command_families,
    find_families,
    find_image_families,
    is_generated,
    is_id,
)
from dockerproxy.workbench.remarks import describe_items, explain, explain_commands, share

PUBLISHED: Final = ("ports", "addresses")
"""The keys of `publish`. An omitted key admits any value."""

_MOST_KEPT: Final = 300
"""Items of a list before patterns are searched."""

_MOST_DOUBTFUL: Final = 20
"""Items from only denied requests, or requests for missing objects. They never make a list too long."""

_MOST_LISTED: Final = 100
"""Items of a list that is still readable."""

_MOST_WRITTEN: Final = 2300
"""Characters of a list, which keeps a file with all lists and comments below 1 MiB."""

_MOST_EXPLAINED: Final = 5
"""Patterns of a list that are explained one by one."""

_ENDLESS: Final = "there were too many to read"

_EARLIER: Final = Gap("came before a restart, and it was left out then")

_GENERATED: Final = Gap("had a name that the engine generated")

_NAMED_BY_ENGINES: Final = frozenset({"containers", "pods"})
"""Lists of objects to which the engine gives a name if the client does not."""

_FINDERS: Final = {
    **dict.fromkeys(("images", "tags"), find_image_families),
    **dict.fromkeys(("containers", "networks", "volumes", "services", "pods", "path"), find_families),
    **dict.fromkeys(("names", "joins", "secrets", "configs"), find_families),
    "binds": find_bind_families,
}
"""How families are found among the items of a list."""

_MASKS: Final[dict[str, Callable[[str], str]]] = {
    word: mask_image if find is find_image_families else mask for word, find in _FINDERS.items()
}
"""How generated parts of one item become question marks."""


class Settled(NamedTuple):
    """The value of a condition in a policy, if any, with remarks for the reader.

    A fault explains why omitting the condition would deny requests, unless the grant is unrestricted.
    """

    value: Value | None
    remarks: tuple[str, ...] = ()
    fault: str = ""


def begin(word: Constraint, owned: Owned, *, of_body: bool) -> "Listed | _Published | _Demanded":
    """Return the collector for a condition."""
    if word.takes is Takes.PORTS:
        return _Published()
    if of_body and (word.takes not in LISTS or not word.is_learned):
        return _Demanded(word)
    return Listed(word, owned, of_body=of_body)


class Listed:
    """Collects a list or a parameter: each request needs some items."""

    def __init__(self, word: Constraint, owned: Owned, *, of_body: bool) -> None:
        self._word = word
        self._owned = owned
        self._widens = not word.narrows and (of_body or word.takes is Takes.YES)
        self._gaps: Counter[Gap] = Counter()
        self._values: set[Value] = set()
        self._items: set[Item] = set()
        self._families: dict[str, tuple[str, ...]] = {}
        self._masked: dict[Item, tuple[Item, ...]] = {}
        self._absent: Counter[str] = Counter()
        self._is_endless = False
        self._earlier: set[Item] = set()
        self._doubtful: set[Item] = set()
        self._refused: set[Value] = set()
        self._has_more = False

    def note(self, value: Value | Gap | Absent, *, doubtful: bool = False) -> None:
        """Note what one request needs; a gap is permanent."""
        if doubtful and not isinstance(value, Absent):
            self._note_doubtful(value)
        elif isinstance(value, Gap):
            self._gaps[value] += 1
        elif isinstance(value, Absent):
            # An ID is listed only if no other object was named: the first in order, whichever came first.
            self._absent = Counter({min((value.id, *self._absent)): self._absent.total() + 1})
        elif isinstance(value, tuple):
            is_named = not self._widens and self._word.name in _NAMED_BY_ENGINES
            if is_named and any(is_generated(name) and name not in self._owned.chosen for name in _texts(value)):
                self._gaps[_GENERATED] += 1
                return
            for item in value:
                self._add(item)
        else:
            self._values.add(value)

    def _note_doubtful(self, value: Value | Gap) -> None:
        if isinstance(value, tuple):
            items = {without_stars(item) if isinstance(item, tuple) else item for item in value}
            few, more = _take_few(self._doubtful | items)
            self._doubtful, self._has_more = set(few), self._has_more or more
        elif not isinstance(value, Gap):
            self._refused.add(value)

    def resume(self, value: Value | None, count: int) -> None:
        """Continue from a list in a file. Its patterns stay; its names make none, because some may be doubtful."""
        if value is None and self._widens:
            self._items |= set(self._word.unspoken)
        elif value is None:
            self._gaps[_EARLIER] += count
        elif isinstance(value, tuple):
            # Keep an ID: nothing else was named, or a person wrote it.
            texts = _texts(value) if self._word.name in _FINDERS else ()
            fixed = {item for item in texts if is_id(item) or not is_literal(item)}
            self._families |= dict.fromkeys(fixed, ())
            self._earlier.update(item for item in value if item not in fixed)
        else:
            self._values.add(value)

    def _add(self, item: Item) -> None:
        if item in self._items or self._is_endless:
            return
        if _is_covered(item, self._families):
            return
        pattern = self._mask(item)
        if pattern != item:
            self._masked[pattern] = tuple(sorted({*self._masked.get(pattern, ()), item}, key=str)[:2])
            self._is_endless = len(self._masked) > _MOST_LISTED
            return
        self._items.add(item)
        if len(self._items) > _MOST_KEPT:
            self._families, self._items = self._shorten()
            # Keep half of the room free; otherwise each name without a family would cost a search.
            self._is_endless = len(self._items) > _MOST_KEPT // 2 or len(self._families) > _MOST_LISTED

    def _mask(self, item: Item) -> Item:
        """Return an item with generated parts masked."""
        if isinstance(item, tuple):
            return mask_command(item)
        pattern = _MASKS.get(self._word.name, str)(item)
        is_near_root = not 0 < pattern.find("/", 1) < pattern.find("?")
        if self._word.fault(pattern) or (self._word.name == "binds" and (is_near_root or gives_away(pattern))):
            return item
        return pattern

    def _shorten(self) -> tuple[dict[str, tuple[str, ...]], set[Item]]:
        """Return the families with two examples each, and the items without a family."""
        find = _FINDERS.get(self._word.name)
        found: Families = find(_texts(self._items)) if find is not None else {}
        found = {pattern: members for pattern, members in found.items() if not self._word.fault(pattern)}
        families = {pattern: members[:2] for pattern, members in found.items()}
        return families | self._families, self._items.difference(*found.values())

    def settle(self, total: int) -> Settled:
        """Return the items and patterns to list, or why there are none."""
        families, single = self._shorten()
        families |= {pattern: _texts(known) for pattern, known in self._masked.items() if isinstance(pattern, str)}
        single |= {item for item in self._earlier if not _is_covered(item, families)}
        listed = (item for item in single if isinstance(item, tuple))
        commands: dict[Item, tuple[Item, ...]] = {
            pattern: tuple(known) for pattern, known in find_command_families(listed).items()
        }
        commands |= {pattern: known for pattern, known in self._masked.items() if isinstance(pattern, tuple)}
        single = single.difference(*commands.values()) | commands.keys()
        for item in sorted(self._doubtful - single, key=str):
            if _is_covered(item, families):
                continue
            is_made_up = self._mask(item) != item or (isinstance(item, str) and is_generated(item))
            is_in_the_way = is_made_up and (single or families)
            if not is_in_the_way and self._is_short(self._arrange({*single, item}, families)):
                single.add(item)
            else:
                self._has_more = True
        items = self._arrange(single, families)
        value, left_out = self._choose(items, total)
        if left_out and self._widens:
            return Settled(None, (), f"{self._word.name}: {left_out}{describe_items(items)}")
        if left_out:
            return Settled(None, (f"{self._word.name}: left out, since {left_out}{describe_items(items)}",))
        if value is None:
            return Settled(None)
        remarks = [*self._explain(families, _texts(single), total), *explain_commands(commands)]
        return Settled(value, tuple(remarks))

    def _arrange(self, single: set[Item], families: Families) -> tuple[Item, ...]:
        if self._word.name == "binds":
            single = {item for item in single if str(item).removesuffix(":ro") not in single - {item}}
        commands = sorted(item for item in single if isinstance(item, tuple))
        return (*sorted({*_texts(single), *families}), *commands)

    def _is_short(self, items: tuple[Item, ...]) -> bool:
        return len(items) <= _MOST_LISTED and len(write_value(_value_of(self._word, items))) <= _MOST_WRITTEN

    def _explain(self, families: Families, single: Iterable[str], total: int) -> Iterable[str]:
        name = self._word.name
        remarks = [explain(name, pattern, members) for pattern, members in sorted(families.items())]
        yield from remarks[:_MOST_EXPLAINED]
        if len(remarks) > _MOST_EXPLAINED:
            yield f"{name}: the other patterns were made the same way"
        if self._has_more:
            yield f"{name}: others are not listed, because they do not exist or were denied"
        made_up = sorted(filter(is_generated, single))
        if made_up and name in _FINDERS:
            yield f"{name}: the engine generates names like {made_up[0]}, so the next one is not listed"
        if self._absent:
            those = share(self._absent.total(), total)
            yield f"{name}: {those} named an ID that the engine did not know, which always gets 404"

    def _choose(self, items: tuple[Item, ...], total: int) -> tuple[Value | None, str]:
        """Return the value, if any, and why there is none, if that must be explained."""
        silent = {UNTOLD} if items or self._values else {UNTOLD, _EARLIER}
        gaps = sorted((-count, gap.reason) for gap, count in self._gaps.items() if gap not in silent)
        if self._gaps:
            return None, " and ".join(f"{share(-count, total)} {reason}" for count, reason in gaps)
        if self._word.takes not in {Takes.ITEMS, Takes.LISTS}:
            values = self._values or self._refused
            return next(iter(values)) if len(values) == 1 else None, ""
        value = _value_of(self._word, items or tuple(self._absent))
        if self._is_endless or not self._is_short(items):
            return None, _ENDLESS
        return value if value and not (self._widens and value == self._word.unspoken) else None, ""


class _Published:
    """Collects the published ports of the host, and their addresses."""

    def __init__(self) -> None:
        self._seen: dict[str, set[str]] = {name: set() for name in PUBLISHED}
        self._doubtful: dict[str, set[Item]] = {name: set() for name in PUBLISHED}
        self._any: dict[str, str] = {}

    def note(self, value: Value | Gap | Absent, *, doubtful: bool = False) -> None:
        for name, texts in value.items if isinstance(value, Pairs) else ():
            seen = self._seen[name]
            if doubtful:
                few, _ = _take_few(self._doubtful[name] | set[Item](texts))
                self._doubtful[name] = set(few)
                continue
            seen.update(texts if name not in self._any else ())
            if len(seen) > _MOST_KEPT:
                self._any[name] = _ENDLESS

    def resume(self, value: Value | None, count: int) -> None:
        del count
        if isinstance(value, Pairs):
            self.note(value)
            self._any |= dict.fromkeys(set(PUBLISHED) - dict(value.items).keys(), "it was before")

    def settle(self, total: int) -> Settled:
        del total
        listed = {name: _join(name, self._with_doubtful(name)) for name in PUBLISHED}
        left_out = {name: _ENDLESS for name, texts in listed.items() if len(texts) > _MOST_LISTED} | self._any
        if left_out.keys() == set(PUBLISHED):
            return Settled(None, (), f"publish: {_ENDLESS}")
        remarks = tuple(f"publish: {name} left out, since {why}" for name, why in sorted(left_out.items()))
        pairs = tuple((name, texts) for name, texts in listed.items() if texts and name not in left_out)
        return Settled(Pairs(pairs), remarks) if pairs else Settled(None)

    def _with_doubtful(self, name: str) -> set[str]:
        """Return the items, with as many doubtful ones as keep the list readable."""
        seen = set(self._seen[name])
        for text in sorted(_texts(self._doubtful[name])):
            seen |= {text} if len(_join(name, {*seen, text})) <= _MOST_LISTED else set()
        return seen


def _join(name: str, texts: Iterable[str]) -> tuple[str, ...]:
    """Join consecutive ports to ranges, except 0, which means any free port."""
    if name != "ports":
        return tuple(sorted(texts))
    ports = sorted({port for text in texts for port in read_ports(text) or ()})
    firsts = [port for before, port in pairwise([-1, *ports]) if port != before + 1 or before < 1]
    lasts = [port for port, after in pairwise([*ports, 1 << 16 + 1]) if after != port + 1 or port < 1]
    return tuple(str(first) if first == last else f"{first}-{last}" for first, last in zip(firsts, lasts, strict=True))


class _Demanded:
    """A demand of a policy: requests that did not meet it loosen it, but no demand is invented.

    Failed requests loosen nothing, unless a person asks what they would need. An amount is learned if a grant needs it.
    """

    def __init__(self, word: Constraint) -> None:
        self._word = word
        self._before: Value | None = None
        self._value: Value | None = None
        self._broken = 0
        self._loosens_for_failed = False

    def note(self, value: Value | Gap | Absent, *, doubtful: bool = False) -> None:
        if isinstance(value, Gap | Absent) or (doubtful and not self._loosens_for_failed):
            return
        if self._value is None:
            self._value = value if not self._word.narrows and isinstance(value, str) else None
            return
        loosened = loosen(self._word, self._value, value)
        self._broken += loosened != self._value
        self._value = loosened

    def resume(self, value: Value | None, count: int) -> None:
        self._before = self._value = value
        self._loosens_for_failed = not count

    def settle(self, total: int) -> Settled:
        if self._before is None or self._value == self._before:
            return Settled(self._value)
        became = "left out" if self._value is None else f"became {write_value(self._value)}"
        why = f"{share(self._broken, total)} did not keep to it"
        return Settled(self._value, (f"{self._word.name}: {write_value(self._before)} {became}, since {why}",))


def loosen(word: Constraint, value: Value, needed: Value) -> Value | None:
    """Return the strictest form of a demand that also admits a recorded request; None if there is none."""
    parts: list[Value] = [Pairs((each,)) for each in value.items] if isinstance(value, Pairs) else []
    parts += [(each,) for each in items_of(value)]
    if not needed and needed != "":
        return value
    if not parts:
        is_met = needed != "" and all(map(word.matcher(value), word.read_back(needed)))
        return value if is_met else needed if needed and word.within(value, needed) else None
    met = [part for part in parts if needed != "" and all(map(word.matcher(part), word.read_back(needed)))]
    return reduce(lambda one, other: merge(one, other) or one, met) if met else None


def _value_of(word: Constraint, items: Iterable[Item]) -> Value:
    if word.takes is Takes.LISTS:
        return tuple(item for item in items if isinstance(item, tuple))
    return tuple(item for item in items if isinstance(item, str))


def _take_few(items: set[Item]) -> tuple[tuple[Item, ...], bool]:
    """Return the doubtful items to keep, independent of their order, and whether there are more."""
    return tuple(sorted(items, key=str)[:_MOST_DOUBTFUL]), len(items) > _MOST_DOUBTFUL


def _is_covered(item: Item, families: Iterable[str]) -> bool:
    return isinstance(item, str) and any(fits(pattern, item) for pattern in families)


def _texts(items: Iterable[Item]) -> tuple[str, ...]:
    return tuple(item for item in items if isinstance(item, str))
