"""What must not be root certainly is not."""

import pytest
from policy.inspecting import admits
from policy.words.looking import look

from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.wire.document import Json, object_of

CONSTRAINT = CONSTRAINTS["user"]

RUNS: Json = {"Image": "x", "User": "1000:1000"}
NOT_ROOT = {"user": "not-root"}


@pytest.mark.parametrize(
    ("user", "passes"),
    [
        ("1000:1000", True),
        ("1000", False),
        ("1000:0", False),
        ("0:1000", False),
        ("web:web", False),
        ("", False),
        (None, False),
    ],
)
def test_a_user_is_certainly_not_root_or_not_admitted(user: str | None, *, passes: bool) -> None:
    assert admits("user", "not-root", user) is passes
    assert admits("user", "any", user)
    assert CONSTRAINT.least(user) == ("not-root" if passes else "any")


def test_who_must_not_be_root_is_within_any() -> None:
    assert CONSTRAINT.within("not-root", "any")
    assert CONSTRAINT.within("any", "any")
    assert not CONSTRAINT.within("any", "not-root")


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (None, ["no-new-privileges"]),
        ([], ["no-new-privileges"]),
        (["apparmor=docker-default"], ["apparmor=docker-default", "no-new-privileges"]),
        (["no-new-privileges"], ["no-new-privileges"]),
        (["no-new-privileges:true"], ["no-new-privileges:true"]),
        (["no-new-privileges=true", "apparmor=docker-default"], ["no-new-privileges=true", "apparmor=docker-default"]),
    ],
)
def test_a_container_that_must_not_be_root_does_not_become_it(said: Json, sent: Json) -> None:
    body = {**object_of(RUNS), "HostConfig": {"SecurityOpt": said}}
    seen = look("ContainerCreate", "", body, bounds=NOT_ROOT)
    assert seen.faults == ()
    assert object_of(object_of(seen.content)["HostConfig"])["SecurityOpt"] == sent
    for bounds in ({}, {"user": "any"}):
        seen = look("ContainerCreate", "", body, bounds=bounds)
        assert seen.faults == ()
        assert object_of(object_of(seen.content)["HostConfig"]).get("SecurityOpt") == said


def test_a_create_without_anything_for_the_host_gets_it_as_well() -> None:
    seen = look("ContainerCreate", "", RUNS, bounds=NOT_ROOT)
    assert seen.content == {
        **object_of(RUNS),
        "Image": "docker.io/library/x",
        "HostConfig": {"SecurityOpt": ["no-new-privileges"]},
    }


@pytest.mark.parametrize("operation", ["ServiceCreate", "ServiceUpdate"])
@pytest.mark.parametrize("said", [None, False, True])
def test_a_service_that_must_not_be_root_does_not_become_it(operation: str, *, said: bool | None) -> None:
    container: Json = {**object_of(RUNS), "Privileges": {"NoNewPrivileges": said}}
    body: Json = {"Name": "x", "TaskTemplate": {"ContainerSpec": container}}
    version = "?version=1" if operation == "ServiceUpdate" else ""
    seen = look(operation, version, body, bounds={**NOT_ROOT, "networks": ("**",)})
    assert [each for each in seen.faults if each.path != "X-Registry-Auth"] == []
    spec = object_of(object_of(object_of(seen.content)["TaskTemplate"])["ContainerSpec"])
    assert object_of(spec["Privileges"])["NoNewPrivileges"] is True


def test_no_service_that_must_not_be_root_is_made_where_the_engine_leaves_that_out() -> None:
    body: Json = {"Name": "x", "TaskTemplate": {"ContainerSpec": RUNS}}
    networks = {"networks": ("**",)}
    for version, told in (("1.43", 1), ("1.44", 0)):
        target = f"/v{version}/services/create"
        found = look("ServiceCreate", "", body, bounds={**NOT_ROOT, **networks}, target=target).faults
        assert len(found) == told
        assert all(each.says == f"is ignored by the engine under v{version}" for each in found)
        assert look("ServiceCreate", "", body, bounds={"user": "any", **networks}, target=target).faults == ()
