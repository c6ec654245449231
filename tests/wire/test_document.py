"""A body has one reading, which is Go's, or none."""

import json
import math
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each
from wire.decoding import find_leaves, read_kept, understand

from dockerproxy.errors import Refusal
from dockerproxy.wire.document import (
    MOST_LEVELS,
    MOST_PARTS,
    Json,
    count_parts,
    list_of,
    object_of,
    read_engine_json,
    read_json,
    show,
    write_json,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)
KEPT = list(read_kept())


def reason(content: bytes) -> str:
    refusal = read_json(content)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.status == 400
    return refusal.reason


@given(VALUES)
def test_what_is_written_is_read_as_it_was(value: Json) -> None:
    assert read_json(write_json(value)) == value


@given(VALUES, st.booleans())
def test_what_other_writers_write_is_read_as_it_was(value: Json, escaped: bool) -> None:  # noqa: FBT001 (generated)
    assert read_json(json.dumps(value, ensure_ascii=escaped, indent=1).encode()) == value


@given(st.binary(max_size=40))
def test_any_bytes_have_a_reading_or_a_reason(content: bytes) -> None:
    read = read_json(content)
    if isinstance(read, Refusal):
        assert read.reason
    else:
        assert read_json(write_json(read)) == read


@for_each(("content", "leaves"), KEPT)
def test_what_is_understood_is_what_go_read(content: bytes, leaves: dict[str, Json] | None) -> None:
    understood = understand(content)
    if not isinstance(understood, Refusal):
        assert find_leaves(understood) == leaves


def test_enough_documents_are_kept_of_each_kind() -> None:
    accepted = [content for content, _ in KEPT if not isinstance(understand(content), Refusal)]
    only_by_go = [content for content, go in KEPT if go is not None and isinstance(understand(content), Refusal)]
    by_none = [content for content, go in KEPT if go is None]
    assert min(len(accepted), len(only_by_go), len(by_none)) > 80


@for_each(
    ("content", "says"),
    [
        (b'{"a":1,"a":1}', 'duplicate key "a"'),
        (b'{"b":{"a":1,"c":2,"\\u0061":null}}', 'duplicate key "a"'),
        (b"9223372036854775808", "does not fit in 64 bits"),
        (b"-9223372036854775809", "does not fit in 64 bits"),
        (b"1" * 5000, "does not fit in 64 bits"),
        (b"0." + b"1" * 31, "too many digits"),
        (b"0." + b"1" * 18, "would lose precision"),
        (b"900719925474099.3", "would lose precision"),
        (b"1e-400", "would lose precision"),
        (b"1e-9999999999999999999", "would lose precision"),
        (b"1e309", "the number 1e309 is too large"),
        (b"-1e999", "the number -1e999 is too large"),
        (b"NaN", "NaN is not a JSON value"),
        (b"-Infinity", "-Infinity is not a JSON value"),
        (b'"\\ud800"', "an unpaired surrogate"),
        (b'{"\\uDFFF":1}', "an unpaired surrogate"),
        (b'"\xff"', "invalid UTF-8"),
        (b'"\xed\xa0\x80"', "invalid UTF-8"),
        (b'"\xc0\x80"', "invalid UTF-8"),
        (b"", "malformed JSON"),
        (b"{}{}", "malformed JSON"),
        (b"{}}", "malformed JSON"),
        (b"\xef\xbb\xbf{}", "malformed JSON"),
        (b"01", "malformed JSON"),
        ("\u0661".encode(), "malformed JSON"),
    ],
)
def test_what_go_would_read_in_its_own_way_has_no_reading(content: bytes, says: str) -> None:
    assert says in reason(content)


@for_each(
    "content",
    [
        b"9223372036854775807",
        b"-9223372036854775808",
        b"0.25",
        b"-0",
        b"1e3",
        b"-0.00E+09999999999999999999",
        b'"\\ud83d\\ude00"',
        b'"\x7f"',
        b' \t\r\n{"a":"\\u0000"}\n ',
    ],
)
def test_what_all_read_alike_is_read(content: bytes) -> None:
    read = read_json(content)
    assert not isinstance(read, Refusal)
    assert read == json.loads(content)


