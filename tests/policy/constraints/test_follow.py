"""An answer goes on, or does not, as a grant demands."""

from policy.inspecting import admits

from dockerproxy.policy.constraints.follow import CONSTRAINT


def test_a_flag_is_admitted_only_as_it_is_demanded() -> None:
    for granted in (False, True):
        assert admits("follow", granted, granted)
        assert not any(admits("follow", granted, value) for value in (not granted, None, 1, 0, "", "true"))
        assert CONSTRAINT.least(granted) is granted
    assert CONSTRAINT.least("true") is None
