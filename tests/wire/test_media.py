"""A media type has one reading or none."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.wire.head import MediaType, read_media_type

READ = {
    b"": MediaType(),
    b"application/json": MediaType("application/json"),
    b"Application/JSON": MediaType("application/json"),
    b"application/x-tar;charset=UTF-8": MediaType("application/x-tar", (("charset", "UTF-8"),)),
    b'text/plain \t; CharSet="utf-8" ;b=2': MediaType("text/plain", (("charset", "utf-8"), ("b", "2"))),
    b"multipart/form-data; boundary=a.b-c": MediaType("multipart/form-data", (("boundary", "a.b-c"),)),
    b'multipart/form-data; boundary="a; b=c"': MediaType("multipart/form-data", (("boundary", "a; b=c"),)),
}

UNREAD = (
    *(b"json", b"/json", b"application/", b"a/b/c", b"a b/c", b"a/b c", b"*/*", b";a=b", b" a/b", b"a/b\r"),
    *(b"a/b;", b"a/b; ", b"a/b;;a=b", b"a/b;a", b"a/b;a=", b"a/b;=a", b"a/b;a =b", b"a/b;a= b", b"a/b;a=b c"),
    *(
        b'a/b;a=""',
        b'a/b;a="',
        b'a/b;a="b"c',
        b'a/b;a="\\""',
        b'a/b;a="\\b"',
        b"a/b;a=b;A=c",
        b"a/b;a*=b",
        b"a/b;a*0=b",
    ),
    *(b"a/b, c/d", b"a/b;a=b,c/d", b'a/b;a="\xe9"', b"a/b\xa0", b"a/b\x85", b"a/b;\xa0a=b", b'a/b;a="\x00"'),
)


@pytest.mark.parametrize(("value", "expected"), READ.items())
def test_a_media_type_is_read(value: bytes, expected: MediaType) -> None:
    assert read_media_type(value) == expected


@for_each("value", UNREAD)
def test_what_readers_may_put_together_in_two_ways_is_not_read(value: bytes) -> None:
    assert read_media_type(value) is None


@given(st.characters(min_codepoint=0x80, exclude_categories=["Cs"]), st.integers(0, 16))
def test_a_letter_outside_of_ascii_makes_no_media_type(letter: str, at: int) -> None:
    text = "application/x-tar"
    for encoding in ("utf-8", "utf-16-le", "utf-8-sig"):
        encoded = letter.encode(encoding)
        read = read_media_type(text[:at].encode() + encoded + text[at + 1 :].encode())
        assert read is None or encoded.isascii()  # UTF-16 writes U+3941 as "A9".


@given(st.binary(max_size=40) | st.text(string.ascii_letters + '/;="* ').map(str.encode))
def test_what_is_read_is_read_again_from_its_name_and_parameters(value: bytes) -> None:
    found = read_media_type(value)
    if found is not None:
        written = "".join([found.name, *(f'; {name}="{text}"' for name, text in found.parameters)])
        assert read_media_type(written.encode()) == found
        assert found.name == found.name.lower()
