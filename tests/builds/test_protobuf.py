"""Messages are read as PyPI's protobuf reads them, or refused where a reader could take them in another way."""

import itertools
import re

import pytest
from builds.foreign import FOREIGN, build, parse
from builds.messages import entry, flag, messages, number, text
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.builds.protobuf import (
    MESSAGES,
    MOST_FIELDS,
    Message,
    ProtobufError,
    read_message,
    write_message,
)

ANY = st.sampled_from(sorted(MESSAGES)).flatmap(lambda name: st.tuples(st.just(name), messages(name)))
FIELDS = (text(1, "r"), text(5, "s"), entry(7, "target", "x"), entry(7, "filename", "D"), flag(11, 1))


@given(ANY)
def test_what_is_written_another_implementation_reads_as_it_was(made: tuple[str, Message]) -> None:
    name, message = made
    theirs = parse(name, write_message(message, name))
    assert theirs == build(name, message)


@given(ANY)
def test_what_another_implementation_writes_is_read_as_it_was(made: tuple[str, Message]) -> None:
    name, message = made
    theirs = build(name, message)
    assert build(name, read_message(theirs.SerializeToString(), name)) == theirs


@given(ANY)
def test_what_is_read_is_what_was_written(made: tuple[str, Message]) -> None:
    name, message = made
    assert read_message(write_message(message, name), name) == message


@given(st.sampled_from(sorted(MESSAGES)), st.binary(max_size=60))
def test_whatever_is_read_others_read_equally_and_it_is_written_in_one_way(name: str, content: bytes) -> None:
    try:
        message = read_message(content, name)
    except ProtobufError:
        return
    written = write_message(message, name)
    theirs = FOREIGN[name].FromString(content)
    theirs.DiscardUnknownFields()
    assert FOREIGN[name].FromString(written) == theirs
    assert read_message(written, name) == message


REFUSED: list[tuple[str, str, bytes, str]] = [
    ("an unknown field", "Build", text(16, "x"), "unknown field 16"),
    ("an unknown field far away", "Build", text(2**29 - 1, "x"), "unknown field"),
    ("an unknown field of a message within", "Build", text(8, text(9, "x")), "Cache has the unknown field 9"),
    ("field number 0", "Build", b"\x02\x01x", "wire type 2"),
    ("a number for a text", "Build", flag(1, 1), "ref is not of the type string"),
    ("a number for bytes", "Warn", flag(3, 1), "short is not of the type bytes"),
    ("a number for a message", "Build", flag(8, 1), "cache is not of the type Cache"),
    ("a number for an element", "Build", flag(9, 1), "entitlements is not of the type string"),
    ("a number for an entry", "Build", flag(7, 1), "attrs is not a map"),
    ("a text for a number", "Status", text(1, "\1"), "code is not of the type int"),
    ("a packed number", "Build", text(11, "\1"), "internal is not of the type bool"),
    ("a bool of 2", "Build", flag(11, 2), "internal is not of the type bool"),
    ("64 bits", "Build", number(1 << 3 | 1) + bytes(8), "wire type 1"),
    ("32 bits", "Build", number(1 << 3 | 5) + bytes(4), "wire type 5"),
    ("a group", "Build", number(1 << 3 | 3) + number(1 << 3 | 4), "wire type 3"),
    ("the end of a group", "Build", number(1 << 3 | 4), "wire type 4"),
    ("a wire type that is none", "Build", number(1 << 3 | 6) + b"\0", "wire type 6"),
    ("a text twice", "Build", text(1, "a") + text(1, "a"), "ref occurs twice"),
    ("a message twice", "Build", text(8, "") * 2, "cache occurs twice"),
    ("a number twice", "Build", flag(11, 1) * 2, "internal occurs twice"),
    ("an empty text twice", "Build", text(1, "") * 2, "ref occurs twice"),
    ("a key of a map twice", "Build", entry(7, "a", "b") + text(1, "r") + entry(7, "a", "c"), "attrs has 'a' twice"),
    ("an empty key twice", "Build", text(7, text(2, "a")) + text(7, ""), "attrs has '' twice"),
    ("two keys of an entry", "Build", text(7, text(1, "a") * 2), "not one key and one value"),
    ("two values of an entry", "Build", text(7, text(2, "a") * 2), "not one key and one value"),
    ("a third field of an entry", "Build", text(7, text(3, "a")), "not one key and one value"),
    ("a number as a key", "Build", text(7, flag(1, 1)), "attrs is not of the type string"),
    ("a longer key", "Build", b"\x8a\0\x01a", "overlong number"),
    ("a longer length", "Build", b"\x0a\x81\0a", "overlong number"),
    ("a longer number", "Build", number(11 << 3) + b"\x81\0", "overlong number"),
    ("a longer zero", "Build", number(11 << 3) + b"\x80\0", "overlong number"),
    ("a number of 65 bits", "Status", number(1 << 3) + b"\xff" * 9 + b"\x02", "overlong number"),
    ("a number without an end", "Status", number(1 << 3) + b"\xff" * 20, "overlong number"),
    ("a text that is not UTF-8", "Build", text(1, b"\xff"), "ref is not UTF-8"),
    ("a surrogate", "Build", text(1, b"\xed\xa0\x80"), "ref is not UTF-8"),
    ("a key that is not UTF-8", "Build", text(7, text(1, b"\xc0\x80")), "attrs is not UTF-8"),
    ("an element that is not UTF-8", "Build", text(9, b"\x80"), "entitlements is not UTF-8"),
    ("a length beyond the end", "Build", b"\x0a\x02a", "truncated"),
    ("an enormous length", "Build", b"\x0a" + b"\xff" * 9 + b"\x01", "truncated"),
    ("a length beyond the message it is in", "Build", text(8, b"\x22\x05") + bytes(9), "truncated"),
    ("too many fields", "Build", text(9, "x") * (MOST_FIELDS + 1), f"more than {MOST_FIELDS} fields"),
    ("too many entries", "Build", b"".join(entry(7, str(i), "") for i in range(1400)), "more than"),
    ("too many that go no further", "Made", text(2, "") * (MOST_FIELDS + 1), "more than"),
]


