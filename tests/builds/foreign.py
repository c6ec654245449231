"""PyPI's implementation of protocol buffers, with our tables of messages as its descriptors."""

from typing import Any, Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from dockerproxy.builds.protobuf import MESSAGES, Field, Message, Value

LEFT: Final = frozenset({"unset", "aside"})
"""Types of fields that go no further."""

_TYPES: Final = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "int": FieldDescriptorProto.TYPE_UINT64,
}
_PACKAGE: Final = "x"


def _add(message: DescriptorProto, number: int, name: str, kind: str, *, many: bool = False) -> None:
    label = FieldDescriptorProto.LABEL_REPEATED if many else FieldDescriptorProto.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label)
    field.type = _TYPES.get(kind, FieldDescriptorProto.TYPE_MESSAGE)
    if kind not in _TYPES:
        field.type_name = f".{_PACKAGE}.{kind}"


def _describe(name: str, fields: dict[int, Field]) -> DescriptorProto:
    message = DescriptorProto(name=name)
    for number, field in fields.items():
        if field.type in LEFT:
            continue
        kind = field.type
        if field.many == "{}":
            entry = message.nested_type.add(name=field.name.title().replace("_", "") + "Entry")
            entry.options.map_entry = True
            _add(entry, 1, "key", "string")
            _add(entry, 2, "value", kind)
            kind = f"{name}.{entry.name}"
        _add(message, number, field.name, kind, many=field.many != "")
    return message


def _load() -> dict[str, Any]:
    file = FileDescriptorProto(name="x.proto", package=_PACKAGE, syntax="proto3")
    file.message_type.extend(_describe(name, fields) for name, fields in MESSAGES.items())
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in MESSAGES}


FOREIGN: Final = _load()
"""The class of each message."""


def build(name: str, message: Message) -> Any:
    """Make one of theirs of what is said in one of ours."""
    made = FOREIGN[name]()
    for field in MESSAGES[name].values():
        value = message.get(field.name)
        if value is None or field.type in LEFT:
            continue
        inner = field.type in MESSAGES
        target = getattr(made, field.name)
        if isinstance(value, dict) and field.many:
            for key, each in value.items():
                if inner:
                    target[key].CopyFrom(_inner(field, each))
                else:
                    target[key] = each
        elif isinstance(value, list):
            target.extend(_inner(field, each) if inner else each for each in value)
        elif inner:
            target.CopyFrom(_inner(field, value))
        else:
            setattr(made, field.name, value)
    return made


def _inner(field: Field, value: Value) -> Any:
    assert isinstance(value, dict)
    return build(field.type, value)


def parse(name: str, content: bytes) -> Any:
    """Read a message as they do."""
    return FOREIGN[name].FromString(content)
