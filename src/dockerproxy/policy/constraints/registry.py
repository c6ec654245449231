"""All constraints: each file of this package that has one registers it by being here.

A file has `CONSTRAINT`. One whose word is about fields that no check of `policy/claims` reads has `READS` besides: for
each operation and field, as the tables of `api/bodies` name it, the function that makes claims of its value. A `!`
behind the field has it look at what is not there, too.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Final

from dockerproxy.policy import constraints
from dockerproxy.policy.claim import Check
from dockerproxy.policy.constraints.base import Constraint

_NAMES: Final = sorted(each.name for each in pkgutil.iter_modules(constraints.__path__))
_MODULES: Final = tuple(importlib.import_module(f"{constraints.__name__}.{name}") for name in _NAMES)

CONSTRAINTS: Final[Mapping[str, Constraint]] = {
    module.CONSTRAINT.name: module.CONSTRAINT for module in _MODULES if hasattr(module, "CONSTRAINT")
}
"""By word."""

READS: Final[Mapping[tuple[str, str], tuple[Check, str]]] = {
    place: (check, module.CONSTRAINT.name)
    for module in _MODULES
    for place, check in getattr(module, "READS", {}).items()
}
"""By operation and field: what reads it, and the word that it makes claims of."""
