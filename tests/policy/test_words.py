"""A condition without more said takes what can be called something; names and paths that can never match are told."""

import pytest

from dockerproxy.policy.conditions import Bound
from dockerproxy.policy.words import Takes, Word, fault_of_name, fault_of_path, which


def test_a_word_of_which_no_more_is_said_reads_nothing_of_a_request_and_only_narrows() -> None:
    word = Word("names", Takes.ITEMS, "what it is called", lambda value: Bound("names", value))
    assert (word.choices, word.of_body, word.narrows) == ((), False, True)
    assert word.fault("web") == ""
    assert word.fault("") == "nothing is called that"


@pytest.mark.parametrize("item", ["web", "db-*", "a?c", "**", "A_b.c-1", "4f5e" * 16])
def test_what_an_object_can_be_called_has_no_fault(item: str) -> None:
    assert fault_of_name(item) == ""


@pytest.mark.parametrize("item", ["", "/web", "a b", "web,db", "é", "a/b", "container:web", "web\n"])
def test_what_no_object_is_called_is_told(item: str) -> None:
    assert fault_of_name(item).startswith("no object has such a name")


@pytest.mark.parametrize(("item", "clean"), [("/data/**", True), ("/", True), ("data", False), ("/a/../b", False)])
def test_a_path_is_absolute_and_clean(item: str, *, clean: bool) -> None:
    assert (fault_of_path(item) == "") is clean


def test_images_are_written_in_another_way_than_other_objects() -> None:
    assert which("pods") == "which pods, by name, glob or full id"
    assert which("images").startswith("which images, by reference, glob or full id")
