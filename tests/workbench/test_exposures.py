"""What a policy exposes is told with what removes it, and that does take it out."""

import re

from cli.files import sockets_of
from hypothesis import given
from policy.policies import environments, policy_of
from rows import for_each

from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.workbench.exposures import describe_exposures


@given(environments())
def test_what_takes_an_exposure_out_does(environment: dict[str, str]) -> None:
    lines = describe_exposures(policy_of(**environment)).splitlines()
    for line in lines[1:-1]:
        found = re.fullmatch(r"  it (.+) \((.+); (DENY=|adding )(\S+)( to DENY)? removes it\)", line)
        assert found is not None
        denied = f"{environment['DENY']},{found[4]}" if found[5] else found[4]
        assert f"  it {found[1]} (" not in describe_exposures(policy_of(**{**environment, "DENY": denied}))


@given(environments())
def test_the_counts_are_those_of_what_is_allowed(environment: dict[str, str]) -> None:
    policy = policy_of(**environment)
    allowed = [operation.access.value for name, operation in OPERATIONS.items() if policy.allows(name)]
    assert describe_exposures(policy).splitlines()[-1] == (
        f"{allowed.count('read')} operations that read and {allowed.count('write')} that change something are allowed;"
        " the rest is denied"
    )


def test_where_nothing_is_exposed_only_the_counts_are_told() -> None:
    assert describe_exposures(policy_of(EVENTS="0")) == (
        "6 operations that read and 0 that change something are allowed; the rest is denied"
    )


@for_each("name", OPERATIONS)
def test_an_exposure_names_the_setting_that_opened_it(name: str) -> None:
    for line in describe_exposures(policy_of(EVENTS="0", ALLOW=name)).splitlines()[1:-1]:
        assert f" (ALLOW; DENY={name} removes it)" in line


def told(*lines: str) -> list[str]:
    """Return what is exposed by a policy file with these items of `allow`."""
    text = f"sockets:\n  web:\n    path: /nonexistent/web.sock\n    allow: [{', '.join(lines)}]\n"
    *exposures, _ = describe_exposures(sockets_of(text)["web"].policy, in_file=True).splitlines()
    return exposures[1:]


def test_a_grant_that_is_unrestricted_is_said_with_what_that_means() -> None:
    root, *others = told("ContainerCreate: unrestricted", "preset:ping")
    assert (root, others) == (
        (
            "  it is root on the host: it can start a container that mounts the host's files,"
            " by ContainerCreate: unrestricted (policy.yaml:4); remove ContainerCreate (policy.yaml:4) and write"
            " deny: [ContainerCreate] to end it"
        ),
        [],
    )
    by_preset = told("preset:watchtower")
    assert "by preset:watchtower (policy.yaml:4), in which it is unrestricted; deny: [ContainerCreate]" in by_preset[0]


@for_each("name", sorted(CONTAINED))
def test_every_grant_that_is_unrestricted_is_heard_of(name: str) -> None:
    assert any(f"{name}: unrestricted (policy.yaml:4)" in line for line in told(f"{name}: unrestricted"))


def test_what_is_opened_and_exposes_nothing_known_is_said_together() -> None:
    line = "  it can send anything in {}: unchecked, by {}: unrestricted (policy.yaml:4)"
    found = told("NetworkCreate: unrestricted", "libpod/exec:write: unrestricted")
    assert line.format("NetworkCreate", "NetworkCreate") in found
    assert line.format("ContainerUpdate", "ContainerUpdate") in told("ContainerUpdate: unrestricted")


def test_what_is_contained_says_what_it_does_all_the_same() -> None:
    within = "memory: 1GiB, pids: 200, networks: [ci]"
    assert told(f"ContainerCreate: {{{within}}}") == []
    (only,) = told(f"ContainerCreate: {{binds: [/srv/ci], user: client, {within}}}")
    assert only == (
        "  it writes in directories of the host and through their links, which the proxy cannot see,"
        " but only if binds are /srv/ci, by ContainerCreate (policy.yaml:4);"
        " remove ContainerCreate (policy.yaml:4) to end it"
    )


def test_of_a_grant_that_is_contained_and_says_no_more_two_things_are_told() -> None:
    way_out = ", by ContainerCreate (policy.yaml:4); remove ContainerCreate (policy.yaml:4) to end it"
    reaches, uses = told("ContainerCreate")
    assert reaches == (
        "  it reaches services of the host and the engine's default network, unless networks lists only"
        f" others and it creates none{way_out}"
    )
    assert uses == f"  it can use up the host's memory or processes, which memory and pids limit{way_out}"


def test_of_what_is_wide_the_condition_that_is_so_is_told() -> None:
    (only,) = told('ImageTag: {tags: ["docker.io/library/*"]}')
    assert only == (
        "  it can replace images that others trust with its own, but only if the image is"
        " docker.io/library/* and tags are docker.io/library/*, by ImageTag (policy.yaml:4);"
        " remove ImageTag (policy.yaml:4) to end it"
    )


def test_how_many_are_contained_is_counted() -> None:
    text = "sockets: {web: {path: /a, allow: [ContainerCreate, ContainerExec: unrestricted, ContainerList]}}"
    described = describe_exposures(sockets_of(text)["web"].policy, in_file=True)
    assert described.endswith(
        "1 operations that read and 2 that change something are allowed, 1 of them contained; the rest is denied"
    )


def test_of_a_file_the_line_and_the_denial_are_told() -> None:
    assert told("containers:read", "ContainerStart")[-1] == (
        "  it reads all output of any container, by containers:read (policy.yaml:4); deny: [ContainerLogs] removes it"
    )


def test_what_is_exposed_only_under_conditions_is_said_so() -> None:
    (only,) = told("ContainerLogs: {containers: [web]}")
    assert only == (
        "  it reads all output of any container, but only if the container is web,"
        " by ContainerLogs (policy.yaml:4); remove ContainerLogs (policy.yaml:4) to end it"
    )
    without, *_ = told("ContainerArchive: {path: [/data/**]}", "ContainerExport")
    assert "but only" not in without


def test_what_a_condition_leaves_nothing_of_is_not_told() -> None:
    assert told("ContainerAttach: {stdin: false}") == []
    assert len(told("ContainerAttach: {stdin: true}")) == 1


def test_that_no_builder_is_started_makes_a_client_that_creates_containers_no_less_than_root() -> None:
    exposed = describe_exposures(policy_of(CONTAINERS="1", POST="1"))
    assert (
        "  it is root on the host: it can start a container that mounts the host's files (CONTAINERS=1 POST=1;"
        in exposed
    )
