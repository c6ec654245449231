"""A body held against the table of its operation a second time, by what its lines say in words.

The reader is made to be quick and looks at what must be looked at; this walks all there is, and knows no checks.
"""

from collections.abc import Iterator
from typing import Final

from dockerproxy.api.bodies.tables import Node, Type
from dockerproxy.text import fold
from dockerproxy.wire.document import Json

_CLASSES: Final[dict[Type, tuple[type, ...]]] = {
    Type.STRING: (str,),
    Type.BOOLEAN: (bool,),
    Type.INTEGER: (int,),
    Type.NUMBER: (int, float),
    Type.WORDS: (list,),
    Type.OBJECT: (dict,),
    Type.EMPTY: (dict,),
    Type.LIST: (list,),
    Type.MAP: (dict,),
}


def find_flaws(node: Node, value: Json, path: str = "") -> Iterator[str]:
    """Say what in a body that goes on is not as its table has it."""
    if value is None:
        return
    if type(value) not in _CLASSES[node.type]:
        yield f"{path} is no {node.type}"
    elif node.rule == "unset" and value not in (False, 0, "", [], {}):
        yield f"{path} is set"
    elif node.rule == "absent" or node.rule.startswith("~"):
        yield f"{path} is there"
    elif node.rule.startswith("=") and value not in ("", *node.rule[1:].split(",")):
        yield f"{path} is none of {node.rule}"
    for name, below, item in _look_below(node, value):
        if below is None:
            yield f"{path}.{name} is not known"
        else:
            yield from find_flaws(below, item, f"{path}.{name}")


def _look_below(node: Node, value: Json) -> Iterator[tuple[str, Node | None, Json]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name, node.item if node.type is Type.MAP else node.spelled.get(name), item
    elif isinstance(value, list) and node.item is not None:
        for number, item in enumerate(value):
            yield str(number), node.item, item


def find_twins(node: Node, value: Json) -> Iterator[str]:
    """Say which keys of a body are there twice for Go, in whatever spelling."""
    if isinstance(value, dict) and node.type is not Type.MAP:
        names = [fold(name) for name, item in value.items() if item is not None]
        yield from (name for name in node.keys if names.count(name) > 1)
        value = {node.keys[fold(name)][0]: item for name, item in value.items() if fold(name) in node.keys}
        node = Node(node.type, spelled=dict(node.keys.values()))
    for _, below, item in _look_below(node, value):
        if below is not None:
            yield from find_twins(below, item)
