"""A list of images that a client narrows to its own, by the filter that does so for containers: the label of its stamp.

No label says whose an image is, so the engine does not get the filter. What is own is shown, with its own names;
nobody's is not.

Attack: the label of another's -> Defence: only the client's own name is understood; other filters are the engine's, and
narrow what may be seen (test: test_only_the_own_name_narrows_a_list_of_images).
Attack: a filter that fits another's name and not its mark, like `until` in containerd's store, so that the name is
nobody's -> Defence: the marks come from a list without filters (test: test_a_filter_takes_no_mark_away).
Attack: guess names that others gave to an image that many may see, by a filter of names -> Defence: it counts only for
names that may be seen, and the engine does not get it. Docker fits it to whole names: the own `a.io/app` would only be
shown for `app` if another client's `app` is the same image (test: test_no_engine_gets_a_filter_of_names).
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final

from dockerproxy.api.request import RESERVED, CanonicalRequest
from dockerproxy.policy.constraints.base import Condition, plain_id
from dockerproxy.policy.constraints.own import own_by
from dockerproxy.policy.globs import fits
from dockerproxy.policy.lists import LISTS
from dockerproxy.policy.model import Decision
from dockerproxy.policy.objects import OWN, Kind
from dockerproxy.policy.references import parse_reference, with_default_tag
from dockerproxy.policy.stamps import OWNER
from dockerproxy.text import fold
from dockerproxy.wire.document import read_json, write_json

_MOST: Final = 64
"""Patterns of names that count: each is compared with all that may be seen."""

_NAMES: Final = "reference"
_DANGLING: Final = "dangling"
_FLAGS: Final = {"1": True, "true": True, "0": False, "false": False}

_TAIL: Final = re.compile("[:@].*")

WHOLE: Final = "/images/json?all=1"
"""What lists all images with all their names."""


def leaves_out_names(request: CanonicalRequest) -> bool:
    """Whether a list may lack names of the images that it shows: of the younger ones, for example."""
    return LISTS.get(request.operation.name) is Kind.IMAGE and any(request.values("filters"))


def with_marks(content: bytes, whole: bytes) -> bytes | None:
    """Return a list with the marks that it lacks, by one of all images; None if they cannot be read.

    A digest is shown if the tags of its repository are, so these are there, too.
    """
    try:
        tags = {plain_id(each["Id"]): each["RepoTags"] or [] for each in json.loads(whole)}
        images = [each for each in json.loads(content) or () if plain_id(each["Id"]) in tags]
        for image in images:
            named = {*(image["RepoTags"] or ()), *(each.partition("@")[0] for each in image["RepoDigests"] or ())}
            image["RepoTags"] = [
                tag
                for tag in tags[plain_id(image["Id"])]
                if tag in named or tag.rpartition(":")[0] in named or tag.startswith(f"{RESERVED}/")
            ]
        return json.dumps(images).encode()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def read_patterns(request: CanonicalRequest) -> tuple[str, ...]:
    """Return the patterns over names, or beginnings of IDs, of which an image of a list must fit one."""
    return (*_list_given(request, _NAMES), *filter(None, request.values("filter")))[:_MOST]


def read_dangling(request: CanonicalRequest) -> bool | None:
    """Whether a list is of images without a name, or of the others; None if it is of both, or that is not clear."""
    said = {_FLAGS.get(each) for each in _list_given(request, _DANGLING)}
    return said.pop() if len(said) == 1 else None


def _list_given(request: CanonicalRequest, name: str) -> list[str]:
    filters = [read_json(text.encode(errors="surrogateescape")) for text in request.values("filters") if text]
    given = [each.get(name) for each in filters if isinstance(each, dict)]
    return [each for value in given if isinstance(value, dict | list) for each in value if isinstance(each, str)]


def without_patterns(request: CanonicalRequest) -> CanonicalRequest:
    """Return what goes to the engine of a list of images: without filters that look at all names, marks among them."""
    if LISTS.get(request.operation.name) is not Kind.IMAGE:
        return request
    left_out = {_NAMES} if read_dangling(request) is None else {_NAMES, _DANGLING}
    pairs = (pair for pair in request.query if fold(pair[0]) != "filter")
    query = tuple((key, _leave_out(value, left_out) if fold(key) == "filters" else value) for key, value in pairs)
    return request if query == request.query else request._replace(query=query)


def _leave_out(text: str, names: set[str]) -> str:
    filters = read_json(text.encode(errors="surrogateescape"))
    if not isinstance(filters, dict) or names.isdisjoint(filters):
        return text
    return write_json({key: value for key, value in filters.items() if key not in names}).decode()


def find_meant(patterns: Collection[str], names: frozenset[str], identity: str) -> frozenset[str] | None:
    """Return the names of an image that patterns mean, in any form that engines compare; None if none is meant.

    All, if there is no pattern, or one is the beginning of its ID.
    """
    begins = map(plain_id, patterns)
    if not patterns or any(text != "" and plain_id(identity).startswith(text) for text in begins):
        return names
    whole = {str(with_default_tag(each)) for text in patterns if (each := parse_reference(text)) is not None}
    fitting = (name for name in names for form in _list_forms(name) if any(fits(each, form) for each in patterns))
    return names.intersection(whole).union(fitting) or None


def _list_forms(name: str) -> Iterator[str]:
    """Yield the ends of a name, each with its tag or digest and without."""
    *before, last = name.split("/")
    for form in (last, _TAIL.sub("", last)):
        yield from ("/".join([*before[start:], form]) for start in range(len(before) + 1))


def narrow(request: CanonicalRequest, decision: Decision) -> tuple[CanonicalRequest, Decision]:
    """Return what goes to the engine of a list of images, and what of its answer is shown."""
    if decision.images is None or not decision.shows or LISTS.get(request.operation.name) is not Kind.IMAGE:
        return request, decision
    given, label = request.values("filters"), f"{OWNER}={decision.images.name}"
    filters = read_json(given[0].encode(errors="surrogateescape")) if len(given) == 1 and given[0] else None
    if not isinstance(filters, dict) or filters.get("label") not in ([label], {label: True}):
        return request, decision
    left = write_json({key: value for key, value in filters.items() if key != "label"}).decode()
    others = tuple(pair for pair in request.query if fold(pair[0]) != "filters")
    own = Condition(own_by(decision.images.name), value=True)
    decision = replace(decision, shows=({OWN: own},), images=decision.images._replace(granted=()))
    return request._replace(query=(*others, ("filters", left))), decision
