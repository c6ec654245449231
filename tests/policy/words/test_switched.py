"""What only fixed rules refuse is admitted by switches, and by no policy file."""

from policy.inspecting import faults_of
from policy.policies import request_of

from dockerproxy.policy.claim import Reading


def test_only_switches_admit_what_a_fixed_rule_refuses() -> None:
    reading = Reading(request=request_of("POST", "/containers/create"), answers={})
    reading.claim("switched", True, "X", "y", "not allowed")  # noqa: FBT003 (it is what is claimed)
    (fault,) = faults_of(reading)
    assert (str(fault), fault.word) == ('X is "y", not allowed', "")
    assert faults_of(reading, switched=True) == []