@given(st.from_regex(r"\A-?(0|[1-9][0-9]{0,9})(\.[0-9]{1,9})?[eE][+-]?[0-9]{1,2}\Z"))
def test_a_number_is_read_if_it_is_written_as_one_that_all_read(text: str) -> None:
    is_same = Decimal(text) == Decimal(repr(float(text)))
    assert isinstance(read_json(text.encode()), Refusal) is not is_same


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_of_64_bits_is_read_and_written_as_it_is(number: float) -> None:
    written = repr(number).encode()
    assert repr(read_json(written)) == repr(number)
    assert write_json(number) == written


@for_each(("open_", "close"), [(b"[", b"]"), (b'{"a":', b"}")])
@for_each("levels", [MOST_LEVELS + 1, 900, 10_000, MOST_PARTS - 1])
def test_a_body_is_nested_so_deep_and_no_deeper(open_: bytes, close: bytes, levels: int) -> None:
    assert "nested more than 64 levels deep" in reason(open_ * levels + b"1" + close * levels)
    fine = open_ * (MOST_LEVELS - 1) + b"[" + b"1" + b"]" + close * (MOST_LEVELS - 1)
    assert not isinstance(read_json(fine), Refusal)


@pytest.mark.parametrize("value", [b"0", b"[]", b"{}", b'""', b'{"a":0}'])
def test_a_body_has_so_many_values_and_no_more(value: bytes) -> None:
    fine = (MOST_PARTS - 1) // count_parts(value + b",")
    assert not isinstance(read_json(b"[" + b",".join([value] * fine) + b"]"), Refusal)
    assert "more than 30000 values" in reason(b"[" + b",".join([value] * (MOST_PARTS + 1)) + b"]")


def test_the_length_of_a_text_does_not_count_as_values() -> None:
    assert read_json(b'"' + b"x" * 1_000_000 + b'"') == "x" * 1_000_000


def test_many_brackets_are_not_deep() -> None:
    assert read_json(b"[" + b",".join([b"{}"] * 1000) + b"]") == [{}] * 1000
    assert read_json(b'"' + b"[" * 1000 + b'"') == "[" * 1000


@pytest.mark.parametrize(
    "content",
    [
        b"{" + b",".join(b'"k%d":1' % number for number in range(80_000)) + b',"k7":1}',
        b"{" + b",".join([b'"k":1'] * 150_000) + b"}",
        b'"' + b"\\ud83d\\ude00" * 80_000 + b'"',
        b"[" * 500_000,
        b"1" * 1_000_000,
        b"[" + b",".join([b"[" * 60 + b"]" * 60] * 8000) + b"]",
    ],
    ids=["keys", "one key", "escapes", "brackets", "digits", "levels"],
)
def test_a_hostile_body_keeps_nobody_waiting(content: bytes) -> None:
    started = time.process_time()
    read_json(content)
    assert time.process_time() - started < 5


def test_a_number_that_is_none_is_never_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(math.inf)


@given(VALUES)
def test_what_a_message_shows_is_short_and_one_line(value: Json) -> None:
    text = show(value)
    assert len(text) <= 83
    assert text.isascii()
    assert text.isprintable()
    if not text.endswith("..."):
        assert json.loads(text) == value


def test_only_as_much_is_written_as_is_shown() -> None:
    assert show("a" * 1_000_000) == f'"{"a" * 79}...'
    assert show(["a"] * 1_000_000) == f"{json.dumps(['a'] * 30)[:80]}..."
    assert show("a" * 78) == f'"{"a" * 78}"'
    assert show({"a": [1, None, True]}) == '{"a": [1, null, true]}'


def test_what_is_no_object_and_no_list_is_an_empty_one() -> None:
    assert object_of({"a": 1}) == {"a": 1}
    assert list_of([1]) == [1]
    for value in (None, False, 0, 1, "", "text", 1.5):
        assert object_of(value) == {}
        assert list_of(value) == []
    assert object_of([1]) == {}
    assert list_of({"a": 1}) == []


def test_of_an_engine_any_json_is_read_and_nothing_else() -> None:
    assert read_engine_json(b'{"a": 1, "a": 1e400}') == {"a": math.inf}
    for content in (b"", b"{", b"\xff", b"[" * 1_000_000, b"[%b1]" % (b"1," * MOST_PARTS), b'"%b"' % (b"x" * 2**22)):
        assert read_engine_json(content) is None
    assert read_engine_json(b'"%b"' % (b"x" * 2**21)) == "x" * 2**21
