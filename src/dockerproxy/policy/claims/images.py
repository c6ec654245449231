"""Images that a body names: judged by their names, and by the engine's answer where a name could be an id (`names.py`).

What Podman takes for a place is no name of an image, whatever a grant says: `containers-storage:[vfs@/srv/a+/srv/b]c`
has it make directories there, before it looks for an image.

A name of an image without its registry is Docker Hub's for Docker, but for Podman first one of `localhost`, where
whoever may import or tag has put what they like. So it goes on as it was judged, with the registry. Only that is added,
and not where it is spelled already, for clients compare the name of an image, too; nor for services, which Podman has
none of.

Attack: give an own image another's future name, for which a service looks again at the start of each task -> Defence:
by its name, an own image is none of a service (test: test_a_service_has_no_own_image_by_its_name).
Attack: the same for a mount of an image, which Podman looks for at each start of its container -> Defence: an own image
is mounted by its ID (test: test_no_own_image_is_mounted_by_its_name).
"""

from dataclasses import replace
from typing import Final

from dockerproxy.policy.claim import Claim, Object, Reading, owned
from dockerproxy.policy.claims.names import MAY_BE_ID, named
from dockerproxy.policy.objects import OWN, Kind, ResolvedObject, is_full_id
from dockerproxy.policy.references import Reference, parse_reference, with_default_tag
from dockerproxy.wire.document import Json

_NOT_GRANTED: Final = "an image that no rule allows"
_NOT_OWN: Final = "not one of the client's own images"


def complete(text: str, reference: Reference | None) -> str:
    """Return a name of an image with its registry; its tag and digest stay as they are spelled.

    What has no reference is no such name, and stays.
    """
    if reference is None:
        return text
    last = reference.name.rpartition("/")[2]
    return reference.name + text.rpartition("/")[2].removeprefix(last)


def check_images(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """An image, but never what is no image's name."""
    if not isinstance(value, str) or not value:
        reading.claim("images", None, path, None, "is missing")
        return
    reference = parse_reference(value)
    if MAY_BE_ID(value):
        _claim_image(reading, value, path, reference)
    elif reference is None:
        reading.violate(path, value, "not a valid image reference")
    else:
        is_service = reading.request.operation.section == "services"
        kept = value if is_service else complete(value, reference)
        name = named(str(with_default_tag(reference)))
        mine = None if is_service else owned(*reading.resolve(Kind.IMAGE, str(with_default_tag(reference))))
        reading.claims.append(Claim(("images",), ((name, kept),), path, value, _NOT_GRANTED, target=path, owned=mine))


def claim_own(reading: Reading, name: str, path: str) -> ResolvedObject | None:
    """Claim an image that must be the client's own, if the grant says so; return it once the engine was asked."""
    found, lookup = reading.resolve(Kind.IMAGE, name)
    mine = None if found is None else owned(found, None)
    reading.claim(OWN, mine, path, name, _NOT_OWN, lookup=lookup, without=True, owned=mine)
    return found


def claim_mounted(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """An image whose files are shown: one that is granted, or an own one by its whole ID."""
    before = len(reading.claims)
    check_images(reading, value, path, parent)
    if not is_full_id(str(value)):
        reading.claims[before:] = [claim._replace(owned=None) for claim in reading.claims[before:]]


def _claim_image(reading: Reading, value: str, path: str, reference: Reference | None) -> None:
    """Claim an image that the engine is asked for: by what that says, or else by its name with the registry.

    The name with the registry could be no id. So it makes no difference to a client whether an image that it may not
    use is found by what it said.

    Attack: give an own image a name like the beginning of an ID in `localhost`, where Podman looks first, to have
    others run it -> Defence: it goes on as no other client's (test: test_no_name_like_an_id_is_another_client_s).
    """
    found, lookup = reading.resolve(Kind.IMAGE, value)
    options: list[tuple[ResolvedObject, Json]] = []
    if found is not None and (found.document or reference is None):
        options.append((found, found.id))
    if found is not None and reference is not None:
        name = named(str(with_default_tag(reference)))
        options.append((replace(name, called=name.names), complete(value, reference)))
    mine = owned(found, lookup)
    claim = Claim(("images",), tuple(options), path, value, _NOT_GRANTED, lookup=lookup, target=path, owned=mine)
    reading.claims.append(claim)
