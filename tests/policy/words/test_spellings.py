"""Names, paths and signals have one form each, and what can never match is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.policy.words.spellings import clean_path, fault_of_name, fault_of_path, normalise_signal


@pytest.mark.parametrize("item", ["web", "db-*", "a?c", "**", "A_b.c-1", "4f5e" * 16])
def test_what_an_object_can_be_called_has_no_fault(item: str) -> None:
    assert fault_of_name(item) == ""


@pytest.mark.parametrize("item", ["", "/web", "a b", "web,db", "é", "a/b", "container:web", "web\n"])
def test_what_no_object_is_called_is_told(item: str) -> None:
    assert fault_of_name(item).startswith("no object has such a name")


@pytest.mark.parametrize(("item", "clean"), [("/data/**", True), ("/", True), ("data", False), ("/a/../b", False)])
def test_a_path_is_absolute_and_clean(item: str, *, clean: bool) -> None:
    assert (fault_of_path(item) == "") is clean


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *(("HUP", "HUP"), ("SIGHUP", "HUP"), ("sighup", "HUP"), ("1", "HUP"), ("9", "KILL"), ("15", "TERM")),
        *(("09", "KILL"), ("0000000009", "KILL"), ("0000000019", "STOP"), ("00000000190", "00000000190")),
        *(("0", "0"), ("32", "32"), ("31", "SYS"), ("999999999999999999", "999999999999999999"), ("", "")),
        *(("SIGRTMIN+3", "RTMIN+3"), ("-9", "-9"), ("+9", "+9"), ("\u0669", "\u0669"), ("SIGSIGHUP", "SIGHUP")),
    ],
)
def test_a_signal_has_one_name(text: str, name: str) -> None:
    assert normalise_signal(text) == name


@pytest.mark.parametrize(
    ("text", "path"),
    [
        *(("/data", "/data"), ("/data/", "/data"), ("/data/.", "/data"), ("/", "/"), ("/.", "/"), ("//", "/")),
        *(("/data/a b/é", "/data/a b/é"), ("/..data", "/..data"), ("/data/...", "/data/...")),
        *(("", ""), (".", ""), ("data", ""), ("./data", ""), ("/data/../etc", ""), ("/..", ""), ("/data/..", "")),
        *(
            ("/data/./x", ""),
            ("/./", ""),
            ("/data//x", ""),
            ("///", ""),
            ("/data//", ""),
            ("/data/../", ""),
            ("/a\0", ""),
        ),
    ],
)
def test_a_path_has_one_spelling_but_for_what_copying_puts_at_its_end(text: str, path: str) -> None:
    assert clean_path(text) == path


@given(st.text("/.a", max_size=8))
def test_a_clean_path_stays_as_it_is(text: str) -> None:
    assert clean_path(clean_path(text)) == clean_path(text)
