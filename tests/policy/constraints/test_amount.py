"""An amount is bounded: what says nothing gets the granted one, and what says more is denied."""

from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import admits, conditions_of
from policy.policies import PLAIN

from dockerproxy.policy.claim import Claim, Reading
from dockerproxy.policy.constraints.amount import MISSING, Amount
from dockerproxy.policy.constraints.cpus import LEAST
from dockerproxy.policy.constraints.registry import CONSTRAINTS
from dockerproxy.policy.decide import judge_claims

AMOUNTS = {name: each for name, each in CONSTRAINTS.items() if isinstance(each, Amount)}
GRANTED = {"memory": "5B", "pids": "5", "cpus": "5"}


def test_what_is_bounded_by_an_amount_is_known() -> None:
    assert AMOUNTS.keys() == GRANTED.keys()


@pytest.mark.parametrize("word", GRANTED)
def test_what_has_no_bound_gets_the_granted_one(word: str) -> None:
    reading = Reading(request=PLAIN["ContainerCreate"], answers={})
    reading.claims.append(Claim((word,), ((MISSING, int),), "Limit", None, "", target="Limit"))
    judgement = judge_claims(conditions_of({word: GRANTED[word]}), reading.claims)
    assert (judgement.faults, judgement.substitutes) == ((), {"Limit": AMOUNTS[word].most(GRANTED[word])})
    assert judge_claims({}, reading.claims).substitutes == {}


@pytest.mark.parametrize("word", GRANTED)
def test_what_is_bounded_keeps_its_bound(word: str) -> None:
    reading = Reading(request=PLAIN["ContainerCreate"], answers={})
    reading.claim(word, 3, "Limit", 3, target="Limit")
    judgement = judge_claims(conditions_of({word: GRANTED[word]}), reading.claims)
    assert (judgement.faults, judgement.substitutes) == ((), {})


@pytest.mark.parametrize("word", GRANTED)
@pytest.mark.parametrize("granted", [True, "much"])
def test_an_amount_that_is_none_admits_nothing(word: str, granted: bool | str) -> None:  # noqa: FBT001
    assert not any(admits(word, granted, value) for value in (1, 0, MISSING))
    assert AMOUNTS[word].most(granted) == 0


@pytest.mark.parametrize("word", GRANTED)
def test_less_is_within_more(word: str) -> None:
    assert AMOUNTS[word].within("4", "4")
    assert AMOUNTS[word].within("3", "4")
    assert not AMOUNTS[word].within("4", "3")


@given(st.sampled_from(sorted(GRANTED)), st.integers(1, 2**40))
def test_the_least_that_admits_an_amount_is_the_amount(word: str, amount: int) -> None:
    least = AMOUNTS[word].least(amount)
    if least is not None:
        assert AMOUNTS[word].most(least) == amount
    elif word != "pids" or amount < 10**9:
        assert word == "cpus"  # Too few to be a bound, or more than any machine has.
        assert not LEAST <= amount < 10**14


@pytest.mark.parametrize("word", GRANTED)
@pytest.mark.parametrize("value", [0, -1, MISSING, None, 10**30])
def test_what_is_no_amount_has_no_least(word: str, value: Hashable) -> None:
    assert AMOUNTS[word].least(value) is None
