"""`joins`: the containers whose network, processes and memory a container may join."""

from dockerproxy.policy.constraints.base import Constraint
from dockerproxy.policy.constraints.names import Names


class _Joins(Names):
    describe = Constraint.describe


CONSTRAINT = _Joins("joins", "of which containers the network, processes and memory may be joined")
