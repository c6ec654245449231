"""A parameter is true or false, as a grant demands."""

import pytest
from policy.inspecting import admits

from dockerproxy.policy.constraints.flags import CONSTRAINTS, Flag


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=lambda each: each.name)
def test_a_flag_is_admitted_only_as_it_is_demanded(constraint: Flag) -> None:
    for granted in (False, True):
        assert admits(constraint.name, granted, granted)
        assert not any(admits(constraint.name, granted, value) for value in (not granted, None, 1, 0, "", "true"))
        assert constraint.least(granted) is granted
    assert constraint.least("true") is None
