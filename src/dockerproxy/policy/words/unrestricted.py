"""`unrestricted`: nothing that a request says besides its path is looked at. Without it, an operation is contained.

`switched` is what switches of the environment allow, and policy files only with `unrestricted`. No policy file can name
it. Contained grants of switches have it, so that they decide as they always did.
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
        """Say no: a fixed rule refuses it."""
        return False


WORDS: Final = (
    _Unrestricted("unrestricted", "opens it whole: the body may be anything"),
    _Switched("switched", "what policy files allow only unrestricted"),
)
