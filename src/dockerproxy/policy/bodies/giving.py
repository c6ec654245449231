"""Names that are given to images and containers: by which others are granted, so that to give one is to be believed.

How one would launder an image, and what stops it: a trusted name for what was built or changed here (a name is given
only as the grant says, and without `tags` none is); a name without a tag, which means `latest`, or one that leaves out
the registry (both are written out first); such a name of an image that Podman has as one of `localhost`, which it would
take the name from (it goes on with the registry); a digest in place of a tag, which would say what the contents are; a
name like the id of another image, by which that one is looked up, in whichever registry an engine looks for it first;
the name in one parameter and its tag in two, or in a parameter that only Podman reads in other capitals. Where no tag
was named none is added: Podman adds one itself, to any name, when it tags or commits.
"""

import re
from collections.abc import Mapping
from typing import Final

from dockerproxy.policy.bodies.inspection import Inspection, Object
from dockerproxy.policy.bodies.naming import complete, items
from dockerproxy.policy.globs import Glob
from dockerproxy.policy.model import Value
from dockerproxy.policy.objects import is_full_id, join_reference
from dockerproxy.policy.references import Reference, normalise_pattern, parse_reference, with_default_tag
from dockerproxy.wire.document import Json

_MAY_BE_ID: Final = re.compile(r"(?:docker\.io/library|[^/]+)/(sha256|[0-9a-f]{12,64}):.*").fullmatch
"""Names that engines would take in place of an id, of which clients show the first twelve digits. Docker has those of
Docker Hub first, Podman those of `localhost` and of each registry that the host asks for short names
(containers/common libimage/runtime.go, LookupImage)."""

_AN_ID: Final = "which could be the id of another one"


def check_given(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """An image gets a name that the grant lists, or none."""
    if not isinstance(value, str) or not value:
        return value
    tags = around.get("tag")
    reference = join_reference(value, str(tags[0]) if isinstance(tags, list) else "")
    if reference is None:
        seen.fault(path, value, "which is no name that an image can be given")
        return value
    reference = with_default_tag(reference)
    name = str(reference)
    if _MAY_BE_ID(name):
        seen.fault(path, value, _AN_ID)
    elif reference.digest:
        seen.fault(path, value, "and a digest is not given but comes from the contents")
    elif not _is_granted(seen.bounds, reference):
        seen.fault(path, name, "and giving an image that name is not granted", "tags", (name,))
    return complete(value, reference)


def check_tagged(seen: Inspection, value: Json, path: str, around: Object) -> Json:
    """An image that is there gets a name that `tags` lists; where the grant has but `images`, one that these do."""
    if "tags" in seen.bounds or "images" not in seen.bounds:
        return check_given(seen, value, path, around)
    reference = parse_reference(value) if isinstance(value, str) else None
    if reference is not None and _MAY_BE_ID(f"{reference.name}:"):
        seen.fault(path, value, _AN_ID)
    return complete(value, reference) if isinstance(value, str) else value


def may_give(bounds: Mapping[str, Value], reference: str) -> bool:
    """Whether an image may be given a name.

    Args:
        bounds: What the grant says; its `tags` are the names that may be given, and without them none may.
        reference: The name, as the client spells it. Without a tag it means `latest`; a digest is never given.
    """
    parsed = parse_reference(reference)
    return parsed is not None and _is_granted(bounds, with_default_tag(parsed))


def _is_granted(bounds: Mapping[str, Value], reference: Reference) -> bool:
    name = str(reference)
    if reference.digest or _MAY_BE_ID(name):
        return False
    patterns = (item for item in items(bounds.get("tags")) if not is_full_id(item))
    return any(Glob(normalise_pattern(item)).matches(name) for item in patterns)
