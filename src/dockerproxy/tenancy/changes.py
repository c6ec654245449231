"""Limits changes of owned objects to the profile under which clients may create them.

Attacks: docs/attacks.md, tenancy/changes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.policy.model import CREATED_BY, Grant, values_of
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.vocabulary import UNRESTRICTED, find_words, is_about_object
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.own import own_by

_SERVING: Final = frozenset({"ContainerExec", "ContainerUpdate"})
"""These also change containers of a service, whose names and addresses belong to a swarm."""


def bound_changes(name: str, grants: Iterable[Grant], granted: Mapping[str, Sequence[Grant]]) -> Iterator[Grant]:
    """Limit changes of owned objects by the profile, or by conditions on the objects.

    `granted` has all grants that no line denies, by operation.
    """
    words = find_words(OPERATIONS[name]).keys()
    of_object = {word for word in words if is_about_object(OPERATIONS[name], word)}
    creates = (CREATED_BY[name], *(("ServiceCreate",) if name in _SERVING else ()))
    creates = tuple(each for each in creates if each in granted)
    profiles = [_find_profile(granted[each]) for each in creates]
    for grant in grants:
        said = {condition.word for condition in grant.conditions}
        left = words - of_object - said
        lent = [None if each is None else tuple(one for one in each if one.word in left) for each in profiles]
        if UNRESTRICTED in grant.conditions or (OWN not in said and not lent):
            yield grant
            continue
        if len(set(lent)) == 1:
            yield from _lend(grant, lent[0], of_tasks=None if CREATED_BY[name] in creates else True)
        elif lent:
            known = [each for each in lent if each is not None]
            narrower = (each for each in known if known == lent and all(_is_within(each, one) for one in known))
            yield from _lend(grant, lent[0], of_tasks=False) if OWN in said else ()
            yield from _lend(grant, next(narrower, None), of_tasks=True)


def _find_profile(grants: Sequence[Grant]) -> tuple[Condition, ...] | None:
    """Return the limits of some create grants; None if they differ, so that no change is allowed."""
    if any(UNRESTRICTED in grant.conditions for grant in grants):
        return ()
    said = {grant.conditions for grant in grants}
    return said.pop() if len(said) == 1 else None


def _lend(grant: Grant, bounds: tuple[Condition, ...] | None, *, of_tasks: bool | None = None) -> Iterator[Grant]:
    """Yield a grant of changes within limits, if any; `of_tasks` selects containers of services, or others."""
    if bounds is not None:
        own = Condition(own_by("", of_tasks=of_tasks), value=True)
        mine = (own if each.word == OWN else each for each in grant.conditions)
        yield grant._replace(conditions=(*mine, *bounds))


def _is_within(narrow: tuple[Condition, ...], wide: tuple[Condition, ...]) -> bool:
    """Whether conditions provably admit no more than others."""
    said = values_of(narrow)
    return all(each.word in said and each.constraint.within(said[each.word], each.value) for each in wide)
