"""What is said to be allowed is, with the conditions; and what a grant leaves out is said."""

from cli.files import sockets_of
from hypothesis import given
from policy.policies import environments, policy_of

from dockerproxy.api.catalog import OPERATIONS, SECTIONS
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.workbench.allowed import list_allowed, list_left_out


def policy_allowing(*lines: str, deny: str = "") -> CompiledPolicy:
    """Return the policy of a socket with these items of `allow`."""
    items = "\n".join(f"      - {line}" for line in lines)
    text = f"sockets:\n  web:\n    path: /nonexistent/web.sock\n    allow:\n{items}\n    deny: [{deny}]\n"
    return sockets_of(text)["web"].policy


def test_operations_are_listed_by_section_and_by_their_conditions() -> None:
    policy = policy_allowing(
        "networks:write: {networks: [front, app-*]}",
        "NetworkConnect: unrestricted",
        "NetworkList",
        "ContainerLogs: {follow: false}",
        "ContainerLogs: {containers: [web], follow: true}",
        "ping:read",
        deny="NetworkPrune",
    )
    logs = "the container is web and follow is true"
    assert list(list_allowed(policy)) == [
        "  _ping               2 of 2   all",
        f"  containers          1 of 29  if follow is false or if {logs}: ContainerLogs",
        "  networks            4 of 7   NetworkList, NetworkConnect",
        "                               if the network is front or app-*: NetworkDelete",
        "                               contained, if the network is front or app-*: NetworkDisconnect",
    ]


def test_what_is_contained_is_listed_so() -> None:
    policy = policy_allowing(
        "ContainerCreate",
        "ContainerExec: {containers: [web], commands: [[sh], [ls, '*']]}",
        "ContainerExec: {containers: [db], unrestricted: true}",
        "ContainerRename: unrestricted",
        "ContainerKill",
    )
    run = "the container is web and commands are sh or ls *"
    assert list(list_allowed(policy)) == [
        "  containers          4 of 29  ContainerKill, ContainerRename",
        "                               contained: ContainerCreate",
        f"                               if the container is db or contained, if {run}: ContainerExec",
    ]


def test_a_section_may_be_allowed_whole_under_one_condition() -> None:
    policy = policy_allowing("exec:read: {containers: [web]}", "exec:write: {containers: [web], unrestricted: true}")
    assert list(list_allowed(policy)) == ["  exec                3 of 3   if the container is web: all"]


@given(environments())
def test_every_allowed_operation_is_counted(environment: dict[str, str]) -> None:
    policy = policy_of(**environment)
    counts = {line.split()[0]: int(line.split()[1]) for line in list_allowed(policy) if line[2] != " "}
    for section in SECTIONS:
        names = [name for name, operation in OPERATIONS.items() if operation.section == section]
        assert counts.get(section, 0) == sum(map(policy.allows, names))


def test_what_cannot_bear_the_conditions_of_a_group_is_said_to_be_left_out() -> None:
    policy = policy_allowing(
        "libpod/containers:read: {containers: [web]}",
        "preset:ping",
        "containers:write: {containers: [web]}",
        "ContainerLogs: {follow: false}",
        "networks:read",
        "networks:write: {networks: [front]}",
        deny="NetworkPrune",
    )
    left_out = "does not cover operations without its conditions"
    assert list(list_left_out(policy)) == [
        f"  libpod/containers:read (policy.yaml:5) {left_out}: ContainerShowMountedLibpod, ContainersStatsAllLibpod",
        f"  containers:write (policy.yaml:7) {left_out}: ContainerCreate, ContainerPrune",
        f"  networks:write (policy.yaml:10) {left_out}: NetworkCreate",
    ]


def test_what_a_quota_cannot_count_is_said_to_be_left_out() -> None:
    builds = "ImageBuild: {tags: [ci/*]}"
    text = f"sockets: {{web: {{path: /w, quota: {{%s: 2}}, allow: [own, {builds}], deny: [ContainerUpdate]}}}}"
    assert list(list_left_out(sockets_of(text % "containers")["web"].policy)) == [
        "  own (policy.yaml:1) does not cover operations that the quota cannot count: ServiceUpdate",
        "  quota does not count the containers of classic builds, and BuildKit makes none: ImageBuild",
    ]
    assert not list(list_left_out(sockets_of(text % "networks")["web"].policy))


def test_what_nothing_can_bound_is_said_to_be_left_out() -> None:
    left_out = "covers these only if unrestricted"
    assert list(list_left_out(policy_allowing("swarm:write", "PluginPull: unrestricted", "plugins:write"))) == [
        f"  swarm:write (policy.yaml:5) {left_out}: SwarmInit, SwarmJoin, SwarmUpdate",
        f"  plugins:write (policy.yaml:7) {left_out}: PluginCreate, PluginPush, PluginSet, PluginUpgrade",
    ]
    assert not list(list_left_out(policy_allowing("swarm:write: unrestricted")))
    assert not list(
        list_left_out(policy_allowing("swarm:write", deny="SwarmInit, SwarmJoin, SwarmUpdate, ContainerCreate"))
    )
    contained = list_left_out(policy_of(SWARM="1", POST="1", CONTAINED="1"))
    assert list(contained) == [f"  SWARM=1 POST=1 {left_out}: SwarmInit, SwarmJoin, SwarmUpdate"]


def test_what_something_else_allows_or_a_denial_refuses_is_not_left_out() -> None:
    left_out = list_left_out(
        policy_allowing("containers:write: {containers: [web]}", "ContainerCreate", "ContainerPrune")
    )
    assert not list(left_out)
    assert not list(
        list_left_out(policy_allowing("containers:write: {containers: [web]}", deny="ContainerCreate, ContainerPrune"))
    )


@given(environments())
def test_the_environment_leaves_nothing_out(environment: dict[str, str]) -> None:
    assert not list(list_left_out(policy_of(**environment)))
