"""`images` that an operation may use, and `tags` that an image may get: without `tags`, none.

Images in a body are judged by name, and by the engine's answer if the name could be an ID (`names.py`). Names that
Podman takes for a place are always refused: with `containers-storage:[vfs@/srv/a+/srv/b]c`, it makes directories there
before it looks for an image.

A name without registry is Docker Hub's for Docker. Podman first tries `localhost`, where any client that may import or
tag can put an image. So the registry is added to the name. The rest stays, because clients compare names too. Names in
services are unchanged, as Podman has no services.

Grants trust names, so giving a name is giving trust.

The archive of an import passes unread. It becomes the root file system of an image with a name from the grant, and no
image can do more than its containers are allowed to.

Attacks: docs/attacks.md, policy/words/images.
"""

import re
from collections.abc import Hashable
from functools import cache
from typing import Final

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy import objects, references
from dockerproxy.policy.claim import KEEP, Claim, Object, Reading, Substitute
from dockerproxy.policy.globs import fits
from dockerproxy.policy.objects import Kind, Lookup, ResolvedObject, certain_values, is_full_id, join_reference
from dockerproxy.policy.references import (
    Reference,
    fault_of_pattern,
    find_repository,
    is_local,
    normalise_pattern,
    parse_reference,
    split_port,
    with_default_tag,
)
from dockerproxy.policy.values import Value, is_literal, items_of
from dockerproxy.policy.words.constraint import Condition, Constraint, Matcher, Objects
from dockerproxy.policy.words.names import MAY_BE_ID, named
from dockerproxy.policy.words.spellings import FLAGS
from dockerproxy.wire.document import Json, list_of

_NOT_GRANTED: Final = "an image that no rule allows"

_IS_LIKE_ID: Final = re.compile(r"(?:docker\.io/library|[^/]+)/(sha256|[0-9a-f]{12,64}):.*").fullmatch
"""Names that engines prefer to an ID, of which clients show the first twelve digits. Docker prefers names of Docker
Hub; Podman those of `localhost` and of each registry that the host uses for short names (containers/common
libimage/runtime.go, LookupImage)."""


class _Images(Objects):
    fault = staticmethod(fault_of_pattern)

    def matcher(self, granted: Value) -> Matcher:
        """Match an image, or a pull: of one image, or of all tags that one pattern covers."""
        matches, globs = super().matcher(granted), self.patterns(granted)

        def fits_any(value: Hashable) -> bool:
            if not isinstance(value, Reference):
                return matches(value)
            # A trailing star matches the rest of any tag, since tags have no slash.
            text, end = (str(value), "") if value.tag or value.digest else (f"{value}:", "*")
            return any(glob.endswith(end) and fits(glob, text) for glob in globs)

        return fits_any

    def least(self, value: Hashable) -> Value | None:
        """List the pulled image; None for all tags, which a list does not make obvious."""
        if isinstance(value, Reference):
            return (str(value),) if value.tag or value.digest else None
        return super().least(value)

    def patterns(self, granted: Value) -> tuple[str, ...]:
        """Return the patterns of normalised references."""
        return tuple(references.normalise_pattern(item) for item in items_of(granted) if not is_full_id(item))


class _Shown(_Images):
    """`images` as `own` shows them: only by name."""

    def matcher(self, granted: Value) -> Matcher:
        """Match an image that has a name."""
        matches = super().matcher(granted)
        return lambda value: isinstance(value, ResolvedObject) and bool(value.names) and matches(value)


class _Tags(_Images):
    describe = Constraint.describe

    @staticmethod
    def fault(item: str) -> str:
        """Return why a pattern cannot reserve names for one client; empty if it can."""
        if is_full_id(item):
            return "tags are names, not IDs"
        return fault_of_pattern(item) or ("" if begins_literally(item) else TOO_WIDE)


TOO_WIDE: Final = "write the registry, and at least the first character of the name behind it, like ghcr.io/acme/*"


def begins_literally(item: str) -> bool:
    """Whether a pattern is literal up to the first character after the registry."""
    registry, _, path = references.normalise_pattern(item).partition("/")
    return is_literal(registry) and path != "" and is_literal(path[0])


_IMAGES: Final = "which images, by reference, glob or full id; references are normalised as Docker does"

SHOWN: Final = _Shown("images", _IMAGES, narrows=True)


