"""Read the conditions of a grant, and apply them to each operation that supports them.

A group with conditions covers only operations that support all of them; no condition is ever skipped. `unrestricted` is
not a condition: it opens operations that are otherwise contained.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from dockerproxy.advice.dangers import describe_danger
from dockerproxy.api.bodies.tables import CONTAINED, SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.demands import read_demand
from dockerproxy.config.document import Fields, Node, Place, Text
from dockerproxy.config.groups import bounds_body, merge_grants, open_bodies
from dockerproxy.config.near import HINTS, find_near, hint_at, show
from dockerproxy.config.reader import Reader
from dockerproxy.policy.model import Grant, values_of
from dockerproxy.policy.objects import BUILD, KINDS, NAMING, OWN, REMOVAL, RUNNING, TAGGING, Kind
from dockerproxy.policy.values import Value, list_names
from dockerproxy.policy.vocabulary import CONSTRAINTS, UNRESTRICTED, conditions_of, find_words

REMOVED: Final = HINTS["removed conditions"]
"""Conditions of earlier versions, and their replacements."""

_UNOWNED: Final = "images have no owner: write images"

_REMOVED_FROM: Final[Mapping[tuple[str, str], str]] = {
    **{
        (name, OWN): "images have no owner: write tags" if name in {BUILD, TAGGING, REMOVAL} else _UNOWNED
        for name, kind in KINDS.items()
        if kind is Kind.IMAGE
    },
    **dict.fromkeys((("ImageList", OWN), ("ImageListLibpod", OWN)), _UNOWNED),
    **dict.fromkeys(((name, OWN) for name in NAMING), _UNOWNED),
    ("ImageBuild", "networks"): "remove it: a contained build is on the engine's default network, or on none",
    ("PutContainerArchive", "path"): "remove it: the archive passes with any names, and its links lead anywhere",
}
"""The same for conditions that other operations still have."""

_OPENED: Final = frozenset({"privileged", "security_opt", "sysctls", "runtime", "cgroup_parent", "volumes_from"})
"""Words whose effect only `unrestricted` allows."""


def read_conditions(reader: Reader, word: Text, node: Node, grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """Apply the conditions below a word to its grants; without grants if one is invalid.

    A missing value after a colon may have been commented out, so it is a mistake, unless it is an explicit null.
    """
    if isinstance(node, Text) and node.is_nothing and node.text:
        return grants
    if isinstance(node, Text) and node.text == UNRESTRICTED.word:
        return _open(reader, word, node.place, grants)
    entries = reader.entries(node, f"the value of {word.text}", _show_form(word, node))
    names = sorted({name for each in grants for name in each.operations})
    opening = [key for key, value in entries if key.text == UNRESTRICTED.word and _is_true(reader, key, value)]
    conditions = [(key, value) for key, value in entries if key.text != UNRESTRICTED.word]
    values: dict[str, Value] = {}
    for key, value in conditions:
        read = _read_condition(reader, word, key, value, names)
        if read is not None and not _contradicts(reader, word.text, key, read, grants):
            values[key.text] = read
    pointless = opening and _find_pointless(reader, (key for key, _ in conditions), names)
    if RUNNING in values and opening:
        reader.problem(word.place, f"{word.text}: {RUNNING} changes nothing beside unrestricted", f"remove {RUNNING}")
        return ()
    if pointless or len(values) + len(opening) < len(entries) or not isinstance(node, Fields):
        return ()
    narrowed = _narrow(reader, word, grants, values) if values else grants
    return _open(reader, word, opening[0].place, narrowed) if opening and narrowed else narrowed


def _show_form(word: Text, node: Node) -> str:
    if isinstance(node, Text) and find_near(node.text, [UNRESTRICTED.word]):
        return f"did you mean {word.text}: {UNRESTRICTED.word}?"
    return f"{word.text}, or {word.text}: {{CONDITION: VALUE}}"


def _is_true(reader: Reader, key: Text, node: Node) -> bool:
    """Read `unrestricted`, which can only be true."""
    flag = reader.flag(node, UNRESTRICTED.word)
    if flag is False:
        reader.problem(key.place, f"{UNRESTRICTED.word} can only be true", "remove it")
    return flag is True


def _read_condition(reader: Reader, word: Text, key: Text, node: Node, names: list[str]) -> Value | None:
    known = sorted({each for name in names for each in find_words(OPERATIONS[name])})
    if key.text in known:
        return read_demand(reader, CONSTRAINTS[key.text], node)
    gone = next((_REMOVED_FROM[name, key.text] for name in names if (name, key.text) in _REMOVED_FROM), "")
    gone = gone or REMOVED.get(key.text, "")
    meant = [name for name in HINTS["conditions"].get(key.text.lower(), "").split() if name in known]
    hint = f"did you mean {list_names(meant)}?" if meant else ""
    hint = hint or gone or hint_at(key.text, known, f"it has {', '.join(known) or 'none'}")
    is_opened = key.text.lower() in _OPENED and not CONTAINED.isdisjoint(names)
    if is_opened or SEALED.keys() >= {*names}:
        dangers = (describe_danger(name, values_of((UNRESTRICTED,))) for name in names)
        danger = next(filter(None, dangers), "")
        hint = f"only {word.text}: {UNRESTRICTED.word} allows this{', and lets clients ' if danger else ''}{danger}"
    is_word = key.text in CONSTRAINTS and not CONSTRAINTS[key.text].is_private
    what = f"{word.text} has no condition {key.text}" if is_word else f"{show(key.text)} is not a condition"
    what = f"{word.text} no longer has the condition {key.text}" if gone else what
    reader.problem(key.place, what, hint)
    return None


def _contradicts(reader: Reader, word: str, key: Text, value: Value, grants: tuple[Grant, ...]) -> bool:
    """Whether a preset has another value of the same word: two lists that must both match would read like one."""
    for grant in grants:
        for condition in grant.conditions:
            if condition.word == key.text and condition.value != value:
                what = f"{word} itself requires that {condition}"
                if isinstance(value, bool):
                    what = f"no request can meet this: {what}"
                reader.problem(key.place, what, "remove one of them, or grant the operation by its name")
                return True
    opened = {name for grant in grants if UNRESTRICTED in grant.conditions for name in grant.operations}
    if bounds_body(key.text, opened):
        what = f"{word} itself allows any body, so {key.text} restricts nothing"
        reader.problem(key.place, what, "grant the operation by its name")
        return True
    return False


def _find_pointless(reader: Reader, keys: Iterable[Text], names: Iterable[str]) -> bool:
    pointless = [key for key in keys if bounds_body(key.text, names)]
    for key in pointless:
        what = f"{UNRESTRICTED.word} allows any body, so {key.text} restricts nothing"
        reader.problem(key.place, what, "remove one of them")
    return bool(pointless)


def _narrow(reader: Reader, word: Text, grants: tuple[Grant, ...], values: Mapping[str, Value]) -> tuple[Grant, ...]:
    """Apply conditions to grants, without operations that do not support all of them."""
    narrowed = []
    for grant in grants:
        conditions = tuple(dict.fromkeys((*grant.conditions, *conditions_of(values))))
        names = {name for name in grant.operations if values.keys() <= find_words(OPERATIONS[name]).keys()}
        narrowed += [grant._replace(operations=frozenset(names), conditions=conditions)] if names else []
    if not narrowed:
        what = f"no operation of {word.text} has all of {' and '.join(values)}"
        reader.problem(word.place, what, "make two grants of it")
    return merge_grants(narrowed, grants[0].source)


def _open(reader: Reader, word: Text, place: Place, grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    if not any(grant.operations & CONTAINED for grant in grants):
        reader.problem(place, f"{UNRESTRICTED.word} has no effect on {word.text}, which is not contained", "remove it")
        return ()
    return tuple(part for grant in grants for part in open_bodies(grant))
