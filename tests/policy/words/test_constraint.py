"""A condition admits only what certainly keeps to it, and a claim is judged by the first that speaks of it."""

import pytest
from policy.inspecting import admits, conditions_of, faults_of
from policy.policies import ID, request_for
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.claim import KEEP, Claim, Fault, Reading
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.values import Pairs, Takes, Value
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.constraint import Condition, Constraint, judge_claim

CREATE = request_for(OPERATIONS["ContainerCreate"])


def container(*names: str, identity: str = ID, every: bool = False) -> ResolvedObject:
    return ResolvedObject(identity, names, every=every, subject=identity)


@for_each(
    ("items", "found", "holds"),
    [
        (("web",), container("web"), True),
        (("web",), container("web2"), False),
        (("web",), container("WEB"), False),
        (("web", "db-*"), container("db-1"), True),
        (("db-*",), container("db-"), True),
        (("db-*",), container("xdb-1"), False),
        (("?eb",), container("web"), True),
        ((ID,), container("web"), True),
        ((f"sha256:{ID}",), container("web"), True),
        ((ID,), container("web", identity=f"sha256:{ID}"), True),
        # A prefix of an id is none, and a name that looks like an id is not the id's object.
        ((ID[:12],), container("web"), False),
        ((ID,), container(ID, identity="9" * 64), False),
        ((f"{ID[:12]}*",), container("web"), False),
        (("*",), container("web"), True),
        (("web",), None, False),
        ((ID, "**"), None, False),
        # An object without a name goes by its id.
        (("*",), container(), True),
        (("4f5e*",), container(), True),
        # Of several names one suffices, if the operation does not act on them all.
        (("b",), container("a", "b"), True),
        (("b",), container("a", "b", every=True), False),
        (("a", "b"), container("a", "b", every=True), True),
        ((ID,), container("a", "b", every=True), True),
    ],
)
def test_an_object_is_known_by_its_name_a_glob_or_its_whole_id(
    items: tuple[str, ...], found: ResolvedObject | None, *, holds: bool
) -> None:
    assert admits("containers", items, found) is holds


def test_an_exec_is_its_container_s_and_its_own_id_says_nothing() -> None:
    exec_of_web = ResolvedObject("e" * 64, ("web",), subject=ID)
    assert admits("containers", (ID,), exec_of_web)
    assert not admits("containers", ("e" * 64,), exec_of_web)


@pytest.mark.parametrize("word", ["services", "networks"])
def test_the_ids_of_a_swarm_are_whole_ids_too(word: str) -> None:
    identity = "4cdgfyky7ozwh3htjfw0d12qv"
    found = ResolvedObject(identity, ("web",), subject=identity)
    assert admits(word, (identity,), found)
    assert not admits(word, (identity[:-1],), found)
    assert not admits("containers", (identity,), found)
    assert admits("containers", (identity,), ResolvedObject(ID, (identity,), subject=ID))


def test_an_object_is_listed_by_its_first_name_or_by_all_or_by_its_id() -> None:
    names = CONSTRAINTS["containers"]
    assert names.least(container("a", "b")) == ("a",)
    assert names.least(container("a", "b", every=True)) == ("a", "b")
    assert names.least(container()) == (ID,)
    assert names.least(ResolvedObject("", ())) is None
    assert names.least("a") is None


CLAUSES: tuple[tuple[str, Value, str], ...] = (
    ("registries", "default", "no registry host is named"),
    ("buildx_builders", "none", "name is not one of a privileged builder, buildx_buildkit_..."),
    ("containers", ("db-*", "web"), "the container is db-* or web"),
    ("images", ("a", "b", "c"), "the image is a, b or c"),
    ("follow", False, "follow is false"),
    ("follow", True, "follow is true"),
    ("signal", ("HUP",), "signal is HUP"),
    ("path", ("/data/**",), "path is /data/**"),
    ("binds", ("/srv", "/etc/localtime:ro"), "binds are /srv or /etc/localtime:ro"),
    ("memory", "2GiB", "memory is 2GiB"),
    ("commands", (("pg_dump", "**"), ("true",)), "commands are pg_dump ** or true"),
    ("labels", Pairs((("owner", "ci"),)), "labels are owner=ci"),
)


