"""What grants say of images on a socket whose clients own what they create: which of nobody's these may see."""

from collections.abc import Iterable, Mapping
from typing import Final

from dockerproxy.policy.constraints.base import Globs
from dockerproxy.policy.constraints.registry import CONSTRAINTS
from dockerproxy.policy.image_marks import ImageOwner
from dockerproxy.policy.lists import EVENTS
from dockerproxy.policy.model import Grant, values_of
from dockerproxy.policy.naming import MAKING, REMOVAL, RENAMING, TAGGING
from dockerproxy.policy.objects import LABELLED, OWN, SHOWING
from dockerproxy.policy.values import Value
from dockerproxy.policy.vocabulary import UNRESTRICTED

_LISTING: Final = SHOWING | {"ContainerCreate", "ImageCreate", TAGGING}
"""Operations whose grants list images by `images`."""

_ANY: Final = "**"

_UNNAMED: Final = frozenset({OWN, LABELLED})
"""Conditions on images that say nothing of their names."""


def find_granted(grants: Iterable[Grant]) -> tuple[str, ...]:
    """Return patterns over all images that the grants list. One that lists none is for any; of a tag, for own ones.

    Attack: tag any image by a grant that says but `tags`, to own it -> Defence: that lists none (test:
    test_it_sees_what_its_grants_list).
    """
    found: dict[str, None] = {}
    for grant in grants:
        values = values_of(grant.conditions)
        names = grant.operations & _LISTING - (frozenset() if "images" in values else {TAGGING})
        if names and _UNNAMED.isdisjoint(values):
            found.update(dict.fromkeys(_list_patterns("images", values)))
    return tuple(found)


def _list_patterns(word: str, values: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the patterns of a condition; without it, one that fits everything."""
    constraint = CONSTRAINTS[word]
    return constraint.patterns(values[word]) if word in values and isinstance(constraint, Globs) else (_ANY,)


def bind(name: str, grant: Grant, owner: ImageOwner) -> ImageOwner | None:
    """Return whose images an operation makes, names, removes or shows by a grant; None if that makes no difference."""
    if not owner.name or UNRESTRICTED in grant.conditions or name not in MAKING | SHOWING | RENAMING | EVENTS:
        return None
    if name in EVENTS and OWN not in values_of(grant.conditions):
        return None
    is_bound = name != REMOVAL or OWN in values_of(grant.conditions)
    return owner._replace(is_bound=is_bound, takes=_list_taken(grant))


def _list_taken(grant: Grant) -> tuple[str, ...]:
    """Return patterns over names of nobody's that a client takes by a grant."""
    return tuple(each for each in _list_patterns("tags", values_of(grant.conditions)) if not each.startswith(_ANY))
