"""`restart`: the restart policies that a container may have. Without it any.

Attack: no restart policy is named, so that the swarm's applies, which is always -> Defence: of a service, nothing named
is `always` (test: test_nothing_named_is_what_the_engine_does).
Attack: a container is made without one and changed later -> Defence: the word is for updates, too
(test: test_a_restart_policy_is_changed_only_to_a_granted_one).
"""

from typing import Final

from dockerproxy.policy.claim import Check, Object, Reading
from dockerproxy.policy.constraints.base import Words
from dockerproxy.wire.document import Json

_WORD: Final = "restart"
_NOT_GRANTED: Final = "a restart policy that no rule allows"
_OF_SERVICE: Final = {"none": "no", "any": "always", "": "always"}
"""What a swarm calls them, and what it does by itself."""


def _check(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A restart policy; nothing named is `no`."""
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


CONSTRAINT = Words(
    _WORD, "which restart policies it may have, like no or on-failure", ("no", "on-failure", "unless-stopped", "always")
)

READS: Final[dict[tuple[str, str], Check]] = {
    ("ContainerCreate", "HostConfig.RestartPolicy.Name!"): _check,
    ("ContainerUpdate", "RestartPolicy.Name"): _check_changed,
    ("ServiceCreate ServiceUpdate", "TaskTemplate.RestartPolicy.Condition!"): _check_service,
}
