"""Marks: names of ours on images, by which the proxy knows whose an image is, and whose each of its names.

Labels prove nothing of an image: whatever is built from it has them, too. So a name that a client gives an image, on a
socket with `own`, gets a mark on the same image: a second name, in a repository of ours that is called by a digest of
the first, with the owner for its tag. An image is owned by whoever has a mark on it; a name, by whoever has its own
mark on the same image. What is made without a name has a mark with a random text. One image may have several owners:
who loads the same gets the same ID.

Attack: name, move, push or remove a mark -> Defence: no request has such a name, on any socket (`api/request`), nor
has a body or an archive that is read (test: test_a_mark_is_no_name_that_anybody_can_use).
Attack: build from the image of another, without a step, so that it is one's own, too; then remove or replace its names
-> Defence: a name is its owner's, not the image's (test: test_whoever_shares_an_image_has_only_its_own_names_of_it).
Attack: see which names others have given to the same image -> Defence: only own ones are shown, and those that grants
list and nobody owns (test: test_names_of_others_are_not_shown).
Attack: ask for a shared image by another's name, to learn that it exists, or by a part of it, which Podman completes
-> Defence: the name that is meant decides (test: test_a_name_of_anothers_is_like_one_that_does_not_exist).
Attack: ask for a pulled image by what stands for another's name of it -> Defence: that is no name of the image
(test: test_the_end_of_a_mark_is_no_name_of_its_image).
Attack: give a pulled image another tag in its repository, so that nobody else sees it any more -> Defence: what was
pulled is seen as before (test: test_what_was_pulled_is_seen_whoever_tags_it).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple

from dockerproxy.api.request import RESERVED
from dockerproxy.policy.globs import fits
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.references import has_registry, parse_reference, with_default_tag
from dockerproxy.wire.document import list_of

Marks = Mapping[str, frozenset[str]]
"""Whose marks an image has, by what they stand for: a name, or nothing."""


def key_of(name: str) -> str:
    """Return what stands for a name, by its normalised reference, in its mark."""
    return sha256(name.encode()).hexdigest()[:40]


def fresh_key(nonce: str) -> str:
    """Return what stands for no name; nobody can guess the nonce before."""
    return f"new/{nonce}"


def write_mark(key: str, owner: str) -> str:
    """Return a mark as an engine has it."""
    return f"{RESERVED}/{key}:{owner}"


def read_marks(tags: Iterable[object]) -> Marks:
    """Read the marks among the names of an image, as an engine spells them."""
    marks: dict[str, frozenset[str]] = {}
    for tag in tags:
        text = tag if isinstance(tag, str) else ""
        key, colon, owner = text.removeprefix(f"{RESERVED}/").rpartition(":")
        if text.startswith(f"{RESERVED}/") and colon:
            marks[key] = marks.get(key, frozenset()) | {owner}
    return marks


class ImageOwner(NamedTuple):
    """Who owns images, and which of nobody's it may see.

    Attributes:
        name: Who it is.
        granted: Patterns over the names that its grants list.
        is_bound: Whether it may remove nothing but its own.
        takes: Patterns over names of nobody's that it may give to its own images.
    """

    name: str
    granted: tuple[str, ...] = ()
    is_bound: bool = True
    takes: tuple[str, ...] = ()

    def keys(self, found: ResolvedObject) -> tuple[str, ...]:
        """Return what its own marks of an image stand for."""
        return tuple(key for key, owners in found.marks.items() if self.name in owners)

    def has(self, found: ResolvedObject) -> bool:
        """Whether an image, or the one name of it that is meant, is its own."""
        return bool(found.marks) and bool(self.keys(found))

    def names(self, found: ResolvedObject) -> tuple[str, ...]:
        """Return its own names of an image."""
        return tuple(name for name in found.names if self.name in found.marks.get(key_of(name), ()))

    def may_take(self, found: ResolvedObject, name: str) -> bool:
        """Whether it may give a name that an image has to another one: its own name, or a listed one of nobody's."""
        is_listed = any(fits(pattern, name) for pattern in self.takes)
        return name in self.names(found) or (is_listed and not found.marks.get(key_of(name)))

    def shown(self, found: ResolvedObject) -> frozenset[str]:
        """Return the names of an image that it may see: digests as far as it sees a tag of the same repository."""
        own = self.names(found)
        marked = {name for name in found.names if found.marks.get(key_of(name))}
        taken = {_repository(name) for name in marked}
        free = (
            name for name in found.names if name not in marked and ("@" not in name or _repository(name) not in taken)
        )
        listed = {name for name in free if any(fits(pattern, name) for pattern in self.granted)}
        seen = {_repository(name) for name in own}
        return frozenset(listed) | {
            name for name in found.names if name in own or ("@" in name and _repository(name) in seen)
        }

    def sees(self, found: ResolvedObject) -> bool:
        """Whether it may see an image; of one that a name of it means, whether it may see the name."""
        if found.called:
            return not self.shown(found).isdisjoint(found.called)
        return self.has(found) or (bool(self.granted) and bool(self.shown(found)))


