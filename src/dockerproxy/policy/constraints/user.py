"""`user`: whether a container or a command may run as root.

Attack: become root in the container by a set-user-id program of its image, or by one that an upload puts there ->
Defence: whoever must not be root gets `no-new-privileges` when the container or service is created (test:
test_a_container_that_must_not_be_root_does_not_become_it).
"""

from collections.abc import Hashable
from typing import Final

from dockerproxy.api.request import read_version
from dockerproxy.policy.amounts import is_certainly_not_root
from dockerproxy.policy.claim import KEEP, Check, Claim, Object, Reading, Substitute
from dockerproxy.policy.constraints.base import Condition, Constraint, Matcher
from dockerproxy.policy.constraints.no_new_privileges import SINCE, SPELLED
from dockerproxy.policy.values import Takes, Value
from dockerproxy.wire.document import Json, list_of


def _bind_container(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Gets the option that keeps set-user-id programs from working, if it must not be root."""
    options = list_of(value)
    put: Substitute = KEEP if any(option in SPELLED for option in options) else [*options, SPELLED[0]]
    reading.claims.append(Claim(("user",), ((True, put),), path, None, "", target=path))


def _bind_service(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Is set, if it must not be root and the engine reads it."""
    version = read_version(reading.request.version)
    is_read, says = version is None or version >= SINCE, f"is ignored by the engine under {reading.request.version}"
    put: Substitute = KEEP if value is True else True
    reading.claims.append(Claim(("user",), ((is_read, put),), path, None, says, target=path))


class _User(Constraint):
    """Group 0 owns files of the host, and in many images may write /etc/passwd.

    Docker and Podman give it to a number for which the image has no user (moby/sys/user, GetExecUser), and nothing is
    known of the image here.

    Values of claims are users, or whether the engine reads what keeps set-user-id programs from working.
    """

    takes = Takes.CHOICE
    choices = ("not-root", "any")
    acts = True

    def matcher(self, granted: Value) -> Matcher:
        """Match a user that is certainly not root, if that is demanded."""
        return lambda value: granted == "any" or value is True or _is_not_root(value)

    def judge(self, condition: Condition, claim: Claim) -> Substitute:
        """Keep set-user-id programs from working, if that is demanded."""
        return KEEP if condition.value == "any" else super().judge(condition, claim)

    def least(self, value: Hashable) -> Value | None:
        """Demand what is kept to already."""
        return "not-root" if value is True or _is_not_root(value) else "any"

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return some user that is certainly not root, or one that may be."""
        return ("1000:1000" if least == "not-root" else "root",)

    def within(self, inner: Value, outer: Value) -> bool:
        """Whether the outer one demands no more."""
        return outer in {inner, "any"}

    def problem(self, _granted: Value | None, claim: Claim) -> str:
        """Say how a user is named that is certainly not root."""
        value = claim.options[0][0] if claim.options else ""
        if value is False:
            return claim.says
        if not value:
            return "is missing, so it may be root; set one, like 1000:1000"
        if isinstance(value, str) and is_certainly_not_root(f"{value}:{value}"):
            return f"but must have a group, like {value}:{value}, or it may get root's"
        return "but must be a user and a group that are not root, by number, like 1000:1000"


def _is_not_root(value: Hashable) -> bool:
    return isinstance(value, str) and is_certainly_not_root(value)


CONSTRAINT = _User(
    "user",
    "whether it may run as root; if not, numbers of a user and a group must be given, like 1000:1000, and what is"
    " created gets no-new-privileges",
    narrows=True,
)

READS: Final[dict[tuple[str, str], Check]] = {
    ("ContainerCreate", "HostConfig.SecurityOpt[]!"): _bind_container,
    ("ServiceCreate ServiceUpdate", "TaskTemplate.ContainerSpec.Privileges.NoNewPrivileges!"): _bind_service,
}
