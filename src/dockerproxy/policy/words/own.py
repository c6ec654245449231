"""`own`: the object must have been created by clients of the same socket.

A grant in a policy file contains the word; the policy adds the owner (`own_by`). The stamp is read in `owner_labels`.
Images have no owner.
"""

from collections.abc import Hashable
from functools import cache
from typing import Final

from dockerproxy.owner_labels import NEW
from dockerproxy.policy.objects import OWN, TASK, ResolvedObject
from dockerproxy.policy.values import Takes, Value
from dockerproxy.policy.words.constraint import Constraint, Matcher
from dockerproxy.policy.words.networks import Joined

_KINDS: Final = {None: "", True: " by a service", False: ", by no service"}


class Own(Constraint):
    """Objects of an owner; optionally only containers of services, or only others."""

    takes = Takes.YES
    is_learned = False

    def __init__(self, owner: str, of_tasks: bool | None) -> None:  # noqa: FBT001 (or neither)
        super().__init__(OWN, "only what clients of this socket created", narrows=True)
        self._owner, self.of_tasks = owner, of_tasks

    def matcher(self, _granted: Value) -> Matcher:
        """Match the owner's objects, and missing ones: the engine reports these itself."""
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
        """Describe the owner."""
        return f"it was created through this socket{_KINDS[self.of_tasks]}"


@cache
def own_by(owner: str, *, of_tasks: bool | None = None) -> Own:
    """Return the constraint for an owner's objects. An owner without name has none.

    `of_tasks` limits it to containers of services, or to others.
    """
    return Own(owner, of_tasks)


WORDS: Final = (own_by(""),)
