"""Objects that a body names: judged by their names, and by the engine's answer where a name could be an id.

Docker takes what it finds by name before it takes an id that begins so, but it does take the id. So a name that is made
of nothing but hexadecimal digits is not believed: the engine is asked what it is, and the request goes on under that
object's whole id.
"""

import re
from functools import lru_cache
from typing import Final

from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.globs import Glob
from dockerproxy.policy.model import Value
from dockerproxy.policy.objects import Found, Kind, is_full_id
from dockerproxy.policy.references import Reference, normalise_pattern, parse_reference, with_default_tag
from dockerproxy.wire.document import Json

IS_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*").fullmatch
"""What Docker lets be the name of a container or volume; anything else it may take for a path or a link."""

_MAY_BE_ID: Final = re.compile(r"(sha256:)?[0-9a-f]*").fullmatch


def items(value: Value | None) -> tuple[str, ...]:
    """Return the items of a list; none if the grant says nothing."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else ()


def matches(seen: Inspection, word: str, name: str) -> bool:
    """Whether a grant lists a name."""
    return any(Glob(item).matches(name) for item in items(seen.bounds.get(word)))


def resolve(seen: Inspection, kind: Kind, name: str) -> Found | None:
    """Return the object that a name means; None if the engine must be asked first."""
    if _MAY_BE_ID(name):
        return seen.ask(kind, name)
    return Found(name, (name,))


def is_listed(seen: Inspection, word: str, found: Found) -> bool:
    """Whether a grant lists an object, by one of its names or by its whole id."""
    listed = items(seen.bounds.get(word))
    if any(is_full_id(item) and item.removeprefix("sha256:") == found.id.removeprefix("sha256:") for item in listed):
        return True
    return any(matches(seen, word, name) for name in found.names)


def check_images(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """An image is one of those that are granted; any, if the grant does not say."""
    del around
    if "images" not in seen.bounds:
        return value
    if not isinstance(value, str) or not value:
        seen.fault(path, None, "is missing", "images")
        return value
    reference = parse_reference(value)
    if _MAY_BE_ID(value):
        return _check_image_by_id(seen, value, path, reference)
    if reference is None:
        seen.fault(path, value, "which is no reference of an image")
    elif not _is_image_listed(seen, (name := str(with_default_tag(reference)),)):
        seen.fault(path, value, "which is none of the granted images", "images", (name,))
    return value


def _check_image_by_id(seen: Inspection, value: str, path: str, reference: Reference | None) -> Json:
    """Look at an image that may be named by its id, or by a name of the same letters."""
    found = seen.ask(Kind.IMAGE, value)
    if found is None:
        return value
    if not is_listed_image(seen, found):
        seen.fault(path, value, "which is none of the granted images", "images", found.names[:1] or (found.id,))
    if not found.document and reference is not None:
        return str(with_default_tag(reference))  # So that it cannot be the beginning of an id.
    return found.id if found.document else value


def is_listed_image(seen: Inspection, found: Found) -> bool:
    """Whether a grant lists an image that the engine was asked for."""
    return _is_image_listed(seen, found.names) or is_listed(seen, "images", found)


def _is_image_listed(seen: Inspection, names: tuple[str, ...]) -> bool:
    globs = _read_images(items(seen.bounds.get("images")))
    return any(glob.matches(name) for glob in globs for name in names)


@lru_cache(maxsize=256)
def _read_images(listed: tuple[str, ...]) -> tuple[Glob, ...]:
    return tuple(Glob(normalise_pattern(item)) for item in listed if not is_full_id(item))
