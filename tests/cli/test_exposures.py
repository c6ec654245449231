"""What a policy exposes is told with what takes it out, and that does take it out."""

import re

import pytest
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
