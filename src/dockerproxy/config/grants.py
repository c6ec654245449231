"""Read `allow` and `deny` of a policy file."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.advice import advise
from dockerproxy.config.conditions import read_conditions
from dockerproxy.config.document import Fields, Items, Node, Place, Text
from dockerproxy.config.groups import GROUPS, PRESET
from dockerproxy.config.near import show
from dockerproxy.config.reader import Reader
from dockerproxy.policy.compile import OWN_GRANT
from dockerproxy.policy.differences import covers
from dockerproxy.policy.image_grants import EXAMPLES, needs_tags
from dockerproxy.policy.model import CREATES, Denial, Grant, Source, values_of
from dockerproxy.policy.nesting import (
    REPLACEABLE,
    find_nested,
    find_roots,
    list_binds,
    list_given,
    list_mounts,
    without_roots,
)
from dockerproxy.policy.objects import OWN, PULL, SERVICES
from dockerproxy.policy.places import Places
from dockerproxy.policy.values import items_of, merge, split_mode, write_grant
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.policy.words.constraint import Condition

_GRANT: Final = "an operation, SECTION:read, SECTION:write, own or preset:NAME"

_WHOLE: Final[tuple[tuple[Condition, ...], ...]] = ((), (UNRESTRICTED,))
"""Conditions of a grant that may make others redundant."""

_OPEN: Final = _WHOLE[1:]
"""The same for creates, which another line completes."""

_BOUND: Final = frozenset({"images", "tags", UNRESTRICTED.word})
"""Words of which such a grant needs one; `tags` is for imports."""

_ENOUGH: Final = 2
"""Lines to keep that grant an operation equally: one is not wider than itself, but maybe than another."""


class Shelf(NamedTuple):
    """The presets in reach: their names, and a function that finds the grants of one."""

    names: tuple[str, ...]
    find: Callable[[str], tuple[Grant, ...]]


@dataclass(frozen=True, slots=True)
class Line:
    """A grant or denial as written; without grants if it is invalid.

    It is narrowed if it has conditions besides those of a preset; `unrestricted` is not a condition. `binds` has the
    position of each bind.
    """

    word: str
    place: Place
    grants: tuple[Grant, ...]
    narrowed: bool = False
    binds: Mapping[str, Place] = field(default_factory=dict)

    @property
    def operations(self) -> frozenset[str]:
        """The operations of its grants."""
        if len(self.grants) == 1:
            return self.grants[0].operations
        return frozenset().union(*(grant.operations for grant in self.grants))

    def opens(self, operations: frozenset[str]) -> bool:
        """Whether it grants one of some operations unrestricted."""
        return any(UNRESTRICTED in grant.conditions and grant.operations & operations for grant in self.grants)


def read_allow(reader: Reader, node: Node, shelf: Shelf) -> tuple[Line, ...]:
    """Read a list of grants. A list is empty if all its items are commented out."""
    if isinstance(node, Text) and node.is_nothing:
        return ()
    lines: list[Line] = []
    for item in reader.items(node, "allow"):
        if isinstance(item, Fields):
            pairs = reader.entries(item, "a grant", "")
            lines += [_read_line(reader, key, value, shelf) for key, value in pairs]
            if not item.pairs:
                reader.problem(item.place, "missing grant in the braces", _GRANT)
        elif (text := reader.text(item, "a grant", _GRANT)) is not None:
            lines.append(_read_line(reader, text, None, shelf))
    return tuple(lines)


def read_deny(reader: Reader, node: Node, shelf: Shelf) -> tuple[Line, ...]:
    """Read a list of denials, which have no conditions."""
    if isinstance(node, Text) and node.is_nothing:
        return ()
    lines: list[Line] = []
    for item in reader.items(node, "deny"):
        if isinstance(item, Fields):
            reader.problem(item.place, "a denial has no conditions", "deny the word alone; conditions belong to allow")
        elif isinstance(item, Text) and item.text == OWN:
            reader.problem(item.place, f"{OWN} cannot be denied", "deny operations, or remove it from allow")
        elif (text := reader.text(item, "a denial", _GRANT)) is not None:
            lines.append(Line(text.text, text.place, _find_grants(reader, text, shelf)))
    return tuple(lines)


def make_denials(reader: Reader, lines: Iterable[Line]) -> tuple[Denial, ...]:
    """Return the denials of valid `deny` lines, each with its source."""
    return tuple(
        Denial(line.operations, reader.source(f"deny {line.word}", line.place)) for line in lines if line.grants
    )


def check_lines(reader: Reader, allow: Iterable[Line], deny: Iterable[Line]) -> None:
    """Find grants that denials remove completely, or that other grants make redundant."""
    allow = tuple(allow)
    wide, denials = _list_wide(allow), _list_denials(deny)
    for line in allow:
        lines = _find_denials(line.operations, denials)
        if lines:
            which = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"
            what = f"{line.word} grants nothing: all of it is denied in {which}"
            reader.problem(line.place, what, "remove one of them")
        wider = _find_wider(line, wide)
        if wider is None:
            continue
        other, is_open = f"{wider.word} in line {wider.place.line}", wider.opens(line.operations)
        if line.narrowed:
            has = "is unrestricted" if is_open else "has none"
            what = f"the conditions of {line.word} restrict nothing: {other} {has}"
        else:
            what = f"{line.word} is not contained: {other} is unrestricted"
        reader.problem(line.place, what, "remove one of them")


def join_creates(reader: Reader, allow: Iterable[Line]) -> tuple[Line, ...]:
    """Make the profile: of the lines that grant a create, the last one by name gets the conditions of all.

    The line of a section or preset adds nothing if it has no conditions. An unrestricted one needs no other line.
    """
    lines = list(allow)
    for name in CREATES:
        found = {number: said for number, line in enumerate(lines) if (said := _find_said(line, name)) is not None}
        if len(found) > 1:
            last = max(found, key=lambda number: (UNRESTRICTED in found[number], lines[number].word == name, number))
            joined = found[last]
            if UNRESTRICTED not in joined:
                joined = _join(reader, name, [(lines[number], said) for number, said in found.items()])
            source = next(grant.source for grant in lines[last].grants if name in grant.operations)
            lines = [_without(line, name) if number in found else line for number, line in enumerate(lines)]
            lines[last] = replace(lines[last], grants=(*lines[last].grants, Grant(frozenset({name}), source, joined)))
    return tuple(lines)


def _find_said(line: Line, name: str) -> tuple[Condition, ...] | None:
    """Return a line's conditions for a create; None if it does not grant it."""
    said = [grant.conditions for grant in line.grants if name in grant.operations]
    return (UNRESTRICTED,) if (UNRESTRICTED,) in said else next(iter(said), None)


