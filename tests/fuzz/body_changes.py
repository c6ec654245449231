"""Changes to a body that leave it one for its operation: fields of its table, in any spelling, with values that fit.

A field that is not where its table has it is refused at once, and its check would never be tried.
"""

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from fuzz.grants import VALUES
from fuzz.request_changes import TEXTS, change_query

from dockerproxy.api.bodies.tables import BODIES, Node, Type
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.vocabulary import find_words

Mutate = Callable[[bytes, int], bytes]

_NUMBERS: Final = (0, 1, -1, 2, 80, 65536, 6 * 2**20, 2**31, 10**9, 2**63 - 1, -(2**63), 0.5)
_ODD: Final[tuple[Any, ...]] = (None, "x", 1, True, [], {}, [None], {"x": 1}, 1.5)


def change(data: bytes, most: int, seed: int, mutate: Mutate) -> bytes:
    """Return a request with a few changes to its body, or to its first line.

    Args:
        data: The request.
        most: Bytes that it may have.
        seed: Of chance.
        mutate: Changes any bytes, up to a length.
    """
    chance = random.Random(seed)  # noqa: S311 (for tests)
    line, _, content = data.partition(b"\n")
    name = line.split(b" ", 1)[0].decode(errors="replace")
    way = chance.random()
    if name not in BODIES or way < 0.2:
        return mutate(data, most)
    if way < 0.3:
        return line + b"\n" + mutate(content, max(1, most - len(line) - 1))
    if way < 0.35:
        return (chance.choice(sorted(BODIES)).encode() + line[len(name) :] + b"\n" + content)[:most]
    if way < 0.5:
        asked, brace, bounds = line.partition(b"{")
        query = change_query(asked.partition(b"?")[2].strip(), sorted(BODIES[name].parameters), chance)
        return (name.encode() + b" " + query + b" " + brace + bounds + b"\n" + content)[:most]
    if way < 0.6:
        asked, brace, bounds = line.partition(b"{")
        said = _change_bounds(_read_object(brace + bounds), name, chance)
        return (asked + json.dumps(said).encode() + b"\n" + content)[:most]
    document = _read_object(content)
    for _ in range(chance.randrange(1, 4)):
        place, node = chance.choice(list(_find_places(document, BODIES[name].root)))
        _change_place(place, node, chance)
    text = json.dumps(document, ensure_ascii=chance.random() < 0.3, separators=(",", ":"))
    return (line + b"\n" + text.encode(errors="surrogatepass"))[:most]


def _read_object(text: bytes) -> dict[str, Any]:
    """Return an object; an empty one in place of anything else."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _change_bounds(bounds: dict[str, Any], name: str, chance: random.Random) -> dict[str, Any]:
    """Have a grant say one thing more, or less."""
    words = [word for word in find_words(OPERATIONS[name]) if word in VALUES]
    word = chance.choice([*words, *bounds, "unrestricted"])
    if word in bounds:
        return {each: value for each, value in bounds.items() if each != word}
    return {**bounds, word: VALUES.get(word, True)}


def _find_places(value: Any, node: Node) -> Iterator[tuple[Any, Node]]:
    """Find each list and object of a body that its table knows."""
    if isinstance(value, dict):
        yield value, node
        for key, item in value.items():
            below = node.item if node.item is not None else node.spelled.get(key)
            if below is not None:
                yield from _find_places(item, below)
    elif isinstance(value, list) and node.item is not None:
        yield value, node
        for item in value:
            yield from _find_places(item, node.item)


def _change_place(place: Any, node: Node, chance: random.Random) -> None:
    if place and chance.random() < 0.25:
        del place[chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))]
    elif isinstance(place, list):
        place.append(_make(node.item or node, chance, 3))
    elif node.item is not None:
        place[chance.choice(TEXTS)] = _make(node.item, chance, 3)
    elif node.spelled:
        key = chance.choice(sorted(node.spelled))
        place[_spell(key, chance)] = _make(node.spelled[key], chance, 3)
    else:
        place[chance.choice(TEXTS)] = copy.deepcopy(chance.choice(_ODD))


def _spell(key: str, chance: random.Random) -> str:
    way = chance.random()
    if way < 0.9:
        return key
    return key.swapcase() if way < 0.95 else key.replace("s", "\u017f").replace("k", "\u212a")


def _make(node: Node, chance: random.Random, levels: int) -> Any:
    """Make a value that fits, mostly."""
    if levels == 0 or chance.random() < 0.05:
        return copy.deepcopy(chance.choice(_ODD))
    count = chance.randrange(4)
    if node.type is Type.OBJECT:
        keys = chance.sample(sorted(node.spelled), min(len(node.spelled), count))
        return {key: _make(node.spelled[key], chance, levels - 1) for key in keys}
    if node.item is not None:
        items = [_make(node.item, chance, levels - 1) for _ in range(count)]
        return items if node.type is Type.LIST else {chance.choice(TEXTS): item for item in items}
    return _LEAVES[node.type](chance)


_LEAVES: Final[Mapping[Type, Callable[[random.Random], Any]]] = {
    Type.WORDS: lambda chance: chance.sample(TEXTS, 2),
    Type.EMPTY: lambda _: {},
    Type.BOOLEAN: lambda chance: chance.random() < 0.5,
    Type.STRING: lambda chance: chance.choice(TEXTS),
    Type.INTEGER: lambda chance: chance.choice(_NUMBERS),
    Type.NUMBER: lambda chance: chance.choice(_NUMBERS),
}
