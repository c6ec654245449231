"""What must not be root certainly is not."""

import pytest
from policy.inspecting import admits

from dockerproxy.policy.constraints.user import CONSTRAINT


@pytest.mark.parametrize(
    ("user", "passes"),
    [
        ("1000:1000", True),
        ("1000", False),
        ("1000:0", False),
        ("0:1000", False),
        ("web:web", False),
        ("", False),
        (None, False),
    ],
)
def test_a_user_is_certainly_not_root_or_not_admitted(user: str | None, *, passes: bool) -> None:
    assert admits("user", "not-root", user) is passes
    assert admits("user", "any", user)
    assert CONSTRAINT.least(user) == ("not-root" if passes else "any")


def test_who_must_not_be_root_is_within_any() -> None:
    assert CONSTRAINT.within("not-root", "any")
    assert CONSTRAINT.within("any", "any")
    assert not CONSTRAINT.within("any", "not-root")
