"""The environment leaves bodies alone, as the proxies did that its variables come from, unless CONTAINED=1 is set."""

import pytest
from hypothesis import given
from policy.policies import environments, policy_of

from dockerproxy.api.bodies.tables import BODIES, SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.environment import read_environment
from dockerproxy.config.groups import READS
from dockerproxy.policy.objects import BUILD, TAGGING
from dockerproxy.policy.vocabulary import SWITCHED
from dockerproxy.problems import UserError


@given(environments())
def test_nothing_is_contained_unless_it_is_said(environment: dict[str, str]) -> None:
    for case in (case for cases in policy_of(**environment).cases.values() for case in cases):
        assert case.body is None


@given(environments())
def test_contained_nothing_more_is_allowed_and_no_body_passes_unseen(environment: dict[str, str]) -> None:
    policy, contained = (policy_of(**environment, CONTAINED=value) for value in "01")
    assert {name for name in OPERATIONS if policy.allows(name)} - SEALED.keys() - {BUILD, TAGGING} == {
        name for name in OPERATIONS if contained.allows(name)
    }
    for name in BODIES:
        body = None if name in READS else BODIES[name]
        assert all(case.body is body for case in contained.cases[name])


def test_what_nothing_can_bound_says_so_where_it_is_switched_on() -> None:
    message = policy_of(SWARM="1", POST="1", CONTAINED="1").deny("SwarmInit").message
    assert message == (
        "SwarmInit denied: it can hand the host to another swarm, and no condition can limit it;"
        ' to allow it and let clients become root on the host, write a policy file with "SwarmInit: unrestricted"'
    )


@pytest.mark.parametrize("name", ["ImageBuild", "ImageTag"])
def test_contained_no_image_gets_a_name_without_a_policy_file(name: str) -> None:
    policy = policy_of(ALLOW=name, CONTAINED="1")
    assert not policy.allows(name)
    assert policy.deny(name).message == (
        f"{name} denied: the grant must list in tags the names that clients may give or remove; to allow it, "
        f'write a policy file with "{name}: {{tags: ["docker.io/library/my-app:*"]}}"'
    )


@pytest.mark.parametrize(("value", "size"), [("1", 1), ("65536", 65536), ("1MiB", 2**20), ("2GiB", 2**31), ("", 2**20)])
def test_how_long_a_body_may_be_can_have_a_unit(value: str, size: int) -> None:
    (served,) = read_environment({"MAX_BODY": value}).settings.sockets
    assert served.limits.body == size


@pytest.mark.parametrize("value", ["0", "-1", "1MB", "1 MiB", "1.5MiB", "much", "0x10"])
def test_what_is_no_length_is_a_mistake(value: str) -> None:
    with pytest.raises(UserError) as caught:
        read_environment({"MAX_BODY": value})
    assert [problem.what for problem in caught.value.problems] == [f"{value!r} is not a valid size"]


def test_switches_open_what_only_fixed_rules_of_policy_files_refuse() -> None:
    policy = policy_of(NETWORKS="1", CONTAINERS="1", SERVICES="1", POST="1", CONTAINED="1")
    for name in ("ContainerCreate", "NetworkConnect", "ServiceUpdate"):
        assert all(SWITCHED in case.conditions for case in policy.cases[name])
    assert all(case.conditions == () for case in policy.cases["NetworkCreate"])
    (case,) = policy.cases["ContainerTop"]
    assert case.body is None
    assert "switched" not in policy.deny("NetworkConnect").message
