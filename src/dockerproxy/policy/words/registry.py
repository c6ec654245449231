"""All constraints: each file of this package that has one is in the list here.

A file has `CONSTRAINT`, or `CONSTRAINTS` of one kind. Where `CONSTRAINT` is about fields that no check
reads for it, there is `READS` as well: for operations and a field, as the tables of `api/bodies` name
it, the function that makes claims of its value. A `!` behind the field has it look at what is not there, too. Several
words may read the same field; a check that its line names reads it last.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from dockerproxy.api.bodies.fields import ALWAYS
from dockerproxy.policy.claim import Check
from dockerproxy.policy.values import Value
from dockerproxy.policy.words import (
    amounts,
    binds,
    capabilities,
    granted_commands,
    granted_images,
    granted_labels,
    granted_names,
    granted_networks,
    granted_parameters,
    granted_subnets,
    labelled,
    no_new_privileges,
    own,
    publish,
    read_only,
    switched,
    unrestricted,
    user,
)
from dockerproxy.policy.words.constraint import Condition, Constraint

_MODULES: Final = (
    amounts,
    binds,
    capabilities,
    granted_commands,
    granted_images,
    granted_labels,
    granted_names,
    granted_networks,
    granted_parameters,
    granted_subnets,
    labelled,
    no_new_privileges,
    own,
    publish,
    read_only,
    switched,
    unrestricted,
    user,
)

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
