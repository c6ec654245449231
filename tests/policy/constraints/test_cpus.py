"""A container has no more processors than are granted."""

import pytest
from policy.inspecting import admits

from dockerproxy.policy.constraints.cpus import CONSTRAINT


@pytest.mark.parametrize("amount", ["2", "0.5", "0.00001"])
def test_an_amount_has_no_fault(amount: str) -> None:
    assert CONSTRAINT.fault(amount) == ""


@pytest.mark.parametrize("amount", ["", "0", "two", "-1", "0.00000999"])
def test_what_is_no_amount_is_told(amount: str) -> None:
    assert CONSTRAINT.fault(amount) == "a number of processors like 2 or 0.5 is needed"


def test_as_much_as_is_granted_is_admitted_and_no_more() -> None:
    assert admits("cpus", "1.5", 1_500_000_000)
    assert not any(admits("cpus", "1.5", value) for value in (1_500_000_000 + 1, 0, -1, None, "1.5"))
