"""A request that is decided says what becomes of it: whether it passes, and by which way."""

from dataclasses import replace

import pytest
from policy.judging import judged

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.compile import compile_policy
from dockerproxy.policy.creating import create
from dockerproxy.policy.model import Mode
from dockerproxy.policy.phases import Verdict, deny
from dockerproxy.policy.plans import build as build_plan
from dockerproxy.policy.plans import find_plan, remove
from dockerproxy.views.answers import read, show_list

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
        (REMOVAL, remove),
        (judged(OPERATIONS["ContainerList"], policy=HIDING), read),
        (replace(LIST, decision=LIST.decision._replace(shows=({},))), show_list),
        (replace(LIST, decision=LIST.decision._replace(copies=("web",))), create),
    ],
)
def test_what_is_more_than_passed_on_has_a_plan(verdict: Verdict, plan: object) -> None:
    assert find_plan(verdict, verdict.decision) is plan


@pytest.mark.parametrize("mode", Mode)
def test_a_denial_passes_only_where_nothing_is_refused(mode: Mode) -> None:
    policy = compile_policy(LIST.policy.policy._replace(mode=mode))
    denied = deny(replace(LIST, policy=policy), "there is no room")
    assert not denied.decision.allowed
    assert denied.decision.message == "ContainerList denied: there is no room"
    assert denied.passes == (mode is not Mode.ENFORCE)


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
    assert (build.plan is build_plan) is needs
