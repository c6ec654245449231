"""`unrestricted`: nothing that a request says besides its path is looked at. Without it, an operation is contained."""

from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Constraint, Matcher


class _Unrestricted(Constraint):
    takes = Takes.FLAG

    def matcher(self, _granted: Value) -> Matcher:
        return lambda _: True


CONSTRAINT = _Unrestricted("unrestricted", "opens it whole: the body may be anything")
