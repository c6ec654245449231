"""All words and checks: each file of this package has its own in `WORDS` and `CHECKS`, and is in the list here.

A row of a table in `api/bodies` names the check that reads its field, and behind it the words that the check obeys.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

from dockerproxy.api.bodies.tables import Body
from dockerproxy.policy.claim import Check
from dockerproxy.policy.values import Value
from dockerproxy.policy.words import (
    binds,
    capabilities,
    commands,
    devices,
    environment,
    fixed,
    gpus,
    images,
    labelled,
    labels,
    limits,
    mounts,
    names,
    networks,
    no_new_privileges,
    own,
    parameters,
    publish,
    read_only,
    running,
    subnets,
    unrestricted,
    user,
)
from dockerproxy.policy.words.constraint import Condition, Constraint

_MODULES: Final = (
    *(binds, capabilities, commands, devices, environment, fixed, gpus, images, labelled, labels, limits, mounts),
    *(names, networks, no_new_privileges, own, parameters, publish, read_only, running, subnets, unrestricted, user),
)
_WORDS: Final = {each.name: each for module in _MODULES for each in getattr(module, "WORDS", ())}

CONSTRAINTS: Final[Mapping[str, Constraint]] = dict(sorted(_WORDS.items()))
"""By word."""

CHECKS: Final[Mapping[str, Check]] = {
    check.__name__: check for module in _MODULES for check in getattr(module, "CHECKS", ())
}
"""By the name that a table has for it."""


def conditions_of(values: Mapping[str, Value]) -> tuple[Condition, ...]:
    """Return the conditions that demand values by their words."""
    return tuple(Condition(CONSTRAINTS[word], value) for word, value in values.items())


@cache
def find_places_of_labels(body: Body) -> tuple[str, ...]:
    """Return where a body has labels of what it makes, from its top."""
    return tuple(each.path.removesuffix(".*") for each in body.fields if "labels" in each.words)
