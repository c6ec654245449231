"""Conditions of a grant: read as their words demand, and made for each operation that bears them.

A grant of a group with conditions covers only those operations of the group that bear all of them: a condition is never
left out because an operation does not know it.
"""

from collections.abc import Mapping

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.document import Fields, Items, Node, Text
from dockerproxy.config.near import find_near, show
from dockerproxy.config.reader import Reader
from dockerproxy.policy.model import Condition, Grant, Value
from dockerproxy.policy.vocabulary import ALL_WORDS, Takes, Word, find_words


def read_conditions(reader: Reader, word: Text, node: Node, grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """Read the conditions below a word, and put what it grants under them.

    Args:
        reader: Of the document.
        word: What is granted.
        node: Its conditions; nothing is none.
        grants: What the word grants by itself, perhaps under conditions already.

    Returns:
        What is granted; nothing if a condition is broken.
    """
    if isinstance(node, Text) and node.is_nothing:
        return grants
    entries = reader.entries(node, f"the value of {word.text}", f"{word.text}: {{CONDITION: VALUE}}")
    borne = {
        name: find_words(OPERATIONS[name]) for name in sorted({name for each in grants for name in each.operations})
    }
    values: dict[str, Value] = {}
    for key, value in entries:
        bearing = next((words for words in borne.values() if key.text in words), None)
        if bearing is None:
            reader.problem(key.place, *_advise(word.text, key.text, borne))
            continue
        read = _read_value(reader, bearing[key.text], value)
        if read is not None and not _contradicts(reader, word.text, key, read, grants):
            values[key.text] = read
    if len(values) < len(entries) or not isinstance(node, Fields):
        return ()
    return _narrow(reader, word, grants, borne, values)


def _advise(word: str, condition: str, borne: Mapping[str, Mapping[str, Word]]) -> tuple[str, str]:
    """Say that a word bears no such condition, and which it bears."""
    known = sorted({name for words in borne.values() for name in words})
    near = find_near(condition, known)
    hint = f"did you mean {near}?" if near else f"it bears {', '.join(known) or 'none'}"
    if condition in ALL_WORDS:
        return f"{word} bears no condition {condition}", hint
    return f"{show(condition)} is not a condition", hint


def _read_value(reader: Reader, word: Word, node: Node) -> Value | None:
    if word.takes is Takes.FLAG:
        return reader.flag(node, word.name)
    if word.takes is Takes.CHOICE:
        return _read_choice(reader, word, node)
    items = reader.items(node, word.name)
    if isinstance(node, Items) and not items:
        what = f"{word.name} is an empty list, to which no request can keep"
        reader.problem(node.place, what, "name something, or take the condition out to allow all")
    texts = [reader.text(item, f"an item of {word.name}") for item in items]
    read = [text for text in texts if text is not None and _can_match(reader, word, text)]
    return tuple(text.text for text in read) if read and len(read) == len(texts) else None


def _read_choice(reader: Reader, word: Word, node: Node) -> Value | None:
    choices = " or ".join(word.choices)
    text = reader.text(node, word.name, f"{word.name}: {choices}")
    if text is None:
        return None
    if text.text not in word.choices:
        reader.problem(text.place, f"{word.name} can only be {choices}, and is {show(text.text)}")
        return None
    return text.text


def _can_match(reader: Reader, word: Word, item: Text) -> bool:
    fault = word.fault(item.text)
    if fault:
        reader.problem(item.place, f"{show(item.text)} in {word.name} can never match", fault)
    return not fault


def _contradicts(reader: Reader, word: str, key: Text, value: Value, grants: tuple[Grant, ...]) -> bool:
    """Whether a preset demands something else by the same word: two lists that both must hold read like one."""
    for grant in grants:
        for condition in grant.conditions:
            if condition.word == key.text and condition.value != value:
                what = f"{word} itself demands that {condition}"
                if isinstance(value, bool):
                    what = f"no request can keep to this: {what}"
                reader.problem(key.place, what, "take one of the two out, or grant the operation by its name")
                return True
    return False


def _narrow(
    reader: Reader,
    word: Text,
    grants: tuple[Grant, ...],
    borne: Mapping[str, Mapping[str, Word]],
    values: Mapping[str, Value],
) -> tuple[Grant, ...]:
    """Put grants under conditions, without the operations that do not bear all of them."""
    narrowed: dict[tuple[Condition, ...], set[str]] = {}
    for grant in grants:
        for name in grant.operations:
            if values.keys() <= borne[name].keys():
                made = (borne[name][condition].make(value) for condition, value in values.items())
                conditions = tuple(dict.fromkeys((*grant.conditions, *made)))
                narrowed.setdefault(conditions, set()).add(name)
    if not narrowed:
        what = f"no operation of {word.text} bears {' and '.join(values)} at once"
        reader.problem(word.place, what, "make two grants of it")
    return tuple(Grant(frozenset(names), word.text, conditions) for conditions, names in narrowed.items())
