"""A list of images that a client narrows to its own, by the filter that does so for containers: the label of its stamp.

No label says whose an image is, so the engine does not get the filter. What is own is shown, with its own names;
nobody's is not.

Attack: the label of another's -> Defence: only the client's own name is understood; other filters are the engine's, and
narrow what may be seen (test: test_only_the_own_name_narrows_a_list_of_images).
Attack: a filter that fits another's name and not its mark, which Docker leaves out then, so that the name is nobody's
-> Defence: the marks come from a list without filters (test: test_a_filter_takes_no_mark_away). So does Podman from
5.6 on, in its own API, for a whole name.
Attack: guess names that others gave to an image that many may see, by a filter of names -> Defence: it counts only for
names that may be seen (test: test_a_filter_of_names_means_those_that_may_be_seen).
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator
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

_TAIL: Final = re.compile("[:@].*")

WHOLE: Final = "/images/json?all=1"
"""What lists all images with all their names."""


def leaves_out_names(request: CanonicalRequest) -> bool:
    """Whether a list may lack names of the images that it shows: a filter of names takes the others away."""
    return LISTS.get(request.operation.name) is Kind.IMAGE and any(request.values("filters") + request.values("filter"))


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
    filters = [read_json(text.encode(errors="surrogateescape")) for text in request.values("filters") if text]
    given = [each.get("reference") for each in filters if isinstance(each, dict)]
    listed = (each for value in given if isinstance(value, dict | list) for each in value)
    return (*(each for each in listed if isinstance(each, str)), *filter(None, request.values("filter")))[:_MOST]


def is_meant(patterns: Iterable[str], names: Collection[str], identity: str) -> bool:
    """Whether a pattern means one of some names of an image, in any form that engines compare, or its ID."""
    forms = {form for name in names for form in _list_forms(name)}
    for pattern in patterns:
        reference = parse_reference(pattern)
        is_named = reference is not None and str(with_default_tag(reference)) in names
        begins_id = plain_id(pattern) != "" and plain_id(identity).startswith(plain_id(pattern))
        if is_named or begins_id or any(fits(pattern, form) for form in forms):
            return True
    return False


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
