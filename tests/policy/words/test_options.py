"""Capabilities are added only as granted, and no option loosens what confines a container."""

import pytest
from policy.words.transcripts import look_at
from rows import for_each

from dockerproxy.policy.values import Value
from dockerproxy.policy.words.capabilities import capability_name
from dockerproxy.wire.document import Json


def faults(body: Json, operation: str = "ContainerCreate", query: str = "", **bounds: Value) -> list[str]:
    return list(map(str, look_at(operation, body, bounds, query).faults))


@pytest.mark.parametrize(
    "text", ["NET_BIND_SERVICE", "net_bind_service", "CAP_NET_BIND_SERVICE", "cap_net_bind_service"]
)
def test_a_capability_is_the_same_in_all_its_spellings(text: str) -> None:
    assert capability_name(text) == "NET_BIND_SERVICE"
    assert faults({"HostConfig": {"CapAdd": [text]}}, add_capabilities=("CAP_net_bind_service",)) == []


def test_what_is_granted_is_said_of_a_capability() -> None:
    (fault,) = look_at("ContainerCreate", {"HostConfig": {"CapAdd": ["cap_all"]}}).faults
    assert (fault.word, fault.value) == ("add_capabilities", ("ALL",))


@for_each(
    ("option", "passes"),
    [
        *(("no-new-privileges", True), ("no-new-privileges=true", True), ("no-new-privileges:true", True)),
        *(("apparmor=docker-default", True), ("apparmor:docker-default", True), ("seccomp=builtin", False)),
        *(("no-new-privileges=false", False), ("apparmor=unconfined", False), ("label=disable", False), ("", False)),
    ],
)
def test_no_option_loosens_what_confines(option: str, *, passes: bool) -> None:
    assert (faults({"HostConfig": {"SecurityOpt": [option]}}) == []) is passes


@pytest.mark.parametrize(
    ("options", "passes"), [(["no-new-privileges"], True), ([], False), (["apparmor=docker-default"], False)]
)
def test_set_user_id_programs_are_kept_from_working_where_that_is_demanded(options: list[str], *, passes: bool) -> None:
    body: Json = {"HostConfig": {"SecurityOpt": [*options]}}
    found = faults(body, no_new_privileges="required")
    assert found == ([] if passes else ["HostConfig.SecurityOpt must have no-new-privileges=true"])
    assert faults({}, no_new_privileges="required")
