"""A converted environment means what it meant, and says what it exposes."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import allowed_by, environments, policy_of
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.configuration import REPLACED
from dockerproxy.config.environment import KNOWN, read_environment
from dockerproxy.config.groups import without_underscore
from dockerproxy.config.policy_file import PolicyFile, read_policy
from dockerproxy.config.process import ENGINE_VARIABLES
from dockerproxy.config.switches import SECTION_SWITCHES
from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.differences import digest, find_needed
from dockerproxy.policy.model import Mode
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.problems import UserError
from dockerproxy.workbench.convert import KEPT, convert
from dockerproxy.workbench.dangers import is_whole
from dockerproxy.workbench.exposure import find_exposures

WIDTH = 120

BUILDER = "POST /containers/create?name=buildx_buildkit_default"
UPDATE = "POST /services/web/update"
"""What only one of both allows: a file bounds no names of builders, and credentials of a service always."""
"""Only the switches keep buildx from it, where containers may be of any kind."""


def write(environment: Mapping[str, str]) -> str:
    return convert(read_environment(environment), environment)


def read(environment: Mapping[str, str]) -> PolicyFile:
    return read_policy(write(environment), "policy.yaml")


def conditions_of(policy: CompiledPolicy, name: str) -> set[tuple[Condition, ...]]:
    """Return what a request for an operation must keep to: one of some sets of conditions that a file can have."""
    sets = (tuple(each for each in case.conditions if not each.constraint.is_private) for case in policy.cases[name])
    return set(find_needed(name, sets))


def has_private(case: Case) -> bool:
    """Whether a case has a condition that only switches have: a file has the rule of all files in its place."""
    return any(each.constraint.is_private for each in case.conditions)


CONTAINED = st.sampled_from([{}, {"CONTAINED": "0"}, {"CONTAINED": "1"}])


@given(environments(), CONTAINED)
def test_the_file_allows_what_the_environment_allows(environment: dict[str, str], contained: dict[str, str]) -> None:
    environment |= contained
    policy, converted = policy_of(**environment), read(environment).sockets[0].policy
    assert allowed_by(converted) - allowed_by(policy) <= {BUILDER}
    assert allowed_by(policy) - allowed_by(converted) <= {UPDATE}
    private = {name for name in OPERATIONS if any(map(has_private, policy.cases[name]))}
    for name in OPERATIONS.keys() - private:
        assert conditions_of(converted, name) == conditions_of(policy, name)
        assert {is_whole(case) for case in converted.cases[name]} == {is_whole(case) for case in policy.cases[name]}
    assert converted.mode is Mode.ENFORCE
    assert private or digest(converted) == digest(policy)


def test_what_may_be_anything_says_that_it_is_unrestricted() -> None:
    text = write({"CONTAINERS": "1", "POST": "1", "SWARM": "1", "ALLOW": "VolumeCreate"})
    lines = [line.partition("#")[0].rstrip() for line in text.splitlines()]
    assert "      - ContainerCreate: unrestricted" in lines
    assert "      - swarm:write: unrestricted" in lines
    assert "      - VolumeCreate: unrestricted" in lines
    assert "      - ContainerKill" in lines


def test_what_is_contained_says_nothing_and_what_nothing_can_bound_is_left_out() -> None:
    text = write({"CONTAINERS": "1", "POST": "1", "GRPC": "1", "ALLOW": "VolumeCreate,SwarmInit", "CONTAINED": "1"})
    assert "containers:write: unrestricted" not in text
    assert "containers:read: unrestricted" in text  # Switches open what only fixed rules of policy files refuse.
    assert {"containers:write", "VolumeCreate"} <= words_in(text)
    assert words_in(text).isdisjoint({"SwarmInit", "grpc:write", "Grpc"})


def test_limits_stay_in_the_environment() -> None:
    text = write({"MAX_BODY": "4MiB", "MAX_RATE": "9"})
    assert "MAX_RATE and MAX_BODY stay in the environment." in text
    assert "limits" not in text


@given(environments())
def test_what_is_denied_stays_denied_whatever_will_be_allowed(environment: dict[str, str]) -> None:
    policy, converted = policy_of(**environment).policy, read(environment).sockets[0].policy.policy
    denied = {name for denial in policy.denials for name in denial.operations}
    assert {name for denial in converted.denials for name in denial.operations} == denied


@given(
    path=st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=20),
    mode=st.sampled_from([None, "0600", "666"]),
    uid=st.none() | st.integers(0, 2**32 - 2),
    gid=st.none() | st.integers(0, 2**32 - 2),
)
def test_the_socket_is_the_same(path: str, mode: str | None, uid: int | None, gid: int | None) -> None:
    path = f"/{path.strip('/')}x"
    given_values = {"PROXIED_SOCKET_MODE": mode, "PROXIED_SOCKET_UID": uid, "PROXIED_SOCKET_GID": gid}
    environment = {name: str(value) for name, value in given_values.items() if value is not None}
    environment |= {"PROXIED_SOCKET_PATH": path, "DOCKER_SOCKET_PATH": f"{path}.engine"}
    if path.isprintable():
        (served,), (converted,) = read_environment(environment).settings.sockets, read(environment).sockets
        for name in ("name", "path", "permissions", "uid", "gid"):
            assert getattr(converted, name) == getattr(served, name)
        assert read(environment).engine == f"{path}.engine"
    else:
        with pytest.raises(UserError, match="has a character that is invalid in a policy file"):
            write(environment)


@pytest.mark.parametrize(
    ("environment", "engine"),
    [
        ({}, ""),
        ({"DOCKER_SOCKET_PATH": ""}, ""),
        ({"DOCKER_SOCKET_PATH": "/docker/docker.sock"}, "/docker/docker.sock"),
        ({"SOCKET_PATH": "/docker/docker.sock"}, "/docker/docker.sock"),
        ({"DOCKER_HOST": "unix:///docker/docker.sock"}, "/docker/docker.sock"),
        ({"DOCKER_HOST": "tcp://docker:2375", "SOCKET_PATH": "/run/docker.sock"}, "/run/docker.sock"),
    ],
)
def test_the_engine_is_said_where_the_environment_says_it(environment: dict[str, str], engine: str) -> None:
    assert read(environment).engine == engine


@given(environments(), CONTAINED)
def test_above_a_line_stands_what_it_exposes_and_nothing_else(
    environment: dict[str, str], contained: dict[str, str]
) -> None:
    environment |= contained
    policy = policy_of(**environment)
    for word, remarks in remarks_in(write(environment)).items():
        names = [name for name in OPERATIONS if stands_for(word, name) and policy.allows(name)]
        expected = []
        for exposure in find_exposures(policy):
            exposing = [name for name in exposure.operations if name in names]
            if exposing:
                expected.append(f"a client {exposure.says}" + (f" ({', '.join(exposing)})" if ":" in word else ""))
        assert remarks == expected


def stands_for(word: str, name: str) -> bool:
    """Whether a word of the file is an operation, or a group that has it."""
    return word in {name, f"{without_underscore(OPERATIONS[name].section)}:{OPERATIONS[name].access}"}


def words_in(text: str) -> set[str]:
    return set(remarks_in(text))


def remarks_in(text: str) -> dict[str, list[str]]:
    """Return the words of `allow` with their remarks, those that take several rows joined."""
    remarks: dict[str, list[str]] = {}
    above: list[str] = []
    for line in text.partition("    allow:")[2].partition("    deny:")[0].splitlines()[1:]:
        item, _, remark = line.partition("#")
        if item.strip():
            remarks[item.strip().removeprefix("- ").partition(": ")[0]] = above
            above = []
        elif remark.startswith("   "):
            above[-1] += f" {remark.strip()}"
        else:
            above.append(remark.strip())
    return remarks


@given(environments())
def test_no_line_is_long(environment: dict[str, str]) -> None:
    lines = write(environment).splitlines()
    assert all(len(line) <= WIDTH and line == line.rstrip() for line in lines)


@for_each("switch", sorted(SECTION_SWITCHES))
def test_what_a_switch_opens_whole_is_a_section_and_what_is_named_stays_named(switch: str) -> None:
    off = dict.fromkeys(["PING", "VERSION", "EVENTS", "LIBPOD_PING", "LIBPOD_VERSION"], "0")
    found = {name: operation for name, operation in OPERATIONS.items() if operation.section == SECTION_SWITCHES[switch]}
    reads = {name for name, operation in found.items() if operation.access == "read"}
    opened = words_in(write({**off, switch: "1", "POST": "1", "GRPC": "1", "DISTRIBUTION": "1"}))
    for access, names in (("read", reads), ("write", found.keys() - reads)):
        group = f"{without_underscore(SECTION_SWITCHES[switch])}:{access}"
        assert (group in opened) is (bool(names) and "ImageSearchLibpod" not in names)
        assert not (group in opened and names & opened)
    assert words_in(write({**off, "ALLOW": ",".join(found)})) == found.keys()


def test_a_section_that_is_open_on_a_condition_or_without_a_part_is_written_out() -> None:
    words = words_in(write({"CONTAINERS": "1", "ALLOW_LOGS": "0", "IMAGES": "1"}))
    assert words.isdisjoint({"containers:read", "images:read", "ContainerLogs"})
    assert words >= {"ContainerList", "ContainerTop", "ImageList", "ImageSearch"}


def test_no_value_of_a_variable_gets_into_a_comment() -> None:
    text = write({"ALLOW": "ContainerList,\nContainerTop", "LOG_LEVEL": "DEBUG", "CONTAINERS": ""})
    assert text.startswith("# Replaces ALLOW: unset it when you use this file. LOG_LEVEL stays in the environment.\n\n")


def test_where_nothing_is_allowed_the_file_says_so() -> None:
    off = dict.fromkeys(["PING", "VERSION", "EVENTS", "LIBPOD_PING", "LIBPOD_VERSION"], "0")
    assert write(off).endswith("    allow: []\n")
    policy = read(off).sockets[0].policy
    assert not any(policy.allows(name) for name in OPERATIONS)


def test_every_variable_is_replaced_kept_or_tells_the_engine() -> None:
    assert sorted((*REPLACED, *KEPT, *ENGINE_VARIABLES)) == sorted({*KNOWN} - {"POLICY_FILE"})
