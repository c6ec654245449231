"""What a policy exposes is told with what takes it out, and that does take it out."""

import re

import pytest
from cli.files import sockets_of
from hypothesis import given
from policy.policies import environments, policy_of

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.cli.exposures import describe_exposures


@given(environments())
def test_what_takes_an_exposure_out_does(environment: dict[str, str]) -> None:
    lines = describe_exposures(policy_of(**environment)).splitlines()
    for line in lines[1:-1]:
        found = re.fullmatch(r"  it (.+) \((.+); DENY=(\S+) takes it out\)", line)
        assert found is not None
        denied = ",".join(filter(None, [environment.get("DENY"), found[3]]))
        assert f"  it {found[1]} (" not in describe_exposures(policy_of(**{**environment, "DENY": denied}))


@given(environments())
def test_the_counts_are_those_of_what_is_allowed(environment: dict[str, str]) -> None:
    policy = policy_of(**environment)
    allowed = [operation.access.value for name, operation in OPERATIONS.items() if policy.allows(name)]
    assert describe_exposures(policy).splitlines()[-1] == (
        f"{allowed.count('read')} operations that read and {allowed.count('write')} that change something are allowed;"
        " the rest is refused"
    )


def test_where_nothing_is_exposed_only_the_counts_are_told() -> None:
    assert describe_exposures(policy_of()) == (
        "7 operations that read and 0 that change something are allowed; the rest is refused"
    )


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_exposure_names_the_setting_that_opened_it(name: str) -> None:
    for line in describe_exposures(policy_of(ALLOW=name)).splitlines()[1:-1]:
        assert f" (ALLOW; DENY={name} takes it out)" in line


def told(*lines: str) -> list[str]:
    """Return what is exposed by a policy file with these items of `allow`."""
    text = f"sockets:\n  web:\n    path: /nonexistent/web.sock\n    allow: [{', '.join(lines)}]\n"
    *exposures, _ = describe_exposures(sockets_of(text)["web"].policy, in_file=True).splitlines()
    return exposures[1:]


def test_of_a_file_the_line_and_the_denial_are_told() -> None:
    assert told("containers:read", "ContainerStart")[-1] == (
        "  it reads all that any container has printed, by containers:read (policy.yaml:4);"
        " deny: [ContainerLogs] takes it out"
    )


def test_what_is_exposed_only_under_conditions_is_said_so() -> None:
    (only,) = told("ContainerLogs: {containers: [web]}")
    assert only == (
        "  it reads all that any container has printed, but only if the container is web,"
        " by ContainerLogs (policy.yaml:4); deny: [ContainerLogs] takes it out"
    )
    without, *_ = told("ContainerArchive: {path: [/data/**]}", "ContainerExport")
    assert "but only" not in without


@pytest.mark.parametrize(
    "line",
    [
        "ContainerAttach: {stdin: false}",
        "SecretInspect: {showsecret: false}",
        "ContainerTop: {ps_args: [-ef, -o pid, aux]}",
    ],
)
def test_a_condition_that_leaves_nothing_of_an_exposure_takes_it_out(line: str) -> None:
    assert told(line) == []


@pytest.mark.parametrize(
    "line",
    [
        "ContainerAttach: {stdin: true}",
        "SecretInspect: {showsecret: true}",
        "ContainerTop: {ps_args: [-ef, auxe]}",
        "ContainerTop: {ps_args: [-A e]}",
    ],
)
def test_another_value_does_not(line: str) -> None:
    assert len(told(line)) == 1


def test_that_no_builder_is_started_makes_a_client_that_creates_containers_no_less_than_root() -> None:
    exposed = describe_exposures(policy_of(CONTAINERS="1", POST="1"))
    assert (
        "  it is root on the host: it can start a container that mounts the host's files (CONTAINERS=1 POST=1;"
        in exposed
    )
