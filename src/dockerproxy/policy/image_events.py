"""Events of images: which of them a client that owns images may see.

It sees those about its own names of images. Docker does not tell which name an untag took away; so what the client has
before and after decides. Events about what is nobody's are hidden: so is another's name while it is removed.

Attack: the name of a mark, or one that another client gives to an image that both own -> Defence: a name is shown only
if it is own, or was (test: test_no_event_tells_a_name_that_lists_hide).
Attack: an event without a name, about what another does to a shared image -> Defence: only if no other has a mark on it
(test: test_what_others_do_to_a_shared_image_is_not_told).
Attack: look at an image while another removes it, when its mark is gone and its name is not -> Defence: only own marks
count (test: test_an_image_whose_mark_goes_first_is_told_to_nobody_else).
Attack: have the engine leave out how an own name went, to be told the end that another makes of the image -> Defence:
with any filter but that of kinds, no end is told (test: test_with_a_filter_of_what_happens_no_end_is_told).
Attack: give a shared image a name that another client has taken from it, and ask for what happened before -> Defence:
what happened before is not told (test: test_no_event_of_an_image_is_told_from_before).
Attack: more images than can be remembered -> Defence: the oldest is forgotten; its end is not told.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from dockerproxy.api.request import RESERVED, CanonicalRequest
from dockerproxy.policy.constraints.base import plain_id
from dockerproxy.policy.image_marks import ImageOwner
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.references import parse_reference, with_default_tag
from dockerproxy.text import lower
from dockerproxy.wire.document import read_json

_MOST: Final = 4096

_ENDS: Final = frozenset({"delete", "remove"})
"""The end of an image; Podman also calls so the end of one of its names."""

_UNTAG: Final = "untag"
_BY_KIND: Final = frozenset({"type"})
"""The filter that leaves out all events of images, or none. Others know what happens, or fit some labels and names."""


class ImageEvent(NamedTuple):
    """What happens to an image, by its ID or else a name, by which normalised name, if the engine says, and when."""

    id: str
    action: str
    name: str
    time: float = 0


def read_image_event(identity: object, action: object, name: object) -> ImageEvent | None:
    """Return what an engine says of an image; None if it is about a mark, or nothing that can be known.

    Docker has the name in place of the ID of what is pulled; Podman the ID for the name of what is built.
    """
    if not isinstance(identity, str) or not isinstance(action, str) or not isinstance(name, str):
        return None
    if f"{RESERVED}/" in f"{identity} {name}":
        return None
    by_name = parse_reference(identity)
    reference = by_name or parse_reference(name)
    said = str(with_default_tag(reference)) if reference is not None else ""
    subject = said if by_name else identity or name
    return ImageEvent(subject, action, said) if subject else None


class _Seen(NamedTuple):
    """An image that a client has seen, by those of its names that it may see.

    Podman also tells the end of the name that was lost last. An image fades if others may have it, who go on: the proxy
    takes a name away first, and then its mark.
    """

    names: frozenset[str] = frozenset()
    lost: str = ""
    fades: bool = False


class ImageEvents:
    """Says which events of images one client may see, as they come."""

    def __init__(
        self, owner: ImageOwner, images: Iterable[ResolvedObject] = (), *, request: CanonicalRequest | None = None
    ) -> None:
        """Begin with the images that are there; the request says which events the engine leaves out."""
        self._owner = owner
        self._tells_ends = request is None or not _leaves_out(request)
        self._seen: dict[str, _Seen] = {}
        for found in filter(owner.has, images):
            self._note(plain_id(found.id), _Seen(frozenset(owner.names(found))))

    def shows(self, event: ImageEvent, found: ResolvedObject | None) -> bool:
        """Whether the client may see an event; the image is as the engine has it now, None if it is gone."""
        identity = plain_id(found.id if found is not None else event.id)
        before = self._seen.pop(identity, None)
        visible = found if found is not None and self._owner.has(found) else None
        now = frozenset(self._owner.names(visible)) if visible is not None else frozenset[str]()
        if event.action == _UNTAG:
            shown = before is not None and (event.name in before.names if event.name else bool(before.names - now))
        elif event.action in _ENDS:
            is_told = before is not None and (not event.name or event.name in before.names | {before.lost})
            shown = self._tells_ends and is_told
        else:
            shown = visible is not None and self._is_told(event, visible, now)
        is_end = event.action in _ENDS and found is None
        fades = found is not None and visible is None and bool(found.names or found.marks)
        if visible is not None or (before is not None and not is_end and not (fades and before.fades)):
            self._note(identity, _Seen(now, event.name if event.action == _UNTAG and shown else "", fades))
        return shown

    def _is_told(self, event: ImageEvent, found: ResolvedObject, now: frozenset[str]) -> bool:
        """Whether the client may know what happens to an own image, other than its end."""
        if event.name:
            return event.name in now
        return all(owners <= {self._owner.name} for owners in found.marks.values())

    def _note(self, identity: str, seen: _Seen) -> None:
        self._seen[identity] = seen
        if len(self._seen) > _MOST:
            del self._seen[next(iter(self._seen))]


def _leaves_out(request: CanonicalRequest) -> bool:
    """Whether the engine may leave out some events of an image, and tell others."""
    filters = [read_json(text.encode(errors="surrogateescape")) for text in request.values("filters") if text]
    return not all(isinstance(each, dict) and _BY_KIND.issuperset(map(lower, each)) for each in filters)
