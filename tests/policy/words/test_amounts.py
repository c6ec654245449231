"""An amount is bounded: what says nothing gets the granted one, and what says more is denied."""

from collections.abc import Hashable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.inspecting import admits, conditions_of, faults_of
from policy.policies import PLAIN
from rows import for_each

from dockerproxy.policy.claim import Claim, Reading
from dockerproxy.policy.decide import judge_claims
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.limits import LEAST, MISSING, Amount, Swap

MEMORY: Final = CONSTRAINTS["memory"]
CPUS: Final = CONSTRAINTS["cpus"]
PIDS: Final = CONSTRAINTS["pids"]


AMOUNTS = {name: each for name, each in CONSTRAINTS.items() if isinstance(each, Amount) and each.acts}
GRANTED = {"memory": "5B", "pids": "5", "cpus": "5"}


def test_what_is_bounded_by_an_amount_is_known() -> None:
    assert AMOUNTS.keys() == GRANTED.keys()


@pytest.mark.parametrize("word", GRANTED)
def test_what_has_no_bound_gets_the_granted_one(word: str) -> None:
    reading = Reading(request=PLAIN["ContainerCreate"], answers={})
    reading.claims.append(Claim(word, ((MISSING, int),), "Limit", None, "", target="Limit"))
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


@for_each("word", GRANTED)
@for_each("value", [0, -1, MISSING, None, 10**30])
def test_what_is_no_amount_has_no_least(word: str, value: Hashable) -> None:
    assert AMOUNTS[word].least(value) is None


@pytest.mark.parametrize("amount", ["512MiB", "2GiB", "1"])
def test_an_amount_has_no_fault(amount: str) -> None:
    assert MEMORY.fault(amount) == ""


@pytest.mark.parametrize("amount", ["", "0", "2GB", "-1"])
def test_what_is_no_amount_is_told(amount: str) -> None:
    assert MEMORY.fault(amount) == "an amount like 512MiB or 2GiB is needed"


def test_as_much_as_is_granted_is_admitted_and_no_more() -> None:
    assert admits("memory", "1KiB", 1024)
    assert not any(admits("memory", "1KiB", value) for value in (1024 + 1, 0, -1, None, "1KiB"))


@pytest.mark.parametrize(("with_memory", "most"), [(True, 2048), (False, 1024)])
def test_swap_is_at_most_as_much_as_memory(with_memory: bool, most: int) -> None:  # noqa: FBT001
    for size in (0, most):
        assert admits("memory", "1KiB", Swap(size, with_memory=with_memory))
    for size in (-1, most + 1):
        assert not admits("memory", "1KiB", Swap(size, with_memory=with_memory))


def test_it_is_said_how_much_memory_and_swap_there_may_be() -> None:
    reading = Reading(request=PLAIN["ContainerCreate"], answers={})
    reading.claim("memory", Swap(-1, with_memory=True), "MemorySwap", -1)
    reading.claim("memory", Swap(-1, with_memory=False), "SwapBytes", -1)
    reading.claim("memory", 1025, "Memory", 1025)
    reading.claim("memory", None, "Memory", None, "must be set")
    assert list(map(str, faults_of(reading, memory="1KiB"))) == [
        "MemorySwap is -1, but must be from 0 to 2048, twice the memory of the rule",
        "SwapBytes is -1, but must be from 0 to 1024, the memory of the rule",
        "Memory is 1025, but must be from 1 to 1024 (1KiB)",
        "Memory must be set",
    ]


@pytest.mark.parametrize(
    ("swap", "least"),
    [
        (Swap(2**31, with_memory=True), "1GiB"),
        (Swap(3, with_memory=True), "2"),
        (Swap(3, with_memory=False), "3"),
        (Swap(-1, with_memory=True), None),
    ],
)
def test_swap_needs_as_much_memory_beside_it(swap: Swap, least: str | None) -> None:
    assert MEMORY.least(swap) == least
    assert least is None or admits("memory", least, swap)


@pytest.mark.parametrize("amount", ["2", "0.5", "0.00001"])
def test_an_amount_has_no_fault_of_cpus(amount: str) -> None:
    assert CPUS.fault(amount) == ""


@pytest.mark.parametrize("amount", ["", "0", "two", "-1", "0.00000999"])
def test_what_is_no_amount_is_told_of_cpus(amount: str) -> None:
    assert CPUS.fault(amount) == "a number of processors like 2 or 0.5 is needed"


def test_as_much_as_is_granted_is_admitted_and_no_more_of_cpus() -> None:
    assert admits("cpus", "1.5", 1_500_000_000)
    assert not any(admits("cpus", "1.5", value) for value in (1_500_000_000 + 1, 0, -1, None, "1.5"))


@pytest.mark.parametrize("amount", ["1", "200"])
def test_an_amount_has_no_fault_of_pids(amount: str) -> None:
    assert PIDS.fault(amount) == ""


@pytest.mark.parametrize("amount", ["", "0", "-1", "1.5"])
def test_what_is_no_amount_is_told_of_pids(amount: str) -> None:
    assert PIDS.fault(amount) == "a whole number above 0 is needed"


def test_as_much_as_is_granted_is_admitted_and_no_more_of_pids() -> None:
    assert admits("pids", "100", 100)
    assert not any(admits("pids", "100", value) for value in (100 + 1, 0, -1, None, "100"))
