"""Which conditions an operation can bear: the one table that the policy file, its schema and learning read."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from dockerproxy.api.bodies.tables import BODIES
from dockerproxy.api.catalog import Operation
from dockerproxy.policy.objects import NAMING, RUNNING, SENDING, WORDS, Kind, words_of_object
from dockerproxy.policy.words.constraint import Condition, Constraint
from dockerproxy.policy.words.parameters import LINES
from dockerproxy.policy.words.registry import CONSTRAINTS
from dockerproxy.policy.words.running import COPYING_FILES
from dockerproxy.views.lists import LISTED

UNRESTRICTED: Final = Condition(CONSTRAINTS["unrestricted"], value=True)
"""Opens an operation whole, which else is contained: its body may be anything."""

SWITCHED: Final = Condition(CONSTRAINTS["switched"], value=True)
"""Opens what only fixed rules of policy files refuse: for contained grants of switches."""


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
    """Return the conditions that a policy file can put on an operation, by their names."""
    return _words_of(operation.name)


def is_of_body(operation: Operation, word: str) -> bool:
    """Whether a condition is about what only the body of an operation says, or what only the engine knows of it."""
    return word in _words_of_body(operation.name) and not is_about_object(operation, word)


def is_about_object(operation: Operation, word: str) -> bool:
    """Whether a condition is about the object that the path of an operation names."""
    return word in words_of_object(operation.name)


def narrows(operation: Operation, word: str) -> bool:
    """Whether a condition only takes away from what a grant without it lets through. Others let more through."""
    if word == "images" and operation.name in SENDING:  # What is sent away must be named.
        return False
    return CONSTRAINTS[word].narrows or (word not in _words_of_body(operation.name) and word != RUNNING)
