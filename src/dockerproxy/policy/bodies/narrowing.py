"""The other way round: from a request to the narrowest words of a contained grant that let it pass.

A grant that says as little as possible is tried, and its faults say what it lacks, until there is none. So whatever a
check demands is learned without being known here. What a client need not have said is not made up: no amount is
bounded, no user demanded, no label put on.

How a learned grant would be wider than what was seen, and what stops it: a name with a star or a question mark is
listed as it is here, but never in a policy, where it would be a pattern; a directory that was mounted read-only is
listed so; ports are listed with the addresses on which they were opened. How a client would fill a record or a policy
file: items are of bounded length and number, and where there are more, or one that no file can have, no words will do.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from dockerproxy.api.bodies.tables import Body
from dockerproxy.api.catalog import OPERATIONS, Operation
from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.bodies.amounts import read_address, read_ports
from dockerproxy.policy.bodies.containing import capability_name, fits_command
from dockerproxy.policy.bodies.inspection import Fault, Known
from dockerproxy.policy.bodies.mounting import split_mode
from dockerproxy.policy.bodies.networking import BY_ITSELF, normalise_address
from dockerproxy.policy.bodies.reader import Inspected, inspect
from dockerproxy.policy.conditions import UNRESTRICTED
from dockerproxy.policy.globs import Glob
from dockerproxy.policy.model import Pairs, Value
from dockerproxy.policy.objects import Question
from dockerproxy.policy.references import normalise_pattern
from dockerproxy.policy.vocabulary import find_words
from dockerproxy.policy.words import Takes, Word
from dockerproxy.text import escape

Item: TypeAlias = str | tuple[str, ...]
"""Of a list: a name, the words of a command, or what `publish` says with one of its own words in front."""

_Lists: TypeAlias = dict[str, tuple[Item, ...]]

NARROWING: Final = ("names", "images", "containers", "commands")
"""Words of lists without which everything is let through: a request keeps to them if they list what it has."""

UNSPOKEN: Final[Mapping[str, tuple[str, ...]]] = {"networks": ("default",), "servers": ("docker.io",)}
"""What a contained grant lets through where it lacks one of the other words; of those that are not here, nothing."""

PUBLISHED: Final = ("ports", "addresses")
"""Of what `publish` says something. What it leaves out may be anything."""

LONGEST: Final = 300
"""Characters of an item that a policy still lists."""

_MOST_LISTED: Final = 100
"""Items of a word that one request needs. No honest client mounts, joins or publishes so many."""

_NOTHING: Final = " "
"""No container is called so, and no host. Some checks ask first whether a word lists anything, before they say what it
should."""

_STARTS: Final[Mapping[str, tuple[Item, ...]]] = {
    **dict.fromkeys((*NARROWING, "networks", "publish"), ()),
    **dict.fromkeys(("joins", "servers"), (_NOTHING,)),
}
"""What words list from the start, so that they grow by what is seen."""

_BY_ITSELF: Final = {"networks": BY_ITSELF, "servers": frozenset(UNSPOKEN["servers"])}
_DEFAULT: Final = ("default", "bridge")
"""The one network of the engine's own, which is called so."""


def items_of(value: Value) -> tuple[Item, ...]:
    """Take the value of a word apart; one that is no list has no items."""
    if isinstance(value, Pairs):
        return tuple((name, text) for name, texts in value.items if isinstance(texts, tuple) for text in texts)
    return tuple(value) if isinstance(value, tuple) else ()


def value_of(word: Word, items: Iterable[Item]) -> Value:
    """Put items together to the value of a word."""
    if word.takes is Takes.PORTS:
        pairs = [item for item in items if isinstance(item, tuple)]
        return Pairs(tuple((name, tuple(text for key, text in pairs if key == name)) for name in PUBLISHED))
    if word.takes is Takes.LISTS:
        return tuple(item for item in items if isinstance(item, tuple))
    return tuple(item for item in items if isinstance(item, str))


def find_bounds_for(body: Body, request: CanonicalRequest, known: Known) -> Mapping[str, Value] | Question:
    """Return the narrowest words of a contained grant that let a request pass, with their values.

    Of `NARROWING` those are missing to which it cannot keep. If no words do, there is only `unrestricted`, and its
    value is the reason.

    Args:
        body: The table of its operation.
        request: Its head.
        known: Its body, the object it names, and what the engine said so far.

    Returns:
        The words, or what the engine must be asked before they are known.
    """
    words = find_words(OPERATIONS[body.operation])
    listed: _Lists = {name: items for name, items in _STARTS.items() if name in words and words[name].of_body}

    def look(lists: _Lists) -> Inspected:
        return inspect(body, {name: value_of(words[name], items) for name, items in lists.items()}, request, known)

    while (inspected := look(listed)).faults:
        hopeless = [fault for fault in inspected.faults if fault.word not in words]
        if hopeless:
            loosened = _loosen(listed, lambda lists: all(fault.word in words for fault in look(lists).faults))
            if loosened is None:
                return refuse_to_bound(str(hopeless[0]))
            listed = loosened
            continue
        before = dict(listed)
        for fault in inspected.faults:
            if not _grow(listed, fault, words[fault.word], before):
                return refuse_to_bound(str(fault))
    if inspected.questions:
        return inspected.questions[0]
    found = {name: [item for item in items if item != _NOTHING] for name, items in listed.items()}
    return {name: value_of(words[name], items) for name, items in found.items() if items}


