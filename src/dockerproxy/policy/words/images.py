"""`images` that an operation is about, and `tags` that an image may be given: without these none may.

Images that a body names are judged by their names, and by the engine's answer where a name could be an id (`names.py`).
What Podman takes for a place is no name of an image, whatever a grant says: `containers-storage:[vfs@/srv/a+/srv/b]c`
has it make directories there, before it looks for an image.

A name of an image without its registry is Docker Hub's for Docker, but for Podman first one of `localhost`, where
whoever may import or tag has put what they like. So it always goes on with the registry. Only that is added,
and not where it is spelled already, for clients compare the name of an image, too; nor for services, which Podman has
none of.

Names are what others are granted images by, so that to give one is to be believed.

To push and pull:

The archive of an import passes unread: it becomes the root file system of an image that is called as the grant says,
and no image can do more than what a container of it is allowed.

Attacks: docs/attacks.md, policy/words/images.
"""

import re
from collections.abc import Hashable
from typing import Final

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy import objects, references
from dockerproxy.policy.claim import Claim, Object, Reading
from dockerproxy.policy.globs import fits
from dockerproxy.policy.objects import Kind, ResolvedObject, certain_values, is_full_id, join_reference
from dockerproxy.policy.references import Reference, fault_of_pattern, parse_reference, with_default_tag
from dockerproxy.policy.values import Value, is_literal, items_of
from dockerproxy.policy.words.constraint import Constraint, Matcher, Objects
from dockerproxy.policy.words.names import MAY_BE_ID, named
from dockerproxy.policy.words.spellings import FLAGS
from dockerproxy.wire.document import Json, list_of

_NOT_GRANTED: Final = "an image that no rule allows"

_IS_LIKE_ID: Final = re.compile(r"(?:docker\.io/library|[^/]+)/(sha256|[0-9a-f]{12,64}):.*").fullmatch
"""Names that engines would take in place of an id, of which clients show the first twelve digits. Docker has those of
Docker Hub first, Podman those of `localhost` and of each registry that the host asks for short names
(containers/common libimage/runtime.go, LookupImage)."""


class _Images(Objects):
    fault = staticmethod(fault_of_pattern)

    def matcher(self, granted: Value) -> Matcher:
        """Match an image, or what is pulled: one image, or all tags of a name that one pattern covers."""
        matches, globs = super().matcher(granted), self.patterns(granted)

        def fits_any(value: Hashable) -> bool:
            if not isinstance(value, Reference):
                return matches(value)
            # A star at the end matches the rest of any tag, since tags have no slash.
            text, end = (str(value), "") if value.tag or value.digest else (f"{value}:", "*")
            return any(glob.endswith(end) and fits(glob, text) for glob in globs)

        return fits_any

    def least(self, value: Hashable) -> Value | None:
        """List what is pulled; all tags of a name are more than a person reads out of a list."""
        if isinstance(value, Reference):
            return (str(value),) if value.tag or value.digest else None
        return super().least(value)

    def patterns(self, granted: Value) -> tuple[str, ...]:
        """Return the patterns over normalised references."""
        return tuple(references.normalise_pattern(item) for item in items_of(granted) if not is_full_id(item))


class _Shown(_Images):
    """`images` as `own` shows them: by their names alone."""

    def matcher(self, granted: Value) -> Matcher:
        """Match an image that has a name."""
        matches = super().matcher(granted)
        return lambda value: isinstance(value, ResolvedObject) and bool(value.names) and matches(value)


class _Tags(_Images):
    describe = Constraint.describe

    @staticmethod
    def fault(item: str) -> str:
        """Return why a pattern is none over names that one client has for itself; empty if all is well."""
        if is_full_id(item):
            return "an image is given a name, and no ID"
        return fault_of_pattern(item) or ("" if begins_literally(item) else TOO_WIDE)


TOO_WIDE: Final = "write the registry, and at least the first character of the name behind it, like ghcr.io/acme/*"


def begins_literally(item: str) -> bool:
    """Whether a pattern is literal up to and including the first character of the path behind the registry."""
    registry, _, path = references.normalise_pattern(item).partition("/")
    return is_literal(registry) and path != "" and is_literal(path[0])


_IMAGES: Final = "which images, by reference, glob or full id; references are normalised as Docker does"

SHOWN: Final = _Shown("images", _IMAGES, narrows=True)


