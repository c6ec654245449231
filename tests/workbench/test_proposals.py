"""A person is asked about what a policy lacks in the order of what that exposes."""

from cli.files import sockets_of
from observe.records import NOON

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.values import Value
from dockerproxy.workbench.learned import LearnedGrant
from dockerproxy.workbench.proposals import find_new_exposures, list_proposals


def policy_of(allow: str) -> CompiledPolicy:
    return sockets_of(f"sockets: {{a: {{path: /x/a.sock, allow: [{allow}]}}}}")["a"].policy


def grant(name: str, count: int = 1, **conditions: Value) -> LearnedGrant:
    return LearnedGrant(operation=name, conditions=conditions, remarks=(), count=count, last=NOON)


def test_what_is_gravest_comes_first_then_writes_then_what_was_asked_for_most() -> None:
    grants = (
        *(grant("ImageList", 9), grant("ContainerStart", 1), grant("ContainerPause", 2), grant("own")),
        *(grant("ContainerLogs"), grant("ContainerCreate", unrestricted=True)),
    )
    found = list_proposals(policy_of("preset:ping"), grants)
    names = [each.grant.operation for each in found]
    assert names[:1] == ["ContainerCreate"]
    assert names.index("ContainerLogs") < names.index("ContainerPause") < names.index("ContainerStart")
    assert names[-1] == "ImageList"


def test_what_a_grant_exposes_only_without_the_others_is_ranked_too() -> None:
    create, prune = grant("ContainerCreate", images=("app",)), grant("VolumePrune", own=True)
    command = grant("ContainerExec", containers=("web",))
    found = list_proposals(policy_of("ContainerCreate"), (create, command, prune))
    assert [each.grant for each in found] == [command, create, prune]


def test_only_what_a_grant_adds_is_said_of_it() -> None:
    policy = policy_of("ContainerLogs")
    assert find_new_exposures(policy, "ContainerInspect", {})
    assert find_new_exposures(policy, "ImageList", {}) == ()
