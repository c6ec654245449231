"""The table of conditions: which operation bears which, what they take, and whether they narrow."""

import pytest
from policy.policies import PLAIN, WEB, condition

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import Known
from dockerproxy.policy.decide import judge_claims, reading_of_head
from dockerproxy.policy.objects import KINDS, LABELLED, NAMING, OWN, WORDS, words_of_object
from dockerproxy.policy.values import Pairs, Takes, Value
from dockerproxy.policy.vocabulary import UNRESTRICTED, find_words, is_about_object, is_of_body, narrows
from dockerproxy.policy.words.constraint import Constraint
from dockerproxy.policy.words.registry import CONSTRAINTS
from dockerproxy.views.lists import LISTED

BORNE = [(name, word) for name, operation in OPERATIONS.items() for word in find_words(operation).values()]

every_word = pytest.mark.parametrize(("name", "word"), BORNE, ids=[f"{name}-{word.name}" for name, word in BORNE])

NARROWING = {
    *("names", "images", "containers", "memory", "cpus", "pids", "user", "no_new_privileges", "labels", "commands"),
    *("follow", "force", "path", "remove_volumes", "services", "signal"),
    *("stdin", "stream"),
}

WIDENING = {
    *("add_capabilities", "binds", "configs", "joins", "networks", "pods", "publish", "secrets", "subnets"),
    *("tags", "unrestricted", "volumes"),
}

ITEMS = {
    "images": "registry.example/team/*",
    "path": "/data/**",
    "signal": "HUP",
}
"""What stands in lists that are not of names."""


VALUES: dict[Takes, tuple[Value, ...]] = {
    Takes.FLAG: (False, True),
    Takes.AMOUNT: ("2",),
    Takes.YES: (True,),
    Takes.LABELS: (Pairs((("owner", "ci"),)), Pairs((("owner", ("ci", "cd")),))),
    Takes.TEXTS: (Pairs((("owner", "ci"),)),),
    Takes.LISTS: ((("pg_dump", "**"), ("true",)),),
    Takes.PORTS: (Pairs((("ports", ("80", "8000-8999")), ("addresses", ("127.0.0.1",)))),),
}
"""Of words that are no lists of names."""


def values_for(word: Constraint) -> tuple[Value, ...]:
    """Return values that a policy file can have."""
    return word.choices or VALUES.get(word.takes, ((ITEMS.get(word.name, "db-*"),),))


@every_word
def test_a_word_makes_the_condition_of_its_name_with_the_value_that_was_written(name: str, word: Constraint) -> None:
    for value in values_for(word):
        made = condition(word.name, value)
        assert (made.word, made.value) == (word.name, value)
        assert is_about_object(OPERATIONS[name], word.name) is (word.name in words_of_object(name))
        assert (hash(made), made) == (hash(condition(word.name, value)), condition(word.name, value))
        assert str(made)
        judgement = judge_claims({word.name: made}, reading_of_head(PLAIN[name], Known(found=WEB)).claims)
        assert not judgement.lookups


@every_word
def test_a_word_says_what_it_demands_in_one_line(name: str, word: Constraint) -> None:
    assert word.summary
    assert word.summary.isprintable()
    assert bool(word.choices) is (word.takes is Takes.CHOICE)
    assert CONSTRAINTS[word.name] is word, name


@pytest.mark.parametrize("name", KINDS)
def test_every_operation_that_names_an_object_bears_the_condition_on_it(name: str) -> None:
    assert WORDS[KINDS[name]] in find_words(OPERATIONS[name])


def test_no_other_operation_bears_one_but_pulls() -> None:
    words = {*WORDS.values(), OWN, LABELLED}
    borne = {name for name, word in BORNE if word.name in words and not is_of_body(OPERATIONS[name], word.name)}
    assert borne == {*KINDS, *LISTED, *NAMING, "ImageCreate"}


@pytest.mark.parametrize(("name", "body"), BODIES.items(), ids=BODIES)
def test_what_a_body_says_is_borne_by_its_operation_and_of_its_body(name: str, body: object) -> None:
    del body
    for word in BODIES[name].words:
        assert word in find_words(OPERATIONS[name]) or CONSTRAINTS[word].is_private
        assert is_of_body(OPERATIONS[name], word) is not is_about_object(OPERATIONS[name], word)


def test_a_condition_on_an_object_that_bounds_the_body_too_takes_nothing_away() -> None:
    widening = {
        name
        for name, word in BORNE
        if is_about_object(OPERATIONS[name], word.name) and not narrows(OPERATIONS[name], word.name)
    }
    assert "NetworkConnect" in widening
    for name in widening:
        assert WORDS[KINDS[name]] in BODIES[name].words


def test_all_words_are_those_that_some_operation_bears_and_that_nothing_is_looked_at() -> None:
    private = {name for name, each in CONSTRAINTS.items() if each.is_private}
    assert private == {"buildx_builders", "registries", "switched"}
    assert CONSTRAINTS.keys() - private == {word.name for _, word in BORNE} | {UNRESTRICTED.word}


def test_what_narrows_is_that_without_which_all_passes() -> None:
    assert all(CONSTRAINTS[name].narrows for name in NARROWING)
    assert not any(CONSTRAINTS[name].narrows for name in WIDENING)


def test_checks_obey_words_that_exist() -> None:
    assert {word for body in BODIES.values() for word in body.words} <= CONSTRAINTS.keys()