def list_called(text: str, found: ResolvedObject) -> tuple[str, ...]:
    """Return the names of an image that a text may mean by which an engine finds it; none if that is its ID.

    What is no reference means no name that is known.

    Podman completes a short name by any registry, and any path before it; Docker does not, and calls images so itself.

    Attack: give a shared image a name that ends like one of another's, and ask for that end, which Docker only finds if
    the other name exists -> Defence: there it means that one (test: test_docker_completes_no_name_by_another_registry).
    Attack: ask Podman for `containers-storage:` and another's name of it -> Defence: that is no name that may be seen
    (test: test_a_name_behind_a_transport_is_none).
    """
    reference = parse_reference(text)
    if found.id.removeprefix("sha256:").startswith(text.removeprefix("sha256:")):
        return ()
    if reference is None:
        return ("",)
    meant = with_default_tag(reference)
    short = text if reference == meant else f"{text}:latest"
    told = found.document.get("repotags")
    if has_registry(text) or (isinstance(told, list) and short in told):
        return (str(meant),)
    return tuple(name for name in found.names if name == str(meant) or name.endswith(f"/{short}")) or (str(meant),)


def means_mark(text: str, found: ResolvedObject) -> bool:
    """Whether a text is the end of a mark, by which Podman finds the image: then no name of it counts."""
    tags, ends = list_of(found.document.get("repotags")), (f"/{text}", f"/{text}:latest")
    return any(isinstance(tag, str) and tag.startswith(f"{RESERVED}/") and tag.endswith(ends) for tag in tags)


def is_owned(found: ResolvedObject, name: str) -> bool:
    """Whether a name of an image is somebody's: a tag by its mark, a digest if all tags of its repository are."""
    tags = [each for each in found.names if "@" not in each and _repository(each) == _repository(name)]
    return bool(tags) and all(found.marks.get(key_of(each)) for each in (tags if "@" in name else [name]))


def restrict(found: ResolvedObject, name: str) -> ResolvedObject:
    """Return an image as that which one name of it is: no more is removed or sent than that.

    Attack: ask by a digest whether another has that in a repository -> Defence: a digest is of whoever has a tag there
    (test: test_a_digest_is_of_whoever_has_a_tag_of_its_repository).
    """
    tags = [each for each in found.names if _repository(each) == _repository(name)] if "@" in name else [name]
    owners = frozenset[str]().union(*(found.marks.get(key_of(each), ()) for each in tags))
    marks = {key_of(name): owners} if owners else {}
    return replace(found, id=name, names=(name,), marks=marks, called=(name,))


def _repository(name: str) -> str:
    before, at, _ = name.partition("@")
    return before if at else before.rpartition(":")[0]
