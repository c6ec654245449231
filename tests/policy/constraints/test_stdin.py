"""A client can type, or cannot, as a grant demands."""

from policy.inspecting import admits

from dockerproxy.policy.constraints.stdin import CONSTRAINT


def test_a_flag_is_admitted_only_as_it_is_demanded() -> None:
    for granted in (False, True):
        assert admits("stdin", granted, granted)
        assert not any(admits("stdin", granted, value) for value in (not granted, None, 1, 0, "", "true"))
        assert CONSTRAINT.least(granted) is granted
    assert CONSTRAINT.least("true") is None
