"""A container restarts only as it may."""

from collections.abc import Callable

import pytest
from policy.claims.looking import faults

from dockerproxy.wire.document import Json

Made = Callable[..., Json]

MADE: list[tuple[str, Made]] = [
    ("ContainerCreate", lambda name: {"Image": "web", "HostConfig": {"RestartPolicy": {"Name": name}}}),
]
SERVICES = ["ServiceCreate", "ServiceUpdate"]


def problems(operation: str, content: Json, query: str = "", *granted: str) -> list[str]:
    found = faults(operation, query, content, None, restart=granted or ("no", "on-failure"))
    return [each for each in found if "estart" in each]


def service(condition: str | None) -> Json:
    return {"TaskTemplate": {"ContainerSpec": {"Image": "web"}, "RestartPolicy": {"Condition": condition}}}


@pytest.mark.parametrize(("operation", "made"), MADE)
def test_only_granted_restart_policies_are_made(operation: str, made: Made) -> None:
    for name in ("no", "on-failure", "", None):
        assert not problems(operation, made(name))
    for name in ("always", "unless-stopped", "Always", "on-failure:3"):
        (fault,) = problems(operation, made(name))
        assert "a restart policy that no rule allows" in fault
        assert not [each for each in faults(operation, "", made(name)) if "estart" in each]


def test_nothing_named_is_what_the_engine_does() -> None:
    assert problems("ContainerCreate", {"Image": "web"}, "", "always") == [
        "HostConfig.RestartPolicy.Name is missing, which means no, a restart policy that no rule allows"
    ]
    for operation in SERVICES:
        assert problems(operation, {})
        assert problems(operation, service(None))
        assert not problems(operation, service(None), "", "always")


@pytest.mark.parametrize("operation", SERVICES)
def test_a_service_restarts_its_tasks_as_a_container_would(operation: str) -> None:
    for condition in ("none", "on-failure"):
        assert not problems(operation, service(condition))
    for condition in ("any", "always", "x"):
        assert problems(operation, service(condition))


def test_a_restart_policy_is_changed_only_to_a_granted_one() -> None:
    for name in ("always", "unless-stopped"):
        assert problems("ContainerUpdate", {"RestartPolicy": {"Name": name}})
    assert not problems("ContainerUpdate", {"RestartPolicy": {"Name": "", "MaximumRetryCount": 0}}, "", "always")
    assert not problems("ContainerUpdate", {"RestartPolicy": {"Name": "no"}}, "", "no")
