"""Objects that a body names: judged by their names, and by the engine's answer where a name could be an id.

Docker takes what it finds by name before it takes an id that begins so, but it does take the id. So a name that is made
of nothing but hexadecimal digits is not believed: the engine is asked what it is, and the request goes on under that
object's whole id. Ids of a swarm's networks have all small letters, as most names do: of such a name, too, the engine
is asked, and it stays where it is the network's own, for clients compare it.

What Podman takes for a place is no name of an image, whatever a grant says: `containers-storage:[vfs@/srv/a+/srv/b]c`
has it make directories there, before it looks for an image.

A name of an image without its registry is Docker Hub's for Docker, but for Podman first one of `localhost`, where
whoever may import or tag has put what they like. So it goes on as it was judged, with the registry. Only that is added,
and not where it is spelled already, for clients compare the name of an image, too; nor for services, which Podman has
none of.
"""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final

from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.globs import Glob, fits
from dockerproxy.policy.model import Value
from dockerproxy.policy.objects import Found, Kind, is_full_id
from dockerproxy.policy.references import Reference, normalise_pattern, parse_reference, with_default_tag
from dockerproxy.wire.document import Json

IS_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*").fullmatch
"""What Docker lets be the name of a container or volume; anything else it may take for a path or a link."""

_MAY_BE_ID: Final = re.compile(r"(sha256:)?[0-9a-f]*").fullmatch
_NO_REFERENCE: Final = "which is no reference of an image"
_MAY_BE_OF_SWARM: Final = re.compile(r"[0-9a-z]{1,25}").fullmatch
"""Ids of a swarm have 25 such characters (moby/swarmkit identity, NewID), and engines take the beginning of one."""


def items(value: Value | None) -> tuple[str, ...]:
    """Return the items of a list; none if the grant says nothing."""
    named = isinstance(value, tuple) and bool(value) and isinstance(value[0], str)  # A list is of one kind.
    return value if named else ()  # type: ignore[return-value]


def matches(seen: Inspection, word: str, name: str) -> bool:
    """Whether a grant lists a name."""
    return any(fits(item, name) for item in items(seen.bounds.get(word)))


def resolve(seen: Inspection, kind: Kind, name: str) -> Found | None:
    """Return the object that a name means; None if the engine must be asked first."""
    if _MAY_BE_ID(name):
        return seen.ask(kind, name)
    found = seen.ask(kind, name) if _MAY_BE_OF_SWARM(name) else Found(name, (name,))
    return replace(found, id=name) if found is not None and name in found.names and name != found.id else found


def is_listed(seen: Inspection, word: str, found: Found) -> bool:
    """Whether a grant lists an object, by one of its names or by its whole id."""
    listed = items(seen.bounds.get(word))
    if any(is_full_id(item) and item.removeprefix("sha256:") == found.id.removeprefix("sha256:") for item in listed):
        return True
    return any(matches(seen, word, name) for name in found.names)


def complete(text: str, reference: Reference | None) -> str:
    """Return a name of an image with its registry; its tag and digest stay as they are spelled.

    Args:
        text: As the client spells it.
        reference: What was read from it; None if it is no such name, and stays.
    """
    if reference is None:
        return text
    last = reference.name.rpartition("/")[2]
    return reference.name + text.rpartition("/")[2].removeprefix(last)


def check_images(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """An image is one of those that are granted; any, if the grant does not say, but never what is no image's name."""
    del around
    if not isinstance(value, str) or not value:
        if "images" in seen.bounds:
            seen.fault(path, None, "is missing", "images")
        return value
    reference = parse_reference(value)
    if "images" not in seen.bounds:
        if reference is None and not _MAY_BE_ID(value):
            seen.fault(path, value, _NO_REFERENCE)
        return value
    if _MAY_BE_ID(value):
        return _check_image_by_id(seen, value, path, reference)
    if reference is None:
        seen.fault(path, value, _NO_REFERENCE)
        return value
    name = str(with_default_tag(reference))
    if not _is_image_listed(seen, (name,)):
        seen.fault(path, value, "which is none of the granted images", "images", (name,))
    return value if _is_for_swarm(seen) else complete(value, reference)


def _is_for_swarm(seen: Inspection) -> bool:
    return seen.request.operation.section == "services"


def _check_image_by_id(seen: Inspection, value: str, path: str, reference: Reference | None) -> Json:
    """Look at an image that may be named by its id, or by a name of the same letters."""
    found = seen.ask(Kind.IMAGE, value)
    if found is None:
        return value
    if is_listed_image(seen, found) and (found.document or reference is None):
        return found.id
    name = name_if_listed(seen, value, reference)
    if not name:
        seen.fault(path, value, "which is none of the granted images", "images", found.names[:1] or (found.id,))
    return name or value


def name_if_listed(seen: Inspection, value: str, reference: Reference | None) -> str:
    """Return the name of an image with its registry, which could be no id, if a grant lists that; empty if not.

    So it makes no difference to a client whether an image that it may not use is found by what it said.
    """
    is_named = reference is not None and _is_image_listed(seen, (str(with_default_tag(reference)),))
    return complete(value, reference) if is_named else ""


def is_listed_image(seen: Inspection, found: Found) -> bool:
    """Whether a grant lists an image that the engine was asked for."""
    return _is_image_listed(seen, found.names) or is_listed(seen, "images", found)


def _is_image_listed(seen: Inspection, names: tuple[str, ...]) -> bool:
    globs = _read_images(items(seen.bounds.get("images")))
    return any(glob.matches(name) for glob in globs for name in names)


@lru_cache(maxsize=256)
def _read_images(listed: tuple[str, ...]) -> tuple[Glob, ...]:
    return tuple(Glob(normalise_pattern(item)) for item in listed if not is_full_id(item))
