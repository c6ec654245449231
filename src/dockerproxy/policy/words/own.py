"""`own`: that an object was created by the clients of the same socket.

A policy file says it of a grant, and the policy whose it is says who that is (`own_by`). The stamp that tells is read
in `policy/stamps`. Images have no owner.
"""

from collections.abc import Hashable
from functools import cache
from typing import Final

from dockerproxy.policy.objects import OWN, TASK, ResolvedObject
from dockerproxy.policy.stamps import NEW
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Constraint, Matcher
from dockerproxy.policy.words.networks import Joined

_KINDS: Final = {None: "", True: " by a service", False: ", by no service"}


class Own(Constraint):
    """What belongs to an owner; only containers of services, or only others, if that is said."""

    takes = Takes.YES
    is_learned = False

    def __init__(self, owner: str, of_tasks: bool | None) -> None:  # noqa: FBT001 (or neither)
        super().__init__(OWN, "only what clients of this socket created", narrows=True)
        self._owner, self.of_tasks = owner, of_tasks

    def matcher(self, _granted: Value) -> Matcher:
        """Match what belongs to the owner. What does not exist is nobody else's: the engine would say so, too."""
        owners = frozenset({self._owner, NEW} - {""})

        def matches(value: Hashable) -> bool:
            found = value.found if isinstance(value, Joined) else value
            if not isinstance(found, ResolvedObject):
                return False
            if found.belongs_to not in owners:
                return False
            return self.of_tasks is None or found.belongs_to == NEW or (TASK in found.labels) == self.of_tasks

        return matches

    def describe(self, _value: Value) -> str:
        """Say whose it is."""
        return f"it was created through this socket{_KINDS[self.of_tasks]}"


@cache
def own_by(owner: str, *, of_tasks: bool | None = None) -> Own:
    """Return the constraint for what belongs to an owner; for one without a name, nothing does.

    `of_tasks` says whether it holds of containers of services only, or of others only.
    """
    return Own(owner, of_tasks)


WORDS: Final = (own_by(""),)
