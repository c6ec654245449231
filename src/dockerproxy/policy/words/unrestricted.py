"""`unrestricted`: only the path of a request is checked. Without it, an operation is contained.

`switched` allows what switches of the environment allow, and policy files only with `unrestricted`. Policy files cannot
contain it. Contained grants of switches have it, so that their decisions stay compatible.
"""

from collections.abc import Hashable
from typing import Final

from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Constraint, Matcher


class _Unrestricted(Constraint):
    takes = Takes.FLAG

    def matcher(self, _granted: Value) -> Matcher:
        return lambda _: True


class _Switched(_Unrestricted):
    takes = Takes.YES
    is_private = True

    def by_default(self, _value: Hashable) -> bool:
        """Refuse it, like a fixed rule."""
        return False


WORDS: Final = (
    _Unrestricted("unrestricted", "allows the whole operation, with any body"),
    _Switched("switched", "allows what policy files allow only unrestricted"),
)
