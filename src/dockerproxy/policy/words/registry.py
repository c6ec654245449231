"""All words and checks: each file of this package has its own in `WORDS` and `CHECKS`, and is in the list here.

`CHECKS` has, by the words that they obey, the functions that read fields. A row of a table in `api/bodies` names one.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

from dockerproxy.api.bodies.fields import ALWAYS, Field
from dockerproxy.api.bodies.tables import Body
from dockerproxy.policy.claim import Check
from dockerproxy.policy.values import Value
from dockerproxy.policy.words import (
    binds,
    capabilities,
    commands,
    fixed,
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

_WORDS: Final[tuple[tuple[Constraint, ...], ...]] = (
    *(binds.WORDS, capabilities.WORDS, commands.WORDS, images.WORDS, labelled.WORDS, labels.WORDS, limits.WORDS),
    *(mounts.WORDS, names.WORDS, networks.WORDS, no_new_privileges.WORDS, own.WORDS, parameters.WORDS, publish.WORDS),
    *(read_only.WORDS, running.WORDS, subnets.WORDS, unrestricted.WORDS, user.WORDS),
)
_CHECKS: Final[tuple[Mapping[str, tuple[Check, ...]], ...]] = (
    *(capabilities.CHECKS, commands.CHECKS, fixed.CHECKS, images.CHECKS, labels.CHECKS, limits.CHECKS, mounts.CHECKS),
    *(names.CHECKS, networks.CHECKS, no_new_privileges.CHECKS, publish.CHECKS, read_only.CHECKS, running.CHECKS),
    *(subnets.CHECKS, user.CHECKS),
)

CONSTRAINTS: Final[Mapping[str, Constraint]] = dict(sorted((each.name, each) for some in _WORDS for each in some))
"""By word."""

CHECKS: Final[Mapping[str, tuple[Check, tuple[str, ...]]]] = {
    check.__name__: (check, tuple(words.split(" ")) if words else ())
    for some in _CHECKS
    for words, checks in some.items()
    for check in checks
}
"""By the name that a table has for it; with the words of a policy file that it obeys."""


def conditions_of(values: Mapping[str, Value]) -> tuple[Condition, ...]:
    """Return the conditions that demand values by their words."""
    return tuple(Condition(CONSTRAINTS[word], value) for word, value in values.items())


@cache
def find_words_of_body(body: Body) -> tuple[str, ...]:
    """Return the words of conditions on what a request of an operation says, in the order of its table."""
    return tuple(dict.fromkeys(word for field in body.fields for word in find_words_of_field(field)))


def find_words_of_field(field: Field) -> tuple[str, ...]:
    """Return the words of conditions on what a field says."""
    check = CHECKS.get(field.rule.removesuffix(ALWAYS))
    return () if check is None else check[1]


@cache
def find_places_of_labels(body: Body) -> tuple[str, ...]:
    """Return where a body has labels of what it makes, from its top."""
    return tuple(each.path.removesuffix(".*") for each in body.fields if "labels" in find_words_of_field(each))
