"""`joins`: the containers whose network, processes and memory a container may join."""

from dockerproxy.policy.constraints.base import Constraint
from dockerproxy.policy.constraints.names import Names
from dockerproxy.policy.values import Value


class _Joins(Names):
    def describe(self, value: Value) -> str:
        """Name the containers."""
        return Constraint.describe(self, value)


CONSTRAINT = _Joins("joins", "of which containers the network, processes and memory may be joined")
