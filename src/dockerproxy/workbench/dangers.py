"""Find grants that give away more than they seem to: predicates on one case of a policy.

For an unrestricted case, the proxy checks only the path, so it has nearly every danger. A contained case has those that
its conditions admit.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from dockerproxy.advice.dangers import FREEING, gives_host, holds_keys, is_harmless
from dockerproxy.policy.compile import Case
from dockerproxy.policy.globs import find_tree, fits
from dockerproxy.policy.model import values_of
from dockerproxy.policy.objects import OWN, RUNNING, is_full_id, words_of_object
from dockerproxy.policy.references import normalise_pattern
from dockerproxy.policy.values import items_of, split_mode
from dockerproxy.policy.words.capabilities import capability_name
from dockerproxy.policy.words.networks import DEFAULT, Joined

Danger = Callable[[Case], bool]

_ANY_NAME: Final = ("a", "any-name", "ANY_name.9")
"""A pattern that matches all of these is meant to match any name."""

_ANY_PATHS: Final = ("any", "any/name", "library/any")
_ANY_TAGS: Final = ("latest", "9-any")
"""Images that no pattern for specific images of a registry matches."""


def is_whole(case: Case) -> bool:
    """Whether only the path of a request is checked: the case is unrestricted, or has no conditions."""
    return case.body is None


def is_contained(case: Case) -> bool:
    """Whether the body and the query of a request are checked."""
    return case.body is not None


def is_any(_: Case) -> bool:
    """Return True: the danger does not depend on the conditions."""
    return True


def lacks(*words: str) -> Danger:
    """Whether one of these conditions is missing. Conditions on objects may exist even if only the path is checked."""
    return lambda case: not {condition.word for condition in case.conditions}.issuperset(words)


def is_contained_without(*words: str) -> Danger:
    """Whether a contained case lacks one of these conditions."""
    missing = lacks(*words)
    return lambda case: is_contained(case) and missing(case)


def some(word: str, matches: Callable[[str], bool]) -> Danger:
    """Whether a contained case lists a matching item under a word."""
    return lambda case: is_contained(case) and any(map(matches, items_of(values_of(case.conditions).get(word))))


def _is_any_name(item: str) -> bool:
    return all(map(partial(fits, item), _ANY_NAME))


reads_every_secret: Final = some("secrets", _is_any_name)
"""Whether a pattern for all of them reveals secrets."""

mounts_every_volume: Final = some("volumes", _is_any_name)
"""The same for volumes that are mounted."""


def shows_secrets(case: Case) -> bool:
    """Whether secrets or configs are shown to what runs."""
    return some("secrets", bool)(case) or some("configs", bool)(case)


def adds(*capabilities: str) -> Danger:
    """Whether a contained case adds one of these capabilities. ALL is worse, and another exposure."""
    return some("add_capabilities", lambda item: capability_name(item) in capabilities)


# Mounts and devices

writes_host: Final = some("binds", lambda item: split_mode(item)[1] == "rw")
"""Whether directories of the host may be mounted writable."""


def writes_as_root(case: Case) -> bool:
    """The same for containers that may be root."""
    return writes_host(case) and may_be_root(case)


def may_be_root(case: Case) -> bool:
    """Whether a contained case lets a container or command be root."""
    return is_contained(case) and values_of(case.conditions).get("user", "any") == "any"


writes_below: Final = some("binds", lambda item: split_mode(item)[1] == "rw" and find_tree(split_mode(item)[0]) != "")
"""The same for everything below them."""


owns_devices: Final = some("devices", lambda item: not is_harmless(item))
"""Whether devices are listed that are not known to be harmless."""


def uses_devices(case: Case) -> bool:
    """Whether a contained case lists devices or GPUs."""
    return is_contained(case) and not {"devices", "gpus"}.isdisjoint(case.by_word)


def owns_host(case: Case) -> bool:
    """Whether a contained case still gives control of the host."""
    return adds(*FREEING)(case) or some("binds", gives_host)(case)


reads_keys: Final = some("binds", holds_keys)
"""Whether keys or passwords of the host can be mounted, even read-only."""


# Networks that are joined

_DEFAULT: Final = Joined(DEFAULT, is_default=True)


def reaches_host(case: Case) -> bool:
    """Whether a grant that is contained lets containers join a network from which the host is reached.

    That is the engine's own, by the matcher that decides, and one that a client creates and owns.
    """
    if case.body is None:
        return False
    name, networks = case.body.operation, case.by_word.get("networks")
    if name == "NetworkCreate":
        return case.beside is not None
    if networks is not None:
        return networks.matches(_DEFAULT)
    return OWN not in case.by_word or "networks" not in words_of_object(name)


# Names of images


def replaces_images(case: Case) -> bool:
    """Whether clients may give an image any name, or any name of a whole registry."""
    words = {condition.word: condition.value for condition in case.conditions}
    named = words.get("tags", words.get("images"))
    if case.body is not None and case.body.operation == "ImageCreate" and "tags" not in words:
        return False  # The registry decides the name of a pulled image.
    return case.body is None if named is None else any(map(_is_any_image, items_of(named)))


def _is_any_image(item: str) -> bool:
    if is_full_id(item):
        return False
    pattern = normalise_pattern(item)
    registry, begin = pattern.partition("/")[0], re.split(r"[*?]", pattern, maxsplit=1)[0]
    names = (f"{registry}/{path}:{tag}" for path in _ANY_PATHS for tag in _ANY_TAGS)
    # Other beginnings need no glob, which is slow to compile.
    return any(name.startswith(begin) and fits(pattern, name) for name in names)


def _connects(case: Case) -> bool:
    """Whether a request may name a registry: contained, `SystemAuth` is for one that the engine knows."""
    return case.body is None or case.body.operation != "SystemAuth"


_DANGERS: Final[Mapping[str, Danger]] = {
    "any": is_any,
    "connects": _connects,
    "contained": is_contained,
    "execs_as_root": may_be_root,
    "mounts_every_volume": mounts_every_volume,
    "owns_devices": owns_devices,
    "owns_host": owns_host,
    "reaches_host": reaches_host,
    "reads_every_secret": reads_every_secret,
    "reads_keys": reads_keys,
    "replaces_images": replaces_images,
    "running": lambda case: RUNNING in case.by_word,
    "shares": some("joins", bool),
    "shows_secrets": shows_secrets,
    "uses_devices": uses_devices,
    "whole": is_whole,
    "whole_or_of_others": lambda case: is_whole(case) or OWN not in case.by_word,
    "writes_as_root": writes_as_root,
    "writes_below": writes_below,
    "writes_host": writes_host,
}
_OF_WORDS: Final[Mapping[str, Callable[..., Danger]]] = {
    "adds": adds,
    "contained_without": is_contained_without,
    "lacks": lacks,
}


def find_danger(name: str, *words: str) -> Danger:
    """Return the danger with this name in a table, and these arguments."""
    return _OF_WORDS[name](*words) if words else _DANGERS[name]
