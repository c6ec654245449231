"""All constraints: each file of this package that has one registers it by being here.

A file has `CONSTRAINT`, or `CONSTRAINTS` of one kind. Where `CONSTRAINT` is about fields that no check of
`policy/claims` reads for it, there is `READS` as well: for operations and a field, as the tables of `api/bodies` name
it, the function that makes claims of its value. A `!` behind the field has it look at what is not there, too. Several
words may read the same field; a check that its line names reads it last.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Final, NamedTuple

from dockerproxy.api.bodies.fields import ALWAYS
from dockerproxy.policy import constraints
from dockerproxy.policy.claim import Check
from dockerproxy.policy.constraints.base import Condition, Constraint
from dockerproxy.policy.values import Value

_NAMES: Final = sorted(each.name for each in pkgutil.iter_modules(constraints.__path__))
_MODULES: Final = tuple(importlib.import_module(f"{constraints.__name__}.{name}") for name in _NAMES)

_FOUND: Final = ((*getattr(each, "CONSTRAINTS", ()), getattr(each, "CONSTRAINT", None)) for each in _MODULES)
_BY_WORD: Final = {each.name: each for several in _FOUND for each in several if each}

CONSTRAINTS: Final[Mapping[str, Constraint]] = dict(sorted(_BY_WORD.items()))
"""By word."""


def conditions_of(values: Mapping[str, Value]) -> tuple[Condition, ...]:
    """Return the conditions that demand values by their words."""
    return tuple(Condition(CONSTRAINTS[word], value) for word, value in values.items())


class Read(NamedTuple):
    """What makes claims of a field's value, for which word, and whether it looks at what is not there, too."""

    check: Check
    word: str
    always: bool


def _list_reads() -> dict[tuple[str, str], tuple[Read, ...]]:
    found: dict[tuple[str, str], tuple[Read, ...]] = {}
    for module in _MODULES:
        for (operations, field), check in getattr(module, "READS", {}).items():
            read = Read(check, module.CONSTRAINT.name, field.endswith(ALWAYS))
            for operation in operations.split(" "):
                place = operation, field.removesuffix(ALWAYS)
                found[place] = (*found.get(place, ()), read)
    return found


READS: Final[Mapping[tuple[str, str], tuple[Read, ...]]] = _list_reads()
"""By operation and field: what reads it."""
