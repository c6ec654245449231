"""Messages of a build, and fields of them as bytes."""

from typing import Final

from hypothesis import strategies as st

from dockerproxy.builds.protobuf import MESSAGES, Field, Message, Value

TEXT: Final = st.text(st.characters(codec="utf-8"), max_size=8)
_VALUES: Final[dict[str, st.SearchStrategy[Value]]] = {
    "string": TEXT,
    "bytes": st.binary(max_size=8),
    "bool": st.integers(0, 1),
    "int": st.integers(0, 2**64 - 1),
}


def messages(name: str) -> st.SearchStrategy[Message]:
    """Return messages of a kind, with any of their fields."""
    fields = [field for field in MESSAGES[name].values() if field.type not in {"unset", "aside"}]
    return st.fixed_dictionaries({}, optional={field.name: _values(field) for field in fields})


def _values(field: Field) -> st.SearchStrategy[Value]:
    one = messages(field.type) if field.type in MESSAGES else _VALUES[field.type]
    if field.many == "[]":
        return st.lists(one, min_size=1, max_size=3)
    return st.dictionaries(TEXT, one, min_size=1, max_size=3) if field.many else one


def number(value: int) -> bytes:
    """Write a number as shortly as it can be."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + number(rest) if rest else bytes([low])


def text(field: int, content: str | bytes) -> bytes:
    """Write a field of bytes."""
    content = content.encode() if isinstance(content, str) else content
    return number(field << 3 | 2) + number(len(content)) + content


def flag(field: int, value: int) -> bytes:
    """Write a field with a number."""
    return number(field << 3) + number(value)


def entry(field: int, key: str, value: str | bytes) -> bytes:
    """Write an entry of a map."""
    return text(field, text(1, key) + text(2, value))