def refuse_to_bound(reason: str) -> Mapping[str, Value]:
    """Say that no words do, and why: in ASCII, on one line."""
    return {UNRESTRICTED.word: escape(reason)[:LONGEST]}


def _loosen(listed: _Lists, will_do: Callable[[_Lists], bool]) -> _Lists | None:
    """Leave out a word that narrows, or all of them, so that what is there may be anything; None if that does not help.

    What no list can have is no fault where there is none, like an image whose name is no reference.
    """
    narrowing = [name for name in NARROWING if name in listed]
    for left_out in (*((name,) for name in narrowing), tuple(narrowing)):
        loosened = {name: items for name, items in listed.items() if name not in left_out}
        if will_do(loosened):
            return loosened
    return None


def _grow(listed: _Lists, fault: Fault, word: Word, before: _Lists) -> bool:
    """Have a word list what a fault asks for, or leave it out if it need not be there.

    Args:
        listed: What the words list, which is changed.
        fault: What is wrong with the request as long as they list what they did before.
        word: Of the fault.
        before: What the words listed.

    Returns:
        Whether something was changed since then.
    """
    name, needed = word.name, items_of(fault.value)
    items = tuple(dict.fromkeys((*listed.get(name, ()), *needed)))
    is_new = bool(needed) and not set(needed) <= set(before.get(name, ()))
    if is_new and len(items) <= _MOST_LISTED and all(can_be_listed(word, item) for item in needed):
        if name in listed or name not in before:
            listed[name] = items
        return True
    if name in NARROWING and name in before:
        listed.pop(name, None)
        return True
    return False


def can_be_listed(word: Word, item: Item) -> bool:
    """Whether a policy file can have an item as it is."""
    text = item if isinstance(item, str) else "".join(item)
    if len(text) > LONGEST or not text.isprintable() or max(text, default="") > "\uffff":
        return False
    if word.takes is Takes.PORTS:
        return bool(read_ports(item[1]) if item[0] == "ports" else read_address(item[1]))
    return isinstance(item, str) is (word.takes is Takes.ITEMS) and not (isinstance(item, str) and word.fault(item))


def covers(operation: Operation, bounds: Mapping[str, Value], needed: Mapping[str, Value]) -> bool:
    """Whether what a grant says lets a request pass, of which only the narrowest words are known.

    What a grant demands besides, like an amount of memory, the request is taken to keep to.

    Args:
        operation: The request's.
        bounds: What the grant says.
        needed: The narrowest words that would let the request pass.
    """
    words = find_words(operation)
    unnamed = [name for name in NARROWING if name in bounds and name not in needed and words[name].of_body]
    if unnamed or UNRESTRICTED.word in needed:
        return False
    return all(_covers(name, bounds.get(name), items_of(value)) for name, value in needed.items())


def _covers(name: str, granted: Value | None, needed: tuple[Item, ...]) -> bool:
    if granted is None:
        return name in NARROWING or _BY_ITSELF.get(name, frozenset()).issuperset(needed)
    if isinstance(granted, Pairs):
        said = dict(granted.items)
        needed = tuple(item for item in needed if item[0] in said)
    match = _MATCHES.get(name, _matches)
    return all(any(match(one, item) for one in items_of(granted)) for item in needed)


def _matches(granted: Item, item: Item) -> bool:
    return granted == item or (isinstance(granted, str) and isinstance(item, str) and Glob(granted).matches(item))


def _matches_image(granted: Item, item: Item) -> bool:
    return _matches(granted, item) or _matches(normalise_pattern(str(granted)), item)


def _matches_network(granted: Item, item: Item) -> bool:
    return any(_matches(granted, name) for name in (_DEFAULT if item in _DEFAULT else (item,)))


def _matches_bind(granted: Item, item: Item) -> bool:
    (path, mode), (asked, how) = split_mode(str(granted)), split_mode(str(item))
    return Glob(path).matches(asked) and (mode == "rw" or how == "ro")


def _matches_capability(granted: Item, item: Item) -> bool:
    return capability_name(str(granted)) == item


def _matches_command(granted: Item, item: Item) -> bool:
    return isinstance(granted, tuple) and fits_command(granted, list(item))


def _matches_published(granted: Item, item: Item) -> bool:
    free, asked = (read_ports(one[1]) for one in (granted, item))
    if free is None or asked is None:
        return granted[0] == item[0] and normalise_address(granted[1]) == normalise_address(item[1])
    return granted[0] == item[0] and set(free).issuperset(asked)


_MATCHES: Final[Mapping[str, Callable[[Item, Item], bool]]] = {
    "images": _matches_image,
    "networks": _matches_network,
    "binds": _matches_bind,
    "add_capabilities": _matches_capability,
    "commands": _matches_command,
    "publish": _matches_published,
}
"""By word, how an item of a grant lets through one that is needed."""
