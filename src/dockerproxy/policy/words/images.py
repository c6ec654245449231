"""Images that a body names: judged by their names, and by the engine's answer where a name could be an id (`names.py`).

What Podman takes for a place is no name of an image, whatever a grant says: `containers-storage:[vfs@/srv/a+/srv/b]c`
has it make directories there, before it looks for an image.

A name of an image without its registry is Docker Hub's for Docker, but for Podman first one of `localhost`, where
whoever may import or tag has put what they like. So it always goes on with the registry. Only that is added,
and not where it is spelled already, for clients compare the name of an image, too; nor for services, which Podman has
none of.
"""

from typing import Final

from dockerproxy.policy.claim import Claim, Object, Reading
from dockerproxy.policy.objects import Kind, ResolvedObject
from dockerproxy.policy.references import Reference, parse_reference, with_default_tag
from dockerproxy.policy.words.names import MAY_BE_ID, named
from dockerproxy.wire.document import Json

_NOT_GRANTED: Final = "an image that no rule allows"


def complete(text: str, reference: Reference | None) -> str:
    """Return a name of an image with its registry; its tag and digest stay as they are spelled.

    What has no reference is no such name, and stays.
    """
    if reference is None:
        return text
    last = reference.name.rpartition("/")[2]
    return reference.name + text.rpartition("/")[2].removeprefix(last)


def check_images(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """An image, but never what is no image's name. It goes on with its registry.

    Attack: tag an image `localhost/nginx` on Podman, which others then run as `nginx` -> Defence: whatever is granted,
    a short name goes on completed (test: test_a_short_name_always_goes_on_with_its_registry).
    """
    if not isinstance(value, str) or not value:
        reading.claim("images", None, path, None, "is missing")
        return None
    reference = parse_reference(value)
    if MAY_BE_ID(value):
        return _claim_image(reading, value, path, reference)
    if reference is None:
        reading.violate(path, value, "not a valid image reference")
        return None
    reading.claim("images", named(str(with_default_tag(reference))), path, value, _NOT_GRANTED)
    return value if reading.request.operation.section == "services" else complete(value, reference)


def _claim_image(reading: Reading, value: str, path: str, reference: Reference | None) -> Json:
    """Claim an image that the engine is asked for: by what that says, or else by its name with the registry.

    The name with the registry could be no id. So it makes no difference to a client whether an image that it may not
    use is found by what it said. What an engine finds by a name counts as that name with the registry.

    Attack: give an image a name like the beginning of an ID in `localhost`, where Podman looks first, to have
    others run it -> Defence: it goes on by an ID or with its registry (test: test_no_name_like_an_id_is_of_localhost).
    """
    found, lookup = reading.resolve(Kind.IMAGE, value)
    options: list[tuple[ResolvedObject, Json]] = []
    begins = found is not None and found.id.removeprefix("sha256:").startswith(value.removeprefix("sha256:"))
    if found is not None and (reference is None or (begins and found.document)):
        options.append((found, found.id))
    if found is not None and reference is not None:
        options.append((named(str(with_default_tag(reference))), complete(value, reference)))
    later = lookup if reference is not None else None
    claim = Claim(("images",), tuple(options), path, value, _NOT_GRANTED, lookup=lookup, later=later, target=path)
    reading.claims.append(claim)
    return options[0][1] if options else None
