"""Which grants give away more than they seem to: lookups about one case of a policy, by what it says of bodies.

Of one that is unrestricted nothing is looked at but the path, and it has nearly every danger. One that is contained has
those that its conditions let through.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from dockerproxy.policy.compile import Case
from dockerproxy.policy.dangers import FREEING, gives_host, holds_keys, is_harmless
from dockerproxy.policy.globs import find_tree, fits
from dockerproxy.policy.model import values_of
from dockerproxy.policy.objects import OWN, RUNNING, is_full_id
from dockerproxy.policy.references import normalise_pattern
from dockerproxy.policy.values import items_of, split_mode
from dockerproxy.policy.words.capabilities import capability_name

Danger = Callable[[Case], bool]

_ANY_NAME: Final = ("a", "any-name", "ANY_name.9")
"""What no pattern matches all of that is meant for some names."""

_ANY_PATHS: Final = ("any", "any/name", "library/any")
_ANY_TAGS: Final = ("latest", "9-any")
"""What no pattern has in mind that is meant for some images of a registry."""


def is_whole(case: Case) -> bool:
    """Whether nothing that a request says besides its path is looked at: it is unrestricted, or says nothing."""
    return case.body is None


def is_contained(case: Case) -> bool:
    """Whether what a request says is looked at."""
    return case.body is not None


def is_any(_: Case) -> bool:
    """Say yes: it is there whatever is looked at."""
    return True


def lacks(*words: str) -> Danger:
    """Whether one of some conditions is missing. Those on objects may be there where nothing else is looked at."""
    return lambda case: not {condition.word for condition in case.conditions}.issuperset(words)


def is_contained_without(*words: str) -> Danger:
    """Whether what a request says is looked at, but one of some conditions is missing."""
    missing = lacks(*words)
    return lambda case: is_contained(case) and missing(case)


def some(word: str, matches: Callable[[str], bool]) -> Danger:
    """Whether a grant that is contained lists something of a kind by a word."""
    return lambda case: is_contained(case) and any(map(matches, items_of(values_of(case.conditions).get(word))))


def _is_any_name(item: str) -> bool:
    return all(map(partial(fits, item), _ANY_NAME))


reads_every_secret: Final = some("secrets", _is_any_name)
"""Whether secrets are shown by a pattern that means all of them."""

mounts_every_volume: Final = some("volumes", _is_any_name)
"""The same for volumes that are mounted."""


def shows_secrets(case: Case) -> bool:
    """Whether secrets or configs are shown to what runs."""
    return some("secrets", bool)(case) or some("configs", bool)(case)


def adds(*capabilities: str) -> Danger:
    """Whether a grant that is contained adds one of these. Of ALL, which is worse, something else is said."""
    return some("add_capabilities", lambda item: capability_name(item) in capabilities)


# What is mounted, and what devices are given

writes_host: Final = some("binds", lambda item: split_mode(item)[1] == "rw")
"""Whether directories of the host may be mounted to write there."""

writes_below: Final = some("binds", lambda item: split_mode(item)[1] == "rw" and find_tree(split_mode(item)[0]) != "")
"""The same for all that lies below them."""


owns_devices: Final = some("devices", lambda item: not is_harmless(item))
"""Whether devices may be used that are not known to be harmless."""


def uses_devices(case: Case) -> bool:
    """Whether a grant that is contained gives devices or GPUs."""
    return is_contained(case) and not {"devices", "gpus"}.isdisjoint(case.by_word)


def owns_host(case: Case) -> bool:
    """Whether a grant that is contained gives the host away all the same."""
    return adds(*FREEING)(case) or some("binds", gives_host)(case)


reads_keys: Final = some("binds", holds_keys)
"""Whether something is mounted, even if only to read, that holds keys or passwords of the host."""


# Names that are given


def replaces_images(case: Case) -> bool:
    """Whether an image may be given any name, at least any of a whole registry."""
    words = {condition.word: condition.value for condition in case.conditions}
    named = words.get("tags", words.get("images"))
    if case.body is not None and case.body.operation == "ImageCreate" and "tags" not in words:
        return False  # A name of what is pulled is what its registry says.
    return case.body is None if named is None else any(map(_is_any_image, items_of(named)))


def _is_any_image(item: str) -> bool:
    if is_full_id(item):
        return False
    pattern = normalise_pattern(item)
    registry, begin = pattern.partition("/")[0], re.split(r"[*?]", pattern, maxsplit=1)[0]
    names = (f"{registry}/{path}:{tag}" for path in _ANY_PATHS for tag in _ANY_TAGS)
    # What begins otherwise needs no glob, which takes long to compile.
    return any(name.startswith(begin) and fits(pattern, name) for name in names)


def _connects(case: Case) -> bool:
    """Whether a request may name a registry: contained, `SystemAuth` is for one that the engine knows."""
    return case.body is None or case.body.operation != "SystemAuth"


_DANGERS: Final[Mapping[str, Danger]] = {
    "any": is_any,
    "connects": _connects,
    "contained": is_contained,
    "mounts_every_volume": mounts_every_volume,
    "owns_devices": owns_devices,
    "owns_host": owns_host,
    "reads_every_secret": reads_every_secret,
    "reads_keys": reads_keys,
    "replaces_images": replaces_images,
    "running": lambda case: RUNNING in case.by_word,
    "shares": some("joins", bool),
    "shows_secrets": shows_secrets,
    "uses_devices": uses_devices,
    "whole": is_whole,
    "whole_or_of_others": lambda case: is_whole(case) or OWN not in case.by_word,
    "writes_below": writes_below,
    "writes_host": writes_host,
}
_OF_WORDS: Final[Mapping[str, Callable[..., Danger]]] = {
    "adds": adds,
    "contained_without": is_contained_without,
    "lacks": lacks,
}


def find_danger(name: str, *words: str) -> Danger:
    """Return a danger by its name in a table, and the words behind it."""
    return _OF_WORDS[name](*words) if words else _DANGERS[name]
