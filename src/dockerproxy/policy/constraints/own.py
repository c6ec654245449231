"""`own`: that an object was created by the clients of the same socket.

A policy file says it of a grant, and the policy whose it is says who that is (`own_by`). The stamp that tells is read
in `policy/stamps`. Images have no owner.
"""

from collections.abc import Hashable, Mapping
from functools import cache
from typing import NamedTuple

from dockerproxy.policy.constraints.base import Constraint, Matcher
from dockerproxy.policy.constraints.networks import Joined
from dockerproxy.policy.objects import OWN, ResolvedObject
from dockerproxy.policy.stamps import GRANTS, NEW
from dockerproxy.policy.values import Takes, Value


class Creates(NamedTuple):
    """Under which grant of a create a container must have been possible, for a grant to hold of it.

    Attributes:
        key: Of that grant.
        keys: Of all grants of creates.
        takes_others: Whether it holds of those, too, that were created under grants which are no more.
    """

    key: str
    keys: frozenset[str]
    takes_others: bool

    def admit(self, labels: Mapping[str, object]) -> bool:
        """Whether a container with these labels is one. All keys are of one length, and apart."""
        said = str(labels.get(GRANTS, ""))
        return self.key in said or (self.takes_others and not any(key in said for key in self.keys))


class Own(Constraint):
    """What belongs to an owner; created under one of some grants, if that is said."""

    takes = Takes.YES
    is_learned = False

    def __init__(self, owner: str, creates: Creates | None) -> None:
        super().__init__(OWN, "only what clients of this socket created", narrows=True)
        self._owner, self.creates = owner, creates

    def matcher(self, _granted: Value) -> Matcher:
        """Match what belongs to the owner. What does not exist is nobody else's: the engine would say so, too."""
        owners, creates = frozenset({self._owner, NEW} - {""}), self.creates

        def matches(value: Hashable) -> bool:
            found = value.found if isinstance(value, Joined) else value
            if not isinstance(found, ResolvedObject):
                return False
            if found.belongs_to not in owners:
                return False
            return creates is None or found.belongs_to == NEW or creates.admit(found.labels)

        return matches

    def describe(self, _value: Value) -> str:
        """Say whose it is."""
        return f"it was created through this socket{' under such a grant' if self.creates else ''}"


@cache
def own_by(owner: str, creates: Creates | None = None) -> Own:
    """Return the constraint for what belongs to an owner; for one without a name, nothing does.

    `creates` are the grants by which it could create what it changes, if there are several.
    """
    return Own(owner, creates)


CONSTRAINT = own_by("")
