"""Names that are given to images and containers: by which others are granted, so that to give one is to be believed.

Attack: a trusted name for what was built or changed here -> Defence: only as the grant says, and without `tags` none.
Attack: a name without a tag, which means `latest`, or without the registry -> Defence: both are written out first.
Attack: such a name that Podman has as one of `localhost`, and takes from it -> Defence: it goes on with the registry.
Attack: a digest in place of a tag, which would say what the contents are -> Defence: refused.
Attack: a name like the id of another image, in whichever registry an engine looks first -> Defence: refused.
Attack: the name in one parameter and its tag in two, or in other capitals, for Podman only -> Defence: refused.
Where no tag was named none is added: Podman adds one itself, to any name, when it tags.
"""

import re
from typing import Final

from dockerproxy.policy.claim import Object, Reading
from dockerproxy.policy.objects import join_reference
from dockerproxy.policy.references import Reference, with_default_tag
from dockerproxy.policy.words.images import complete
from dockerproxy.policy.words.names import named
from dockerproxy.wire.document import Json

_MAY_BE_ID: Final = re.compile(r"(?:docker\.io/library|[^/]+)/(sha256|[0-9a-f]{12,64}):.*").fullmatch
"""Names that engines would take in place of an id, of which clients show the first twelve digits. Docker has those of
Docker Hub first, Podman those of `localhost` and of each registry that the host asks for short names
(containers/common libimage/runtime.go, LookupImage)."""


def check_given(reading: Reading, value: Json, path: str, parent: Object) -> Json:
    """An image is given a name that `tags` lists, or none."""
    if not isinstance(value, str) or not value:
        return None
    tags = parent.get("tag")
    reference = join_reference(value, str(tags[0]) if isinstance(tags, list) else "")
    claim_name(reading, reference, value, path)
    return complete(value, reference)


def claim_name(reading: Reading, reference: Reference | None, text: str, path: str) -> None:
    """Claim a name for an image, which is none without a reference; without a tag it means `latest`."""
    given = with_default_tag(reference) if reference is not None else None
    name, fault = str(given or text), _fault_of_given(given)
    if fault:
        reading.violate(path, name, fault)
    else:
        reading.claim("tags", named(name), path, name, "an image name that no rule allows")


def _fault_of_given(reference: Reference | None) -> str:
    """Say why no image can be given a name, whatever is granted; empty if one can."""
    if reference is None:
        return "not a valid image name"
    if reference.digest:
        return "not allowed: a digest comes from the contents"
    return "ambiguous: it looks like an object ID" if _MAY_BE_ID(str(reference)) else ""