@for_each(("what", "name", "content", "says"), REFUSED)
def test_what_could_be_said_in_another_way_is_refused_with_its_place(
    what: str, name: str, content: bytes, says: str
) -> None:
    with pytest.raises(ProtobufError, match=re.escape(says)):
        assert not read_message(content, name), what


def test_a_message_that_is_cut_is_refused_wherever_it_is_not_between_two_fields() -> None:
    whole, ends = b"".join(FIELDS), {0, *itertools.accumulate(map(len, FIELDS))}
    assert read_message(whole, "Build")["internal"] == 1
    for end in range(len(whole) + 1):
        if end in ends:
            read_message(whole[:end], "Build")
        else:
            with pytest.raises(ProtobufError):
                read_message(whole[:end], "Build")


UNSET = [(name, number, field) for name, fields in MESSAGES.items() for number, field in fields.items()
         if field.type == "unset"]  # fmt: skip


@for_each(("name", "at", "field"), UNSET)
def test_a_field_that_is_to_be_empty_is_refused_with_anything_in_it(name: str, at: int, field: object) -> None:
    for empty in (flag(at, 0), text(at, ""), text(at, "") * 2):
        assert read_message(empty, name) == {}, field
    for content in (flag(at, 1), text(at, "\0"), text(at, "") + text(at, "a"), flag(at, 2**64 - 1)):
        with pytest.raises(ProtobufError, match=r" is "):
            read_message(content, name)


def test_a_field_with_its_default_written_is_there() -> None:
    assert read_message(text(1, "") + flag(11, 0) + text(8, ""), "Build") == {"ref": "", "internal": 0, "cache": {}}
    assert read_message(text(7, text(1, "a")) + text(7, text(2, "b")), "Build") == {"attrs": {"a": "", "": "b"}}
    assert read_message(text(1, text(1, "p")), "MadeMap") == {"refs": {"p": {}}}


def test_what_goes_no_further_is_not_read() -> None:
    read = read_message(text(1, "id") + text(2, b"\xff\xff") + text(2, "x"), "Made")
    assert read == {"id": "id"}
    assert write_message(read, "Made") == text(1, "id")
