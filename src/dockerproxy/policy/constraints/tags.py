"""`tags`: the names that an image may be given. Without it none may."""

from dockerproxy.policy.constraints.base import Constraint
from dockerproxy.policy.constraints.images import Images
from dockerproxy.policy.values import Value


class _Tags(Images):
    def describe(self, value: Value) -> str:
        """Name the references."""
        return Constraint.describe(self, value)


CONSTRAINT = _Tags("tags", "which names an image may be given, as references and globs")
