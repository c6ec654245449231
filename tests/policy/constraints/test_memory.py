"""A container has no more memory, with swap, than is granted."""

import pytest
from policy.inspecting import admits, faults_of
from policy.policies import PLAIN

from dockerproxy.policy.claim import Reading
from dockerproxy.policy.constraints.memory import CONSTRAINT, Swap


@pytest.mark.parametrize("amount", ["512MiB", "2GiB", "1"])
def test_an_amount_has_no_fault(amount: str) -> None:
    assert CONSTRAINT.fault(amount) == ""


@pytest.mark.parametrize("amount", ["", "0", "2GB", "-1"])
def test_what_is_no_amount_is_told(amount: str) -> None:
    assert CONSTRAINT.fault(amount) == "an amount like 512MiB or 2GiB is needed"


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
        "Memory is 1025, but must be from 1 to 1024",
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
    assert CONSTRAINT.least(swap) == least
    assert least is None or admits("memory", least, swap)