@for_each(("word", "value", "clause"), CLAUSES)
def test_a_condition_reads_as_a_clause(word: str, value: Value, clause: str) -> None:
    assert str(Condition(CONSTRAINTS[word], value)) == clause


@for_each("word", CONSTRAINTS)
def test_conditions_of_the_same_word_and_value_are_equal(word: str) -> None:
    value: Value = Pairs(()) if CONSTRAINTS[word].takes in {Takes.PORTS, Takes.TEXTS} else ("a",)
    one, other = (Condition(CONSTRAINTS[word], value) for _ in range(2))
    assert (one, hash(one), one.word) == (other, hash(other), word)
    assert one != Condition(CONSTRAINTS[word], ())


def test_a_constraint_of_which_no_more_is_said_admits_nothing_without_it_and_lists_nothing() -> None:
    plain = Constraint("x", "nothing")
    assert (plain.fault(""), plain.fault("a")) == ("an empty item matches nothing", "")
    assert (plain.by_default("a"), plain.needs_lookup, plain.least("a")) == (False, False, None)
    assert plain.within(("a",), ("a",))
    assert not plain.within(("a",), ("a", "b"))
    with pytest.raises(NotImplementedError):
        Condition(plain, ("a",))


# Judging


def begin() -> Reading:
    return Reading(request=CREATE, answers={})


def judge(claim: Claim, **granted: Value) -> object:
    return judge_claim(conditions_of(granted), claim, CONSTRAINTS[claim.word])


def claim(word: str, *values: object, without: bool | None = None) -> Claim:
    options = tuple((value, f"as {value}") for value in values)
    return Claim(
        word=word,
        options=options,
        path="X",
        shown=None,
        says="is wrong",
        without=without,
    )


def test_the_first_option_that_is_granted_counts() -> None:
    options = claim("signal", "A", "B")
    assert judge(options, signal=("B", "A")) == "as A"
    assert judge(options, signal=("B",)) == "as B"
    assert judge(options, signal=("C",)) == Fault("X", "", "is wrong", "signal", ("A",))


def test_of_what_is_not_certain_nothing_is_admitted_but_where_nothing_is_said() -> None:
    assert judge(claim("follow")) is KEEP
    for granted in (False, True):
        assert judge(claim("follow"), follow=granted) == Fault("X", "", "is wrong", "follow", "")


@pytest.mark.parametrize(("word", "passes"), [("images", True), ("volumes", False)])
def test_where_no_condition_speaks_of_a_claim_it_is_admitted_if_the_word_narrows(word: str, *, passes: bool) -> None:
    assert (judge(claim(word, ResolvedObject("a", ("a",)))) is KEEP) is passes


@pytest.mark.parametrize("without", [False, True])
@pytest.mark.parametrize("word", ["images", "volumes"])
def test_or_as_the_claim_itself_says(word: str, *, without: bool) -> None:
    assert (judge(claim(word, ResolvedObject("a", ("a",)), without=without)) is KEEP) is without


@pytest.mark.parametrize("word", ["joins", "pods"])
def test_what_no_condition_speaks_of_is_denied_without_a_lookup_by_the_name_that_was_asked(word: str) -> None:
    reading = begin()
    reading.claim(word, None, "X", "web", "is wrong", lookup=reading.lookup(Kind.CONTAINER, "web"))
    assert [(fault.word, fault.value) for fault in faults_of(reading)] == [(word, ("web",))]


def test_the_engine_is_asked_where_a_condition_speaks_of_it_or_only_the_engine_knows_the_default() -> None:
    reading = begin()
    lookup = reading.lookup(Kind.NETWORK, "ci")
    reading.claim("networks", None, "X", "ci", lookup=lookup)
    reading.claim("joins", None, "X", "ci", lookup=lookup)
    networks, joins = reading.claims
    assert judge(networks) == judge(networks, networks=("ci",)) == judge(joins, joins=("ci",)) == lookup
    assert isinstance(judge(joins), Fault)


def test_every_word_is_one_that_some_file_registers_under_its_name() -> None:
    assert all(word == constraint.name for word, constraint in CONSTRAINTS.items())
