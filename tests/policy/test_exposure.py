"""What a policy exposes is said, with the operations that do it, and nothing is said that is not so."""

import re

import pytest
from hypothesis import given
from policy.policies import environments, policy_of

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.exposure import find_exposures

# What the catalog says of an operation in such words is more than an operator expects of a switch.
GRAVE = re.compile(
    r"root on|any host directory|host directories|folder tree on the host|commands on the host|file of the host"
    r"|any file of any container|all files of a (?:container|volume)\b|types into|any command|any registry"
    r"|passwords?\b|tokens .* in clear"
)
# Which registry this one asks is a condition, and by default it is the one that the engine is configured for.
CONDITIONAL = {"GetPluginPrivileges"}
WORRYING = [name for name, operation in OPERATIONS.items() if GRAVE.search(operation.says) and name not in CONDITIONAL]


@pytest.mark.parametrize("name", WORRYING)
def test_whatever_the_catalog_says_in_grave_words_is_an_exposure(name: str) -> None:
    assert any(name in exposure.operations for exposure in find_exposures(policy_of(ALLOW=name)))


def test_what_is_open_without_any_setting_exposes_nothing() -> None:
    assert find_exposures(policy_of()) == ()


def test_a_denied_operation_exposes_nothing() -> None:
    before = find_exposures(policy_of(CONTAINERS="1", POST="1"))
    denied = before[0].operations
    after = find_exposures(policy_of(CONTAINERS="1", POST="1", DENY=",".join(denied)))
    assert [exposure.says for exposure in after] == [exposure.says for exposure in before[1:]]


@given(environments())
def test_an_exposure_names_operations_that_are_allowed_and_all_of_those(environment: dict[str, str]) -> None:
    policy = policy_of(**environment)
    everything = {exposure.says: exposure for exposure in find_exposures(policy_of(ALLOW=",".join(OPERATIONS)))}
    found = find_exposures(policy)
    for exposure in found:
        assert exposure.operations == tuple(
            name for name in everything[exposure.says].operations if policy.allows(name)
        )
    silent = [exposure for says, exposure in everything.items() if says not in {found.says for found in found}]
    assert not any(policy.allows(name) for exposure in silent for name in exposure.operations)


@pytest.mark.parametrize(
    ("environment", "part"),
    [
        ({"CONTAINERS": "1"}, "reads any file of any container"),
        ({"CONTAINERS": "1"}, "sees every container's environment"),
        ({"CONTAINERS": "1"}, "reads all that any container has printed"),
        ({"CONTAINERS": "1", "POST": "1"}, "is root on the host: it can start a container"),
        ({"SERVICES": "1", "POST": "1"}, "is root on every node of the swarm"),
        ({"PLUGINS": "1", "POST": "1"}, "is root on the host: a plugin runs there as root"),
        ({"EXEC": "1", "POST": "1"}, "types into running containers or starts commands there"),
        ({"BUILD": "1", "POST": "1"}, "runs any command in a build"),
        ({"SWARM": "1"}, "sees the swarm's join tokens"),
        ({"CONFIGS": "1"}, "reads the contents of every swarm config"),
        ({"DISTRIBUTION": "1"}, "makes the engine connect to any registry it names"),
        ({"TASKS": "1"}, "sees the environment of every service"),
    ],
)
def test_an_operator_reads_in_plain_words_what_a_switch_gives_away(environment: dict[str, str], part: str) -> None:
    assert any(exposure.says.startswith(part) for exposure in find_exposures(policy_of(**environment)))


def test_the_gravest_comes_first() -> None:
    says = [exposure.says for exposure in find_exposures(policy_of(ALLOW=",".join(OPERATIONS)))]
    root = [one.startswith("is root") for one in says]
    assert root == sorted(root, reverse=True)
