"""A name is given only if a grant lists it."""

from policy.inspecting import admits

from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.tags import CONSTRAINT
from dockerproxy.policy.objects import ResolvedObject


def test_a_tag_is_a_normalised_reference() -> None:
    given = ResolvedObject("1", ("docker.io/ci/app:1",))
    assert admits("tags", ("ci/*:*",), given)
    assert not admits("tags", ("ci/app",), given)
    assert CONSTRAINT.least(given) == ("docker.io/ci/app:1",)


def test_without_it_none_is_given() -> None:
    assert not CONSTRAINT.by_default(ResolvedObject("1", ("docker.io/ci/app:1",)))
    assert str(Condition(CONSTRAINT, ("ci/*", "a"))) == "tags are ci/* or a"
