"""Protocol buffer messages: parsed strictly by tables of fields, and serialised again from the result.

The encoding allows many forms of one message, which parsers read differently: duplicate fields, overlong numbers,
fields that only one parser knows. All of these are refused.

Attacks: docs/attacks.md, builds/protobuf.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from dockerproxy.api.rows import read_tables, split_row

Value: TypeAlias = "str | bytes | int | list[Value] | dict[str, Value]"
Message: TypeAlias = dict[str, Value]

MOST_FIELDS: Final = 2048
"""Fields of a message, including nested messages: they take 5 ms."""

_VARINT, _LENGTH = 0, 2
_MOST_BITS: Final = 64
_KEY, _VALUE = 1, 2
_BITS: Final = 7
_LOW: Final = 0x7F
"""The bits of a byte that belong to a number; the highest bit means that more bytes follow."""

_EMPTY: Final[Mapping[str, Value]] = {"string": "", "bytes": b"", "bool": 0, "int": 0}
_NUMBERS: Final = frozenset({"bool", "int"})


class Field(NamedTuple):
    """A field of a message.

    Attributes:
        name: What we call it.
        type: `string`, `bytes`, `bool`, `int`, `unset`, `aside`, or the name of a message.
        many: `[]` for a list, `{}` for a map; else empty.
        says: A description, as a phrase.
    """

    name: str
    type: str
    many: str
    says: str


def _read_field(row: str) -> tuple[int, Field]:
    number, name, written, says = split_row(row, 4)
    kind = written.rstrip("[]{}")
    return int(number), Field(name, kind, written[len(kind) :], says)


MESSAGES: Final = {name: dict(map(_read_field, rows)) for name, rows in read_tables("messages", __file__).items()}
"""The fields of each message, by their numbers."""


class ProtobufError(ValueError):
    """A refused message, with the place and the reason."""


def read_message(content: bytes, name: str) -> Message:
    """Return the fields that are present in a message, by name.

    Raises:
        ProtobufError: The message has unknown fields, or is not in its canonical form.
    """
    return _Reader(content).read(0, len(content), name)


def write_message(message: Message, name: str) -> bytes:
    """Write the fields of a message, in the order of its table."""
    written = b""
    for number, field in MESSAGES[name].items():
        value = message.get(field.name, [])
        if isinstance(value, dict) and field.many:
            entries = [_write(1, key, "string") + _write(2, each, field.type) for key, each in value.items()]
            written += b"".join(_write_bytes(number, entry) for entry in entries)
        else:
            items = value if isinstance(value, list) else [value]
            written += b"".join(_write(number, item, field.type) for item in items)
    return written


def _write(number: int, value: Value, kind: str) -> bytes:
    if isinstance(value, int):
        return _write_number(number << 3 | _VARINT) + _write_number(value)
    if isinstance(value, dict):
        return _write_bytes(number, write_message(value, kind))
    return _write_bytes(number, value if isinstance(value, bytes) else str(value).encode())


def _write_bytes(number: int, content: bytes) -> bytes:
    return _write_number(number << 3 | _LENGTH) + _write_number(len(content)) + content


def _write_number(number: int) -> bytes:
    written = bytearray()
    while number > _LOW:
        written.append(number & _LOW | 0x80)
        number >>= _BITS
    return bytes((*written, number))


class _Reader:
    """Reads one message, and counts its fields."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._left = MOST_FIELDS

    def read(self, start: int, end: int, name: str) -> Message:
        """Read the fields of a message between two places."""
        read: Message = {}
        lists: dict[str, list[Value]] = {}
        maps: dict[str, dict[str, Value]] = {}
        for number, value in self._fields(start, end, name):
            field = MESSAGES[name].get(number)
            if field is None:
                raise ProtobufError(f"{name} has the unknown field {number}")
            where = f"{name}.{field.name}"
            if field.type == "unset":
                if value if isinstance(value, int) else value.start < value.stop:
                    raise ProtobufError(f"{where} is {field.says}")
            elif field.many == "[]":
                lists.setdefault(field.name, []).append(self._value(value, field.type, where))
            elif field.many == "{}":
                key, item = self._entry(value, field.type, where)
                if key in maps.setdefault(field.name, {}):
                    raise ProtobufError(f"{where} has {key!r} twice")
                maps[field.name][key] = item
            elif field.name in read:
                raise ProtobufError(f"{where} occurs twice")
            elif field.type != "aside":
                read[field.name] = self._value(value, field.type, where)
        return {**read, **lists, **maps}

    def _entry(self, value: int | slice, kind: str, where: str) -> tuple[str, Value]:
        """Read an entry of a map: its key and its value, either of which is omitted if empty."""
        if isinstance(value, int):
            raise ProtobufError(f"{where} is not a map")
        entry: dict[int, Value] = {}
        for number, each in self._fields(value.start, value.stop, where):
            if number in entry or number not in {_KEY, _VALUE}:
                raise ProtobufError(f"{where} has an entry that is not one key and one value")
            entry[number] = self._value(each, "string" if number == _KEY else kind, where)
        return str(entry.get(_KEY, "")), entry.get(_VALUE, _EMPTY.get(kind, {}))

    def _value(self, value: int | slice, kind: str, where: str) -> Value:
        if isinstance(value, int):
            if kind not in _NUMBERS or (kind == "bool" and value > 1):
                raise ProtobufError(f"{where} is not of the type {kind}")
            return value
        if kind in _NUMBERS:
            raise ProtobufError(f"{where} is not of the type {kind}")
        if kind in MESSAGES:
            return self.read(value.start, value.stop, kind)
        content = self._content[value]
        try:
            return content if kind == "bytes" else content.decode()
        except UnicodeDecodeError:
            raise ProtobufError(f"{where} is not UTF-8") from None

    def _fields(self, at: int, end: int, where: str) -> Iterator[tuple[int, int | slice]]:
        """Yield the number of each field, and its value if that is a number, else the place of its bytes."""
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise ProtobufError(f"more than {MOST_FIELDS} fields")
            key, at = self._number(at, end, where)
            number, wire_type = key >> 3, key & 7
            if wire_type not in {_VARINT, _LENGTH} or not number:
                raise ProtobufError(f"{where} has a field of wire type {wire_type}")
            value, at = self._number(at, end, where)
            if wire_type == _VARINT:
                yield number, value
            elif value > end - at:
                raise ProtobufError(f"{where} is truncated")
            else:
                yield number, slice(at, at + value)
                at += value

    def _number(self, at: int, end: int, where: str) -> tuple[int, int]:
        """Read a number in its shortest encoding."""
        number = shift = 0
        while at < end and shift <= _MOST_BITS:
            byte = self._content[at]
            at += 1
            number |= (byte & _LOW) << shift
            shift += _BITS
            if byte <= _LOW:
                if (not byte and shift > _BITS) or number >> _MOST_BITS:
                    break
                return number, at
        raise ProtobufError(f"{where} has a truncated or overlong number")
