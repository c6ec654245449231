"""A near miss is found whatever its capitals, and a word is shown so that one sees what it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.near import find_near, likeness, show


@for_each(
    ("word", "meant"),
    [
        ("ContainerStrat", "ContainerStart"),
        ("ContainerStat", "ContainerStats"),
        ("containerstart", "ContainerStart"),
        ("ContainerLits", "ContainerList"),
        ("CotnainerStop", "ContainerStop"),
        ("\u0421ontainerStart", "ContainerStart"),
        ("xyzzy", ""),
        ("", ""),
    ],
)
def test_the_word_that_was_meant_is_the_nearest(word: str, meant: str) -> None:
    assert find_near(word, OPERATIONS) == meant


@given(st.sampled_from(sorted(OPERATIONS)), st.data())
def test_two_letters_in_the_wrong_order_are_one_slip(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 2))
    typed = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    assert sorted(find_near(typed, OPERATIONS).casefold()) == sorted(name.casefold())


def test_the_longest_word_takes_no_time() -> None:
    assert find_near("Container" * 100_000, OPERATIONS) == ""


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("web", "'web'"),
        ("\u0421ontainerStart", r"'\u0421ontainerStart'"),
        ("a\x1b[2J", r"'a\x1b[2J'"),
        ("it's", '"it\'s"'),
        ("x" * 61, f"'{'x' * 60}...'"),
    ],
)
def test_a_word_is_shown_in_signs_that_everybody_can_read(word: str, shown: str) -> None:
    assert show(word) == shown


def test_a_word_is_more_like_one_that_differs_less_whatever_the_capitals() -> None:
    assert likeness("ContainerLst", "ContainerList") > likeness("ContainerLst", "containers")
    assert likeness("Containers", "containers") == 1
