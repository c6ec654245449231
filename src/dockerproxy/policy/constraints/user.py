"""`user`: whether a container or a command may run as root."""

from collections.abc import Hashable

from dockerproxy.policy.amounts import is_certainly_not_root
from dockerproxy.policy.claim import Claim
from dockerproxy.policy.constraints.base import Constraint, Matcher
from dockerproxy.policy.values import Takes, Value


class _User(Constraint):
    """Group 0 owns files of the host, and in many images may write /etc/passwd.

    Docker and Podman give it to a number for which the image has no user (moby/sys/user, GetExecUser), and nothing is
    known of the image here.
    """

    takes = Takes.CHOICE
    choices = ("not-root", "any")

    def matcher(self, granted: Value) -> Matcher:
        """Match a user that is certainly not root, if that is demanded."""
        return lambda value: granted == "any" or (isinstance(value, str) and is_certainly_not_root(value))

    def least(self, value: Hashable) -> Value | None:
        """Demand what is kept to already."""
        return "not-root" if isinstance(value, str) and is_certainly_not_root(value) else "any"

    def within(self, inner: Value, outer: Value) -> bool:
        """Whether the outer one demands no more."""
        return outer in {inner, "any"}

    def problem(self, _granted: Value | None, claim: Claim) -> str:
        """Say how a user is named that is certainly not root."""
        value = claim.options[0][0] if claim.options else ""
        if not value:
            return "is missing, so it may be root; set one, like 1000:1000"
        if isinstance(value, str) and is_certainly_not_root(f"{value}:{value}"):
            return f"but must have a group, like {value}:{value}, or it may get root's"
        return "but must be a user and a group that are not root, by number, like 1000:1000"


CONSTRAINT = _User(
    "user",
    "whether it may run as root; if not, numbers of a user and a group must be given, like 1000:1000",
    narrows=True,
)
