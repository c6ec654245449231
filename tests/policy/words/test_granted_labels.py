"""A grant's labels are put on, and none of the client's is in their way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import admits

from dockerproxy.policy.claim import KEEP, Claim
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.constraint import Condition

CONSTRAINT = CONSTRAINTS["labels"]

OWNER = Pairs((("owner", "ci"),))


def claim(*labels: tuple[str, str], target: str = "Labels") -> Claim:
    return Claim(word="labels", options=((Pairs(labels), KEEP),), path="Labels", shown="", says="", target=target)


def test_labels_are_put_on_beside_those_of_the_client() -> None:
    condition = Condition(CONSTRAINT, OWNER)
    assert CONSTRAINT.judge(condition, claim(("a", "b"))) == {"a": "b", "owner": "ci"}
    assert CONSTRAINT.judge(condition, claim(("a", "b"), target="")) is KEEP
    assert CONSTRAINT.judge(condition, claim(("owner", "me"))) is None


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ((("owner", "me"),), 'has "owner" as "me", but the rule sets "ci"'),
        ((("owner=me", ""),), 'has "owner=me", which could be mistaken for a label of the rule'),
        ((("owner=ci", ""),), 'has "owner=ci", which could be mistaken for a label of the rule'),
        ((("owner", "ci"), ("a=owner", "")), ""),
    ],
)
def test_a_label_that_contradicts_the_grant_is_told(labels: tuple[tuple[str, str], ...], problem: str) -> None:
    assert CONSTRAINT.problem(OWNER, claim(*labels)) == problem
    assert admits("labels", OWNER, Pairs(labels)) is (problem == "")


def test_what_are_no_labels_is_not_admitted() -> None:
    assert not admits("labels", OWNER, "owner")
    assert not admits("labels", "owner", Pairs(()))
    assert CONSTRAINT.judge(Condition(CONSTRAINT, "owner"), claim()) is None


def test_a_value_that_is_no_text_is_not_put_on() -> None:
    granted = Pairs((("owner", ("a", "b")),))
    assert CONSTRAINT.judge(Condition(CONSTRAINT, granted), claim(("a", "b"))) == {"a": "b"}


@pytest.mark.parametrize(
    ("inner", "outer", "within"),
    [
        (OWNER, OWNER, True),
        (Pairs((("a", "b"), ("owner", "ci"))), OWNER, True),
        (OWNER, Pairs(()), True),
        (OWNER, Pairs((("owner", "me"),)), False),
        (OWNER, "owner", False),
        ("owner", OWNER, False),
    ],
)
def test_more_labels_are_within_fewer(inner: Value, outer: Value, *, within: bool) -> None:
    assert CONSTRAINT.within(inner, outer) is within


LABELS = st.dictionaries(st.text("ao=", max_size=3), st.sampled_from(["", "x", "=x"]), max_size=3)


@given(LABELS, LABELS, LABELS)
def test_what_puts_on_more_admits_no_more(one: dict[str, str], other: dict[str, str], asked: dict[str, str]) -> None:
    inner, outer, value = (Pairs(tuple(each.items())) for each in (one | other, other, asked))
    if CONSTRAINT.within(inner, outer) and admits("labels", inner, value):
        assert admits("labels", outer, value)
