"""A request that is more than passed on has a plan."""

from dataclasses import replace

import pytest
from policy.judging import judged

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.model import Mode
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.planning import find_plan
from dockerproxy.policy.steps import PlanKind

LIST = judged(OPERATIONS["ContainerList"])
HIDING = read_policy("sockets: {a: {path: /a.sock, allow: [ContainerList], hide: [labels]}}", "f").sockets[0].policy
REMOVAL = judged(OPERATIONS["VolumeDelete"])


def test_what_goes_to_the_engine_as_it_is_shares_its_clients_connection() -> None:
    assert LIST.passes
    assert LIST.is_whole
    assert LIST.plan is None


@pytest.mark.parametrize(
    ("verdict", "plan"),
    [
        (REMOVAL, PlanKind.REMOVE),
        (judged(OPERATIONS["ContainerList"], policy=HIDING), PlanKind.READ),
        (replace(LIST, decision=LIST.decision._replace(shows=({},))), PlanKind.SHOW_LIST),
        (replace(LIST, decision=LIST.decision._replace(copies=("web",))), PlanKind.CREATE),
    ],
)
def test_what_is_more_than_passed_on_has_a_plan(verdict: Verdict, plan: PlanKind) -> None:
    assert find_plan(verdict) is plan


@pytest.mark.parametrize(
    ("mode", "grant", "needs"),
    [
        (Mode.ENFORCE, "ImageBuild: {tags: [app]}", True),
        (Mode.ENFORCE, "ImageBuild: unrestricted", False),
        (Mode.ENFORCE, "SystemPing", False),
        (Mode.REPORT, "ImageBuild: {tags: [app]}", True),
        (Mode.REPORT, "ImageBuild: unrestricted", False),
        (Mode.REPORT, "SystemPing", True),
        (Mode.LEARN, "ImageBuild: unrestricted", True),
    ],
)
def test_a_build_asks_what_the_engine_is_if_it_is_contained_or_somebody_learns_from_it(
    mode: Mode, grant: str, *, needs: bool
) -> None:
    [socket] = read_policy(
        f"sockets: {{ci: {{path: /ci.sock, mode: {mode}, allow: [{grant}]}}}}", "policy.yaml"
    ).sockets
    build = judged(OPERATIONS["ImageBuild"], "content-length: 9", policy=socket.policy, target="/build?t=app")
    assert (build.plan is PlanKind.BUILD) is needs
