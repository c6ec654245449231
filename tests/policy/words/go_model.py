"""A model of how Go's decoder fills the types behind a table, written from the facts and without our reader.

Keys fold; the same key again merges objects, lists of objects one by one, and maps; of all else the last wins; null
empties a list, map or object, and leaves a word as it was; unknown keys are passed over.
"""

import json

from dockerproxy.api.bodies.tables import Node, Type
from dockerproxy.wire.document import Json

_SIMPLE: dict[Type, tuple[type, ...]] = {
    Type.STRING: (str,),
    Type.BOOLEAN: (bool,),
    Type.INTEGER: (int,),
    Type.NUMBER: (int, float),
}


class Unreadable(Exception):  # noqa: N818 (a word of the model)
    """What Go answers with an error."""


def decode_as_go(node: Node, text: str) -> Json:
    """Decode a document; nothing of it that says nothing is kept."""
    return say_nothing_of(_decode(node, json.loads(text, object_pairs_hook=tuple), None))


def say_nothing_of(value: Json) -> Json:
    """Drop null from objects: for Go that is as if it were not there."""
    if isinstance(value, dict):
        return {key: say_nothing_of(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [say_nothing_of(item) for item in value]
    return value


def fold_as_go(key: str) -> str:
    """Fold a key: the smallest of all characters that fold to each other, which for a letter is the capital."""
    return "".join({"\u017f": "S", "\u212a": "K"}.get(each, each.upper() if each.isascii() else each) for each in key)


def _decode(node: Node, value: object, old: Json) -> Json:  # noqa: PLR0911 (a case for each type)
    if value is None:
        return old if node.type in _SIMPLE else None
    if node.type is Type.OBJECT:
        return _decode_object(node, value, old)
    if node.type is Type.MAP and node.item is not None:
        into = dict(old) if isinstance(old, dict) else {}
        for key, item in _pairs(value):
            into[key] = _decode(node.item, item, None)
        return into
    if node.type is Type.LIST and node.item is not None and isinstance(value, list):
        before = old if isinstance(old, list) else []
        return [
            _decode(node.item, item, before[number] if number < len(before) else None)
            for number, item in enumerate(value)
        ]
    if node.type is Type.WORDS:
        return [value] if isinstance(value, str) else _decode_words(value)
    if node.type is Type.EMPTY:
        _pairs(value)
        return {}
    if not isinstance(value, _SIMPLE.get(node.type, ())) or (isinstance(value, bool) and node.type is not Type.BOOLEAN):
        raise Unreadable(value)
    return value  # type: ignore[return-value] # one of the simple types


def _decode_object(node: Node, value: object, old: Json) -> Json:
    into = dict(old) if isinstance(old, dict) else {}
    known = {fold_as_go(name): (name, below) for name, below in node.spelled.items() if below.rule != "aside"}
    for key, item in _pairs(value):
        name, below = known.get(fold_as_go(key), ("", None))
        if below is not None:
            into[name] = _decode(below, item, into.get(name))
    return into


def _decode_words(value: object) -> Json:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise Unreadable(value)
    return list(value)


def _pairs(value: object) -> tuple[tuple[str, object], ...]:
    if not isinstance(value, tuple):
        raise Unreadable(value)
    return value
