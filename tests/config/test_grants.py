"""Words of a policy file become grants and denials that say where they are written."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api.bodies.tables import CONTAINED, SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.document import Fields
from dockerproxy.config.grants import (
    Line,
    Shelf,
    check_lines,
    make_denials,
    read_allow,
    read_deny,
)
from dockerproxy.config.groups import GROUPS
from dockerproxy.config.reader import MOST_GRANTED, Reader
from dockerproxy.policy.model import Denial, Grant, Source
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.problems import UserError

LOOK = Grant(frozenset({"ContainerList", "ContainerInspect"}), Source("preset:look"))
MAKE = Grant(frozenset({"ContainerCreate"}), Source("preset:make"))
SHELF = Shelf(("look", "make"), {"look": (LOOK,), "make": (MAKE,)}.__getitem__)
WORDS = (
    "preset:look",
    *(word for word, names in GROUPS.items() if names - SEALED.keys()),
    *sorted(OPERATIONS.keys() - SEALED),
)
ONLY_SEALED = sorted({word for word, names in GROUPS.items() if names and names <= SEALED.keys()} | SEALED.keys())


def read(text: str) -> tuple[Reader, tuple[Line, ...], tuple[Line, ...]]:
    """Read `allow` and `deny` of a document."""
    reader = Reader("policies/policy.yaml")
    root = reader.compose(text)
    assert isinstance(root, Fields)
    nodes = {key.text: value for key, value in root.pairs}
    allow = read_allow(reader, nodes["allow"], SHELF) if "allow" in nodes else ()
    deny = read_deny(reader, nodes["deny"], SHELF) if "deny" in nodes else ()
    check_lines(reader, allow, deny)
    return reader, allow, deny


def grants_of(text: str) -> tuple[Grant, ...]:
    reader, allow, _ = read(text)
    assert reader.problems == []
    return tuple(grant for line in allow for grant in line.grants)


def problems_of(text: str) -> list[str]:
    return [str(problem).removeprefix("policies/policy.yaml:") for problem in read(text)[0].problems]


# What is granted


@for_each("word", WORDS)
def test_a_word_grants_its_operations_and_says_where_it_is_written(word: str) -> None:
    expected = LOOK.operations if word == "preset:look" else GROUPS.get(word) or frozenset({word})
    for text in (
        f"allow:\n  - {word}",
        f"allow:\n  - {{{word}: {{}}}}",
        f'allow:\n  - "{word}"',
    ):
        assert grants_of(text) == (Grant(expected, Source(word, "policy.yaml", 2)),)


def test_each_word_of_a_mapping_is_a_grant_with_its_conditions() -> None:
    one, other = grants_of('allow:\n  - {ContainerExec: {containers: ["db-*"]}, ExecStart: {}}')
    assert (list(one.operations), str(one.conditions[0])) == (["ContainerExec"], "the container is db-*")
    assert (list(other.operations), other.conditions) == (["ExecStart"], ())


def test_the_same_operation_may_be_granted_under_several_conditions() -> None:
    grants = grants_of("allow:\n  - ContainerLogs: {containers: [a]}\n  - ContainerLogs: {follow: false}")
    assert [str(grant.source) for grant in grants] == ["ContainerLogs (policy.yaml:2)", "ContainerLogs (policy.yaml:3)"]


def test_a_list_that_an_alias_repeats_is_granted_where_it_is_written() -> None:
    (grant,) = grants_of("x: &reads\n  - ContainerList\nallow: *reads")
    assert str(grant.source) == "ContainerList (policy.yaml:2)"


@pytest.mark.parametrize("text", ["allow: []", "allow:", "allow: ~", "allow:\n# - ContainerList\n"])
def test_a_list_whose_items_are_all_commented_out_grants_nothing(text: str) -> None:
    assert grants_of(text) == ()


def test_a_denial_says_where_it_is_written() -> None:
    reader, _, deny = read("deny:\n  - ContainerArchive\n  - preset:look\n  - build:write")
    assert reader.problems == []
    assert make_denials(reader, deny) == (
        Denial(frozenset({"ContainerArchive"}), Source("deny ContainerArchive", "policy.yaml", 2)),
        Denial(LOOK.operations, Source("deny preset:look", "policy.yaml", 3)),
        Denial(GROUPS["build:write"], Source("deny build:write", "policy.yaml", 4)),
    )


def test_to_deny_what_is_not_granted_is_no_mistake() -> None:
    assert problems_of("allow: [ContainerList]\ndeny: [ContainerArchive, containers:write]") == []


@pytest.mark.parametrize("value", ["unrestricted", '"unrestricted"', "{unrestricted: true}"])
def test_a_word_is_opened_and_what_has_no_body_stays_as_it_is(value: str) -> None:
    assert grants_of(f"allow:\n  - ContainerCreate: {value}") == (
        Grant(frozenset({"ContainerCreate"}), Source("ContainerCreate", "policy.yaml", 2), (UNRESTRICTED,)),
    )
    by_conditions = {grant.conditions: grant.operations for grant in grants_of(f"allow:\n  - swarm:write: {value}")}
    assert by_conditions[UNRESTRICTED,] == GROUPS["swarm:write"] & CONTAINED
    assert by_conditions.get((), frozenset()) == GROUPS["swarm:write"] - CONTAINED


def test_a_group_with_conditions_is_opened_where_it_bears_them() -> None:
    grants = grants_of("allow:\n  - containers:write: {containers: [web], unrestricted: true}")
    for name in ("ContainerCreate", "ContainerExec", "ContainerKill"):
        found = [grant for grant in grants if name in grant.operations]
        assert [UNRESTRICTED in grant.conditions for grant in found] == [True] * (name == "ContainerExec") + [False] * (
            name == "ContainerKill"
        )


# Mistakes


@for_each(
    ("text", "problem"),
    [
        ("- ContainerStrat", "unknown operation 'ContainerStrat'\n    did you mean ContainerStart?"),
        ("- ContainerStrat: {}", "unknown operation 'ContainerStrat'\n    did you mean ContainerStart?"),
        ("- containers: read", "'containers: read' is not a grant\n    write containers:read, without a space"),
        ("- preset: look", "'preset: look' is not a grant\n    write preset:look, without a space"),
        ("- preset: lok", "unknown preset 'preset:lok'\n    did you mean preset:look?"),
        ("- ContainerStrat: unrestricted", "unknown operation 'ContainerStrat'\n    did you mean ContainerStart?"),
        ("- ping:write", "ping has no write operations\n    remove it"),
        ("- {}", "missing grant in the braces\n    an operation, SECTION:read, SECTION:write, own or preset:NAME"),
        (
            "- [a]",
            (
                "a grant must be a single value, but is a list\n"
                "    an operation, SECTION:read, SECTION:write, own or preset:NAME"
            ),
        ),
        ("- 7", "unknown operation '7'\n    see docs/operations.md and `dockerproxy presets`"),
    ],
)
def test_what_is_no_grant_is_told(text: str, problem: str) -> None:
    assert problems_of(f"allow:\n  {text}") == [f"2:5: {problem}"]


@pytest.mark.parametrize("item", ["ContainerLogs: {follow: true}", "ContainerLogs:", "{ContainerLogs: {}}", "{}"])
def test_a_denial_bears_no_conditions_so_that_none_is_narrower_than_it_reads(item: str) -> None:
    hint = "deny the word alone; conditions belong to allow"
    assert problems_of(f"deny:\n  - {item}") == [f"2:5: a denial has no conditions\n    {hint}"]


@for_each("word", ONLY_SEALED)
@for_each("value", ["", ": {}"])
def test_what_nothing_can_bound_is_a_mistake_unless_it_is_opened(word: str, value: str) -> None:
    (problem,) = problems_of(f'allow:\n  - "{word}"{value}')
    assert problem.startswith(f"2:5: {word} allows nothing by itself: ")
    assert problem.endswith(f"\n    write {word}: unrestricted if that is meant")
    assert problems_of(f"allow:\n  - {word}: unrestricted") == []


def test_a_group_of_which_something_can_be_bounded_is_none() -> None:
    assert problems_of("allow: [swarm:write, plugins:write]") == []


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("ContainerCreate", "ContainerCreate: unrestricted"),
        ("ContainerCreate", "containers:write: unrestricted"),
        ("ContainerCreate: {}", "{ContainerCreate: {unrestricted: true}}"),
    ],
)
def test_what_is_to_be_contained_and_is_open_elsewhere_is_a_mistake(narrow: str, wide: str) -> None:
    for first, other in ((narrow, wide), (wide, narrow)):
        (problem,) = problems_of(f"allow:\n  - {first}\n  - {other}")
        assert re.search(r"^\d:\S+ \S+ is not contained: \S+ in line \d is unrestricted\n", problem)


@pytest.mark.parametrize(
    ("narrow", "wide", "why"),
    [
        ("ContainerCreate: {binds: [/srv]}", "ContainerCreate: unrestricted", "is unrestricted"),
        ("ContainerCreate: {memory: 1GiB}", "containers:write: unrestricted", "is unrestricted"),
        ("ContainerExec: {containers: [web], commands: [[sh]]}", "ContainerExec", "has none"),
        ("ContainerExec: {containers: [web]}", "containers:write", "has none"),
        ("ContainerExec: {containers: [web], unrestricted: true}", "ContainerExec: unrestricted", "is unrestricted"),
    ],
)
def test_conditions_that_a_wider_grant_makes_pointless_are_a_mistake(narrow: str, wide: str, why: str) -> None:
    for first, other in ((narrow, wide), (wide, narrow)):
        (problem,) = problems_of(f"allow:\n  - {first}\n  - {other}")
        assert re.search(rf"^\d:\S+ the conditions of \w+ restrict nothing: \S+ in line \d {why}\n", problem)


@for_each(
    ("one", "other"),
    [
        ("ContainerCreate: {binds: [/srv]}", "ContainerCreate"),
        ("ContainerCreate: {memory: 1GiB, networks: [front]}", "ContainerCreate"),
        ("NetworkConnect: {networks: [front]}", "NetworkConnect"),
        ("ContainerExec: {containers: [web], unrestricted: true}", "ContainerExec"),
        ("ContainerCreate: unrestricted", "containers:write"),
        ("ContainerCreate: unrestricted", "ContainerCreate: unrestricted"),
        ("containers:write: unrestricted", "ContainerCreate: unrestricted"),
        ("preset:make", "ContainerCreate: unrestricted"),
    ],
)
def test_grants_of_which_each_gives_something_are_none(one: str, other: str) -> None:
    assert problems_of(f"allow:\n  - {one}\n  - {other}") == []
    assert problems_of(f"allow:\n  - {other}\n  - {one}") == []


@pytest.mark.parametrize(
    ("allow", "deny", "problem"),
    [
        ("ContainerStart", "ContainerStart", "ContainerStart grants nothing: all of it is denied in line 2"),
        ("ContainerStart", "containers:write", "ContainerStart grants nothing: all of it is denied in line 2"),
        ("preset:look", "containers:read", "preset:look grants nothing: all of it is denied in line 2"),
        ("preset:look", "ContainerStart, containers:read", "preset:look grants nothing: all of it is denied in line 2"),
        (
            "ContainerLogs: {follow: false}",
            "ContainerLogs",
            "ContainerLogs grants nothing: all of it is denied in line 2",
        ),
    ],
)
def test_a_grant_that_a_denial_takes_away_whole_is_a_mistake(allow: str, deny: str, problem: str) -> None:
    assert problems_of(f"allow: [{allow}]\ndeny: [{deny}]") == [f"1:9: {problem}\n    remove one of them"]


def test_a_grant_that_denials_take_away_together_is_a_mistake() -> None:
    text = "allow: [preset:look]\ndeny:\n  - ContainerStart\n  - ContainerList\n  - ContainerInspect"
    assert problems_of(text) == [
        "1:9: preset:look grants nothing: all of it is denied in lines 4, 5\n    remove one of them"
    ]


def test_a_grant_that_a_denial_takes_away_in_part_is_none() -> None:
    assert problems_of("allow: [containers:read, preset:look]\ndeny: [ContainerList, ContainerLogs]") == []


@pytest.mark.parametrize("wider", ["ContainerInspect", "containers:read", "preset:look", "{ContainerInspect: {}}"])
def test_conditions_that_another_grant_makes_pointless_are_a_mistake(wider: str) -> None:
    for text in (
        f"allow:\n  - ContainerInspect: {{containers: [a]}}\n  - {wider}",
        f"allow:\n  - {wider}\n  - ContainerInspect: {{containers: [a]}}",
    ):
        (problem,) = problems_of(text)
        assert "the conditions of ContainerInspect restrict nothing: " in problem


@pytest.mark.parametrize(
    "other",
    ["ContainerLogs", "containers:read: {stream: false}", "containers:write", "ContainerInspect: {containers: [b]}"],
)
def test_conditions_beside_grants_of_other_things_are_none(other: str) -> None:
    assert problems_of(f"allow:\n  - ContainerInspect: {{containers: [a]}}\n  - {other}") == []


def test_conditions_of_a_group_need_not_restrict_all_of_it() -> None:
    assert problems_of("allow:\n  - containers:read: {containers: [a]}\n  - ContainerInspect\n") == []


def test_a_broken_line_causes_no_other_problem() -> None:
    text = "allow:\n  - ContainerLogs: {follow: no}\n  - ContainerLogs: {follow: false}\ndeny: [ContainerLog]"
    assert [problem.partition(": ")[0] for problem in problems_of(text)] == ["2:29", "4:8"]


# Properties

SOME = st.lists(st.sampled_from(WORDS), unique=True, max_size=6)


@given(SOME, SOME)
def test_a_grant_is_useless_exactly_if_nothing_of_it_is_left(allow: list[str], deny: list[str]) -> None:
    reader, granted, denied = read(f"allow: [{', '.join(allow)}]\ndeny: [{', '.join(deny)}]")
    taken = {name for line in denied for name in line.operations}
    useless = {line.word for line in granted if line.operations <= taken}
    assert {problem.what.partition(" ")[0] for problem in reader.problems} == useless


@given(st.permutations(["ContainerList", "ContainerLogs: {follow: false}", "preset:look", "images:read"]))
def test_the_order_of_grants_says_nothing(items: list[str]) -> None:
    grants = grants_of("allow:\n" + "".join(f"  - {item}\n" for item in items))
    assert {(grant.operations, grant.conditions) for grant in grants} == {
        (grant.operations, grant.conditions)
        for grant in grants_of("allow: [images:read, preset:look, ContainerList, ContainerLogs: {follow: false}]")
    }


@pytest.mark.parametrize("key", ["allow", "deny"])
def test_a_short_file_cannot_stand_for_more_than_can_be_read_in_time(key: str) -> None:
    lines = "  - preset:look\n" * (MOST_GRANTED // 2)
    assert not read(f"{key}:\n{lines}")[0].problems
    with pytest.raises(UserError, match="grants more than 100,000 operations in total"):
        read(f"{key}:\n{lines}  - preset:make\n")
