"""No container is one of the privileged ones that buildx starts by itself."""

from policy.inspecting import admits

from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.buildx_builders import CONSTRAINT


def test_only_what_certainly_keeps_to_it_is_admitted() -> None:
    assert CONSTRAINT.choices == ("none",)
    assert admits("buildx_builders", "none", True)  # noqa: FBT003 (the value of a claim)
    assert not any(admits("buildx_builders", "none", value) for value in (False, None, 1, "none"))


def test_it_is_demanded_of_what_keeps_to_it() -> None:
    assert CONSTRAINT.least(True) == "none"  # noqa: FBT003 (the value of a claim)
    assert CONSTRAINT.least(False) is None  # noqa: FBT003
    assert CONSTRAINT.by_default(False)  # noqa: FBT003
    assert str(Condition(CONSTRAINT, "none")) == "name is not one of a privileged builder, buildx_buildkit_..."
