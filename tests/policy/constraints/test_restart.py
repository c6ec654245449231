"""A container restarts only as it may."""

from collections.abc import Callable

import pytest
from policy.claims.looking import faults

from dockerproxy.wire.document import Json

Made = Callable[..., Json]

MADE: list[tuple[str, Made]] = [
    ("ContainerCreate", lambda name: {"Image": "web", "HostConfig": {"RestartPolicy": {"Name": name}}}),
    ("ContainerCreateLibpod", lambda name: {"image": "web", "restart_policy": name}),
    ("PodCreateLibpod", lambda name: {"restart_policy": name}),
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
    assert problems("ContainerCreateLibpod", {"image": "web", "pod": "ci"}) == [
        "restart_policy must be set, or the pod's applies"
    ]
    assert not problems("ContainerCreateLibpod", {"image": "web", "pod": "ci", "restart_policy": "no"})
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
        assert problems("ContainerUpdateLibpod", {}, f"?restartPolicy={name}")
    assert not problems("ContainerUpdate", {"RestartPolicy": {"Name": "", "MaximumRetryCount": 0}}, "", "always")
    assert not problems("ContainerUpdate", {"RestartPolicy": {"Name": "no"}}, "", "no")
    assert not problems("ContainerUpdateLibpod", {}, "?restartPolicy=no")
    assert not problems("ContainerUpdateLibpod", {})


@pytest.mark.parametrize(
    ("operation", "made"),
    [
        ("ContainerCreateLibpod", lambda action: {"image": "web", "health_check_on_failure_action": action}),
        ("ContainerUpdateLibpod", lambda action: {"health_on_failure": action}),
    ],
)
def test_a_health_check_that_restarts_is_a_restart_policy(operation: str, made: Made) -> None:
    forms = (3, 0, 2) if "Create" in operation else ("restart", "none", "kill")
    restarts, *others = map(made, forms)
    query = "restartPolicy=no" if "Update" in operation else ""
    (fault,) = problems(operation, restarts, query, "no")
    assert "restarts it" in fault
    assert not problems(operation, restarts, query, "no", "on-failure")
    assert not [each for other in others for each in problems(operation, other, query, "no")]
