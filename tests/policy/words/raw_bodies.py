"""Bodies as text, as a client would write them that wants to be read in two ways: keys twice, and in any spelling."""

import json
from functools import cache

from hypothesis import strategies as st

from dockerproxy.api.bodies.tables import Node, Type

_CAPITALS = {"s": "\u017f", "k": "\u212a"}
_OF_TYPE = {
    Type.STRING: st.sampled_from(['""', '"a"', '"default"', '"local"', "null"]),
    Type.BOOLEAN: st.sampled_from(["false", "true", "null"]),
    Type.INTEGER: st.sampled_from(["0", "1", "-1", "9223372036854775807", "null"]),
    Type.NUMBER: st.sampled_from(["0", "0.5", "null"]),
    Type.WORDS: st.sampled_from(["[]", '"a"', '["a","b"]', "null"]),
    Type.EMPTY: st.sampled_from(["{}", "null"]),
}
_OF_TEN, _OF_THIRTY = st.integers(0, 9), st.integers(0, 29)
_ODD = st.sampled_from(['"x"', "1", "true", "[]", "{}", "[null]", "1.5", '{"x":1}', '[{"x":1}]', "null"])


@cache
@st.composite
def _spellings(draw: st.DrawFn, name: str) -> str:
    way = draw(_OF_TEN)
    if way == 0:
        return name.swapcase()
    if way == 1:
        return "".join(_CAPITALS.get(each.lower(), each) for each in name)
    return name


@cache
@st.composite
def raw_bodies(draw: st.DrawFn, node: Node) -> str:
    """Generate the text of a value that stands at a place of a table."""
    if draw(_OF_THIRTY) == 0:
        return draw(_ODD)
    if node.type is Type.OBJECT and node.spelled:
        names = draw(st.lists(st.sampled_from(sorted(node.spelled)), max_size=5, unique=draw(_OF_TEN) > 0))
        fields = [(draw(_spellings(name)), draw(_values(node.spelled[name]))) for name in names]
        if draw(_OF_THIRTY) == 0:
            fields.append(("Unknown", "1"))
        return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in fields) + "}"
    if node.type is Type.OBJECT:
        return "{}"
    if node.item is not None:
        return draw(_collections(node, node.item))
    return draw(_OF_TYPE[node.type])


@cache
@st.composite
def _values(draw: st.DrawFn, node: Node) -> str:
    """Generate what stands below a key: mostly what a grant that says nothing lets through."""
    if node.rule in {"unset", "absent"} and draw(_OF_TEN):
        return "null"
    return draw(raw_bodies(node))


@cache
@st.composite
def _collections(draw: st.DrawFn, node: Node, item: Node) -> str:
    items = draw(st.lists(raw_bodies(item), max_size=2))
    if node.type is Type.LIST:
        return f"[{','.join(items)}]"
    keys = draw(st.lists(st.sampled_from(["a", "A", "/x", "80/tcp"]), min_size=len(items), max_size=len(items)))
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in zip(keys, items, strict=True)) + "}"
