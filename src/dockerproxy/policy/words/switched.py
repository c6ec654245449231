"""`switched`: what switches of the environment allow, and policy files only with `unrestricted`.

No policy file can name it. Contained grants of switches have it, so that they decide as they always did.
"""

from collections.abc import Hashable

from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Constraint, Matcher


class _Switched(Constraint):
    takes = Takes.YES
    is_private = True

    def matcher(self, _granted: Value) -> Matcher:
        return lambda _: True

    def by_default(self, _value: Hashable) -> bool:
        """Say no: a fixed rule refuses it."""
        return False


CONSTRAINT = _Switched("switched", "what policy files allow only unrestricted")
