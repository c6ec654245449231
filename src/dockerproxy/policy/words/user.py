"""`user`: whether a container or command may run as root.

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
    """Group 0 owns host files, and in many images can write /etc/passwd.

    Docker and Podman assign it to a UID that the image does not know (moby/sys/user, GetExecUser), and the image is
    unknown here.

    Values of claims are users, or whether the engine reads the option that disables set-user-id programs.
    """

    takes = Takes.CHOICE
    choices = ("not-root", "any")
    acts = True

    def matcher(self, granted: Value) -> Matcher:
        """Match a user that is certainly not root, if required."""
        return lambda value: granted == "any" or value is True or _is_not_root(value)

    def judge(self, condition: Condition, claim: Claim) -> Substitute:
        """Disable set-user-id programs, if required."""
        return KEEP if condition.value == "any" else super().judge(condition, claim)

    def least(self, value: Hashable) -> Value | None:
        """Require what the request already meets."""
        return "not-root" if value is True or _is_not_root(value) else "any"

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        """Return a user that is certainly not root, or one that may be."""
        return ("1000:1000" if least == "not-root" else "root",)

    def within(self, inner: Value, outer: Value) -> bool:
        """Whether the outer value requires no more."""
        return outer in {inner, "any"}

    def problem(self, _granted: Value | None, claim: Claim) -> str:
        """Explain how to name a user that is certainly not root."""
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
    """A user, optionally with a group. Without one, the image decides."""
    reading.claim("user", value if isinstance(value, str) else "", path, value or None)


_SUMMARY: Final = "whether it may be root; if not, it needs user and group by number, and gets no-new-privileges"
WORDS: Final = (_User("user", _SUMMARY, narrows=True),)
CHECKS: Final = (check_user,)
