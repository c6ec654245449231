"""`tags`: the names that an image may be given. Without it none may."""

from dockerproxy.policy.constraints.base import Constraint
from dockerproxy.policy.constraints.images import Images


class _Tags(Images):
    describe = Constraint.describe


CONSTRAINT = _Tags("tags", "which names an image may be given, as references and globs")
