"""What is unrestricted may be anything."""

from policy.inspecting import admits

from dockerproxy.policy.values import Takes
from dockerproxy.policy.vocabulary import CONSTRAINTS

CONSTRAINT = CONSTRAINTS["unrestricted"]


def test_anything_is_admitted_and_nothing_needs_it() -> None:
    assert all(admits("unrestricted", granted, value) for granted in (True,) for value in (None, "", "x", 7))
    assert (CONSTRAINT.takes, CONSTRAINT.narrows, CONSTRAINT.least("x")) == (Takes.FLAG, False, None)