def _without(line: Line, name: str) -> Line:
    left = (grant._replace(operations=grant.operations - {name}) for grant in line.grants)
    return replace(line, grants=tuple(grant for grant in left if grant.operations))


def _join(reader: Reader, name: str, said: Iterable[tuple[Line, tuple[Condition, ...]]]) -> tuple[Condition, ...]:
    """Combine conditions of lines for a create: at most one from presets, and one of the file.

    A line by the create's own name counts even without conditions: beside another, it would look like a wider grant.
    """
    joined: dict[bool, tuple[Line, tuple[Condition, ...]]] = {}
    for line, conditions in said:
        if not conditions and line.word != name:
            continue
        from_preset = line.word.startswith(PRESET)
        # Conditions below a preset belong to the file.
        for is_preset in (True, False) if from_preset and line.narrowed else (from_preset,):
            other, before = joined.setdefault(is_preset, (line, conditions))
            if before != conditions:
                what = f"{line.word} and {other.word} in line {other.place.line} both say what {name} may create"
                what = f"{name} is in line {other.place.line} already" if line.word == other.word else what
                hint = "use two sockets, or write the lines of one of them" if is_preset else "make one line of them"
                reader.problem(line.place, what, hint)
                break
    (_, of_preset), (_, of_file) = (joined.get(kind, (None, ())) for kind in (True, False))
    return _complete(of_preset, of_file)


