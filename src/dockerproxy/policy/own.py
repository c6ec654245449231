"""What the word `own` stands for, and a policy that grants nothing else: for what is done in an owner's name."""

from functools import lru_cache
from typing import Final

from dockerproxy.api.bodies.tables import SEALED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.compile import CompiledPolicy, compile_policy
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.registry import CONSTRAINTS
from dockerproxy.policy.model import Grant, Policy
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.vocabulary import find_words

_REACHING: Final = frozenset({"CheckpointCreate", "CheckpointDelete", "CheckpointList"})
"""Operations that name any directory of the host."""

OWN_GRANT: Final = Grant(
    frozenset(
        name
        for name, operation in OPERATIONS.items()
        if OWN in find_words(operation) and name not in {*SEALED, *_REACHING}
    ),
    OWN,
    (Condition(CONSTRAINTS[OWN], value=True),),
)
"""All that can be done to what exists, for what clients of the socket created."""


@lru_cache(maxsize=64)
def own_policy(owner: str) -> CompiledPolicy:
    """Return a policy that grants everything about what an owner has, and enforces that."""
    return compile_policy(Policy(grants=(OWN_GRANT,), denials=(), hint=str, owner=owner))
