"""Text is folded, trimmed and split as Go does it."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.text import base_name, fold, lower, number, trim, unquote, upper

GO_FOLDS_TO_ASCII = {"\u017f": "s", "\u212a": "k"}
"""All of Unicode outside ASCII whose orbit in Go's unicode.SimpleFold has a letter of ASCII."""


@given(st.text())
def test_only_letters_of_ascii_change_their_case(text: str) -> None:
    for changed, letters in ((lower(text), string.ascii_uppercase), (upper(text), string.ascii_lowercase)):
        assert len(changed) == len(text)
        assert all(new == old or old in letters for new, old in zip(changed, text, strict=True))


def test_every_letter_of_ascii_changes_its_case() -> None:
    assert lower(string.ascii_uppercase) == string.ascii_lowercase
    assert upper(string.ascii_lowercase.encode()) == string.ascii_uppercase.encode()


def test_fold_is_as_go_folds() -> None:
    for code in range(0x110000):
        letter = chr(code)
        expected = GO_FOLDS_TO_ASCII.get(letter, lower(letter))
        assert fold(letter) == expected


@given(st.text(alphabet="a/."))
def test_a_base_name_is_what_go_calls_it(path: str) -> None:
    kept = [part for part in path.split("/") if part]
    assert base_name(path) == (kept[-1] if kept else "/" if path else ".")


@pytest.mark.parametrize("text", ["", "-1", "+1", "1_0", " 1", "\u0661", "\u00b2", "1\n", "1" * 19])
def test_only_digits_of_ascii_are_a_number(text: str) -> None:
    assert number(text) is None


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_a_number_is_read(value: int) -> None:
    assert number(str(value)) == value


def test_only_what_is_named_is_trimmed() -> None:
    assert trim("\u00a0 a\u2028 ", " ") == "\u00a0 a\u2028"
    assert trim(b" \ta\x0b ", b" \t") == b"a\x0b"


@given(st.binary())
def test_what_is_escaped_is_decoded(data: bytes) -> None:
    escaped = "".join(f"%{byte:02X}" for byte in data)
    assert unquote(escaped).encode(errors="surrogateescape") == data