def _complete(preset: tuple[Condition, ...], line: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Combine the conditions of a preset and a line for a create: permitting lists merge, otherwise the line wins."""
    said = {condition.word: condition for condition in preset}
    for condition in line:
        other = said.get(condition.word)
        adds_up = isinstance(condition.value, tuple) and not condition.constraint.narrows
        value = merge(other.value, condition.value) if adds_up and other is not None else None
        said[condition.word] = condition if value is None else Condition(condition.constraint, value)
    return tuple(said.values())


def check_binds(reader: Reader, lines: Iterable[Line], places: Places, own_socket: Place | None = None) -> None:
    """Find mounts that clients can replace, because they can write to a directory above."""
    found: dict[str, Place] = {} if own_socket is None else {places.own_socket: own_socket}
    grants: list[Grant] = []
    for line in lines:
        grants += line.grants
        for grant in line.grants:
            for item in items_of(values_of(grant.conditions).get("binds")):
                found.setdefault(split_mode(item)[0], line.binds.get(item, line.place))
    bare, places = without_roots(places), find_roots(list_binds(grants), places)
    mounts = list_mounts(grants, places)
    services = [grant for grant in grants if not grant.operations.isdisjoint(SERVICES)]  # They have no such binds.
    inners = (*list_mounts((grant for grant in grants if grant not in services), places), *list_mounts(services, bare))
    for nested in find_nested(dict.fromkeys(inners), (*mounts, *list_given(places), *REPLACEABLE)):
        reader.problem(found[nested.inner.path], nested.describe(), nested.hint)


def check_pulls(reader: Reader, allow: Iterable[Line], deny: Iterable[Line]) -> None:
    """Find grants beside `own` that pull any image: clients could replace any image by one of a registry."""
    denied = frozenset().union(*(line.operations for line in deny))
    for line in allow:
        pulls = (grant.conditions for grant in line.grants if PULL in grant.operations - denied)
        if any(_BOUND.isdisjoint(values_of(conditions)) for conditions in pulls):
            what = f"{line.word} beside {OWN} must say which images may be pulled: {PULL} needs images"
            hint = f"{write_grant(PULL, {'images': EXAMPLES['images']})}; all that these match are visible"
            reader.problem(line.place, what, hint)


def check_tagged(reader: Reader, allow: Iterable[Line], deny: Iterable[Line], *, owns: bool) -> None:
    """Find grants that allow nothing, because they do not list the image names that clients may add or remove."""
    denied = frozenset().union(*(line.operations for line in deny))
    for line in allow:
        grants = [grant for grant in line.grants if line.word in grant.operations - denied]
        if grants and all(needs_tags(line.word, values_of(grant.conditions), owns=owns) for grant in grants):
            what = f"{line.word} must say which names of images clients may give or remove: it needs tags"
            reader.problem(line.place, what, write_grant(line.word, {"tags": EXAMPLES["tags"]}))


def _list_wide(allow: tuple[Line, ...]) -> Mapping[str, list[Line]]:
    """Return, by operation, the lines that may be wider than others; a file may have thousands of equal ones."""
    found: dict[str, list[Line]] = {}
    alike = Counter[tuple[str, frozenset[tuple[Condition, ...]]]]()
    for line in allow:
        for name in line.operations:
            said = (grant.conditions for grant in line.grants if name in grant.operations)
            whole = frozenset(each for each in said if each in (_OPEN if name in CREATES else _WHOLE))
            alike[name, whole] += 1
            if whole and alike[name, whole] <= _ENOUGH:
                found.setdefault(name, []).append(line)
    return found


def _list_denials(deny: Iterable[Line]) -> tuple[Line, ...]:
    """Return the first of the lines that deny the same operations."""
    found: dict[frozenset[str], Line] = {}
    for line in deny:
        found.setdefault(line.operations, line)
    return tuple(found.values())


def _find_denials(operations: frozenset[str], deny: tuple[Line, ...]) -> list[int]:
    """Return lines that together deny all operations; none if some operation is left."""
    whole = [denial.place.line for denial in deny if operations and operations <= denial.operations]
    if whole:
        return whole[:1]
    left, lines = set(operations), set()
    for denial in deny:
        if left & denial.operations:
            left -= denial.operations
            lines.add(denial.place.line)
    return [] if left else sorted(lines)


def _find_wider(line: Line, wide: Mapping[str, list[Line]]) -> Line | None:
    """Return a line that grants more than a narrowed or contained one; None if some operation needs the line."""
    wider = None
    for name in line.operations:
        mine = [grant.conditions for grant in line.grants if name in grant.operations]
        others = (other for other in wide.get(name, ()) if other is not line)
        wider = next((other for other in others if _is_wider(other, line, name, mine)), None)
        if wider is None:
            return None
    return wider


def _is_wider(other: Line, line: Line, name: str, conditions: list[tuple[Condition, ...]]) -> bool:
    """Whether a line grants an operation without the conditions of another."""
    theirs = [grant.conditions for grant in other.grants if name in grant.operations]
    if not all(any(covers(name, one, mine) for one in theirs) for mine in conditions):
        return False
    # A line without conditions is only redundant if its operations are unrestricted anyway.
    opened = (UNRESTRICTED,) in theirs and not any(UNRESTRICTED in mine for mine in conditions)
    return line.narrowed or (opened and not line.word.startswith(PRESET))


def _read_line(reader: Reader, key: Text, value: Node | None, shelf: Shelf) -> Line:
    if isinstance(value, Text) and not value.is_nothing and _resolve(key.text, shelf) is None:
        _explain_value(reader, key, value, shelf)
        return Line(key.text, key.place, ())
    grants = _find_grants(reader, key, shelf)
    if grants and value is not None:
        grants = read_conditions(reader, key, value, grants)
    _check_sealed(reader, key, grants)
    words = {name.text: node for name, node in value.pairs} if isinstance(value, Fields) else {}
    listed = words.get("binds")
    texts = (each for each in listed.nodes if isinstance(each, Text)) if isinstance(listed, Items) else ()
    binds = {each.text: each.place for each in texts}
    return Line(key.text, key.place, grants, narrowed=bool(words.keys() - {UNRESTRICTED.word}), binds=binds)


def _explain_value(reader: Reader, key: Text, value: Text, shelf: Shelf) -> None:
    """Explain an unknown word with another word after its colon."""
    if value.text == UNRESTRICTED.word:
        reader.problem(key.place, *advise(key.text, shelf.names))
        return
    # For YAML, `containers: read` is a key and a value, and `containers:read` one word.
    joined = f"{key.text}:{value.text}"
    what, hint = advise(joined, shelf.names)
    if _resolve(joined, shelf) is not None:
        what, hint = f"{show(joined.replace(':', ': '))} is not a grant", f"write {joined}, without a space"
    reader.problem(key.place, what, hint)


def _check_sealed(reader: Reader, key: Text, grants: Iterable[Grant]) -> None:
    """Find a word that allows nothing, because no condition can limit its operations."""
    names = {name for grant in grants for name in grant.operations}
    if names and names <= SEALED.keys() and not any(UNRESTRICTED in grant.conditions for grant in grants):
        reason = SEALED[min(names)] if len(names) == 1 else "nothing can limit what they do"
        what = f"{key.text} allows nothing by itself: {reason}"
        reader.problem(key.place, what, f"write {key.text}: {UNRESTRICTED.word} if that is meant")


def _find_grants(reader: Reader, word: Text, shelf: Shelf) -> tuple[Grant, ...]:
    grants = _resolve(word.text, shelf)
    if grants is None:
        reader.problem(word.place, *advise(word.text, shelf.names))
        return ()
    reader.count(sum(len(grant.operations) for grant in grants))
    if not any(grant.operations for grant in grants):
        section, _, access = word.text.partition(":")
        reader.problem(word.place, f"{section} has no {access} operations", "remove it")
        return ()
    return tuple(grant._replace(source=reader.source(word.text, word.place)) for grant in grants)


def _resolve(word: str, shelf: Shelf) -> tuple[Grant, ...] | None:
    if word in OPERATIONS:
        return (Grant(frozenset({word}), Source(word)),)
    if word in GROUPS:
        return (Grant(GROUPS[word], Source(word)),)
    if word == OWN:
        return (OWN_GRANT,)
    name = word.removeprefix(PRESET)
    if name != word and name in shelf.names:
        return shelf.find(name)
    return None
