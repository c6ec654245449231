"""A plan of each kind can be made."""

from dockerproxy.plans.table import PLANS
from dockerproxy.policy.steps import PlanKind


def test_each_kind_has_a_plan() -> None:
    assert set(PLANS) == set(PlanKind)
