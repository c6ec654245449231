"""`user`: whether a container or a command may run as root.

Attacks: docs/attacks.md, policy/words/user.
"""

from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.claim import KEEP, Claim, Object, Reading, Substitute
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Condition, Constraint, Matcher
from dockerproxy.policy.words.spellings import is_certainly_not_root
from dockerproxy.wire.document import Json


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


def check_user(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """A user, perhaps with a group; nobody named is what the image says."""
    reading.claim("user", value if isinstance(value, str) else "", path, value or None)


_SUMMARY: Final = "whether it may be root; if not, it needs user and group by number, and gets no-new-privileges"
WORDS: Final = (_User("user", _SUMMARY, narrows=True),)
CHECKS: Final = (check_user,)
