"""Images that the grants of a socket name: `images` that clients use and see, `tags` that they add and remove.

All clients of an engine share its images, so only names limit what a client does with them.

Attacks: docs/attacks.md, policy/image_grants.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Final, NamedTuple

from dockerproxy.api.request import CanonicalRequest
from dockerproxy.policy.claim import Fault, show_value
from dockerproxy.policy.globs import find_stem, overlap
from dockerproxy.policy.model import Grant, Policy, values_of
from dockerproxy.policy.objects import (
    BUILD,
    OWN,
    PULL,
    PUSH,
    REMOVAL,
    TAGGING,
    certain_values,
    find_reference,
    join_reference,
    name_in,
    new_name,
)
from dockerproxy.policy.references import find_repository, normalise_pattern, parse_reference, with_default_tag
from dockerproxy.policy.values import MOST_LISTED, Value, items_of
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.images import SHOWN, begins_literally, is_import, read_pull
from dockerproxy.policy.words.names import MAY_BE_ID, named

SEEN: Final = frozenset(f"Image{verb}{api}" for verb in ("History", "Inspect", "List") for api in ("", "Libpod")).union(
    ("ImageAttestations", "ImageExistsLibpod")
)
"""Operations on images that `own` grants."""

EXAMPLES: Final[Mapping[str, Value]] = {"tags": ("docker.io/library/my-app:*",), "images": ("docker.io/**",)}
"""Values in a proposed line if a grant must name images, and those of the request are unknown."""

_CREATE: Final = "ContainerCreate"
_USING: Final = frozenset({_CREATE, "ImageCreate"})
_ANY: Final = "**"


def needs_tags(name: str, words: Collection[str], *, owns: bool) -> bool:
    """Whether a grant with these words allows nothing, because `tags` is missing."""
    is_bound = name in {BUILD, TAGGING} or (owns and name == REMOVAL)
    return is_bound and "tags" not in words and UNRESTRICTED.word not in words


def list_asked(request: CanonicalRequest) -> Mapping[str, tuple[str, ...]]:
    """Return the conditions that admit the names of images in a request; empty if they are not all known.

    Names that may be IDs are left out.
    """
    operation, found = request.operation, dict[str, tuple[str, ...]]()
    if operation.name in {REMOVAL, TAGGING}:
        name = name_in(request.path, operation)
        image = None if MAY_BE_ID(name) else parse_reference(name)
        is_tag = operation.name == TAGGING
        found = {"images" if is_tag else "tags": (str(with_default_tag(image)),) if image is not None else ()}
        found |= {"tags": (new_name(request),)} if is_tag else {}
    elif operation.name == PUSH:
        pushed = find_reference(request)
        found = {"images": pushed.names if pushed is not None else ()}
    elif operation.name == BUILD:
        built = tuple(map(parse_reference, filter(None, certain_values(request, "t") or ())))
        valid = [str(with_default_tag(each)) for each in built if each is not None]
        found = {"tags": tuple(valid) if len(valid) == len(built) else ()}
    elif is_import(request):
        names, tags = certain_values(request, "repo") or (), certain_values(request, "tag") or ()
        given = join_reference(names[0], "".join(tags)) if len(names) == 1 else None
        found = {"tags": (str(with_default_tag(given)),) if given is not None and not given.digest else ()}
    elif operation.name == PULL:
        pulled = read_pull(request)
        found = {"images": (str(pulled),) if pulled is not None and (pulled.tag or pulled.digest) else ()}
    asked = {
        word: tuple(dict.fromkeys(filter(None, names)))
        for word, names in found.items()
        if any(names) and len(names) <= MOST_LISTED
    }
    return {} if needs_tags(operation.name, asked, owns=False) else asked


def find_strange(request: CanonicalRequest, conditions: Mapping[str, Condition]) -> tuple[Fault, ...]:
    """Return the names of images in a request that the conditions of a grant do not list."""
    asked, is_pull = list_asked(request), request.operation.name == PULL
    if request.operation.name == REMOVAL:
        asked = {word: names for names in asked.values() for word in ("images", "tags")}
    return tuple(
        Fault("the image", show_value("the image", name), "which no rule allows", word, (name,))
        for word, names in asked.items()
        for name in names
        if word in conditions and not conditions[word].matches(parse_reference(name) if is_pull else named(name))
    )


def list_tags(grants: Iterable[Grant]) -> tuple[str, ...]:
    """Return patterns of image names that clients may add or remove."""
    items = (item for grant in grants if grant.operations for item in items_of(values_of(grant.conditions).get("tags")))
    return tuple(dict.fromkeys(items))


def list_used(grants: Iterable[Grant]) -> tuple[str, ...]:
    """Return patterns of images that clients may run or pull: all, if a grant of `ContainerCreate` has none."""
    found: dict[str, None] = {}
    for grant in grants:
        words = values_of(grant.conditions)
        if "images" in words and grant.operations & _USING:
            found.update(dict.fromkeys(items_of(words["images"])))
        elif _CREATE in grant.operations:
            found[_ANY] = None
    return tuple(found)


def list_seen(grants: tuple[Grant, ...]) -> tuple[str, ...]:
    """Return patterns of images that clients see by `own`: those that they use or tag."""
    found = (*list_used(grants), *list_tags(grants))
    return (_ANY,) if _ANY in found else tuple(dict.fromkeys(found))


def show_images(name: str, grants: Iterable[Grant], used: tuple[str, ...]) -> list[Grant]:
    """Limit images that `own` shows to the names in use; none without any."""
    if name not in SEEN:
        return list(grants)
    seen = Condition(SHOWN, used)
    shown = (
        grant._replace(conditions=tuple(seen if each.word == OWN else each for each in grant.conditions))
        for grant in grants
    )
    return [grant for grant in shown if used or seen not in grant.conditions]


class Pattern(NamedTuple):
    """A pattern of repositories in which clients of a socket add or use names."""

    stem: str
    glob: str
    item: str
    socket: str
    owner: str
    gives: bool


def list_patterns(socket: str, policy: Policy, *, uses: bool) -> Iterator[Pattern]:
    """Yield the patterns of names that clients add or use, without those of a whole registry."""
    denied = frozenset().union(*(denial.operations for denial in policy.denials))
    left = [grant._replace(operations=grant.operations - denied) for grant in policy.grants]
    used = filter(begins_literally, list_used(left)) if uses else ()
    for items, gives in ((list_tags(left), True), (used, False)):
        for item in items:
            glob = find_repository(normalise_pattern(item))
            yield Pattern(find_stem(glob), glob, item, socket, policy.owner, gives)


def find_overlaps(patterns: Iterable[Pattern]) -> Iterator[tuple[Pattern, Pattern]]:
    """Yield pairs of overlapping patterns of two owners, if clients may add names of one of them.

    The literal start of one is a prefix of the other's, so pairs are close in sorted order.
    """
    ordered = sorted(patterns)
    for number, one in enumerate(ordered):
        for other in takewhile(lambda each: each.stem.startswith(one.stem), ordered[number + 1 :]):  # noqa: B023 (it is read at once)
            if one.owner != other.owner and (one.gives or other.gives) and overlap(one.glob, other.glob):
                yield one, other