def complete(text: str, reference: Reference | None) -> str:
    """Return a name of an image with its registry; its tag and digest stay as they are spelled.

    What has no reference is no such name, and stays.
    """
    if reference is None:
        return text
    last = reference.name.rpartition("/")[2]
    return reference.name + text.rpartition("/")[2].removeprefix(last)


def check_images(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """An image, but never what is no image's name. It goes on with its registry."""
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
    """
    found, lookup = reading.resolve(Kind.IMAGE, value)
    options: list[tuple[ResolvedObject, Json]] = []
    begins = found is not None and found.id.removeprefix("sha256:").startswith(value.removeprefix("sha256:"))
    if found is not None and (reference is None or (begins and found.document)):
        options.append((found, found.id))
    if found is not None and reference is not None:
        options.append((named(str(with_default_tag(reference))), complete(value, reference)))
    later = lookup if reference is not None else None
    claim = Claim("images", tuple(options), path, value, _NOT_GRANTED, lookup=lookup, later=later, target=path)
    reading.claims.append(claim)
    return options[0][1] if options else None


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
    name = str(with_default_tag(reference)) if reference is not None else text
    if reference is None:
        reading.violate(path, name, "not a valid image name")
    elif reference.digest:
        reading.violate(path, name, "not allowed: a digest comes from the contents")
    elif _IS_LIKE_ID(name):
        reading.violate(path, name, "ambiguous: it looks like an object ID")
    else:
        reading.claim("tags", named(name), path, name, "an image name that no rule allows")


def check_built(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """What is built gets names that the grant lists."""
    texts = [str(text) for text in value] if isinstance(value, list) else []
    for text in filter(None, texts):
        claim_name(reading, parse_reference(text), text, path)
    return [complete(text, parse_reference(text)) for text in texts]


def read_pull(request: CanonicalRequest) -> Reference | None:
    """Return what is pulled, without tag and digest all of it; None if that is not certain, or it is imported."""
    images = certain_values(request, "fromImage") or ()
    tags = certain_values(request, "tag")
    others = any(request.values("fromsrc")) or any(request.values("repo"))
    every = any(value and FLAGS.get(value) is not False for value in request.values("alltags"))
    if len(images) != 1 or tags is None or len(tags) > 1 or others or every:
        return None
    return join_reference(images[0], "".join(tags))


def check_pushed(reading: Reading, _value: Json, _path: str, _parent: Object) -> None:
    """An image is sent only if the grant lists it."""
    request, sent = reading.request, objects.find_reference(reading.request)
    name, says = objects.name_in(request.path, request.operation), "an image that no rule allows to push"
    if sent is None:
        says = "not allowed: without a tag, every image of that name would be pushed"
    reading.claim("images", sent, "the image", sent.names[0] if sent is not None else name, says, without=False)


def check_pulled(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """An image is pulled by its name with the registry, if the grant lists images."""
    if not isinstance(value, str):
        return None
    pull, reference = read_pull(reading.request), parse_reference(value)
    whole = complete(value, reference)
    if value and reference is None:
        reading.violate(path, value, "not a valid image reference")
    target = path if whole != value else ""
    options = ((pull, whole),) if pull is not None else ()
    reading.claims.append(Claim("images", options, path, value, "which no rule allows", target=target))
    return whole if f"{value}:".startswith(references.TRANSPORTS) else None


def check_source(reading: Reading, value: Json, path: str, parent: Object) -> None:
    """An image is pulled; or the body is imported, and gets a name, which is judged by itself."""
    image, name = (any(list_of(parent.get(each))[:1]) for each in ("fromImage", "repo"))
    if not value and not image:
        reading.violate("?fromImage", None, "is missing")
    elif value and image:
        reading.violate(path, value, "not allowed: an image is either pulled or imported")
    elif value and value != "-":
        reading.violate(path, value, "not allowed: the engine fetches it from wherever it can reach")
    elif value and not name:
        reading.violate("?repo", None, "is missing, but must be a name that a rule allows by tags")


WORDS: Final = (
    _Images("images", _IMAGES, narrows=True),
    _Tags("tags", "which names may be given to an image, or taken away, as references and globs that begin literally"),
)
CHECKS: Final = (check_images, check_pushed, check_built, check_given, check_pulled, check_source)