class Sent(_Images):
    """`images` that the engine pulls and pushes.

    A registry on loopback may be a client's container, and a pull could replace what another client built. So these
    names are only allowed by an item that names the repository, or that registry with its port.
    """

    writes_patterns = True

    def __init__(self, taken: tuple[str, ...], unsaid: tuple[str, ...]) -> None:
        """Guard the repositories that other clients build; `unsaid` is the list that a grant without the word means."""
        super().__init__("images", _IMAGES, narrows=True)
        self.taken, self._unsaid = taken, unsaid

    def matcher(self, granted: Value) -> Matcher:
        """Match like `images`, and these names only as they are written."""
        items = items_of(granted)
        wide, named = super().matcher(granted), super().matcher(tuple(filter(_names_repository, items)))
        of_registry = super().matcher(tuple(filter(_names_registry, items)))

        def matches(value: Hashable) -> bool:
            name = _find_name(value)
            passes = of_registry if is_local(name) else wide
            return named(value) or (not self._is_taken(name) and passes(value))

        return matches

    def least(self, value: Hashable) -> Value | None:
        """List a registry on loopback as a whole, if it has a port; otherwise the image, or all its tags."""
        name = _find_name(value)
        registry, has_port = split_port(name)
        is_whole = is_local(name) and has_port and not self._is_taken(name)
        every = (f"{name}:*",) if isinstance(value, Reference) else ()
        return (*self._unsaid, *items_of((f"{registry}/**",) if is_whole else super().least(value) or every))

    def judge(self, condition: Condition, claim: Claim) -> Substitute | Lookup:
        """Admit a missing image without `images`."""
        return KEEP if self._unsaid and claim.shown is None else super().judge(condition, claim)

    def problem(self, _granted: Value | None, claim: Claim) -> str:
        """Say which kind of name it is."""
        name = _find_name(claim.options[0][0]) if claim.options else ""
        if self._is_taken(name):
            return "which another client builds, so images must name it without wildcards"
        return "of a registry on the engine's host, so images must name it" if is_local(name) else claim.says

    def within(self, inner: Value, outer: Value) -> bool:
        """Compare only the names that it guards."""
        named, listed = (tuple(filter(each, items_of(outer))) for each in (_names_repository, _names_registry))
        taken, within = self.list_taken(inner), super().within
        rest = (item for item in items_of(inner) if item not in taken and is_local(normalise_pattern(item)))
        local = tuple(item for item in rest if _names_repository(item) or _names_registry(item))
        return within(taken, named) and within(local, (*named, *listed))

    def list_taken(self, granted: Value) -> tuple[str, ...]:
        """Return the items of a value by which clients pull or push what others build."""
        named = filter(_names_repository, items_of(granted))
        return tuple(item for item in named if self._is_taken(find_repository(normalise_pattern(item))))

    def _is_taken(self, name: str) -> bool:
        return any(fits(glob, name) for glob in self.taken)


sent_by: Final = cache(Sent)
"""Equal policies have the same constraint."""


def _names_repository(item: str) -> bool:
    return is_literal(find_repository(normalise_pattern(item)))


def _names_registry(item: str) -> bool:
    registry, has_port = split_port(normalise_pattern(item))
    return has_port and is_literal(registry)


def _find_name(value: Hashable) -> str:
    """Return the repository of a pulled or pushed image; empty for an ID."""
    text = value.names[0] if isinstance(value, ResolvedObject) and value.names and not is_full_id(value.id) else ""
    reference = value if isinstance(value, Reference) else parse_reference(text)
    return reference.name if reference is not None else ""


def complete(text: str, reference: Reference | None) -> str:
    """Add the registry to an image name. Tag and digest are unchanged.

    Text without a reference is unchanged.
    """
    if reference is None:
        return text
    last = reference.name.rpartition("/")[2]
    return reference.name + text.rpartition("/")[2].removeprefix(last)


def check_images(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """An image with a valid name, which is forwarded with its registry."""
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
    """Claim an image that is looked up: by the answer, or by its name with the registry.

    The name with the registry cannot be an ID. So a client cannot tell whether its text matched an image that it may
    not use. An image that the engine finds by name is judged by that name with the registry.
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
    """A new name of an image must be in `tags`, or missing."""
    if not isinstance(value, str) or not value:
        return None
    tags = parent.get("tag")
    reference = join_reference(value, str(tags[0]) if isinstance(tags, list) else "")
    claim_name(reading, reference, value, path)
    return complete(value, reference)


def claim_name(reading: Reading, reference: Reference | None, text: str, path: str) -> None:
    """Claim a new image name. Without a reference, it is invalid; without a tag, it means `latest`."""
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
    """Names of a built image must be in `tags`."""
    texts = [str(text) for text in value] if isinstance(value, list) else []
    for text in filter(None, texts):
        claim_name(reading, parse_reference(text), text, path)
    return [complete(text, parse_reference(text)) for text in texts]


def is_import(request: CanonicalRequest) -> bool:
    """Whether a request makes an image of an archive instead of pulling one. Then `tags` limits it, not `images`."""
    values = request.values
    return request.operation.name == objects.PULL and any(values("fromsrc")) and not any(values("fromimage"))


def read_pull(request: CanonicalRequest) -> Reference | None:
    """Return the pulled image; without tag and digest, all its tags. None if it is uncertain, or an import."""
    images = certain_values(request, "fromImage") or ()
    tags = certain_values(request, "tag")
    others = any(request.values("fromsrc")) or any(request.values("repo"))
    every = any(value and FLAGS.get(value) is not False for value in request.values("alltags"))
    if len(images) != 1 or tags is None or len(tags) > 1 or others or every:
        return None
    return join_reference(images[0], "".join(tags))


def check_pushed(reading: Reading, _value: Json, _path: str, _parent: Object) -> None:
    """An image is only pushed if the grant lists it."""
    request, sent = reading.request, objects.find_reference(reading.request)
    name, says = objects.name_in(request.path, request.operation), "an image that no rule allows to push"
    if sent is None:
        says = "not allowed: without a tag, every image of that name would be pushed"
    reading.claim("images", sent, "the image", sent.names[0] if sent is not None else name, says, without=False)


def check_pulled(reading: Reading, value: Json, path: str, _parent: Object) -> Json:
    """An image is pulled by its name with the registry, if the grant has `images`."""
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
    """An image is pulled, or the body is imported under a name, which is judged separately."""
    image, name = (any(list_of(parent.get(each))[:1]) for each in ("fromImage", "repo"))
    if not value and not image:
        reading.violate("?fromImage", None, "is missing")
    elif value and image:
        reading.violate(path, value, "not allowed: an image is either pulled or imported")
    elif value and value != "-":
        reading.violate(path, value, "not allowed: the engine fetches it from wherever it can reach")
    elif value and not name:
        reading.violate("?repo", None, "is missing, but must be a name that a rule allows by tags", "name the image")


WORDS: Final = (
    _Images("images", _IMAGES, narrows=True),
    _Tags("tags", "which names may be given to an image, or taken away, as references and globs that begin literally"),
)
CHECKS: Final = (check_images, check_pushed, check_built, check_given, check_pulled, check_source)
