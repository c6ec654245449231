"""Say a grant as the host has it: directories by what the host calls them, not the client (`policy/places`)."""

from dataclasses import replace

from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.places import NOWHERE
from dockerproxy.policy.values import items_of, split_mode


def on_host(policy: CompiledPolicy, case: Case) -> Case:
    """Return a case that lists directories by what the host calls them, not the client."""
    binds, places = case.by_word.get("binds"), policy.policy.places
    if binds is None or places == NOWHERE:
        return case
    listed = [
        f"{place}:{mode}"
        for glob, mode in map(split_mode, items_of(binds.value))
        if not places.is_socket(glob)
        for place in places.list_on_host(glob)
    ]
    others = tuple(each for each in case.conditions if each is not binds)
    return replace(case, conditions=(*others, replace(binds, value=tuple(listed))))
