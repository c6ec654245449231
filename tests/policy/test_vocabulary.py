"""The words and checks, and the table of conditions: which operation bears which, and whether they narrow."""

import re
from pathlib import Path

from policy.policies import PLAIN, WEB, condition
from policy.words.transcripts import look_at
from rows import for_each

from dockerproxy.api.bodies.tables import ALWAYS, BODIES, Field, Type
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy import words
from dockerproxy.policy.claim import Known
from dockerproxy.policy.decide import judge_claims, reading_of_head
from dockerproxy.policy.list_filters import LISTED
from dockerproxy.policy.objects import KINDS, LABELLED, NAMING, OWN, WORDS, words_of_object
from dockerproxy.policy.values import Pairs, Takes, Value
from dockerproxy.policy.vocabulary import (
    CHECKS,
    CONSTRAINTS,
    UNRESTRICTED,
    find_words,
    is_about_object,
    is_of_body,
    narrows,
)
from dockerproxy.policy.words.constraint import Constraint
from dockerproxy.wire.document import Json

BORNE = [(name, word) for name, operation in OPERATIONS.items() for word in find_words(operation).values()]

every_word = for_each(("name", "word"), BORNE)

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


@for_each("name", KINDS)
def test_every_operation_that_names_an_object_bears_the_condition_on_it(name: str) -> None:
    assert WORDS[KINDS[name]] in find_words(OPERATIONS[name])


def test_no_other_operation_bears_one_but_pulls() -> None:
    words = {*WORDS.values(), OWN, LABELLED}
    borne = {name for name, word in BORNE if word.name in words and not is_of_body(OPERATIONS[name], word.name)}
    assert borne == {*KINDS, *LISTED, *NAMING, "ImageCreate"}


@for_each("name", BODIES)
def test_what_a_body_says_is_borne_by_its_operation_and_of_its_body(name: str) -> None:
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


RULES = {"any", "part", "unset", "absent", "aside"}
FIELDS = [(name, field) for name, body in BODIES.items() for field in body.fields]
NOT_NOTHING: dict[Type, Json] = {
    Type.STRING: "x",
    Type.BOOLEAN: True,
    Type.INTEGER: 1,
    Type.NUMBER: 0.5,
    Type.WORDS: ["x"],
    Type.OBJECT: {},
    Type.EMPTY: {},
}
NOTHING: dict[Type, tuple[Json, ...]] = {
    Type.STRING: (None, ""),
    Type.BOOLEAN: (None, False),
    Type.INTEGER: (None, 0),
    Type.NUMBER: (None, 0),
    Type.WORDS: (None, []),
    Type.OBJECT: (None,),
    Type.EMPTY: (None,),
}


def name_of(pair: tuple[str, Field]) -> str:
    return f"{pair[0]} {pair[1].path}"


def wrap(field: Field, value: Json) -> tuple[Json, str]:
    """Put a value at the place of a field; return the body, and the path that a message says."""
    parts = re.findall(r"\[\]|\*|[^.\[\]*]+", field.path)
    while parts and parts[-1] in {"[]", "*"}:
        value = [value] if parts.pop() == "[]" else {"x": value}
    path = "".join("[0]" if part == "[]" else '["x"]' if part == "*" else f".{part}" for part in parts)
    for part in reversed(parts):
        value = [value] if part == "[]" else {"x" if part == "*" else part: value}
    return value, path.removeprefix(".")


def said_of(name: str, field: Field, value: Json) -> list[str]:
    """Return what is said of a field with a value, if nothing else is there."""
    if field.path.startswith("?"):
        texts = value if isinstance(value, list) else [value]
        query = "&".join(f"{field.path.strip('?[]')}={text}" for text in texts if text is not None)
        return _said(look_at(name, {}, query=f"?{query}" if query else "").faults, field.path.removesuffix("[]"))
    body, path = wrap(field, value)
    return _said(look_at(name, body).faults, path)


def _said(faults: tuple[object, ...], path: str) -> list[str]:
    return [str(fault) for fault in faults if str(fault).startswith((f"{path} ", f"{path}["))]


@for_each("pair", FIELDS)
def test_what_a_field_may_be_is_said_by_a_rule_or_a_check(pair: tuple[str, Field]) -> None:
    how = pair[1].rule
    assert how in RULES or how.startswith(("=", "~")) or {how, how.removesuffix(ALWAYS)} & CHECKS.keys()


FORBIDDEN = [pair for pair in FIELDS if pair[1].rule in {"unset", "absent"} and not pair[1].path.startswith("@")]


@for_each("pair", FORBIDDEN)
def test_what_must_be_unset_is_refused_where_it_stands(pair: tuple[str, Field]) -> None:
    name, field = pair
    assert said_of(name, field, NOT_NOTHING[field.type]), field.path


@for_each("pair", FORBIDDEN)
def test_what_says_nothing_is_not_refused(pair: tuple[str, Field]) -> None:
    name, field = pair
    if field.path.rstrip("[]*.") != field.path or "*" in field.path:
        return
    for value in NOTHING[field.type]:
        if (field.rule == "unset" or value is None) and not field.path.startswith("?"):
            assert said_of(name, field, value) == [], (field.path, value)


CHOICES = [pair for pair in FIELDS if pair[1].rule.startswith(("=", "~")) and not pair[1].path.startswith("@")]


@for_each("pair", CHOICES)
def test_of_a_choice_only_its_words_pass(pair: tuple[str, Field]) -> None:
    name, field = pair
    if field.type is not Type.STRING:
        return
    for word in ("", *field.rule[1:].split(",")):
        assert said_of(name, field, word) == []
    for word in (f"{field.rule[1:]} ", "another", field.rule[1:].upper() + "x"):
        assert said_of(name, field, word)


WORDS_DIR = Path(words.__path__[0])
FILES = {path.stem: path.read_text() for path in WORDS_DIR.glob("*.py") if path.stem != "__init__"}


def test_every_check_is_in_some_table() -> None:
    assert {field.rule.removesuffix(ALWAYS) for _, field in FIELDS} >= CHECKS.keys()


def test_every_file_with_words_or_checks_is_registered() -> None:
    registry = (WORDS_DIR.parent / "vocabulary.py").read_text()
    for name, text in FILES.items():
        for table in re.findall(r"^(WORDS|CHECKS): Final = ", text, re.MULTILINE):
            assert re.search(rf"\*\(.*\b{name}\b", registry), table


def test_every_check_is_registered_and_no_two_have_one_name() -> None:
    defined = [name for text in FILES.values() for name in re.findall(r"^def (check_\w+)", text, re.MULTILINE)]
    assert len(defined) == len(set(defined))
    assert set(defined) == CHECKS.keys()


def test_every_word_is_found_by_its_name_in_a_file_of_words() -> None:
    for word, constraint in CONSTRAINTS.items():
        assert word == constraint.name
        assert [name for name, text in FILES.items() if re.search(rf'"{word}"|`{word}`', text)], word


@for_each("name", sorted(BODIES))
def test_every_word_that_bounds_a_body_is_one_of_a_policy_file(name: str) -> None:
    private = {word for word, each in CONSTRAINTS.items() if each.is_private}
    assert set(BODIES[name].words) <= set(find_words(OPERATIONS[name])) | private
    assert len(set(BODIES[name].words)) == len(BODIES[name].words)


def test_the_words_of_a_create_are_those_of_its_checks() -> None:
    assert {"names", "binds", "networks", "memory", "labels"} <= set(BODIES["ContainerCreate"].words)
    assert set(BODIES["ContainerUpdate"].words) == {"memory", "cpus", "pids"}
