"""All words and checks, and the conditions that each operation supports. Policy file, schema and learning use them.

Each module of `policy/words` defines words and checks in `WORDS` and `CHECKS`, and is listed here. A row of a table in
`api/bodies` names the check for its field, followed by the words that the check enforces.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import Operation
from dockerproxy.policy.claim import Check
from dockerproxy.policy.list_filters import LISTED
from dockerproxy.policy.objects import NAMING, RUNNING, SENDING, WORDS, Kind, words_of_object
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
from dockerproxy.policy.words.parameters import LINES
from dockerproxy.policy.words.running import COPYING_FILES
from dockerproxy.text import escape

LONGEST: Final = 300
"""Characters of an item that a policy lists, and of a reason in a record."""

_MODULES: Final = (
    *(binds, capabilities, commands, devices, environment, fixed, gpus, images, labelled, labels, limits, mounts),
    *(names, networks, no_new_privileges, own, parameters, publish, read_only, running, subnets, unrestricted, user),
)
_WORDS: Final = {each.name: each for module in _MODULES for each in getattr(module, "WORDS", ())}
CONSTRAINTS: Final[Mapping[str, Constraint]] = dict(sorted(_WORDS.items()))
"""Constraints by word."""

CHECKS: Final[Mapping[str, Check]] = {
    check.__name__: check for module in _MODULES for check in getattr(module, "CHECKS", ())
}
"""Checks by their name in tables."""


def conditions_of(values: Mapping[str, Value]) -> tuple[Condition, ...]:
    """Return conditions from values by word."""
    return tuple(Condition(CONSTRAINTS[word], value) for word, value in values.items())


UNRESTRICTED: Final = Condition(CONSTRAINTS["unrestricted"], value=True)
"""Opens a contained operation completely: its body may be anything."""

SWITCHED: Final = Condition(CONSTRAINTS["switched"], value=True)
"""Allows what only the fixed rules of policy files refuse: for contained grants of switches."""


def refuse_to_bound(reason: str) -> Mapping[str, Value]:
    """Return the needs of a request for which no words suffice, with the reason: in ASCII, on one line."""
    return {UNRESTRICTED.word: escape(reason)[:LONGEST]}


def _words_of_body(name: str) -> tuple[str, ...]:
    return BODIES[name].words if name in BODIES else ()


@cache
def _words_of(name: str) -> Mapping[str, Constraint]:
    of_object = words_of_object(name) or LISTED.get(name, ())
    of_head = (*(line.word for line in LINES.get(name, ())), *((WORDS[Kind.IMAGE],) if name in NAMING else ()))
    of_state = (RUNNING,) if name in COPYING_FILES else ()
    words = {word: CONSTRAINTS[word] for word in (*_words_of_body(name), *of_object, *of_head, *of_state)}
    return {word: constraint for word, constraint in words.items() if not constraint.is_private}


def find_words(operation: Operation) -> Mapping[str, Constraint]:
    """Return the conditions that a policy file can put on an operation, by name."""
    return _words_of(operation.name)


def is_of_body(operation: Operation, word: str) -> bool:
    """Whether a condition is about an operation's body, or about facts that only the engine knows."""
    return word in _words_of_body(operation.name) and not is_about_object(operation, word)


def is_about_object(operation: Operation, word: str) -> bool:
    """Whether a condition is about the object in an operation's path."""
    return word in words_of_object(operation.name)


def narrows(operation: Operation, word: str) -> bool:
    """Whether a condition only restricts a grant. Others make it allow more."""
    if word == "images" and operation.name in SENDING:  # A push must name its image.
        return False
    return CONSTRAINTS[word].narrows or (word not in _words_of_body(operation.name) and word != RUNNING)
