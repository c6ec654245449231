"""No registry is asked but the one that the engine is configured for."""

from policy.inspecting import admits

from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.registries import CONSTRAINT


def test_only_what_certainly_keeps_to_it_is_admitted() -> None:
    assert CONSTRAINT.choices == ("default",)
    assert admits("registries", "default", True)  # noqa: FBT003 (the value of a claim)
    assert not any(admits("registries", "default", value) for value in (False, None, 1, "default"))


def test_it_is_demanded_of_what_keeps_to_it() -> None:
    assert CONSTRAINT.least(True) == "default"  # noqa: FBT003 (the value of a claim)
    assert CONSTRAINT.least(False) is None  # noqa: FBT003
    assert CONSTRAINT.by_default(False)  # noqa: FBT003
    assert str(Condition(CONSTRAINT, "default")) == "no registry host is named"
