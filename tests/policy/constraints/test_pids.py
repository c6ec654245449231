"""A container has no more processes than are granted."""

import pytest
from policy.inspecting import admits

from dockerproxy.policy.constraints.pids import CONSTRAINT


@pytest.mark.parametrize("amount", ["1", "200"])
def test_an_amount_has_no_fault(amount: str) -> None:
    assert CONSTRAINT.fault(amount) == ""


@pytest.mark.parametrize("amount", ["", "0", "-1", "1.5"])
def test_what_is_no_amount_is_told(amount: str) -> None:
    assert CONSTRAINT.fault(amount) == "a whole number above 0 is needed"


def test_as_much_as_is_granted_is_admitted_and_no_more() -> None:
    assert admits("pids", "100", 100)
    assert not any(admits("pids", "100", value) for value in (100 + 1, 0, -1, None, "100"))
