"""The table of conditions: which operation bears which, what they take, and what can never match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import PLAIN, WEB, request_for

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.bodies.checks import find_bounds
from dockerproxy.policy.model import Condition, Pairs, Value
from dockerproxy.policy.objects import KINDS, WORDS
from dockerproxy.policy.vocabulary import ALL_WORDS, find_words
from dockerproxy.policy.words import Takes, Word

BORNE = [(name, word) for name, operation in OPERATIONS.items() for word in find_words(operation).values()]

every_word = pytest.mark.parametrize(("name", "word"), BORNE, ids=[f"{name}-{word.name}" for name, word in BORNE])

ITEMS = {
    "images": "registry.example/team/*",
    "from": "registry.example/team/*",
    "path": "/data/**",
    "signal": "HUP",
    "ps_args": "aux",
}
"""What stands in lists that are not of names."""


VALUES: dict[Takes, tuple[Value, ...]] = {
    Takes.AMOUNT: ("2",),
    Takes.TEXTS: (Pairs((("owner", "ci"),)),),
    Takes.LISTS: ((("pg_dump", "**"), ("true",)),),
    Takes.PORTS: (Pairs((("ports", ("80", "8000-8999")), ("addresses", ("127.0.0.1",)))),),
}
"""Of words that are no lists of names."""


def values_for(word: Word) -> tuple[Value, ...]:
    """Return values that a policy file can have."""
    if word.takes is Takes.FLAG:
        return (False, True)
    return word.choices or VALUES.get(word.takes, ((ITEMS.get(word.name, "db-*"),),))


@every_word
def test_a_word_makes_the_condition_of_its_name_with_the_value_that_was_written(name: str, word: Word) -> None:
    for value in values_for(word):
        condition: Condition = word.make(value)
        assert (condition.word, condition.value) == (word.name, value)
        assert condition.needs_object is (name in KINDS and word.name == WORDS[KINDS[name]])
        assert hash(condition) == hash(word.make(value))
        assert condition == word.make(value)
        assert str(condition)
        assert condition.holds(PLAIN[name], WEB) in {True, False}


@every_word
def test_a_word_says_what_it_demands_in_one_line(name: str, word: Word) -> None:
    assert word.says
    assert word.says.isprintable()
    assert bool(word.choices) is (word.takes is Takes.CHOICE)
    assert ALL_WORDS[word.name].takes is word.takes, name


@every_word
def test_what_a_word_reads_of_a_request_is_an_item_that_the_request_keeps_to(name: str, word: Word) -> None:
    queries = ("", "?path=/data/x", "?signal=9", "?ps_args=aux", "?fromImage=nginx&tag=1", "?reference=a.b/x:1")
    for query in queries:
        request = request_for(OPERATIONS[name], query)
        item = word.read(request)
        if item:
            assert not word.fault(item)
            assert word.make((item,)).holds(request, None)


@pytest.mark.parametrize("name", KINDS)
def test_every_operation_that_names_an_object_bears_the_condition_on_it(name: str) -> None:
    assert WORDS[KINDS[name]] in find_words(OPERATIONS[name])


def test_no_other_operation_bears_one() -> None:
    words = set(WORDS.values())
    assert {name for name, word in BORNE if word.name in words and not word.of_body} == set(KINDS)


def test_a_condition_on_an_object_that_bounds_the_body_too_takes_nothing_away() -> None:
    widening = {name for name, word in BORNE if not word.narrows and not word.of_body}
    assert widening == {
        name for name, body in BODIES.items() if name in KINDS and WORDS[KINDS[name]] in find_bounds(body)
    }
    assert {"ImageTag", "NetworkConnect"} <= widening


def test_all_words_are_those_that_some_operation_bears() -> None:
    assert ALL_WORDS.keys() == {word.name for _, word in BORNE}


@pytest.mark.parametrize(
    ("word", "items"),
    [
        ("containers", ("web", "db-*", "a?c", "*", "**", "4f5e" * 16, "A_b.c-1")),
        ("images", ("nginx", "registry.example/team/**", "**", "sha256:" + "a" * 64, "nginx:1.*")),
        ("from", ("docker.io/library/*", "nginx")),
        ("path", ("/data/**", "/", "/etc/passwd", "/a*/b?", "/..data")),
        ("signal", ("HUP", "sighup", "9", "SIGRTMIN+3")),
        ("ps_args", ("aux", "-ef", "-o pid")),
    ],
)
def test_an_item_that_can_match_has_no_fault(word: str, items: tuple[str, ...]) -> None:
    assert [ALL_WORDS[word].fault(item) for item in items] == [""] * len(items)


@pytest.mark.parametrize(
    ("word", "items"),
    [
        ("containers", ("", "/web", "a b", "web,db", "é", "a/b", "sha256:" + "a" * 64)),
        ("images", ("", "Nginx", "nginx:", "nginx@sha256:a", "*/nginx")),
        ("from", ("", "https://registry.example/x")),
        ("path", ("", "data", "/data/", "/data/../etc", "/./a", "//a", "/a/.")),
        ("signal", ("", "H U P", "[1]")),
        ("ps_args", ("",)),
    ],
)
def test_an_item_that_can_never_match_is_said_to(word: str, items: tuple[str, ...]) -> None:
    assert all(ALL_WORDS[word].fault(item) for item in items)


@given(st.text("/.*?a", max_size=8))
def test_a_path_that_is_listed_matches_itself(item: str) -> None:
    if not ALL_WORDS["path"].fault(item):
        filled = item.replace("*", "x").replace("?", "x")
        request = request_for(OPERATIONS["ContainerArchive"], f"?path={filled}")
        assert ALL_WORDS["path"].make((item,)).holds(request, None)
