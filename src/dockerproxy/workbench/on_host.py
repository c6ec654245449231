"""Say a grant as the host has it: directories by what the host calls them, not the client (`policy/places`)."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from dockerproxy.policy.compile import Case, CompiledPolicy
from dockerproxy.policy.globs import fits
from dockerproxy.policy.places import NOWHERE, Places
from dockerproxy.policy.values import is_literal, items_of, split_mode


def on_host(policy: CompiledPolicy, case: Case) -> Case:
    """Return a case that lists directories by what the host calls them, not the client."""
    binds, places = case.by_word.get("binds"), policy.policy.places
    if binds is None or places == NOWHERE:
        return case
    listed = [
        f"{place}:{mode}"
        for glob, mode in map(split_mode, items_of(binds.value))
        if not places.is_socket(glob)
        for place in (places.on_host(glob), *_find_hosts(places, glob))
    ]
    others = tuple(each for each in case.conditions if each is not binds)
    return replace(case, conditions=(*others, replace(binds, value=tuple(listed))))


def _find_hosts(places: Places, glob: str) -> Iterator[str]:
    """Return what the host calls a directory of which a pattern matches the client's name, and what is below it."""
    steps = glob.split("/")
    for end, (client, host) in product(range(1, len(steps) + 1), places.paths.items()):
        above = "/".join(steps[:end])
        if not is_literal(above) and fits(above, client):
            place, rest = host.removesuffix("/"), steps[end:]
            yield "/".join((place, *rest)) or "/"
            if "**" in steps[end - 1]:
                yield "/".join((place, "**", *rest))
