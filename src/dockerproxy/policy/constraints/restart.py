"""`restart`: the restart policies that a container may have. Without it any.

Attack: no restart policy is named, so that the pod's applies (Podman) or the swarm's, which is always -> Defence: in a
pod it must be named, and of a service nothing named is `always` (test: test_nothing_named_is_what_the_engine_does).
Attack: a container is made without one and changed later -> Defence: the word is for updates, too
(test: test_a_restart_policy_is_changed_only_to_a_granted_one).
Attack: a health check after which Podman restarts it, whatever its restart policy -> Defence: that is `on-failure`
(test: test_a_health_check_that_restarts_is_a_restart_policy).
"""

from typing import Final

from dockerproxy.policy.claim import Check, Object, Reading
from dockerproxy.policy.constraints.base import Words
from dockerproxy.wire.document import Json

_WORD: Final = "restart"
_NOT_GRANTED: Final = "a restart policy that no rule allows"
_OF_SERVICE: Final = {"none": "no", "any": "always", "": "always"}
"""What a swarm calls them, and what it does by itself."""

_HARMLESS: Final = frozenset({None, "", 0, "none", 2, "kill", 4, "stop"})
"""What Podman may do with a container that is unhealthy (libpod/define/healthchecks.go); 3 is to restart it."""


def restarts_unhealthy(action: object) -> bool:
    """Whether Podman may restart a container that is unhealthy, by what a body says of that."""
    return not isinstance(action, str | int | None) or action not in _HARMLESS


def _check(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """A restart policy; nothing named is `no`."""
    if parent.get("pod") and not value:
        reading.claim(_WORD, None, path, None, "must be set, or the pod's applies")
    else:
        _claim(reading, str(value or "no"), path, value)


def _claim(reading: Reading, name: str, path: str, value: Json) -> None:
    says = _NOT_GRANTED if value else f"is missing, which means {name}, a restart policy that no rule allows"
    reading.claim(_WORD, name, path, value or None, says)


def _check_changed(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """A restart policy; nothing named leaves it as it is."""
    if value:
        _check(reading, value, path, parent)


def _check_service(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A condition under which a swarm restarts tasks; nothing named is `any`."""
    name = str(value or "")
    _claim(reading, _OF_SERVICE.get(name, name), path, value)


def _check_health(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """What becomes of a container that is unhealthy."""
    if restarts_unhealthy(value):
        reading.claim(_WORD, "on-failure", path, value, "which restarts it, and no rule allows that")


CONSTRAINT = Words(
    _WORD, "which restart policies it may have, like no or on-failure", ("no", "on-failure", "unless-stopped", "always")
)

READS: Final[dict[tuple[str, str], Check]] = {
    ("ContainerCreate", "HostConfig.RestartPolicy.Name!"): _check,
    ("ContainerUpdate", "RestartPolicy.Name"): _check_changed,
    ("ContainerCreateLibpod PodCreateLibpod", "restart_policy!"): _check,
    ("ContainerUpdateLibpod", "?restartPolicy"): _check,
    ("ContainerCreateLibpod", "health_check_on_failure_action"): _check_health,
    ("ContainerUpdateLibpod", "health_on_failure"): _check_health,
    ("ServiceCreate ServiceUpdate", "TaskTemplate.RestartPolicy.Condition!"): _check_service,
}
