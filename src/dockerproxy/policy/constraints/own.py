"""`own`: that an object was created by the clients of the same socket.

A policy file says it of a grant, and the policy whose it is says who that is (`own_by`). The stamp that tells is read
in `policy/stamps`.
"""

from collections.abc import Hashable
from functools import cache

from dockerproxy.policy.constraints.base import Constraint, Matcher
from dockerproxy.policy.constraints.networks import Joined
from dockerproxy.policy.objects import OWN, ResolvedObject
from dockerproxy.policy.stamps import NEW
from dockerproxy.policy.values import Takes, Value


class _Own(Constraint):
    takes = Takes.YES
    is_learned = False

    def __init__(self, owner: str) -> None:
        super().__init__(OWN, "only what clients of this socket created", narrows=True)
        self._owner = owner

    def matcher(self, _granted: Value) -> Matcher:
        """Match what belongs to the owner. What does not exist is nobody else's: the engine would say so, too."""
        owners = frozenset({self._owner, NEW} - {""})

        def matches(value: Hashable) -> bool:
            found = value.found if isinstance(value, Joined) else value
            return isinstance(found, ResolvedObject) and found.belongs_to in owners

        return matches

    def describe(self, _value: Value) -> str:
        return "it was created through this socket"


@cache
def own_by(owner: str) -> Constraint:
    """Return the constraint for what belongs to an owner; for one without a name, nothing does."""
    return _Own(owner)


CONSTRAINT = own_by("")
