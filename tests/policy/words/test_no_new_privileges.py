"""Set-user-id programs are kept from working where a grant demands it."""

from policy.inspecting import admits

from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.constraint import Condition

CONSTRAINT = CONSTRAINTS["no_new_privileges"]


def test_only_what_certainly_keeps_to_it_is_admitted() -> None:
    assert CONSTRAINT.choices == ("required",)
    assert admits("no_new_privileges", "required", True)  # noqa: FBT003 (the value of a claim)
    assert not any(admits("no_new_privileges", "required", value) for value in (False, None, 1, "required"))


def test_it_is_demanded_of_what_keeps_to_it() -> None:
    assert CONSTRAINT.least(True) == "required"  # noqa: FBT003 (the value of a claim)
    assert CONSTRAINT.least(False) is None  # noqa: FBT003
    assert CONSTRAINT.by_default(False)  # noqa: FBT003
    assert str(Condition(CONSTRAINT, "required")) == "no_new_privileges is required"
